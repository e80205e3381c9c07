"""Run a command of the config's `hooks` on this machine, in the folder of the project."""

from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime

from shipper.config.parts import HookName
from shipper.errors import HookError
from shipper.steps import HERE, Step
from shipper.world import Commands, Progress, Report, World

_LOG_LINES = 20
_MEANINGS = {126: " (it may not be executed)", 127: " (there is no such command)"}
"""https://pubs.opengroup.org/onlinepubs/9799919799/utilities/V3_chap02.html#tag_19_08_02"""


@dataclass(frozen=True, kw_only=True)
class RunHook(Step):
    if_failed = "what serves stays as it is, and it is not run again"
    host_name: str = HERE
    hook_name: HookName
    command: tuple[str, ...]
    deadline: float
    environ: Mapping[str, str]
    since: datetime | None = None
    """Where it is told how long the deploy took until now."""

    @property
    def name(self) -> str:
        return self.hook_name

    @property
    def detail(self) -> str:
        """In one line, however long a script it is."""
        text = self.command[-1] if self.command[:2] == ("/bin/sh", "-c") else " ".join(self.command)
        first = next(iter(text.strip().splitlines()), "")
        return first if first == text.strip() else f"{first} …"

    async def do(self, world: World, report: Report) -> str:
        passed = {"SHIPPER_SECONDS": f"{(world.clock.now() - self.since).total_seconds():.1f}"} if self.since else {}
        await self.run(
            world.commands,
            lambda line: report(Progress(done=0, total=0, unit="line", detail=line)),
            passed,
        )
        return ""

    async def run(
        self, commands: Commands, say: Callable[[str], None], environ: Mapping[str, str] | None = None
    ) -> None:
        """`environ` comes on top of its own. Raises HookError."""
        last: deque[str] = deque(maxlen=_LOG_LINES)

        def hear(line: str) -> None:
            last.append(line)
            say(line)

        try:
            exit_code = await commands.run(self.command, {**self.environ, **(environ or {})}, self.deadline, hear)
        except HookError as error:
            raise self._failed(error.what, last) from None
        if exit_code:
            ended = f"was ended by signal {-exit_code}" if exit_code < 0 else f"failed with exit code {exit_code}"
            raise self._failed(f"{ended}{_MEANINGS.get(exit_code, '')}", last)

    def _failed(self, how: str, last: "deque[str]") -> HookError:
        return HookError(
            f"The hook {self.hook_name} {how}: {self.detail}",
            next=f"Mend it (`hooks.{self.hook_name}` in the config), then the same command again.",
            logs=tuple(last),
        )
