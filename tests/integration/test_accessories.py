"""What runs beside the service: booted, changed, cut off, backed up and restored; and what deploys leave alone."""

import os
import signal
import stat
from collections.abc import Iterator
from typing import Any

import pytest

from tests.hub import hub
from tests.integration.conftest import Project
from tests.integration.waiting import eventually
from tests.machines import Machine

PASSWORD = "correct-horse-battery"
DATABASE = """
secrets: { PASSWORD: , LIMIT: }
accessories:
  database:
    image: postgres:17
    env: { POSTGRES_USER: shop, POSTGRES_PASSWORD_FILE: /run/secrets/password }
    files: { /run/secrets/password: { secret: PASSWORD, mode: "0400", owner: "999:999" } }
    volumes: ["SERVICE-data:/var/lib/postgresql/data"]
    gate: { command: "pg_isready --host 127.0.0.1 --username shop", deadline: 60s, settle: 50ms }
    backup: ${BACKUP:-pg_dump --format=custom --username shop shop}
    restore: pg_restore --clean --if-exists --single-transaction --exit-on-error --username shop --dbname shop
  cache:
    image: redis:8
    after: [database]
    publish: ["7070:6379"]
    gate: { tcp: 6379, settle: 50ms }
"""
CACHE = """
secrets: { LIMIT: }
accessories:
  cache:
    image: ${IMAGE:-redis:8}
    env: { LIMIT: { secret: LIMIT } }
    files: { /etc/rules: { source: rules } }
    volumes: ["SERVICE-cache:/data"]
    gate: { command: "${GATE:-redis-cli ping}", deadline: 2s, interval: 50ms, settle: 50ms }
    stop_timeout: 5s
"""


@pytest.fixture(scope="module", autouse=True)
def _hub(server: Machine) -> Iterator[None]:
    with hub(server):
        yield


def with_accessories(project: Project, section: str) -> None:
    project.configure("stop_timeout: 1s")
    config = (project.folder / "config/deploy.yaml").read_text()
    project.write("config/deploy.yaml", config + section.replace("SERVICE", project.service))
    project.write("rules/first", "one")
    project.write("rules/of/second", "two")
    project.commit()
    project.environ |= {"PASSWORD": PASSWORD, "LIMIT": "a-hundred"}


def named(project: Project, name: str) -> dict[str, Any]:
    """What Docker tells of the container of an accessory; without an Id where there is none."""
    found: dict[str, Any] = project.server.engine("GET", f"/containers/{project.service}-{name}/json")
    return found


def ids(project: Project) -> dict[str, str]:
    """Of all accessories that run, be it a left over one."""
    made = {container["Name"].lstrip("/"): container for container in project.containers()}
    return {name: one["Id"] for name, one in made.items() if "shipper.accessory" in one["Config"]["Labels"]}


def sql(project: Project, statement: str) -> str:
    command = ("psql", "--username=shop", "--no-align", "--tuples-only", "--command", statement)
    ran = project.shipper("accessory", "exec", "database", "--", *command)
    assert ran.exit_code == 0, ran.everything
    return ran.output


