"""Throwaway machines on this one: namespaces of their own (mounts, network, processes), a real dockerd, a real sshd.

A machine is reached at its address in 198.18.0.0/15, which is set aside for such tests (RFC 2544), by a veth pair. Its
/var/lib (in memory) and /run are its own, so that everything stands where it stands on a real server, and a developer's
containers are never near. Its first process is a child of ours: when that is killed, or we are, the kernel ends all
that ran in the machine, and the network and the mounts go with it.
"""

import contextlib
import http.client
import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from ipaddress import IPv4Address
from pathlib import Path
from typing import Any

_OF_MACHINES = {
    "dockerd": "docker.io",
    "sshd": "openssh-server",
    "iptables": "iptables",
    "ip": "iproute2",
    "busybox": "busybox-static",
    "git": "git",
}
OF_TESTS = {
    "chromium": "chromium",
    "/usr/share/fonts/truetype/noto/NotoColorEmoji.ttf": "fonts-noto-color-emoji",
    "docker-registry": "docker-registry",
    "docker-compose": "docker-compose",
    "pg_ctlcluster": "postgresql",
    "espeak-ng": "espeak-ng",
    "mmdebstrap": "mmdebstrap",
    "/usr/share/keyrings/debian-archive-keyring.gpg": "debian-archive-keyring",
}
"""What tests need beside machines: programs and files, and Debian's packages that bring them."""
_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

_INIT = f"""
set -e
mount --make-rprivate /
eval "$4"
echo mounted
read -r address
ip link set lo up
ip address add "$address/30" dev eth0
ip link set eth0 up
export PATH={_PATH}
somebody_is_left() {{ set -- /proc/[0-9]*; [ $# -gt 1 ]; }}
while :; do
  mount -t tmpfs tmpfs /run
  mkdir -p /run/sshd
  echo booted
  eval "$2" &
  eval "$3" 2>>"$1/sshd.log" &
  wait
  while somebody_is_left; do sleep 0.01; done
  cut -d ' ' -f 2 /proc/mounts | grep ^/var/lib/docker/ | xargs --no-run-if-empty umount
  umount --recursive /run
done
"""
_MOUNTS = """
mount -t tmpfs -o size={disk_size},mode=755 tmpfs /var/lib
[ -z "{images}" ] || {{ mkdir /var/lib/docker; mount --bind "{images}" /var/lib/docker; }}
mount --bind {folder}/etc/passwd /etc/passwd
mount --bind {folder}/etc/group /etc/group
"""
# GOGC: each start of a container runs dockerd's program three times more, and a fifth of that was garbage collection
_DOCKERD = "GOGC=400 dockerd --config-file {folder}/daemon.json --cgroup-parent {cgroup} >>{folder}/dockerd.log 2>&1"
_END_DOCKER = """
docker=$(cat /run/docker.pid) containerd=$(cat /run/docker/containerd/containerd.pid)
kill -{signal} "$docker"
for pid in "$docker" "$containerd"; do
  while [ -e "/proc/$pid" ]; do sleep 0.01; done
done
"""
"""Until init has reaped them as well: the next dockerd takes a zombie of that pid for one that runs, and gives up."""

_SSHD = """
HostKey {folder}/host_key
AuthorizedKeysFile {folder}/authorized_keys
StrictModes no
UsePAM no
PidFile none
SetEnv HOME={folder}/home
SetEnv PATH={path}
{extra}
"""


