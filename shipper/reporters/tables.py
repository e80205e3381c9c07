"""Rows of text → lines of a table, for a terminal of any width. PURE."""

import textwrap
from collections.abc import Sequence

Row = Sequence[str]
_GAP = "  "
_INDENT = "    "
_TOGETHER = "\u00a0"  # keeps what belongs together on one line while lines are filled


def table(rows: Sequence[Row], *, titles: int = 1, width: int | None = None) -> list[tuple[str, ...]]:
    """The lines of each row, of which the first is the header; columns without content are left out.

    Where they do not fit into `width` characters, each row is a paragraph: its first `titles` cells, then every other
    one after the name of its column. No width is no limit: what is not a terminal gets one line for each row.
    """
    filled = [any(cells) for cells in zip(*rows[1:], strict=True)] or [True] * len(rows[0])
    kept = [[cell for cell, is_filled in zip(row, filled, strict=True) if is_filled] for row in rows]
    widths = [max(map(len, column)) for column in zip(*kept, strict=True)]
    if width is None or sum(widths) + len(_GAP) * (len(widths) - 1) <= width:
        return [(_aligned(row, widths),) for row in kept]
    header, *body = rows
    return [(), *(tuple(_paragraph(header, row, titles, width)) for row in body)]


def _aligned(row: Row, widths: Sequence[int]) -> str:
    return _GAP.join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()


def _paragraph(header: Row, row: Row, titles: int, width: int) -> list[str]:
    cells = [(name, cell) for name, cell in zip(header[titles:], row[titles:], strict=True) if cell]
    items = [_TOGETHER.join(f"{name.lower()}: {cell}".split()) for name, cell in cells]
    lines = [_GAP.join(filter(None, row[:titles]))]
    line = ""
    for item in items:
        longer = f"{line}{',' + _TOGETHER if line else ''}{item}"
        if line and len(_INDENT) + len(longer) + 1 > width:
            lines += _wrapped(f"{line},", width)
            longer = item
        line = longer
    return [*lines, *_wrapped(line, width)]


def _wrapped(line: str, width: int) -> list[str]:
    """Broken between words only, if it must be."""
    return textwrap.wrap(
        line.replace(_TOGETHER, " "),
        width=max(width, 20),
        initial_indent=_INDENT,
        subsequent_indent=_INDENT * 2,
        break_long_words=False,
        break_on_hyphens=False,
    )