def test_a_database_is_booted_once_left_alone_by_deploys_backed_up_and_restored(project: Project) -> None:
    with_accessories(project, DATABASE)
    host, service = project.host_name, project.service

    early = project.shipper("plan")
    planned = project.shipper("accessory", "boot", "--plan")
    booted = project.shipper("accessory", "boot", "cache")

    warned = f"warning: {host}: the accessories database, cache do not run: shipper accessory boot database cache\n"
    assert (early.exit_code, early.errors) == (0, warned)
    assert f"{host}  cache     create   {service}-cache, because it was not there\n" in planned.output
    assert booted.exit_code == 0, booted.everything
    assert f"{service}: database and cache are well" in booted.output  # since it waits for that
    there = ids(project)
    assert there.keys() == {f"{service}-database", f"{service}-cache"}
    database = named(project, "database")
    assert database["HostConfig"]["RestartPolicy"]["Name"] == "always"
    assert PASSWORD not in str(database["Config"])
    assert named(project, "cache")["HostConfig"]["PortBindings"]["6379/tcp"][0]["HostIp"] == "127.0.0.1"

    again = project.shipper("accessory", "boot")
    assert again.output.splitlines()[1:] == [
        f"{service}: database and cache run as the config says; nothing was done.",
        f"  database on {host}: unchanged, because it runs as the config says",
        f"  cache on {host}: unchanged, because it runs as the config says",
    ]
    project.deploy()
    assert ids(project) == there
    (status,) = project.shipper("status", "--json").json
    assert [(one["name"], one["health"], one["changed"]) for one in status["accessories"]] == [
        ("database", "healthy", False),
        ("cache", "healthy", False),
    ]
    assert [one["role_name"] for one in status["roles"]] == ["web"]
    logs = project.shipper("accessory", "logs", "database", "--grep", "ready to accept connections", "-n", "1")
    assert logs.output.startswith("database | ")

    sql(project, "create table orders (number int); insert into orders select generate_series(1, 20000)")
    file = project.folder.parent / "orders.dump"
    kept = project.shipper("accessory", "backup", "database", str(file))
    assert kept.exit_code == 0, kept.everything
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert sql(project, "delete from orders") == "DELETE 20000\n"

    torn = project.folder.parent / "torn.dump"
    torn.write_bytes(file.read_bytes()[:-5000])
    failed = project.shipper("accessory", "restore", "database", str(torn), "--yes")
    assert failed.exit_code == 24
    assert "error: restore of database failed with exit code 1: pg_restore: error: " in failed.errors
    assert sql(project, "select count(*) from orders") == "0\n"
    restored = project.shipper("accessory", "restore", "database", str(file), "--yes")
    assert restored.exit_code == 0, restored.everything
    assert sql(project, "select count(*) from orders") == "20000\n"

    broken = "echo some; echo no such database >&2; exit 3"
    lost = project.shipper("accessory", "backup", "database", "../lost.dump", BACKUP=broken)
    assert (lost.exit_code, "exit code 3: no such database" in lost.errors) == (24, True)
    assert not [path for path in project.folder.parent.iterdir() if "lost" in path.name]
    empty = project.shipper("accessory", "backup", "database", "../lost.dump", BACKUP="false | cat")
    assert (empty.exit_code, "backup of database printed nothing" in empty.errors) == (24, True)
    assert not (project.folder.parent / "lost.dump").exists()
    within = project.shipper("accessory", "backup", "database")
    assert (within.exit_code, "would not be ignored by Git" in within.errors) == (2, True)

    gone = project.shipper("remove", "--volumes", "--yes")
    assert gone.exit_code == 0, gone.everything
    assert f"container  {service}-database" in gone.errors
    assert project.containers(running=False) == []
    assert project.server.engine("GET", f"/volumes/{service}-data")["message"]


def test_what_changed_is_replaced_and_the_old_one_runs_again_where_its_successor_fails(project: Project) -> None:
    with_accessories(project, CACHE)
    assert project.shipper("accessory", "boot").exit_code == 0
    first = named(project, "cache")
    rules = project.shipper("accessory", "exec", "cache", "--", "cat", "/etc/rules/first", "/etc/rules/of/second")
    assert rules.output == "onetwo"
    assert project.shipper("accessory", "exec", "cache", "--", "sh", "-c", "exit 7").exit_code == 7

    (status,) = project.shipper("status", "--json", IMAGE="redis:9").json
    assert status["accessories"][0]["changed"]
    project.write("rules/first", "changed")
    failed = project.shipper("accessory", "boot", GATE="echo not yet: $LIMIT; false")
    assert failed.exit_code == 20, failed.everything
    assert "exit code 1 not yet: •••" in failed.output
    assert f"The container of cache that was there runs on {project.host_name}." in failed.output
    assert "Ready to accept connections" in failed.output  # its last lines
    assert ids(project) == {f"{project.service}-cache": first["Id"]}
    assert named(project, "cache")["HostConfig"]["RestartPolicy"]["Name"] == "always"

    replaced = project.shipper("accessory", "boot", "--json", LIMIT="another")
    assert replaced.events[-1]["ends"][0]["verb"] == "replaced"
    assert ids(project).keys() == {f"{project.service}-cache"}
    second = named(project, "cache")
    assert second["Id"] != first["Id"]
    restarted = project.shipper("accessory", "restart", "cache", LIMIT="another")
    assert restarted.exit_code == 0, restarted.everything
    assert named(project, "cache")["Id"] == second["Id"]
    assert named(project, "cache")["State"]["StartedAt"] > second["State"]["StartedAt"]


def test_a_restore_that_is_stopped_is_not_taken_for_a_whole_one(project: Project) -> None:
    restore = "touch /data/begun; cat | cat >/data/copy; touch /data/whole"
    with_accessories(project, CACHE + f'    restore: "{restore}"\n')
    assert project.shipper("accessory", "boot").exit_code == 0
    file = project.folder.parent / "large.dump"
    file.touch()

    def inside(command: str) -> str:
        return project.shipper("accessory", "exec", "cache", "--", "sh", "-c", command).output

    for signal_number, exit_code in ((signal.SIGINT, 130), (signal.SIGKILL, -signal.SIGKILL)):
        os.truncate(file, 2_000_000_000)
        inside("rm -f /data/*")
        with project.start("accessory", "restore", "cache", str(file), "--yes") as process:
            eventually(lambda: "begun" in inside("ls /data"), "the restore reads", within=20)
            process.send_signal(signal_number)
            assert process.wait(30) == exit_code
        eventually(lambda: "cat" not in inside("ps -o args"), "the restore has ended", within=20)
        assert "whole" not in inside("ls /data")

    os.truncate(file, 2_000_000)
    assert project.shipper("lock", "the data are being mended").exit_code == 0
    refused = project.shipper("accessory", "restore", "cache", str(file), "--yes")
    assert (refused.exit_code, "with --force it is restored all the same" in refused.errors) == (32, True)
    assert "whole" not in inside("ls /data")
    removed = project.shipper("accessory", "remove", "cache", "--yes")
    assert (removed.exit_code, ": the data are being mended\n" in removed.errors) == (32, True)
    assert project.shipper("accessory", "restore", "cache", str(file), "--yes", "--force").exit_code == 0
    assert inside("ls /data; wc -c </data/copy") == "begun\ncopy\nwhole\n2000000\n"
    assert project.shipper("unlock").exit_code == 0


