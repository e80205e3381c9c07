"""Host keys: what a server shows, and pinning it."""

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from shipper.hosts.known_hosts import HostKey, pin
from shipper.hosts.login import host_key
from shipper.hosts.session import access
from shipper.project import Project


async def shown_key(project: Project, host_name: str, *, own_keys: bool = False) -> HostKey:
    """The key that the server shows now, over a connection that is not trusted.

    `own_keys`: jump hosts are logged in to as the user, instead of with the key of the config. Raises ConnectError.
    """
    way = access(project)
    return await host_key(host_name, way.with_own_keys if own_keys else way)


def pin_key(project: Project, key: HostKey) -> None:
    """Pins it in the config's `ssh.known_hosts`, in the place of an older one."""
    pin(key, access(project).pinned)


@contextmanager
def trying(project: Project) -> Iterator[Project]:
    """The same project, whose keys are pinned in a copy that goes when the block is left."""
    with tempfile.TemporaryDirectory(prefix="shipper-") as folder:
        copy = Path(folder, "known_hosts")
        pinned = access(project).pinned
        if pinned.is_file():
            shutil.copy(pinned, copy)
        ssh = project.config.ssh.model_copy(update={"known_hosts": str(copy)})
        yield replace(project, config=project.config.model_copy(update={"ssh": ssh}))
