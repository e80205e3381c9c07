"""PURE: what containers wrote: in the message where it is short, else as a file beside it."""

from collections.abc import Sequence
from dataclasses import dataclass

import shipper
from opsbot.storage.requests import Request
from opsbot.views.pages import Button, Page, Press, bold, page, preformatted
from opsbot.views.words import asked

_MOST_LINES = 30  # more than that is no good to read in a chat
_ROOM = 3000
_ROOM_BESIDE_FILE = 1000
_LONGEST_LINE = 400
_LARGEST_FILE = 5_000_000  # characters: Telegram takes 50 MB, and it lies in our database until it is sent


@dataclass(frozen=True, kw_only=True)
class Written:
    page: Page
    file: Page | None = None
    """A message of its own: one that was text cannot become a file."""


def written(request: Request, lines: Sequence[shipper.LogLine], warnings: Sequence[str]) -> Written:
    """`lines` are in the order of their times."""
    texts = _texts(lines)
    shown = [shipper.escaped(text, _LONGEST_LINE) for text in texts]
    is_short = len(texts) <= _MOST_LINES and all(len(text) <= _LONGEST_LINE for text in texts)
    if is_short and len(fitting := shipper.last_that_fit(shown, _ROOM)) == len(texts):
        return Written(page=_page(request, _count(request, len(texts)), fitting, warnings))
    head = f"{_count(request, len(texts))}, as a file; the last ones:"
    name = f"{request.command.role}-{request.environment}.txt"
    file = Page(text=bold(asked(request.command)), document=_content(texts), file_name=name)
    return Written(
        page=_page(request, head, shipper.last_that_fit(shown, _ROOM_BESIDE_FILE), warnings),
        file=file,
    )


def _page(request: Request, head: str, lines: Sequence[str], warnings: Sequence[str]) -> Page:
    return page(
        f"{bold(asked(request.command))}: {head}",
        preformatted(lines),
        *(f"⚠️ {shipper.escaped(text, 200)}" for text in warnings[:3]),
        buttons=[[Button(label="Look again", press=Press.AGAIN, about=str(request.id))]],
    )


def _count(request: Request, count: int) -> str:
    pattern = shipper.escaped(request.command.grep, 100)
    found = f" with <code>{pattern}</code>" if pattern else ""
    return f"{count or 'no'} line{'s' * (count != 1)}{found}"


def _texts(lines: Sequence[shipper.LogLine]) -> list[str]:
    """Each with its time, and as much of where it comes from as tells lines apart."""
    several_hosts = len({line.host_name for line in lines}) > 1
    several = len({(line.host_name, line.container.name) for line in lines}) > 1
    return [_text(line, several_hosts=several_hosts, several=several) for line in lines]


def _text(line: shipper.LogLine, *, several_hosts: bool, several: bool) -> str:
    host = f"{line.host_name} " * several_hosts
    release = f"r{line.container.release_number} " * several
    return f"{line.at:%H:%M:%S} {host}{release}{shipper.uncoloured(line.text)}"


def _content(texts: Sequence[str]) -> str:
    """The newest of it, if it is more than there is room for."""
    whole = "\n".join(texts) + "\n"
    return whole if len(whole) <= _LARGEST_FILE else "…" + whole[-_LARGEST_FILE:]
