"""What a server lacks, and why. PURE."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import ClassVar

from shipper.setup.facts import DEPLOY_KEY, STATE_ROOT, Server, Wanted

_SOCKETS = ("/var/run/docker.sock", "/run/docker.sock")
_KNOWN = ("debian", "ubuntu")
_OURS = ("docker-ce", "docker-ce-cli", "containerd.io")
_INSTALL = "https://docs.docker.com/engine/install/"
_SHARED = "2770"


@dataclass(frozen=True, kw_only=True)
class Step:
    """Something to do on a server, or here, with the reason why."""

    role_name: ClassVar[str] = ""
    host_name: str
    name: str
    """The verb."""
    detail: str
    because: str
    arguments: tuple[str, ...] = ()
    """Of the verb's script. DEPLOY_KEY stands for that key."""

    def __str__(self) -> str:
        because = f", because {self.because}" if self.because else ""
        return f"{self.name:<10} {self.detail}{because}"


@dataclass(frozen=True, kw_only=True)
class HostPlan:
    login_name: str
    steps: tuple[Step, ...]
    notes: tuple[str, ...]
    """What is left alone, and what has to be known."""


def refusal(server: Server, wanted: Wanted) -> tuple[str, str] | None:
    """Why it cannot be set up, and what to do; nothing if it can."""
    socket, user = wanted.docker_socket, wanted.target.user
    if server.shell.endswith(("/nologin", "/false")):
        return (
            f"nobody can log in as {user}, whose shell is {server.shell}",
            f"Let the config name another user; or, as root there: usermod --shell /bin/bash {user}",
        )
    if server.docker_version:
        return None
    if server.rootless and not server.docker_program:
        return (
            f"a Docker without root runs there, at {server.rootless}; it is left alone",
            f"docker_socket: {server.rootless} in the config takes that one",
        )
    if socket not in _SOCKETS:
        return (
            f"no Docker answers at {socket}, which the config names",
            f"Leave docker_socket out, and one is installed at {_SOCKETS[0]}",
        )
    if not server.docker_program and server.distribution not in _KNOWN:
        return (
            f"it is {server.title}, and Docker is installed on Debian and Ubuntu only",
            f"Install Docker Engine there ({_INSTALL}), then the same command again does the rest",
        )
    return None


def plan_host(server: Server, wanted: Wanted) -> HostPlan:
    steps = (*_docker(server, wanted), *_user(server, wanted), *_folders(server, wanted))
    if steps:
        detail = f"{wanted.target.user} logs in with the deploy key, and may use Docker"
        steps = (*steps, _step(wanted, "check", detail, ""))
    return HostPlan(login_name=wanted.target.login_name, steps=steps, notes=tuple(_notes(server, wanted)))


def _step(wanted: Wanted, name: str, detail: str, because: str, *arguments: str) -> Step:
    host_name = wanted.target.login_name
    return Step(host_name=host_name, name=name, detail=detail, because=because, arguments=arguments)


def _docker(server: Server, wanted: Wanted) -> Iterator[Step]:
    installs = not server.docker_program and not server.docker_version
    if installs:
        yield from _packages(server, wanted)
    elif server.lacks_apparmor and server.distribution in _KNOWN:
        because = "the kernel has AppArmor, and without its parser Docker starts no container"
        yield _step(wanted, "install", "apparmor", because, "apparmor")
    if not server.has_systemd:
        if not server.docker_version:
            yield _step(wanted, "start", "dockerd, detached", "there is no systemd", wanted.docker_socket)
    elif installs or not server.docker_version:
        because = "it is to run now and after each reboot" if installs else "it does not run"
        yield _step(wanted, "start", "Docker, at boot too", because, wanted.docker_socket)
    elif server.docker_at_boot in ("disabled", "masked"):
        because = f"it does not start at boot ({server.docker_at_boot})"
        yield _step(wanted, "start", "Docker, at boot too", because, wanted.docker_socket)


def _packages(server: Server, wanted: Wanted) -> Iterator[Step]:
    apparmor = ("apparmor",) if server.lacks_apparmor else ()
    absent = "Docker is not there"
    if not server.repository:
        yield _step(
            wanted,
            "repository",
            "download.docker.com, with its key",
            f"it has packages for {server.title}",
            server.distribution,
            server.codename,
        )
        packages, why = (*_OURS, *apparmor), absent
    else:
        packages = ("docker.io", *apparmor)
        why = f"{absent}, and Docker's own repository cannot be used: {server.repository}"
    yield _step(wanted, "install", ", ".join(packages), why, *packages)