def test_data_in_a_volume_that_nobody_named_stays_when_the_container_is_replaced(project: Project) -> None:
    with_accessories(project, CACHE)
    assert project.shipper("accessory", "boot").exit_code == 0
    image = f"{project.service}:keeps"
    project.server.docker(
        "commit", "--change", "USER root", "--change", "VOLUME /kept", f"{project.service}-cache", image
    )
    assert project.shipper("accessory", "boot", IMAGE=image).exit_code == 0
    write, read = ("sh", "-c", "echo mine >/kept/data"), ("cat", "/kept/data")
    assert project.shipper("accessory", "exec", "cache", "--", *write).exit_code == 0

    for limit in ("another", "one more"):
        replaced = project.shipper("accessory", "boot", "--json", IMAGE=image, LIMIT=limit)
        assert replaced.events[-1]["ends"][0]["verb"] == "replaced"
        assert project.shipper("accessory", "exec", "cache", "--", *read).output == "mine\n"


def test_two_destinations_of_a_server_do_not_write_into_one_volume(project: Project) -> None:
    with_accessories(project, CACHE)
    project.write("config/deploy.staging.yaml", "retain: 2\n")
    project.commit()
    assert project.shipper("accessory", "boot").exit_code == 0

    second = project.shipper("accessory", "boot", "-d", "staging")
    own = f'accessories: {{ cache: {{ volumes: ["{project.service}-staging:/data"] }} }}\n'
    project.write("config/deploy.staging.yaml", own)
    apart = project.shipper("accessory", "boot", "-d", "staging")

    assert second.exit_code == 2, second.everything
    assert f"{project.service}-cache, which is not of {project.service}-staging, runs on" in second.errors
    assert apart.exit_code == 0, apart.everything
    assert project.shipper("remove", "-d", "staging", "--volumes", "--yes").exit_code == 0


def test_a_boot_that_is_killed_is_healed_by_the_same_command(project: Project) -> None:
    with_accessories(project, CACHE)
    assert project.shipper("accessory", "boot").exit_code == 0

    for moment in ("once the old one is set aside", "while the new one is gated"):
        first, value = named(project, "cache")["Id"], moment.replace(" ", "-")

        def has_come(moment: str = moment, first: str = first) -> bool:
            if moment == "while the new one is gated":
                return bool(named(project, "cache").get("Id", first) != first)
            return "Id" in named(project, "cache-before")

        with project.start("accessory", "boot", LIMIT=value, GATE="false") as process:
            eventually(has_come, moment, within=20, every=0.005)
            process.kill()
        healed = project.shipper("accessory", "boot", "--wait", "20", LIMIT=value)

        assert healed.exit_code == 0, healed.everything
        assert ids(project).keys() == {f"{project.service}-cache"}
        assert named(project, "cache")["Id"] != first
        assert len(project.containers(running=False)) == 1


def test_an_image_that_only_this_machine_has_is_shipped_and_what_the_config_names_no_more_can_be_removed(
    project: Project, laptop: Machine
) -> None:
    with_accessories(project, CACHE)
    sample = f"{project.service}:{project.git('rev-parse', 'HEAD')}"
    laptop.docker("tag", sample, f"beside-{project.service}:1")
    own = {"IMAGE": f"beside-{project.service}:1", "GATE": "wget -q -O /dev/null http://127.0.0.1:8080/up"}

    nowhere = project.shipper("accessory", "boot", IMAGE="nowhere:1")
    booted = project.shipper("accessory", "boot", **own)
    project.configure(f"volumes: ['{project.service}-cache:/srv']")
    shared = project.shipper("accessory", "remove", "cache", "--volumes", "--yes")
    project.configure()
    removed = project.shipper("accessory", "remove", "cache", "--yes", "--json")

    assert nowhere.exit_code in (6, 7), nowhere.everything
    assert "nowhere:1" in nowhere.errors
    assert booted.exit_code == 0, booted.everything
    assert "ship" in booted.output
    assert (shared.exit_code, f"The volume {project.service}-cache is that of web too." in shared.errors) == (2, True)
    (there,) = removed.json
    assert there["kept_volumes"] == [f"{project.service}-cache"]
    assert project.containers(running=False) == []
    unknown = project.shipper("accessory", "remove", "cache", "--yes")
    assert (unknown.exit_code, "neither in the config nor on" in unknown.errors) == (2, True)
