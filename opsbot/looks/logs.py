"""What the containers of a role wrote last."""

from functools import partial

import shipper
from opsbot.desk import Desk
from opsbot.looks.hosts import on_each
from opsbot.patterns import Pattern
from opsbot.storage.requests import Request
from opsbot.views import logs


async def look(desk: Desk, request: Request) -> None:
    command = request.command
    lines: list[shipper.LogLine] = []
    warnings: list[str] = []

    def tell(event: shipper.Event) -> None:
        if isinstance(event, shipper.Warned):
            warnings.append(event.text)

    show = partial(
        shipper.logs,
        show=lines.append,
        last=command.lines,
        grep=Pattern(command.grep) if command.grep else None,
        tell=tell,
    )
    seen = await on_each(await desk.projects.base(request.environment, "", command.role), show)
    lines.sort(key=lambda line: line.at)
    answer = logs.written(request, lines, [*warnings, *seen.problems.values()])
    await desk.end(request, answer.page, loud=answer.file)
