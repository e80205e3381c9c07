"""Scripts that root runs on a server: whoever logs in is root, or may become it by sudo without a password."""

import asyncio
import shlex
from collections.abc import Callable

from shipper.errors import ConnectError, HostError
from shipper.hosts.host import SshHost
from shipper.model.words import setup_command
from shipper.world import Finished

_NO_SUDO, _PASSWORD = 90, 91
_NOTHING = "Nothing was done."

# The script comes by standard input, so that sudo writes no long lines into its log
_BECOME_ROOT = f"""
[ "$(id -u)" = 0 ] && exec /bin/sh -s -- "$@"
command -v sudo >/dev/null || exit {_NO_SUDO}
sudo -n true 2>/dev/null || exit {_PASSWORD}
exec sudo -n /bin/sh -s -- "$@"
"""
_READ_WHOLE = """{{
export LC_ALL=C PATH="$PATH:/usr/local/sbin:/usr/sbin:/sbin:/snap/bin"
{script}
exit
}} </dev/null
"""


async def run_as_root(
    server: SshHost,
    script: str,
    *arguments: str,
    within: float,
    on_line: Callable[[str], None] = lambda line: None,
) -> Finished:
    """Calls `on_line` for each line of the output that is not empty, as it comes.

    Who is cancelled leaves it to itself. Raises HostError where there is no way to root's rights, and ConnectError.
    """
    finished = await _run(server, script, arguments, within, on_line)
    user, as_root = server.name.rpartition("@")[0], setup_command(server.name)
    if finished.exit_code == _NO_SUDO:
        raise HostError(f"{server.name}: {user} is not root, and there is no sudo.", now=_NOTHING, next=as_root)
    if finished.exit_code == _PASSWORD:
        raise HostError(
            f"{server.name}: {user} is not root, and sudo asks for a password.",
            now=_NOTHING,
            next=f"{as_root}; or as root there, for as long as this takes: "
            f"echo '{user} ALL=(ALL) NOPASSWD: ALL' >/etc/sudoers.d/shipper-setup",
        )
    return finished


async def _run(
    server: SshHost, script: str, arguments: tuple[str, ...], within: float, on_line: Callable[[str], None]
) -> Finished:
    words = ("/bin/sh", "-c", _BECOME_ROOT, "shipper-setup", *arguments)
    conversation = await server.converse(f"exec {shlex.join(words)}", errors="replace")
    conversation.send(_READ_WHOLE.format(script=script))
    lines = []
    try:
        async with asyncio.timeout(within):
            async for line in conversation.lines():
                lines.append(line)
                if line.strip():
                    on_line(line)
        exit_code = await conversation.end()
    except TimeoutError:
        raise ConnectError(f"{server.name}: a command did not end within {within:g} s.") from None
    finally:
        conversation.close()
    if exit_code < 0:
        raise ConnectError(f"{server.name}: the connection broke.")
    return Finished(exit_code=exit_code, output="\n".join(lines), errors=conversation.errors)
