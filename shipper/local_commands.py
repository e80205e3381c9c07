"""World over commands on this machine: hooks."""

from collections.abc import Callable, Mapping

from shipper import local
from shipper.errors import HookError
from shipper.project import Project


class LocalCommands:
    def __init__(self, project: Project) -> None:
        self._project = project

    async def run(
        self, command: tuple[str, ...], environ: Mapping[str, str], deadline: float, say: Callable[[str], None]
    ) -> int:
        try:
            finished = await local.run(
                command,
                environ={**self._project.environ, **environ},
                folder=self._project.root,
                deadline=deadline,
                on_line=say,
                own_group=True,
            )
        except TimeoutError:
            raise HookError(f"had not ended after {deadline:g} s, and was killed") from None
        except OSError as error:
            raise HookError(f"cannot be run ({error.strerror})") from None
        return finished.exit_code
