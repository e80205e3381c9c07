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
_SETTINGS = {"fsync": "off", "unix_socket_directories": "", "max_connections": "40", "shared_buffers": "16MB"}


class Postgres:
    """One that listens at this address; `url` is that of a database. It ends with this process."""

    def __init__(self, address: str) -> None:
        self._programs = max(Path("/usr/lib/postgresql").iterdir(), key=lambda path: float(path.name)) / "bin"
        self._folder = Path(tempfile.mkdtemp(prefix="shipper-postgres-"))
        port = free_port()
        self._settings = {**_SETTINGS, "listen_addresses": address, "port": str(port)}
        self.url = f"postgresql+psycopg://shop@{address}:{port}/postgres"
        self._make()

    def start(self) -> None:
        options = [f"--{name}={value}" for name, value in self._settings.items()]
        command = [*_AS_POSTGRES, str(self._programs / "postgres"), f"-D{self._folder}", *options]
        with (self._folder / "log").open("a") as log:
            self._process = subprocess.Popen(command, stdout=log, stderr=log, cwd=self._folder)

    def stop(self) -> None:
        self._process.send_signal(signal.SIGINT)  # at once: SIGTERM would wait for clients to leave
        self._process.wait()

    def remove(self) -> None:
        shutil.rmtree(self._folder)

    def _make(self) -> None:
        shutil.chown(self._folder, "postgres", "postgres")
        made = ["--no-sync", "--locale=C", "--encoding=UTF8", "--auth=trust", "--username=shop"]
        command = [*_AS_POSTGRES, str(self._programs / "initdb"), *made, f"--pgdata={self._folder}"]
        subprocess.run(command, check=True, capture_output=True, cwd=self._folder)
        with (self._folder / "pg_hba.conf").open("a") as file:
            file.write("host all all 198.18.0.0/15 trust\n")


@contextmanager
def postgres(address: str) -> Iterator[str]:
    """Gives the URL of a database on a server that ends with the block."""
    made = Postgres(address)
    made.start()
    try:
        yield made.url
    finally:
        made.stop()
        made.remove()
