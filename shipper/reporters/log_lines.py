"""Lines of containers as people read them: each with where it comes from, in the colour of its role. PURE."""

from collections.abc import Sequence
from typing import Any

from shipper.events import as_json
from shipper.model.records import LogLine

_COLOURS = (36, 33, 32, 35, 34, 96, 93, 92, 95, 94)  # https://en.wikipedia.org/wiki/ANSI_escape_code#3-bit_and_4-bit


class LogPrefixes:
    """Names what tells lines apart, and no more: always role and release."""

    def __init__(self, role_names: Sequence[str], host_names: Sequence[str], *, coloured: bool) -> None:
        """`role_names` are those of the config, so that a role has the same colour each time."""
        self._colours = {name: _COLOURS[index % len(_COLOURS)] for index, name in enumerate(role_names)}
        self._role_width = max(map(len, role_names), default=0)
        self._host_width = max(map(len, host_names), default=0) if len(host_names) > 1 else 0
        self._coloured = coloured
        self._first: dict[tuple[str, str, int, str], str] = {}

    def __call__(self, line: LogLine) -> str:
        """The line as it is shown."""
        prefix = f"{' '.join(self._words(line))} | "
        if self._coloured:
            prefix = f"\x1b[{self._colours.get(line.container.role_name, 37)}m{prefix}\x1b[0m"
        return prefix + line.text

    def _words(self, line: LogLine) -> list[str]:
        container = line.container
        words = [container.role_name.ljust(self._role_width)]
        if self._host_width:
            words.insert(0, line.host_name.ljust(self._host_width))
        if not container.accessory:
            words.append(f"r{container.release_number}")
        if container.run:
            words.append(f"({container.run} command)")
        key = (line.host_name, container.role_name, container.release_number, container.run)
        if self._first.setdefault(key, container.name) != container.name:
            words.append(container.name)
        return words


def log_line_json(line: LogLine) -> dict[str, Any]:
    return {
        "at": as_json(line.at),
        "host": line.host_name,
        "role": line.container.role_name,
        "release": line.container.release_number,
        "container": line.container.name,
        "stream": "stderr" if line.is_error else "stdout",
        "line": line.text,
    }