class Machine:
    """One throwaway machine. `address` is where its sshd listens, as root and as user `deploy` in group docker."""

    sshd = '"$(command -v sshd)" -D -e -f {folder}/sshd_config'

    def __init__(
        self,
        folder: Path,
        name: str,
        *,
        docker: bool = True,
        sshd: str = "",
        disk_size: str = "2g",
        images: Path | None = None,
        programs: Path | None = None,
    ) -> None:
        self.folder = folder
        self.name = name
        self.address = ""
        self._docker = docker
        self._sshd = sshd
        self._disk_size = disk_size
        self._images = images
        self._programs = programs
        self._link = ""
        self._process: subprocess.Popen[str] | None = None
        self._cgroup = f"/{folder.name}"

    @property
    def has_docker(self) -> bool:
        return self._docker

    @property
    def root(self) -> Path:
        """The machine's files, seen from here."""
        return Path(f"/proc/{self._first_pid()}/root")

    @property
    def key(self) -> Path:
        return self.folder / "key"

    @property
    def docker_host(self) -> str:
        """For a Docker CLI on this machine: the socket, seen through the other's root."""
        return f"unix://{self.root}/run/docker.sock"

    @property
    def host_key(self) -> str:
        return f"{self.address} {(self.folder / 'host_key.pub').read_text().strip()}"

    @property
    def hub(self) -> str:
        """What its Docker asks before Docker Hub: tests/hub.py serves there."""
        return f"http://{self.gateway}:5000"

    @property
    def gateway(self) -> str:
        """Our end of its network."""
        return str(IPv4Address(self.address) - 1)

    def start(self) -> None:
        self._furnish()
        self._boot()

    def wait_until_up(self) -> None:
        if self.has_docker:
            _eventually(self._docker_answers, f"dockerd of {self.name}", self.folder)
        _eventually(lambda: _accepts(self.address, 22), f"sshd of {self.name}", self.folder)

    def restart_docker(self) -> None:
        """Kills dockerd, as a crash does, and starts it again; its containers are left to it."""
        self.run(_END_DOCKER.format(signal="KILL"))
        self.run(f"{self._dockerd} &")
        self.wait_until_up()

    def reboot(self) -> None:
        """Kills all that runs in it at once, as a power cut does; then it boots again, with the disk that it had."""
        self.run("kill -9 -1")  # spares its first process, which boots
        self._wait_for("booted")
        self.wait_until_up()

    def stop(self) -> None:
        if self._process:
            if self._process.poll() is None and self._docker_answers():
                for container in self.engine("GET", "/containers/json?all=true"):
                    self.engine("DELETE", f"/containers/{container['Id']}?force=true")
            if self._images:  # what Docker stores outlives it
                self.run(_END_DOCKER.format(signal="TERM"))
            self._process.kill()
            self._process.communicate()
            self._process = None
        _run(["ip", "link", "delete", self._link])  # the kernel would do so too, in its own time
        _remove_cgroups(self._cgroup)
        shutil.rmtree(self.folder, ignore_errors=True)

    def accept(self, other: "Machine") -> None:
        """Lets in whoever has the other's key."""
        with (self.folder / "authorized_keys").open("a") as file:
            file.write((other.folder / "key.pub").read_text())

    def run(self, command: str) -> "subprocess.CompletedProcess[str]":
        """Runs a command of the shell inside the machine, without SSH."""
        enter = ["nsenter", f"--target={self._first_pid()}", "--mount", "--net", "--uts", "--pid"]
        return _run([*enter, "env", f"PATH={_PATH}", "sh", "-c", command])

    @property
    def in_network(self) -> tuple[str, ...]:
        """Before a command of ours: it then has the machine's network, and nothing else of it."""
        return ("setpriv", "--pdeathsig=KILL", "nsenter", f"--net=/proc/{self._first_pid()}/ns/net")

    def fetched(self, url: str) -> str | None:
        """What answers there, asked from within the machine; None if nothing does."""
        done = _run([*self.in_network, "busybox", "wget", "-q", "-O", "-", url])
        return done.stdout if done.returncode == 0 else None

    def docker(self, *arguments: str) -> "subprocess.CompletedProcess[str]":
        return _run(["docker", f"--host={self.docker_host}", *arguments])

    def engine(self, method: str, path: str) -> Any:
        """What Docker answers, be it a refusal: https://docs.docker.com/engine/api/. A tenth of the CLI's work."""
        with contextlib.closing(_UnixConnection(str(self.root / "run/docker.sock"))) as connection:
            connection.request(method, path, headers={"Host": "docker"})
            body = connection.getresponse().read()
        return json.loads(body) if body else None

    def _docker_answers(self) -> bool:
        try:
            self.engine("GET", "/containers/json")  # asked for its version, it would start two programs
        except OSError:
            return False
        return True

    def _furnish(self) -> None:
        for name in ("etc", "home"):
            (self.folder / name).mkdir()
        users = ["root:x:0:0::/root:/bin/sh", "sshd:x:100:65534::/run/sshd:/usr/sbin/nologin"]
        users += ["deploy:x:1000:1000::/home/deploy:/bin/sh", "stranger:x:1001:1001::/home/stranger:/bin/sh"]
        (self.folder / "etc/passwd").write_text("\n".join(users) + "\n")
        groups = ["root:x:0:", "docker:x:999:deploy", "deploy:x:1000:", "stranger:x:1001:", "nogroup:x:65534:"]
        (self.folder / "etc/group").write_text("\n".join(groups) + "\n")
        for name in ("host_key", "key"):
            subprocess.run(
                ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", name, "-f", self.folder / name], check=True
            )
        shutil.copy(self.folder / "key.pub", self.folder / "authorized_keys")
        (self.folder / "authorized_keys").chmod(0o644)
        self.folder.chmod(0o755)
        (self.folder / "sshd_config").write_text(_SSHD.format(folder=self.folder, path=_PATH, extra=self._sshd))

    def _boot(self) -> None:
        namespaces = [
            "setpriv",
            "--pdeathsig=KILL",
            "unshare",
            "--mount",
            "--net",
            "--uts",
            "--pid",
            "--fork",
            "--kill-child",
            "--mount-proc",
        ]
        dockerd = self._dockerd if self._docker else ":"
        sshd = self.sshd.format(folder=self.folder)
        self._process = subprocess.Popen(
            [*namespaces, "sh", "-c", _INIT, self.name, self.folder, dockerd, sshd, self._mounts],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self._process.stdin
        self._wait_for("mounted")
        self._link, self.address = _join(self._first_pid())
        settings: dict[str, Any] = {"log-level": "warn", "registry-mirrors": [self.hub]}
        if self._programs:
            settings["features"] = {"containerd-snapshotter": True}
        (self.folder / "daemon.json").write_text(json.dumps(settings))
        self._process.stdin.write(f"{self.address}\n")
        self._process.stdin.flush()
        self._wait_for("booted")

    def _wait_for(self, line: str) -> None:
        assert self._process
        assert self._process.stdout
        if self._process.stdout.readline() != f"{line}\n":
            self._process.communicate()
            raise RuntimeError(f"{self.name} could not boot in namespaces of its own; is this root on Linux?")

    @property
    def _mounts(self) -> str:
        """Commands that give it files of its own."""
        images = self._images or ""
        return _MOUNTS.format(folder=self.folder, disk_size=self._disk_size, images=images)

    @property
    def _dockerd(self) -> str:
        path = f"PATH={self._programs}:$PATH " if self._programs else ""
        return path + _DOCKERD.format(cgroup=self._cgroup, folder=self.folder)

    def _first_pid(self) -> int:
        assert self._process, f"{self.name} does not run"
        children = Path(f"/proc/{self._process.pid}/task/{self._process.pid}/children")
        return int(children.read_text().split()[0])


class _UnixConnection(http.client.HTTPConnection):
    """To a socket of this path instead of a host."""

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.connect(self.host)


@contextlib.contextmanager
def machine(
    name: str,
    *,
    docker: bool = True,
    sshd: str = "",
    disk_size: str = "2g",
    images: Path | None = None,
    programs: Path | None = None,
) -> Iterator[Machine]:
    """`sshd` is added to its sshd_config; `disk_size` limits what its /var/lib holds, in memory.

    What Docker stores is kept in the folder `images`, for the next machine, if one is given: for one at a time.
    `programs` is the folder of another Docker, which then has the containerd image store: tests/newer_docker.py.
    """
    folder = Path(tempfile.mkdtemp(prefix=f"shipper-{name}-"))
    made = Machine(folder, name, docker=docker, sshd=sshd, disk_size=disk_size, images=images, programs=programs)
    try:
        made.start()
        made.wait_until_up()
        yield made
    finally:
        made.stop()


def prepare(say: Callable[[str], None], others: Mapping[str, str] = OF_TESTS) -> None:
    """Installs what machines are made of, and `others`, where it is missing and we may.

    Else exits and says what is missing.
    """
    if problem := obstacle(others):
        sys.exit(f"{problem}\nNothing was done.")
    if missing := _missing(others):
        say(f"installing {', '.join(missing)} from the distribution …")
        environ = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
        for command in (["update"], ["install", "--yes", "--no-install-recommends", *missing]):
            done = subprocess.run(
                ["apt-get", "--quiet", *command], capture_output=True, text=True, env=environ, check=False
            )
            if done.returncode:
                sys.exit(f"apt-get {command[0]} failed:\n{done.stdout[-2000:]}{done.stderr[-2000:]}")
    os.environ["PATH"] = _path_with_sbin()


def obstacle(others: Mapping[str, str] = OF_TESTS) -> str:
    """Why there can be no machines here, or not `others`; empty if they can be had."""
    missing = _missing(others)
    if sys.platform != "linux":
        return "This needs Linux: its throwaway servers are made of network and mount namespaces."
    if os.geteuid() != 0:
        return "This needs root, for network and mount namespaces. Run it with sudo."
    if missing and not shutil.which("apt-get"):
        return f"Please install: {', '.join(missing)} (Debian's names)."
    return ""


def _missing(others: Mapping[str, str]) -> list[str]:
    """Debian's names of packages."""
    wanted = {**_OF_MACHINES, **others}
    return sorted({package for name, package in wanted.items() if not _is_there(name, _path_with_sbin())})


def _path_with_sbin() -> str:
    return f"{os.environ['PATH']}:{_PATH}"


def _is_there(name: str, path: str) -> bool:
    return Path(name).exists() if name.startswith("/") else shutil.which(name, path=path) is not None


def _join(pid: int) -> tuple[str, str]:
    """A veth pair between us and the machine, on the first /30 that is free: our end's name, and its address."""
    for number in range(1, 1000):
        name, network = f"shipper{number}", f"198.18.{number // 64}.{4 * (number % 64)}"
        made = _run(["ip", "link", "add", name, "type", "veth", "peer", "name", "eth0", "netns", str(pid)])
        if made.returncode == 0:
            prefix, _, last = network.rpartition(".")
            subprocess.run(["ip", "address", "add", f"{prefix}.{int(last) + 1}/30", "dev", name], check=True)
            subprocess.run(["ip", "link", "set", name, "up"], check=True)
            return name, f"{prefix}.{int(last) + 2}"
    raise RuntimeError("all of 1000 networks are taken; `ip link` shows what is left of earlier runs")


def _eventually(check: Callable[[], bool], what: str, folder: Path) -> None:
    deadline = time.monotonic() + 30
    while not check():
        if time.monotonic() > deadline:
            logs = "\n".join(log.read_text()[-2000:] for log in folder.glob("*.log"))
            raise RuntimeError(f"{what} did not come up:\n{logs}")
        time.sleep(0.02)


def _accepts(address: str, port: int) -> bool:
    try:
        socket.create_connection((address, port), timeout=1).close()
    except OSError:
        return False
    return True


def _remove_cgroups(name: str) -> None:
    root = Path("/sys/fs/cgroup")
    for top in (*root.glob(name[1:]), *root.glob(f"*{name}")):  # deeper are those of others, which come and go
        for folder in sorted([top, *top.glob("**/")], key=lambda path: -len(path.parts)):
            with contextlib.suppress(OSError):
                folder.rmdir()


def _run(command: list[str]) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(command, capture_output=True, text=True, check=False)


if __name__ == "__main__":
    prepare(print)
