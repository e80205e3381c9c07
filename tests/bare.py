"""A bare Debian server, as one is rented: sshd and sudo, and no Docker.

Its files are a real Debian, made once of Debian's packages and kept in .cache; what a machine changes of them is kept
in memory and goes with it. Its root is logged in with `key`, nobody else is there. Its apt gets packages from us, so
that no network is needed: those that Docker is made of, which were downloaded with the rest.
"""

import contextlib
import functools
import hashlib
import json
import tempfile
import threading
from collections.abc import Iterator
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from tests.caching import made_once, run
from tests.images import LEFT_OUT
from tests.machines import Machine

_PACKAGES = "openssh-server,sudo,iproute2,ca-certificates"
_SUITE = "bookworm"
_MAKE = f"""
mkdir -p "$0/debs"
mmdebstrap --quiet --variant=minbase --include={_PACKAGES} {" ".join(LEFT_OUT)} \
  --customize-hook='rm -f "$1"/var/cache/apt/archives/*.deb' \
  --customize-hook='chroot "$1" apt-get --quiet --yes --no-install-recommends --download-only install docker.io' \
  --customize-hook="cp \\"\\$1\\"/var/cache/apt/archives/*.deb '$0/debs'" \
  --customize-hook='rm "$1"/etc/ssh/ssh_host_* "$1"/etc/apt/sources.list "$1"/etc/resolv.conf' \
  {_SUITE} "$0/files"
cd "$0/debs"
for package in *.deb; do
  dpkg-deb --raw-extract "$package" raw
  dpkg-deb -Znone --build raw "$package" # quicker to install
  rm -r raw
done
"""
_MOUNTS = """
disk={folder}/disk
mkdir $disk
mount -t tmpfs -o size={disk_size},mode=755 tmpfs $disk
mkdir $disk/changed $disk/work $disk/root $disk/docker $disk/containerd
mount -t overlay -o lowerdir={files},upperdir=$disk/changed,workdir=$disk/work overlay $disk/root
cd $disk/root
mkdir -p .{folder} var/lib/docker var/lib/containerd
mount --bind {folder} .{folder}
mount --bind $disk/docker var/lib/docker
mount --bind $disk/containerd var/lib/containerd
cp -a {folder}/own/. .
mount -t proc proc proc
for inherited in dev sys; do mount --rbind /$inherited $inherited; done
pivot_root . mnt
cd /
umount --lazy /mnt
"""


class BareMachine(Machine):
    """`root` and `key` log in; Docker is there when somebody has installed it."""

    sshd = "/usr/sbin/sshd -D -e"

    def __init__(self, folder: Path, name: str, *, disk_size: str = "4g") -> None:
        super().__init__(folder, name, docker=False, disk_size=disk_size)
        self._packages: ThreadingHTTPServer | None = None

    @property
    def has_docker(self) -> bool:
        return (self.root / "run/docker.sock").exists()

    def start(self) -> None:
        super().start()
        handler = functools.partial(_Quiet, directory=str(_made() / "debs"))
        self._packages = ThreadingHTTPServer((self.gateway, 0), handler)
        threading.Thread(target=self._packages.serve_forever, daemon=True).start()
        source = f"deb [trusted=yes] http://{self.gateway}:{self._packages.server_port} ./\n"
        (self.root / "etc/apt/sources.list").write_text(source)
        # for when it has Docker: its containers have a place of their own among the cgroups here, and end with it
        settings = {"cgroup-parent": self._cgroup, "registry-mirrors": [self.hub]}
        (self.root / "etc/docker").mkdir()
        (self.root / "etc/docker/daemon.json").write_text(json.dumps(settings))

    def stop(self) -> None:
        super().stop()
        if self._packages:
            self._packages.shutdown()
            self._packages.server_close()

    def _furnish(self) -> None:
        super()._furnish()
        own = self.folder / "own"
        for name, mode in (("root", 0o700), ("root/.ssh", 0o700), ("etc", 0o755), ("etc/ssh", 0o755)):
            (own / name).mkdir(parents=True, exist_ok=True)
            (own / name).chmod(mode)
        own.chmod(0o755)
        (own / "etc/hostname").write_text(f"{self.name}\n")
        (own / "etc/hosts").write_text(f"127.0.0.1 localhost {self.name}\n")
        for name in ("host_key", "host_key.pub"):
            target = own / "etc/ssh" / name.replace("host_key", "ssh_host_ed25519_key")
            target.write_text((self.folder / name).read_text())
            target.chmod(0o600)
        (own / "root/.ssh/authorized_keys").write_text((self.folder / "key.pub").read_text())

    @property
    def _mounts(self) -> str:
        return _MOUNTS.format(folder=self.folder, files=_made() / "files", disk_size=self._disk_size)


class _Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        """Nobody reads it."""


@contextlib.contextmanager
def bare_machine(name: str = "bare", *, disk_size: str = "4g") -> Iterator[BareMachine]:
    folder = Path(tempfile.mkdtemp(prefix=f"shipper-{name}-"))
    made = BareMachine(folder, name, disk_size=disk_size)
    try:
        made.start()
        made.wait_until_up()
        yield made
    finally:
        made.stop()


def _made() -> Path:
    """The folder with its files, and with the packages that its apt can get."""
    return made_once("bare", _make, _MAKE)


def _make(folder: Path) -> None:
    run(["sh", "-ec", _MAKE, str(folder)])
    packages = sorted((folder / "debs").glob("*.deb"))
    (folder / "debs/Packages").write_text("\n".join(map(_described, packages)))


def _described(package: Path) -> str:
    """As a repository's index has it: https://wiki.debian.org/DebianRepository/Format"""
    fields = run(["dpkg-deb", "--field", str(package)])
    digest = hashlib.sha256(package.read_bytes()).hexdigest()
    return f"{fields}Filename: ./{package.name}\nSize: {package.stat().st_size}\nSHA256: {digest}\n"


if __name__ == "__main__":
    _made()
