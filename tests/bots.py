"""Real bots, each a process of its own, against the fake Telegram.

They are forked from a process that has imported all of it once: a start costs two seconds of processor otherwise.
"""

import contextlib
import importlib
import json
import multiprocessing
import os
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.forking import FORKING
from tests.integration.waiting import eventually
from tests.singletons import free_port, health

SECONDS_TO_START = 30.0


@dataclass(frozen=True, kw_only=True)
class BotProcess:
    process: Any
    """A multiprocessing.Process of the context `forkserver`, which has no type of its own."""
    health_port: int
    output: Path
    folder: Path
    """For its temporary files."""

    def becomes(self, state: str) -> None:
        try:
            eventually(lambda: self.says(state), f"the state {state}", within=SECONDS_TO_START)
        except AssertionError as error:
            raise AssertionError(f"{error}; the bot wrote:\n{self.log}") from None

    def says(self, state: str) -> bool:
        with contextlib.suppress(OSError):
            return self.health()[1].get("state") == state
        return False

    def health(self) -> tuple[int, dict[str, Any]]:
        return health(self.health_port)

    @property
    def log(self) -> str:
        return self.output.read_text()

    @property
    def logged(self) -> list[dict[str, Any]]:
        """The lines of its log: what happened stands in `event`."""
        return [json.loads(line) for line in self.log.splitlines()]

    def kill(self) -> None:
        self.process.kill()
        self.process.join()

    def stop(self) -> None:
        """SIGTERM, without waiting for its end."""
        self.process.terminate()

    def ends(self, within: float = SECONDS_TO_START) -> int:
        """Waits for its end: the exit code."""
        self.process.join(within)
        assert self.process.exitcode is not None, f"it still runs after {within:g} s, and wrote:\n{self.log}"
        return int(self.process.exitcode)


@contextmanager
def started(
    package: str, folder: Path, name: str, environ: Mapping[str, str], arguments: tuple[str, ...] = ()
) -> Iterator[BotProcess]:
    """One that is killed at the end of the block if it still runs. Log and temporary files are in that folder."""
    (scratch := folder / f"{name}-scratch").mkdir(exist_ok=True)
    port = free_port()
    set_ = {"SHIPPER_HEALTH_PORT": str(port), "TMPDIR": str(scratch), "HOME": str(folder), **environ}
    (output := folder / f"{name}.log").touch()
    process = FORKING.Process(target=_become, args=(package, set_, str(output), arguments), daemon=True)
    process.start()
    try:
        yield BotProcess(process=process, health_port=port, output=output, folder=scratch)
    finally:
        process.kill()
        process.join()


def _become(package: str, environ: dict[str, str], output: str, arguments: tuple[str, ...]) -> None:
    multiprocessing.set_start_method("fork", force=True)  # as in a start from a shell: locks of tqdm leave no traces
    os.environ.clear()
    os.environ.update(environ)
    tempfile.tempdir = None  # what was found before the fork
    os.chdir(environ["HOME"])
    opened = os.open(output, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    for number in (1, 2):
        os.dup2(opened, number)
    importlib.import_module(f"{package}.__main__").main(list(arguments), prog_name=package)  # raises SystemExit
