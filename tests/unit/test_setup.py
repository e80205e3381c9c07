"""`shipper setup`: what a server lacks, as whole plans; which servers are meant; what would make one safer."""

import asyncio
import socket
from pathlib import Path
from typing import Any

import pytest

from shipper import open_project
from shipper.errors import UsageError
from shipper.events import Event, Warned
from shipper.setup.advice import advice
from shipper.setup.facts import Found, Server, Target, Wanted, server_of
from shipper.setup.kept import kept
from shipper.setup.plan import HostPlan, Step, lines, plan_host, refusal
from shipper.setup.setting_up import Setup, set_up
from shipper.setup.targets import paired, targets
from shipper.tasks import alongside
from tests.unit.nouns import a_config

SHARED = Found(mode="2770", owner="root", group="docker")
SOCKET = Found(mode="660", owner="root", group="docker")
UNREACHABLE = "Temporary failure resolving 'download.docker.com'"


def a_target(**changed: Any) -> Target:
    values = {"login_name": "root@a.example", "host_name": "deploy@a.example", "user": "deploy", "names_user": True}
    return Target(**{**values, **changed})


def wanted(**changed: Any) -> Wanted:
    values: dict[str, Any] = {
        "target": a_target(),
        "docker_socket": "/var/run/docker.sock",
        "state_folder": "/var/lib/shipper/shop",
        "mounted": (),
        "generated": (),
        "publishes": (),
    }
    return Wanted(**{**values, **changed})


def bare(**changed: Any) -> Server:
    """As a provider delivers it."""
    values: dict[str, Any] = {
        "distribution": "debian",
        "codename": "bookworm",
        "title": "Debian GNU/Linux 12 (bookworm)",
        "has_systemd": True,
        "docker_program": "",
        "docker_package": "",
        "docker_version": "",
        "docker_at_boot": "",
        "socket": None,
        "rootless": "",
        "lacks_apparmor": False,
        "repository": "",
        "apt_holder": "",
        "has_user": False,
        "shell": "",
        "groups": (),
        "has_key": False,
        "folders": {},
        "accessories": (),
        "volumes": (),
        "released": (),
        "sshd": {},
        "firewall": "ufw",
        "upgrades_itself": True,
        "needs_reboot": False,
    }
    return Server(**{**values, **changed})


def ready(**changed: Any) -> Server:
    values: dict[str, Any] = {
        "docker_program": "/usr/bin/dockerd",
        "docker_package": "docker-ce",
        "docker_version": "28.0.1",
        "docker_at_boot": "enabled",
        "socket": SOCKET,
        "has_user": True,
        "groups": ("deploy", "docker"),
        "has_key": True,
        "folders": {"/var/lib/shipper": SHARED, "/var/lib/shipper/shop": SHARED},
    }
    return bare(**{**values, **changed})


def plan(server: Server, of: Wanted | None = None) -> list[str]:
    made = plan_host(server, of or wanted())
    return [line.removeprefix("root@a.example  ") for line in lines(made.steps, [("", note) for note in made.notes])]


def test_a_bare_server_lacks_everything() -> None:
    assert plan(bare(), wanted(mounted=("/srv/shop", "/var/run/docker.sock"))) == [
        "repository download.docker.com, with its key, because it has packages for Debian GNU/Linux 12 (bookworm)",
        "install    docker-ce, docker-ce-cli, containerd.io, because Docker is not there",
        "start      Docker, at boot too, because it is to run now and after each reboot",
        "user       deploy, because it is to deploy, and is not there",
        "group      docker, for deploy, because its members may use Docker",
        "key        into authorized_keys of deploy, because it logs in with the deploy key",
        "folder     /var/lib/shipper, mode 2770, group docker, because it is not there",
        "folder     /var/lib/shipper/shop, mode 2770, group docker, because lock, journal and releases will be there",
        "folder     /srv/shop, because containers mount it, and it is not there",
        "check      deploy logs in with the deploy key, and may use Docker",
    ]


