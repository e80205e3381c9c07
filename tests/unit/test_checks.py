"""`shipper doctor`: what each check says of what was seen."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from shipper.doctor.checks import HERE, Finding, Level, Verdict, docker, failed, here, machine, service, settings, way
from shipper.doctor.checks.facts import (
    Disk,
    Docker,
    Folder,
    Listening,
    Machine,
    Past,
    Seen,
    Way,
)
from shipper.doctor.checks.here import Builder, Here, Hook, KeyFile, PrivateFile
from shipper.doctor.checks.settings import Meant
from shipper.doctor.checks.told import disk_of, docker_of, listening_of, machine_of
from shipper.errors import BuildError, ConfigError
from shipper.model.container import ContainerState
from shipper.model.records import Freeze, Holder
from shipper.model.release import Lacking, Release
from shipper.reporters.findings import finding_lines, summary
from tests.unit.nouns import BEGUN, A, a_config, a_container, a_release, a_role, a_stopped, an_image

SHARED = Folder(mode="2770", owner="root", group="docker", is_usable=True)
WAY = Way(
    login_seconds=0.2,
    round_trip=0.02,
    skew=0.01,
    skew_error=0.01,
    leads_to_socket=True,
    leads_to_ports=True,
    leads_back=True,
    is_open_to_all=False,
    refusal="",
)
MACHINE = Machine(
    user="deploy",
    missing=(),
    root=SHARED,
    may_make_root=False,
    state=SHARED,
    closed=(),
    memory=4_000_000_000,
    available_memory=3_000_000_000,
    boot="enabled",
    last_entry={"event": "outcome", "at": "2026-03-01T12:00:00Z"},
    listening=(),
)
DOCKER = Docker(
    version="28.0.1",
    platform="linux/amd64",
    driver="overlay2",
    is_containerd=False,
    folder="/var/lib/docker",
    limits_memory=True,
    published=(),
)
DISK = Disk(folder="/var/lib/docker", size=20 * 10**9, free=10 * 10**9, inodes=1000, free_inodes=900)
PAST = Past(releases=(a_release(1),), absent_images=(), secret_names=frozenset(), freeze=None)
SEEN = Seen(
    host_name=A,
    config=a_config(),
    full_name="shop",
    role_names=("web",),
    now=BEGUN,
    way=WAY,
    machine=MACHINE,
    docker=DOCKER,
    disks=(DISK,),
    containers=(a_container(1),),
    image=an_image(),
    past=PAST,
)
HERE_SEEN = Here(
    config=a_config(),
    role_names=("web",),
    python="3.12.1",
    shipper="1.0",
    commit="1" * 40,
    is_dirty=False,
    version="1" * 40,
    absent_secrets=(),
    private_files=(),
    key=KeyFile(name="keys/deploy", is_there=True),
    has_pinned=True,
    tracks_pinned=True,
    builder=Builder(version=28, has_buildx=True, platform="linux/amd64"),
    image=None,
    hooks=(),
    dockerfile="",
    dropping=(),
)
PUBLISHED = a_role(publish=["8080:80"])
NO_DOCKER = Builder(error=BuildError("There is no docker command here.", next="Install Docker"))


WITH_DB = a_config(accessories={"db": {"image": "postgres:17"}})


def on(part: Any, **changed: Any) -> Any:
    return replace(part, **changed)


def seen(**changed: Any) -> Seen:
    return replace(SEEN, **changed)


def listening(port: int, address: str = "", name: str = "", **changed: Any) -> Listening:
    return Listening(address=address, port=port, protocol="tcp", container_name=name, **changed)


def past(*releases: Release, **changed: Any) -> Past:
    return replace(PAST, releases=releases, **changed)


def test_a_server_where_all_is_well_has_nothing_to_mend() -> None:
    checks = (*way.CHECKS, *docker.CHECKS, *machine.CHECKS, *service.CHECKS)

    verdicts = [verdict for check in checks for verdict in check(SEEN)]

    assert {verdict.what for verdict in verdicts if verdict.level is not Level.OK} == {
        "there is no release before the one that serves: a rollback has nowhere to go yet"
    }


def test_a_project_where_all_is_well_has_nothing_to_mend() -> None:
    meant = Meant(config=a_config(), role_names=("web",))

    verdicts = [verdict for check in here.CHECKS for verdict in check(HERE_SEEN)]
    verdicts += [verdict for check in settings.CHECKS for verdict in check(meant)]

    assert {verdict.level for verdict in verdicts} == {Level.OK}


FREEZE = Freeze(performer="ann", reason="the fair", since=BEGUN, until=BEGUN + timedelta(hours=1))
HOLDER = Holder(performer="bob", since="noon", purpose="deploy of 2")
STOPPED = past(a_release(1), stopped_roles=frozenset({"web"}))
ASIDE = a_stopped(1, restart_policy="unless-stopped")
DEAF = a_stopped(1, exit_code=137)
LATER = a_stopped(2, deploy="0bbb")

CASES: list[tuple[Callable[[Seen], Iterator[Verdict]], Seen, str, str, str]] = [
    (way.login, seen(way=on(WAY, round_trip=0.8)), "warning", "800 ms, and a deploy makes some twenty", "nearer"),
    (way.clock, seen(way=on(WAY, skew=None)), "note", "was not read", ""),
    (way.clock, seen(way=on(WAY, skew=2.4, skew_error=0.5)), "ok", "as here", ""),
    (way.clock, seen(way=on(WAY, skew=-3.0)), "warning", "3.0 s behind this one", "timedatectl set-ntp true"),
    (way.clock, seen(way=on(WAY, skew=61.0)), "problem", "61.0 s ahead of this one", "timedatectl set-ntp true"),
    (
        way.forwarding,
        seen(way=on(WAY, leads_to_ports=False), config=a_role(gate={"tcp": 80})),
        "problem",
        "forbids forwarding to ports, which the gate of web needs",
        "AllowTcpForwarding yes",
    ),
    (way.forwarding, seen(way=on(WAY, leads_to_ports=False)), "ok", "Docker's socket", ""),
    (way.forwarding, seen(way=on(WAY, leads_to_socket=False)), "note", "dial-stdio", "AllowStreamLocalForwarding"),
    (way.tunnel, seen(way=on(WAY, leads_back=False)), "note", "travel as archives", "PermitListen any"),
    (way.tunnel, seen(way=on(WAY, is_open_to_all=True)), "warning", "on all its addresses", "GatewayPorts no"),
    (way.sessions, seen(way=on(WAY, refusal="open failed")), "problem", "too few sessions", "MaxSessions 10"),
    (docker.docker, seen(docker=on(DOCKER, version="19.03.5")), "problem", "older than 20.10", "Upgrade"),
    (docker.docker, seen(docker=on(DOCKER, version="20.10.24+dfsg1")), "note", "no more since", "Upgrade"),
    (docker.docker, seen(docker=on(DOCKER, version="dev")), "note", "Docker dev", "Upgrade"),
    (docker.processor, seen(here_platform="linux/arm64"), "warning", "by emulation", "binfmt"),
    (docker.processor, seen(image=an_image(platform="linux/arm64")), "problem", "is for linux/arm64", "docker rmi"),
    (
        docker.limits,
        seen(docker=on(DOCKER, limits_memory=False), config=a_role(memory="64m")),
        "warning",
        "limits no memory",
        "cgroup_enable=memory",
    ),
    (
        machine.programs,
        seen(machine=on(MACHINE, missing=("flock", "timeout"))),
        "problem",
        "flock, timeout",
        "apt-get install util-linux coreutils",
    ),
    (
        machine.state_folder,
        seen(machine=on(MACHINE, root=None, state=None)),
        "problem",
        "deploy may not make it",
        "install -d -m 2770 -g docker /var/lib/shipper",
    ),
    (machine.state_folder, seen(machine=on(MACHINE, root=None, may_make_root=True)), "note", "the first deploy", ""),
    (
        machine.state_folder,
        seen(machine=on(MACHINE, root=on(SHARED, mode="755", group="root", is_usable=False))),
        "problem",
        "closed to deploy: mode 755, root:root",
        "install -d",
    ),
    (
        machine.state_folder,
        seen(machine=on(MACHINE, root=on(SHARED, mode="770"))),
        "warning",
        "another user who deploys may be locked out",
        "install -d",
    ),
    (machine.state_folder, seen(machine=on(MACHINE, user="root", root=on(SHARED, mode="755"))), "ok", "mode 755", ""),
    (
        machine.state_folder,
        seen(machine=on(MACHINE, state=on(SHARED, is_usable=False))),
        "problem",
        "/var/lib/shipper/shop: deploy cannot write there",
        "chgrp -R docker /var/lib/shipper/shop",
    ),
    (
        machine.state_folder,
        seen(machine=on(MACHINE, closed=("/var/lib/shipper/shop/lock",))),
        "problem",
        "/var/lib/shipper/shop/lock: deploy cannot write there",
        "chmod -R g+rwX",
    ),
    (machine.disk, seen(disks=(on(DISK, free=50_000_000),)), "problem", "50.0 MB of", "docker image prune"),
    (machine.disk, seen(disks=(on(DISK, free_inodes=9),)), "problem", "9 of 1000 inodes", "docker image prune"),
    (machine.disk, seen(disks=(on(DISK, inodes=0, free_inodes=0),)), "ok", "are free", ""),
    (machine.disk, seen(serving_size=6 * 10**9), "warning", "may need 12.0 GB", "docker image prune"),
    (machine.disk, seen(disks=(on(DISK, free=10**9),)), "warning", "1.0 GB of 20.0 GB", "docker image prune"),
    (
        machine.memory,
        seen(config=a_role(memory="8g")),
        "warning",
        "may use 8.6 GB together, and there are 4.0 GB",
        "roles.*.memory",
    ),
    (
        machine.memory,
        seen(config=a_role(memory="3g")),
        "warning",
        "the new one runs beside the old one",
        "roles.web.memory",
    ),
    (machine.memory, seen(config=a_role(memory="3g", strategy="recreate")), "ok", "roles may use 3.2 GB", ""),
    (
        machine.ports,
        seen(config=PUBLISHED, docker=on(DOCKER, published=(listening(8080, name="nginx"),))),
        "problem",
        "port 8080:80 of role web is published by another container: nginx",
        "docker stop nginx",
    ),
    (
        machine.ports,
        seen(config=PUBLISHED, machine=on(MACHINE, listening=(listening(8080, "127.0.0.1"),))),
        "problem",
        "held by a process that is no container",
        "ss -ltnp sport = :8080",
    ),
    (
        machine.ports,
        seen(
            config=PUBLISHED,
            machine=on(MACHINE, listening=(listening(8080),)),
            docker=on(DOCKER, published=(listening(8080, name="shop-web-r1", is_ours=True),)),
        ),
        "ok",
        "8080: held by nobody else",
        "",
    ),
    (
        machine.ports,
        seen(config=a_role(publish=["127.0.0.1:53:53/udp"]), machine=on(MACHINE, listening=(listening(53),))),
        "ok",
        "53",
        "",
    ),
    (machine.boot, seen(machine=on(MACHINE, boot="disabled")), "warning", "does not start at boot", "systemctl enable"),
    (machine.boot, seen(machine=on(MACHINE, boot="")), "note", "no systemd", ""),
    (machine.boot, seen(machine=on(MACHINE, boot="Failed to get unit file state")), "note", "knows no docker", ""),
    (service.freeze, seen(past=on(PAST, freeze=FREEZE)), "warning", "ann has frozen deploys until", "shipper unlock"),
    (
        service.freeze,
        seen(past=on(PAST, freeze=FREEZE), now=BEGUN + timedelta(hours=2)),
        "ok",
        "deploys are not frozen",
        "",
    ),
    (service.lock, seen(holder=HOLDER), "note", "bob since noon, for deploy of 2", "--wait"),
    (
        service.last_deploy,
        seen(is_unfinished=True, machine=on(MACHINE, last_entry={"at": "noon", "command": "rollback"})),
        "warning",
        "did not come to its end, at noon",
        "shipper rollback",
    ),
    (
        service.accessories,
        seen(config=WITH_DB, accessories=()),
        "note",
        "db was not booted here yet",
        "accessory boot db",
    ),
    (
        service.accessories,
        seen(
            config=a_config(accessories={"db": {"image": "postgres:17"}, "cache": {"image": "redis:8"}}), accessories=()
        ),
        "note",
        "db, cache were not booted here yet",
        "shipper accessory boot db cache",
    ),
    (
        service.accessories,
        seen(config=WITH_DB, accessories=(a_container(1, role="db", state=ContainerState.EXITED, exit_code=1),)),
        "warning",
        "db is exited, after exit code 1",
        "shipper accessory logs db, then shipper accessory boot db",
    ),
    (service.serving, seen(containers=(), past=past()), "note", "nothing was deployed here yet", "shipper deploy"),
    (
        service.serving,
        seen(containers=(ASIDE,), past=STOPPED),
        "note",
        "web was stopped by",
        "shipper start --role web",
    ),
    (service.serving, seen(containers=(ASIDE,)), "problem", "nothing serves for role web", "shipper logs"),
    (service.serving, seen(containers=(a_stopped(1),)), "problem", "nothing serves for role web", "shipper logs"),
    (
        service.serving,
        seen(containers=(ASIDE,), holder=HOLDER),
        "note",
        "while a deploy is under way",
        "shipper status --watch",
    ),
    (
        service.serving,
        seen(containers=(a_container(1, role="bot"),)),
        "warning",
        "role web was not deployed here yet",
        "shipper deploy",
    ),
    (
        service.serving,
        seen(containers=(a_container(1, health="unhealthy"),)),
        "problem",
        "its HEALTHCHECK fails",
        "shipper logs --role web --release 1",
    ),
    (
        service.serving,
        seen(containers=(a_container(1, health="unhealthy"),), config=a_role(gate={"tcp": 80})),
        "warning",
        "its HEALTHCHECK fails, which roles.web.gate does not ask",
        "shipper logs --role web --release 1",
    ),
    (
        service.serving,
        seen(containers=(a_container(1, state=ContainerState.RESTARTING, restarts=7),)),
        "problem",
        "is restarting, after 7 restarts",
        "shipper logs",
    ),
    (service.serving, seen(containers=(a_container(1, restarts=3),)), "warning", "again 3 times", "shipper logs"),
    (
        service.memory_kills,
        seen(containers=(a_stopped(1, exit_code=137, out_of_memory=True),)),
        "warning",
        "killed for want of memory",
        "roles.web.memory",
    ),
    (
        service.stops,
        seen(containers=(DEAF,)),
        "warning",
        "did not end within its stop_timeout",
        "roles.web.stop_timeout",
    ),
    (
        service.stops,
        seen(containers=(DEAF,), config=a_role(init=False)),
        "warning",
        "killed (137)",
        "roles.web.init: true",
    ),
    (
        service.marks,
        seen(containers=(ASIDE,)),
        "warning",
        "was set aside",
        "shipper deploy",
    ),
    (
        service.rollback,
        seen(containers=(a_container(2),), past=past(a_release(1), a_release(2, replaces=1))),
        "ok",
        "goes to release 1",
        "",
    ),
    (
        service.rollback,
        seen(containers=(a_container(2),), past=past(a_release(1), a_release(2, replaces=1), absent_images=(1,))),
        "warning",
        "the image of release 1, where a rollback goes, is gone",
        "shipper deploy 1111111",
    ),
    (
        service.rollback,
        seen(containers=(a_container(2),), past=past(a_release(2, replaces=1))),
        "warning",
        "has no record any more",
        "retain",
    ),
    (service.images, seen(past=on(PAST, absent_images=(1,))), "note", "no image any more: release 1 of 1", "cron"),
    (service.registry, seen(registry="denies"), "note", "docker.io denies shop", "shipper push"),
    (service.registry, seen(registry="lacks"), "ok", "does not have the image yet", ""),
    (service.secrets, seen(absent_secrets=("TOKEN",)), "problem", "no value for TOKEN", "config/secrets.env"),
    (
        service.secrets,
        seen(config=a_config(secrets={"KEY": {"file": "config/key"}}), absent_secrets=("KEY",)),
        "problem",
        "no value for KEY",
        "Put KEY into the file config/key",
    ),
    (
        service.secrets,
        seen(absent_secrets=("TOKEN",), past=on(PAST, secret_names=frozenset({"TOKEN"}))),
        "note",
        "taken from the release that serves: TOKEN",
        "",
    ),
]


@pytest.mark.parametrize(("check", "facts", "level", "what", "next"), CASES)
def test_a_check_of_a_host_says_what_is_the_matter_and_how_to_mend_it(
    check: Callable[[Seen], Iterator[Verdict]], facts: Seen, level: str, what: str, next: str
) -> None:
    (verdict,) = check(facts)

    assert (verdict.level.value, what in verdict.what, next in verdict.next) == (level, True, True), verdict


def test_what_somebody_stopped_is_not_taken_for_what_a_deploy_left() -> None:
    assert list(service.marks(seen(containers=(ASIDE,), past=STOPPED))) == []


def test_what_was_mended_by_a_later_container_is_no_news() -> None:
    assert list(service.stops(seen(containers=(DEAF, LATER)))) == []


@pytest.mark.parametrize("check", [*way.CHECKS, *docker.CHECKS, *machine.CHECKS, *service.CHECKS])
def test_a_check_is_silent_about_what_could_not_be_looked_at(check: Callable[[Seen], Iterator[Verdict]]) -> None:
    blind = seen(way=None, machine=None, docker=None, disks=(), containers=None, image=None, past=None)

    assert list(check(blind)) == []


NAMELESS = {"commit": "", "version": ""}
HERE_CASES: list[tuple[Callable[[Here], Iterator[Verdict]], dict[str, Any], str, str, str]] = [
    (here.checkout, {**NAMELESS, "nameless": Lacking.GIT}, "problem", "no git", "apt-get install git"),
    (here.checkout, {**NAMELESS, "nameless": Lacking.REPOSITORY}, "problem", "in no Git repository", "git init"),
    (here.checkout, {**NAMELESS, "nameless": Lacking.COMMIT}, "problem", "has no commit yet", "git add --all"),
    (
        here.checkout,
        {**NAMELESS, "nameless": Lacking.REPOSITORY, "version": "1.27"},
        "note",
        "in no Git repository",
        "git init",
    ),
    (
        here.notify,
        {"config": a_config(notify={"page": {"apprise": {"env": "PAGE_URL"}}}), "mute_notifiers": ("page",)},
        "warning",
        "the notifier page is told nothing",
        "Set PAGE_URL",
    ),
    (here.checkout, {"is_dirty": True}, "note", "uncommitted changes", "git status"),
    (here.dockerfile, {"dockerfile": "there is no Dockerfile"}, "problem", "there is no Dockerfile", "git add"),
    (here.build, {"builder": NO_DOCKER, "lacking": (A,)}, "problem", f"the image is not on {A}", "Install Docker"),
    (here.build, {"builder": NO_DOCKER}, "note", "no image must be built now", "Install Docker"),
    (here.build, {"builder": Builder(version=28, platform="linux/amd64")}, "note", "no buildx", "buildx"),
    (
        here.healthcheck,
        {"config": a_role(gate={"healthcheck": True}), "image": an_image()},
        "problem",
        "the image has no HEALTHCHECK",
        "Dockerfile",
    ),
    (
        here.secrets_files,
        {"private_files": (PrivateFile(name="config/secrets.env", is_open=True),)},
        "warning",
        "others on this machine may read",
        "chmod 600 config/secrets.env",
    ),
    (here.names_of_secrets, {"unread_names": ("BOT_TOEKN",)}, "note", "reads BOT_TOEKN", "in config/secrets.env"),
    (here.ssh_key, {"key": KeyFile(name="$KEY", is_there=False)}, "problem", "nothing is in $KEY", "Set KEY to"),
    (
        here.ssh_key,
        {"key": KeyFile(name="keys/deploy", is_there=True, is_open=True)},
        "warning",
        "may read keys/deploy",
        "chmod 600",
    ),
    (here.known_hosts, {"has_pinned": False}, "note", "are pinned", f"shipper trust {A}"),
    (here.known_hosts, {"tracks_pinned": False}, "note", "not tracked", "git add config/known_hosts"),
    (here.hooks, {"hooks": (Hook(name="pre-deploy", program="bin/x"),)}, "problem", "no program bin/x", "chmod +x"),
    (
        here.pending_updates,
        {"dropping": ("bot/main.py:3:    await bot.delete_webhook(drop_pending_updates=True)",)},
        "warning",
        "bot/main.py:3 drops pending updates",
        "Leave drop_pending_updates out",
    ),
    (
        here.pending_updates,
        {"dropping": ("bot/main.py:3:  # drop_pending_updates=True", "tests/test_bot.py:1:drop_pending_updates=True")},
        "ok",
        "no code throws away",
        "",
    ),
]


@pytest.mark.parametrize(("check", "changed", "level", "what", "next"), HERE_CASES)
def test_a_check_of_this_machine_says_what_is_the_matter_and_how_to_mend_it(
    check: Callable[[Here], Iterator[Verdict]], changed: dict[str, Any], level: str, what: str, next: str
) -> None:
    (verdict,) = check(replace(HERE_SEEN, **changed))

    assert (verdict.level.value, what in verdict.what, next in verdict.next) == (level, True, True), verdict


@pytest.mark.parametrize(
    ("check", "role", "level", "what", "next"),
    [
        (settings.gates, {"gate": {"tcp": 80, "deadline": "3s"}}, "note", "one probe may take 5 s", "timeout"),
        (settings.gates, {"gate": {"settle": "2s"}}, "note", "asks nothing", "HEALTHCHECK"),
        (settings.stopping, {"init": False}, "note", "ignores SIGTERM", "init: true"),
        (settings.stopping, {"init": False, "command": "a && b"}, "warning", "does not reach the program", "exec"),
        (settings.stopping, {"stop_timeout": "500ms"}, "warning", "is cut off", "10s"),
        (settings.log_size, {"logging": {"options": {"labels": "x"}}}, "warning", "until the disk is full", "max-size"),
        (settings.log_size, {"logging": {"driver": "journald"}}, "ok", "", ""),
        (settings.pauses, {"publish": ["80:80"]}, "note", "pauses during each deploy", ""),
    ],
)
def test_a_check_of_the_config_says_what_contradicts_itself(
    check: Callable[[Meant], Iterator[Verdict]], role: dict[str, Any], level: str, what: str, next: str
) -> None:
    (verdict,) = check(Meant(config=a_role(**role), role_names=("web",)))

    assert (verdict.level.value, what in verdict.what, next in verdict.next) == (level, True, True), verdict


def test_whatever_is_not_well_says_how_to_mend_it() -> None:
    verdicts = [verdict for check, facts, *_ in CASES for verdict in check(facts)]
    verdicts += [verdict for check, changed, *_ in HERE_CASES for verdict in check(replace(HERE_SEEN, **changed))]

    mute = [
        verdict.what for verdict in verdicts if verdict.level in (Level.WARNING, Level.PROBLEM) and not verdict.next
    ]
    assert mute == []


def test_what_was_stopped_on_purpose_is_no_trace_of_a_deploy_that_died() -> None:
    assert not list(service.marks(seen(containers=(ASIDE,), past=STOPPED)))


TOLD = """@user
deploy
@missing
flock
@root
2770 root docker yes
@parent
@state
2750 ann docker no
@closed
/var/lib/shipper/shop/lock
@memory
MemTotal:        4000 kB
MemAvailable:    3000 kB
@boot
enabled
@journal
{"event": "deploy"
@listening
./tcp:   0: 0100007F:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 1
./tcp6:   1: 00000000000000000000000000000000:0050 00000000000000000000000000000000:0000 0A 0:0 0:0 0 0 0 2
./udp:   2: 00000000:0035 00000000:0000 07 00000000:00000000 00:00000000 00000000     0        0 3
"""


def test_what_a_server_prints_is_read_section_by_section() -> None:
    told = machine_of(TOLD)

    assert (told.user, told.missing) == ("deploy", ("flock",))
    assert told.root == SHARED
    assert told.state == Folder(mode="2750", owner="ann", group="docker", is_usable=False)
    assert (told.may_make_root, told.closed) == (False, ("/var/lib/shipper/shop/lock",))
    assert (told.memory, told.available_memory, told.boot) == (4_096_000, 3_072_000, "enabled")
    assert told.last_entry == {}
    assert [(there.address, there.port, there.protocol) for there in told.listening] == [
        ("127.0.0.1", 8080, "tcp"),
        ("", 80, "tcp"),
        ("", 53, "udp"),
    ]


def test_a_server_that_prints_nothing_is_not_taken_for_one_that_is_well() -> None:
    told = machine_of("")

    assert (told.user, told.root, told.state, told.memory, told.boot) == ("", None, None, 0, "")


def test_an_address_of_ipv4_within_ipv6_is_one_of_ipv4() -> None:
    (there,) = listening_of(["./tcp6: 0: 0000000000000000FFFF00000100007F:0016 0:0000 0A 0"])

    assert there.address == "127.0.0.1"


DF = """Filesystem     1024-blocks    Used Available Capacity Mounted on
/dev/sda1          1000     400       600      40% /
Filesystem     Inodes IUsed IFree IUse% Mounted on
/dev/sda1          {inodes}
"""


@pytest.mark.parametrize(
    ("output", "inodes"),
    [
        (DF.format(inodes="100 40 60 40% /"), (100, 60)),
        (DF.format(inodes="0 0 0 - /"), (0, 0)),
        (DF.partition("Filesystem     Inodes")[0], (0, 0)),
    ],
)
def test_df_is_read_also_where_there_are_no_inodes(output: str, inodes: tuple[int, int]) -> None:
    disk = disk_of("/var/lib/docker", output)

    assert disk
    assert (disk.size, disk.free) == (1_024_000, 614_400)
    assert (disk.inodes, disk.free_inodes) == inodes


def test_a_df_that_says_nothing_is_no_disk() -> None:
    assert disk_of("/var/lib/docker", "df: /var/lib/docker: No such file or directory\n") is None


def test_ports_of_containers_are_told_with_who_publishes_them() -> None:
    version = {"Version": "28.0.1", "Os": "linux", "Arch": "arm64"}
    info = {
        "Driver": "overlayfs",
        "DriverStatus": [["driver-type", "io.containerd.snapshotter.v1"]],
        "DockerRootDir": "/d",
        "MemoryLimit": True,
    }
    port = {"IP": "0.0.0.0", "PrivatePort": 80, "PublicPort": 8080, "Type": "tcp"}
    containers = [
        {"Names": ["/shop-web"], "Labels": {"shipper.service": "shop"}, "Ports": [port]},
        {"Names": ["/other"], "Labels": None, "Ports": [{"PrivatePort": 90, "Type": "tcp"}]},
    ]

    told = docker_of(version, info, containers, "shop")

    assert (told.platform, told.is_containerd) == ("linux/arm64", True)
    assert told.published == (listening(8080, name="shop-web", is_ours=True),)


def finding(level: Level, check: str, host: str = A, next: str = "") -> Finding:
    return Finding(host_name=host, check=check, level=level, what=f"what {check} says", next=next)


FOUND = (
    finding(Level.OK, "python", HERE),
    finding(Level.OK, "login"),
    finding(Level.NOTE, "boot"),
    finding(Level.PROBLEM, "disk", next="docker image prune --all"),
    finding(Level.OK, "clock"),
)


def lines(*, verbose: bool = False, quiet: bool = False, width: int = 200) -> list[str]:
    return [line for _, line in finding_lines(FOUND, width, verbose=verbose, quiet=quiet)]


def test_what_is_not_well_comes_first_and_what_is_well_takes_one_line() -> None:
    assert lines() == [
        "here",
        "  ok       python",
        "a.example",
        "  problem  disk: what disk says",
        "           → docker image prune --all",
        "  note     boot: what boot says",
        "  ok       login, clock",
        "Looked here and on 1 host: 1 problem, 1 note, 3 ok.",
    ]


def test_verbose_tells_what_is_well_with_its_figures() -> None:
    assert lines(verbose=True)[-3:-1] == ["  ok       login: what login says", "  ok       clock: what clock says"]


def test_a_deploy_is_said_to_be_free_to_go_only_where_nothing_warns_of_it() -> None:
    assert summary([finding(Level.OK, "login"), finding(Level.NOTE, "boot")]).endswith("is in the way of a deploy.")
    assert summary([finding(Level.OK, "login"), finding(Level.WARNING, "freeze")]).endswith(": 1 warning, 1 ok.")


def test_quiet_tells_what_is_to_be_mended_and_nothing_else() -> None:
    assert lines(quiet=True) == [
        "a.example",
        "  problem  disk: what disk says",
        "           → docker image prune --all",
        "Looked here and on 1 host: 1 problem, 1 note, 3 ok.",
    ]


def test_lines_are_folded_at_the_width_of_the_terminal_between_words() -> None:
    assert lines(width=29)[3:8] == [
        "  problem  disk: what disk",
        "           says",
        "           → docker image",
        "             prune --all",
        "  note     boot: what boot",
    ]


def test_a_look_that_failed_is_told_without_the_host_twice() -> None:
    error = ConfigError(f"{A}: it is closed.")

    told = failed(A, "login", error, otherwise="ssh there")

    assert (told.level, told.what, told.next) == (Level.PROBLEM, "it is closed.", "ssh there")
