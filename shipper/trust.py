"""Host keys: what a server shows, and pinning it."""

from shipper.login import HostKey, host_key, pin
from shipper.project import Project
from shipper.session import access


async def shown_key(project: Project, host_name: str) -> HostKey:
    """The key that the server shows now, over a connection that is not trusted. Raises ConnectError."""
    return await host_key(host_name, access(project))


def pin_key(project: Project, key: HostKey) -> None:
    """Pins it in the config's `ssh.known_hosts`, in the place of an older one."""
    pin(key, access(project))