def test_the_packages_of_the_distribution_are_taken_where_dockers_own_cannot_be_had() -> None:
    server = bare(repository=UNREACHABLE, has_systemd=False, lacks_apparmor=True, apt_holder="unattended-upgr")

    assert plan(server)[:2] == [
        "install    docker.io, apparmor, because Docker is not there, and Docker's own repository cannot be used: "
        "Temporary failure resolving 'download.docker.com'",
        "start      dockerd, detached, because there is no systemd",
    ]
    assert notes(server) == [
        "there is no systemd: nothing starts Docker at boot",
        "apt is in use by unattended-upgr now: it is waited for",
    ]


def notes(server: Server, of: Wanted | None = None) -> list[str]:
    return list(plan_host(server, of or wanted()).notes)


def test_a_server_that_is_ready_lacks_nothing() -> None:
    made = plan_host(ready(), wanted())

    assert made.steps == ()
    assert made.notes == ("Docker 28.0.1 runs, from the package docker-ce: it is left as it is",)


@pytest.mark.parametrize(
    ("server", "expected"),
    [
        (
            ready(docker_at_boot="disabled"),
            "start      Docker, at boot too, because it does not start at boot (disabled)",
        ),
        (ready(docker_version=""), "start      Docker, at boot too, because it does not run"),
        (
            ready(lacks_apparmor=True),
            "install    apparmor, because the kernel has AppArmor, and without its parser Docker starts no container",
        ),
        (ready(groups=("deploy",)), "group      docker, for deploy, because its members may use Docker"),
        (
            ready(has_key=False),
            "key        into authorized_keys of deploy, because the deploy key does not let it in yet",
        ),
        (
            ready(
                folders={
                    "/var/lib/shipper": Found(mode="755", owner="ann", group="ann"),
                    "/var/lib/shipper/shop": SHARED,
                }
            ),
            "folder     /var/lib/shipper, mode 2770, group docker, because it has mode 755, ann:ann",
        ),
        (
            ready(
                folders={
                    "/var/lib/shipper": SHARED,
                    "/var/lib/shipper/shop": Found(mode="2770", owner="root", group="root"),
                }
            ),
            "folder     /var/lib/shipper/shop, mode 2770, group docker, because it has mode 2770, root:root",
        ),
        (
            ready(
                groups=("deploy",),
                socket=Found(mode="660", owner="deploy", group="deploy"),
                folders={"/var/lib/shipper/shop": Found(mode="2770", owner="root", group="deploy")},
            ),
            "folder     /var/lib/shipper, mode 2770, group deploy, because it is not there",
        ),
    ],
)
def test_only_what_is_lacking_is_done(server: Server, expected: str) -> None:
    first, *others = [line for line in plan(server) if "note " not in line]
    assert first == expected
    assert others == ["check      deploy logs in with the deploy key, and may use Docker"]


def test_a_docker_that_came_by_other_means_is_left_alone_and_said() -> None:
    by_script = ready(docker_package="")
    by_snap = ready(
        docker_program="/snap/bin/dockerd", docker_package="", socket=Found(mode="660", owner="root", group="root")
    )

    assert notes(by_script) == ["Docker 28.0.1 runs, installed by other means: it is left as it is"]
    assert notes(by_snap) == [
        "Docker 28.0.1 runs, by snap: it is left as it is",
        "only root may use its socket: after this, as root there: snap disable docker && snap enable docker",
    ]


def test_what_would_keep_the_user_out_is_said() -> None:
    sshd = {"allowusers": "ann", "authorizedkeysfile": "/etc/ssh/keys/%u"}
    unnamed = wanted(target=a_target(host_name="a.example", names_user=False))

    assert notes(ready(sshd=sshd), unnamed)[1:] == [
        "the config names no user for it: write deploy@a.example, or ssh.user: deploy",
        "sshd lets in only AllowUsers ann: add deploy to /etc/ssh/sshd_config",
        "sshd takes keys from /etc/ssh/keys/%u, not from ~/.ssh/authorized_keys",
    ]


def test_who_deploys_as_root_needs_a_key_and_no_group() -> None:
    of_root = wanted(target=a_target(host_name="root@a.example", user="root"))
    verbs = [step.name for step in plan_host(bare(has_user=True), of_root).steps]
    assert verbs == ["repository", "install", "start", "key", "folder", "folder", "check"]


