"""Text with formatting as Telegram reads it: https://core.telegram.org/bots/api#html-style

Offsets and lengths are counted in units of UTF-16, as Telegram counts them.
"""

import html
import re
from dataclasses import dataclass, field
from typing import Any

from tests.fakes.telegram.refusal import Refusal, bad_request

_KINDS = {
    "b": "bold",
    "strong": "bold",
    "i": "italic",
    "em": "italic",
    "u": "underline",
    "ins": "underline",
    "s": "strikethrough",
    "strike": "strikethrough",
    "del": "strikethrough",
    "tg-spoiler": "spoiler",
    "code": "code",
    "pre": "pre",
    "a": "text_link",
    "blockquote": "blockquote",
}
_PART = re.compile(
    r"<(?P<end>/?)(?P<tag>[a-zA-Z-]*)(?P<rest>[^<>]*)>|(?P<entity>&(?:lt|gt|amp|quot|#x?[0-9a-fA-F]+);)|<"
)
_ATTRIBUTE = re.compile(r"""([a-zA-Z-]+)(?:\s*=\s*(?:"([^"]*)"|'([^']*)'|(\S+)))?""")
_FOUND = re.compile(r"(?<!\S)(?:(?P<bot_command>/\w{1,32}(?:@\w+)?)|(?P<mention>@\w{5,32}))", re.ASCII)


@dataclass(frozen=True, kw_only=True)
class Text:
    """Without its marks; they became `entities`: https://core.telegram.org/bots/api#messageentity"""

    plain: str = ""
    entities: tuple[dict[str, Any], ...] = field(default=())

    @property
    def length(self) -> int:
        return utf16_length(self.plain)


def utf16_length(text: str) -> int:
    return len(text.encode("utf-16-le")) // 2


def typed(text: str) -> Text:
    """What a person typed: commands and mentions are found in it."""
    return _with_found(Text(plain=text))


def parsed(text: str, parse_mode: str) -> Text:
    """What a bot sent. Raises Refusal where the marks make no sense."""
    if not parse_mode:
        return typed(text.strip())
    if parse_mode.lower() != "html":
        raise bad_request(f"this Telegram understands HTML alone, not {parse_mode}")
    return _with_found(_trimmed(_Reader(text).read()))


class _Reader:
    def __init__(self, source: str) -> None:
        self._source = source
        self._plain = ""
        self._open: list[tuple[str, dict[str, Any]]] = []
        self._entities: list[dict[str, Any]] = []

    def read(self) -> Text:
        position = 0
        for part in _PART.finditer(self._source):
            self._plain += self._source[position : part.start()]
            position = part.end()
            self._take(part)
        self._plain += self._source[position:]
        if self._open:
            raise _unreadable(f'Can\'t find end tag corresponding to start tag "{self._open[-1][0]}"')
        return Text(plain=self._plain, entities=tuple(sorted(self._entities, key=lambda entity: entity["offset"])))

    def _take(self, part: re.Match[str]) -> None:
        if part["entity"]:
            self._plain += html.unescape(part["entity"])
        elif part["end"]:
            self._close(part["tag"].lower(), self._byte(part))
        else:
            self._begin((part["tag"] or "").lower(), part["rest"] or "", self._byte(part))

    def _begin(self, tag: str, rest: str, byte: int) -> None:
        if tag not in _KINDS:
            raise _unreadable(f'Unsupported start tag "{tag}" at byte offset {byte}')
        entity: dict[str, Any] = {"type": _KINDS[tag], "offset": utf16_length(self._plain)}
        attributes = {name.lower(): "".join(values) for name, *values in _ATTRIBUTE.findall(rest)}
        if tag == "a":
            entity["url"] = html.unescape(attributes.get("href", ""))
        if tag == "blockquote" and "expandable" in attributes:
            entity["type"] = "expandable_blockquote"
        self._open.append((tag, entity))

    def _close(self, tag: str, byte: int) -> None:
        if not self._open:
            raise _unreadable(f"Unexpected end tag at byte offset {byte}")
        begun, entity = self._open.pop()
        if tag != begun:
            raise _unreadable(f'Unmatched end tag at byte offset {byte}, expected "</{begun}>", found "</{tag}>"')
        entity["length"] = utf16_length(self._plain) - entity["offset"]
        if entity["length"]:
            self._entities.append(entity)

    def _byte(self, part: re.Match[str]) -> int:
        return len(self._source[: part.start()].encode())


def _with_found(text: Text) -> Text:
    """Commands and mentions too, save in code and links."""
    taken = [entity for entity in text.entities if entity["type"] in ("code", "pre", "text_link")]
    found = [
        {"type": str(match.lastgroup), "offset": utf16_length(text.plain[: match.start()]), "length": len(match[0])}
        for match in _FOUND.finditer(text.plain)
    ]
    free = [entity for entity in found if not any(_overlap(entity, other) for other in taken)]
    return Text(plain=text.plain, entities=tuple(sorted([*text.entities, *free], key=lambda each: each["offset"])))


def _overlap(one: dict[str, Any], other: dict[str, Any]) -> bool:
    begin, end = max(one["offset"], other["offset"]), min(_end(one), _end(other))
    return bool(begin < end)


def _end(entity: dict[str, Any]) -> int:
    return int(entity["offset"]) + int(entity["length"])


def _unreadable(reason: str) -> Refusal:
    return bad_request(f"can't parse entities: {reason}")


def _trimmed(text: Text) -> Text:
    """Without white space at the ends, as Telegram sends it."""
    plain = text.plain.strip()
    before, length = len(text.plain) - len(text.plain.lstrip()), utf16_length(plain)
    entities = []
    for entity in text.entities:
        begin = max(0, entity["offset"] - before)
        end = min(length, entity["offset"] - before + entity["length"])
        if begin < end:
            entities.append({**entity, "offset": begin, "length": end - begin})
    return Text(plain=plain, entities=tuple(entities))