def _user(server: Server, wanted: Wanted) -> Iterator[Step]:
    user = wanted.target.user
    if not server.has_user:
        yield _step(wanted, "user", user, "it is to deploy, and is not there", user)
    if not _may_use_docker(server, user):
        yield _step(wanted, "group", f"docker, for {user}", "its members may use Docker", user)
    if not server.has_key:
        because = "it logs in with the deploy key" if not server.has_user else "the deploy key does not let it in yet"
        yield _step(wanted, "key", f"into authorized_keys of {user}", because, user, DEPLOY_KEY)


def _may_use_docker(server: Server, user: str) -> bool:
    owns = server.socket is not None and server.socket.owner == user
    return user == "root" or owns or "docker" in server.groups


def _folders(server: Server, wanted: Wanted) -> Iterator[Step]:
    group = _group_of_deploys(server, wanted.target.user)
    for path, use in (
        (STATE_ROOT, "it is not there"),
        (wanted.state_folder, "lock, journal and releases will be there"),
    ):
        there = server.folders.get(path)
        if not there:
            yield _shared(wanted, path, group, use)
        elif (there.mode, there.group) != (_SHARED, group) and wanted.target.user != "root":
            yield _shared(wanted, path, group, f"it has mode {there.mode}, {there.owner}:{there.group}")
    sockets = (wanted.docker_socket, *_SOCKETS)  # which are there when Docker runs
    for path in wanted.mounted:
        if path not in server.folders and path not in sockets:
            yield _step(wanted, "folder", path, "containers mount it, and it is not there", path, "755", "root")


def _group_of_deploys(server: Server, user: str) -> str:
    """Who has a Docker of his own, without root, is not in `docker`, and must not be: that is root."""
    has_own = user != "root" and _may_use_docker(server, user) and "docker" not in server.groups
    return server.groups[0] if has_own and server.groups else "docker"


def _shared(wanted: Wanted, path: str, group: str, because: str) -> Step:
    return _step(wanted, "folder", f"{path}, mode {_SHARED}, group {group}", because, path, _SHARED, group)


def _notes(server: Server, wanted: Wanted) -> Iterator[str]:
    user = wanted.target.user
    if server.docker_version:
        by = f"from the package {server.docker_package}" if server.docker_package else "installed by other means"
        yield f"Docker {server.docker_version} runs, {'by snap' if _is_snap(server) else by}: it is left as it is"
    if server.socket and server.socket.group == "root" and server.socket.owner == "root" and user != "root":
        restart = "snap disable docker && snap enable docker" if _is_snap(server) else "systemctl restart docker"
        yield f"only root may use its socket: after this, as root there: {restart}"
    if not server.has_systemd:
        yield "there is no systemd: nothing starts Docker at boot"
    if not wanted.target.names_user:
        yield f"the config names no user for it: write {user}@{wanted.target.host_name}, or ssh.user: {user}"
    if server.apt_holder and any(step.name == "install" for step in _docker(server, wanted)):
        yield f"apt is in use by {server.apt_holder} now: it is waited for"
    if (names := server.sshd.get("allowusers")) and user not in names.split():
        yield f"sshd lets in only AllowUsers {names}: add {user} to /etc/ssh/sshd_config"
    keys = server.sshd.get("authorizedkeysfile", ".ssh/authorized_keys")
    if ".ssh/authorized_keys" not in keys.replace("%h/", "").split():
        yield f"sshd takes keys from {keys}, not from ~/.ssh/authorized_keys"


def _is_snap(server: Server) -> bool:
    return server.docker_program.startswith("/snap/")


def lines(steps: Sequence[Step], notes: Sequence[tuple[str, str]]) -> tuple[str, ...]:
    """The plan, as plain lines; a note is of a host."""
    width = max((len(name) for name in (*(step.host_name for step in steps), *(host for host, _ in notes))), default=0)
    done = (f"{step.host_name:<{width}}  {step}" for step in steps)
    return (*done, *(f"{host:<{width}}  note       {text}" for host, text in notes))
