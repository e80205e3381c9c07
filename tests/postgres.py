"""A throwaway PostgreSQL from the distribution's package, for the containers of a throwaway machine."""

import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.singletons import free_port

_AS_POSTGRES = ["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups", "--pdeathsig=INT"]
_SETTINGS = {"fsync": "off", "unix_socket_directories": "", "max_connections": "20", "shared_buffers": "16MB"}


@contextmanager
def postgres(address: str) -> Iterator[str]:
    """One that listens at this address; gives the URL of a database. It ends with the block, or with this process."""
    programs = max(Path("/usr/lib/postgresql").iterdir(), key=lambda path: float(path.name)) / "bin"
    folder = Path(tempfile.mkdtemp(prefix="shipper-postgres-"))
    shutil.chown(folder, "postgres", "postgres")
    made = ["--no-sync", "--locale=C", "--encoding=UTF8", "--auth=trust", "--username=shop", f"--pgdata={folder}"]
    subprocess.run([*_AS_POSTGRES, programs / "initdb", *made], check=True, capture_output=True, cwd=folder)
    with (folder / "pg_hba.conf").open("a") as file:
        file.write("host all all 198.18.0.0/15 trust\n")
    port = free_port()
    settings = {**_SETTINGS, "listen_addresses": address, "port": str(port)}
    options = [f"--{name}={value}" for name, value in settings.items()]
    command = [*_AS_POSTGRES, str(programs / "postgres"), f"-D{folder}", *options]
    with (folder / "log").open("w") as log, subprocess.Popen(command, stdout=log, stderr=log, cwd=folder) as process:
        try:
            yield f"postgresql+psycopg://shop@{address}:{port}/postgres"
        finally:
            process.send_signal(signal.SIGINT)  # at once: SIGTERM would wait for clients to leave
    shutil.rmtree(folder)
