"""What the containers of a role wrote last."""

import asyncio
from functools import partial

import shipper
from opsbot.desk import Desk
from opsbot.looks.hosts import on_each
from opsbot.patterns import Pattern
from opsbot.storage.requests import Request
from opsbot.views import logs

PATIENCE_SECONDS = 60.0
"""Whoever looks takes a place that others may wait for."""


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
        only_masked=True,  # a chat remembers, and has more readers than a terminal
        tell=tell,
    )
    project = await desk.projects.base(request.environment, "", command.role)
    try:
        async with asyncio.timeout(PATIENCE_SECONDS):
            seen = await on_each(project, show)
    except TimeoutError:
        raise shipper.UsageError(
            f"The servers had not told all of it within {PATIENCE_SECONDS:.0f} s.",
            next="A search goes through all that containers ever wrote: shipper logs, on a terminal, is more patient.",
        ) from None
    lines.sort(key=lambda line: line.at)
    answer = logs.written(request, lines, [*warnings, *seen.problems.values()])
    await desk.end(request, answer.page, loud=answer.file)
