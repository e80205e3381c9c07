"""What an app, a server or a colleague wrote, so that it only says something to a terminal. PURE."""

import re

# Anyone who can make an app log something could else set titles and clipboards, or write over lines that are there.
# https://invisible-island.net/xterm/ctlseqs/ctlseqs.html
_COMMANDS = re.compile(r"(\x1b\[[0-9;:]*m)|[\x00-\x08\x0b-\x1f\x7f-\x9f]")


def printable(text: str) -> str:
    """Colours stay; of all else that commands a terminal the number of the character is shown."""
    return _COMMANDS.sub(lambda found: found[1] or f"\\x{ord(found[0]):02x}", text)
