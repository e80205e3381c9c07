"""A process that has imported the CLI once, and forks for each run of it: a start costs 0.4 s of processor otherwise.

Each run is a process with an argv, environ, folder, streams and exit code of its own. What it does not have is a
start, a command line, and an interpreter that is taken down in the end, which would copy all memory that runs share:
tests of those, of signals and of kills use `Project.start`.
"""

import gc
import importlib
import json
import multiprocessing
import os
import pkgutil
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import shipper.cli
from shipper.config.root import Config

WARNINGS = "error,ignore:'imghdr' is deprecated:DeprecationWarning"  # Apprise imports it where it is still there


class ForkServer:
    """For one run at a time; `folder` is for what runs write."""

    def __init__(self, folder: Path) -> None:
        self._streams = (Path(os.devnull), folder / "output", folder / "errors")
        command, environ = [sys.executable, "-m", __name__], {"PATH": os.environ["PATH"], "PYTHONWARNINGS": WARNINGS}
        pipe = subprocess.PIPE
        self._process = subprocess.Popen(command, env=environ, stdin=pipe, stdout=pipe, text=True)

    def run(self, arguments: Sequence[str], environ: Mapping[str, str], folder: Path) -> tuple[int, str, str]:
        """Exit code, output and errors of `shipper` with these arguments; SIGALRM ends it after two minutes."""
        assert self._process.stdin
        assert self._process.stdout
        request = json.dumps([arguments, dict(environ), str(folder), [str(path) for path in self._streams]])
        print(request, file=self._process.stdin, flush=True)
        exit_code = int(self._process.stdout.readline())
        return exit_code, self._streams[1].read_text(), self._streams[2].read_text()

    def stop(self) -> None:
        self._process.communicate()  # its input ends, and so does it


def _serve() -> None:
    for module in pkgutil.walk_packages(shipper.__path__, "shipper."):
        if module.name != "shipper.__main__":
            importlib.import_module(module.name)
    Config.model_rebuild()  # what Pydantic would do in each run, when it is first needed
    gc.freeze()  # else the first collection in each run copies all pages that we share
    for line in sys.stdin:
        run = multiprocessing.get_context("fork").Process(target=_run, args=json.loads(line))
        run.start()  # of a process without threads
        run.join()
        print(run.exitcode, flush=True)


def _run(arguments: list[str], environ: dict[str, str], folder: str, streams: list[str]) -> None:
    _become(arguments, environ, folder, streams)
    try:
        shipper.cli.main(prog_name="shipper")  # raises SystemExit
    finally:
        gc.collect()  # what was left open is told, as at the end of a process


def _become(arguments: list[str], environ: dict[str, str], folder: str, streams: list[str]) -> None:
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(environ)
    sys.argv = ["shipper", *arguments]
    for number, path in enumerate(streams):
        opened = os.open(path, os.O_RDWR | os.O_CREAT | os.O_TRUNC)
        os.dup2(opened, number)
        os.close(opened)
    signal.alarm(120)


if __name__ == "__main__":
    _serve()