@pytest.mark.parametrize(
    ("server", "of", "why", "next"),
    [
        (
            ready(shell="/usr/sbin/nologin"),
            wanted(),
            "nobody can log in as deploy, whose shell is /usr/sbin/nologin",
            "usermod --shell /bin/bash deploy",
        ),
        (
            bare(distribution="fedora", title="Fedora Linux 41"),
            wanted(),
            "it is Fedora Linux 41, and Docker is installed on Debian and Ubuntu only",
            "https://docs.docker.com/engine/install/",
        ),
        (
            bare(rootless="/run/user/1000/docker.sock"),
            wanted(),
            "a Docker without root runs",
            "docker_socket: /run/user",
        ),
        (bare(), wanted(docker_socket="/run/other.sock"), "no Docker answers at /run/other.sock", "docker_socket"),
    ],
)
def test_what_cannot_be_set_up_is_refused_with_what_to_do(server: Server, of: Wanted, why: str, next: str) -> None:
    refused = refusal(server, of)
    assert refused
    assert why in refused[0]
    assert next in refused[1]


def test_docker_that_runs_is_enough_on_any_distribution() -> None:
    assert refusal(ready(distribution="fedora"), wanted()) is None
    assert refusal(bare(), wanted()) is None


def test_advice_is_only_what_is_not_so() -> None:
    open_sshd = {"passwordauthentication": "yes", "permitrootlogin": "yes"}
    server = ready(sshd=open_sshd, upgrades_itself=False, firewall="", needs_reboot=True)

    assert [text.partition(":")[0] for text in advice(server, wanted())] == [
        "sshd takes passwords, which all the world tries",
        "root may log in with a password",
        "security updates are not installed by themselves",
        "no firewall is active",
        "an update waits for a reboot",
    ]
    assert list(advice(ready(sshd={"passwordauthentication": "no", "permitrootlogin": "yes"}), wanted())) == []
    (past_firewall,) = advice(ready(), wanted(publishes=("5432:5432",)))
    assert past_firewall.startswith("5432:5432 can be reached from everywhere, whatever ufw says")


def test_what_a_server_prints_is_read() -> None:
    told = """@distribution
ubuntu
noble
Ubuntu 24.04 LTS
@systemd
yes
@dockerd
@version
@socket
660 root docker
@apt
unattended-upgr
@groups
ann sudo
@folders
2770,root,docker /var/lib/shipper
755,root,root /srv/a folder
@accessories
db

@volumes
shop-data
@released
TOKEN
@sshd
passwordauthentication yes
@reboot
"""
    server = server_of(told)

    assert (server.distribution, server.codename, server.title) == ("ubuntu", "noble", "Ubuntu 24.04 LTS")
    assert (server.has_systemd, server.docker_program, server.needs_reboot) == (True, "", False)
    assert server.socket == SOCKET
    assert server.apt_holder == "unattended-upgr"
    assert server.groups == ("ann", "sudo")
    assert server.folders == {
        "/var/lib/shipper": SHARED,
        "/srv/a folder": Found(mode="755", owner="root", group="root"),
    }
    assert (server.accessories, server.volumes, server.released) == (("db",), ("shop-data",), ("TOKEN",))
    assert server.sshd == {"passwordauthentication": "yes"}


def test_secrets_that_a_server_was_set_up_with_are_known_by_what_uses_them_there() -> None:
    config = a_config(
        secrets={name: {"generate": True} for name in ("DB", "CACHE", "GRAPHS", "TOKEN", "NEW")} | {"CHOSEN": None},
        roles={"web": {"hosts": ["deploy@a.example", "deploy@b.example"]}},
        accessories={
            "db": {"image": "x:1", "files": {"/run/secrets/db": {"secret": "DB"}}, "volumes": ["db:/data"]},
            "cache": {"image": "x:1", "env": {"PASS": {"secret": "CACHE"}}, "hosts": ["deploy@b.example"]},
            "graphs": {"image": "x:1", "env": {"PASS": {"secret": "GRAPHS"}}, "volumes": ["graphs:/data", "/srv:/srv"]},
        },
    )
    booted = ready(accessories=("db", "cache"), released=("TOKEN", "DB"))
    removed = ready(accessories=("cache",), volumes=("graphs",))

    assert kept(config, {"deploy@a.example": booted, "deploy@b.example": removed}) == {
        "DB": "db on deploy@a.example was made with one, which "
        "`shipper accessory exec db -- cat /run/secrets/db` shows",
        "CACHE": "cache on deploy@b.example was made with one, which "
        "`shipper accessory exec cache -- printenv PASS` shows",
        "GRAPHS": "the volume graphs of graphs on deploy@b.example was made with one",
        "TOKEN": "a release on deploy@a.example has one, which deploys take from there",
    }
    assert kept(config, {"deploy@a.example": ready(), "deploy@b.example": bare()}) == {}


async def test_who_ends_it_is_told_what_may_go_on_and_what_to_do(tmp_path: Path) -> None:
    said: list[Event] = []
    with socket.create_server(("127.0.0.1", 0)) as silent:
        silent.setblocking(False)
        host_name = f"127.0.0.1:{silent.getsockname()[1]}"
        config = f"service: shop\nimage: shop\nssh: {{key: id}}\nroles: {{web: {{hosts: ['{host_name}']}}}}\n"
        (tmp_path / "deploy.yaml").write_text(config)
        project = open_project(tmp_path, config_file="deploy.yaml", environ={})
        target = a_target(login_name=f"root@{host_name}", host_name=host_name)
        step = Step(host_name=target.login_name, name="install", detail="Docker", because="it has none")
        host = HostPlan(login_name=target.login_name, steps=(step,), notes=())
        made = Setup(targets=(target,), here=(), hosts=(host,), notes=(), advice={})
        async with asyncio.timeout(20), alongside(set_up(project, made, tell=said.append)):
            accepted, _ = await asyncio.get_running_loop().sock_accept(silent)
        accepted.close()

    (warned,) = [event for event in said if isinstance(event, Warned)]
    assert "What was begun there may go on without us" in warned.text
    assert "The same command again" in warned.text


def test_without_a_name_all_hosts_are_meant_as_root() -> None:
    config = a_config(roles={"web": {"hosts": ["deploy@a.example:2222", "b.example"]}}, ssh={"user": "ann"})

    assert targets(config, config.hosts, ()) == (
        a_target(login_name="root@a.example:2222", host_name="deploy@a.example:2222"),
        a_target(login_name="root@b.example", host_name="b.example", user="ann"),
    )


def test_a_name_says_how_to_log_in_and_the_config_who_deploys() -> None:
    config = a_config(roles={"web": {"hosts": ["a.example:2222", "[2001:db8::7]"]}})

    assert targets(config, config.hosts, ("admin@a.example", "[2001:db8::7]:23")) == (
        a_target(login_name="admin@a.example:2222", host_name="a.example:2222", names_user=False),
        a_target(login_name="root@[2001:db8::7]:23", host_name="[2001:db8::7]", names_user=False),
    )


@pytest.mark.parametrize("login", ["c.example", "root@", "a b"])
def test_a_host_that_the_config_does_not_have_is_refused(login: str) -> None:
    config = a_config()
    with pytest.raises(UsageError):
        targets(config, config.hosts, (login,))


def test_a_variable_without_a_value_gets_the_address_that_was_given() -> None:
    written = ("${VPS_USER}@${VPS_HOST}:22", "deploy@${OTHER}", "deploy@c.example", "${VPS_HOST}")

    assert paired(written, {"OTHER": "b.example"}, ("root@203.0.113.7",)) == {"VPS_HOST": "203.0.113.7"}
    assert paired(written, {}, ("a:1", "c.example", "root@b:2")) == {"VPS_HOST": "a", "OTHER": "b:2"}
    assert paired(written, {}, ()) == {}
    assert paired(written, {"OTHER": "b", "VPS_HOST": "a"}, ("root@c",)) == {}
    with pytest.raises(UsageError, match="VPS_HOST, OTHER: no value yet, and a cannot be told"):
        paired(written, {}, ("a",))
