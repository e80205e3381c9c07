"""What serves is restarted, stopped and started; and deploys of a part: one role, or one host."""

from collections.abc import Iterator

import pytest

from tests.integration.conftest import Project
from tests.integration.visiting import visitor
from tests.machines import Machine, machine

NOBODY = "127.0.0.9:9"
"""A host that does not answer."""


@pytest.fixture(scope="module")
def second() -> Iterator[Machine]:
    with machine("other") as made:
        made.run("install -d -m 2770 -g docker /var/lib/shipper")
        yield made


def test_a_restart_leaves_no_gap_and_changes_nothing_but_the_container(project: Project) -> None:
    nothing = project.shipper("restart")
    assert nothing.exit_code == 18
    assert f"Nothing of {project.service} serves or was stopped on {project.host_name}" in nothing.errors
    project.deploy()
    before = project.serving
    assert project.shipper("lock", "holidays").exit_code == 0

    with visitor(project):
        result = project.shipper("restart")

    assert result.exit_code == 0, result.everything
    after = project.serving
    assert after["Id"] != before["Id"]
    assert [c["Config"]["Labels"]["shipper.release"] for c in (before, after)] == ["1", "1"]
    assert (after["Config"]["Env"], after["Image"]) == (before["Config"]["Env"], before["Image"])
    assert [row["outcome"] for row in project.shipper("history", "--json").json] == ["deployed", "restarted"]


def test_what_is_stopped_stays_so_over_a_reboot_and_a_deploy_that_fails_until_it_is_started(project: Project) -> None:
    project.configure("singleton: true")
    project.commit()
    project.deploy()
    assert project.shipper("stop").exit_code == 2, "nobody is there to ask"

    stopped = project.shipper("stop", "--yes", "--json")
    project.server.reboot()

    assert stopped.events[-1]["outcome"]["kind"] == "stopped", stopped.everything
    (row,) = project.shipper("status", "--json").json[0]["roles"]
    assert (row["health"], row["stopped"], row["container"]["release_number"]) == ("stopped", True, 1)
    assert "  stopped  " in project.shipper("status").output
    assert project.shipper("stop", "--yes").output.endswith("nothing was done.\n")
    told = project.shipper("doctor").output
    assert "role web was stopped by somebody who wanted it\n           → shipper start --role web\n" in told
    assert "set aside" not in told

    project.write("config/env.j2", "MODE=exits\n")
    project.commit()
    failed = project.shipper("deploy")
    assert failed.exit_code == 20, failed.everything
    assert ", because it was stopped\n" in failed.output
    assert project.containers() == []

    assert project.shipper("start").exit_code == 0
    assert project.serving["Config"]["Labels"]["shipper.release"] == "1"
    assert project.answer() == "version 1"
    assert project.shipper("start").output.endswith("serves already; nothing was done.\n")


def serving(project: Project) -> dict[str, int]:
    hosts = project.shipper("status", "--json", *between(project)).json
    rows = [row for host in hosts for row in host["roles"]]
    return {f"{row['role_name']} on {row['host_name']}": row["container"]["release_number"] for row in rows}


def between(project: Project) -> list[str]:
    """Options that leave out the host that does not answer."""
    hosts = project.opened().config.hosts
    return [word for name in hosts if name != NOBODY for word in ("--host", name)]


def test_a_part_is_deployed_and_rolled_back_and_a_deploy_of_all_brings_it_together(
    project: Project, second: Machine
) -> None:
    here, there = project.server.address, second.address
    second.accept(project.server)
    project.write("config/known_hosts", f"{project.server.host_key}\n{second.host_key}\n")
    gate = "{http: {port: 8080, path: /up}, deadline: 3s, interval: 50ms, settle: 50ms}"
    cron = f"cron: {{hosts: [{there}], singleton: true, gate: {gate}, stop_timeout: 2s}}"

    def configure(*hosts: str) -> None:
        project.configure()
        config = (project.folder / "config/deploy.yaml").read_text()
        project.write("config/deploy.yaml", config.replace(f"[{here}]", f"[{', '.join(hosts)}]") + f"  {cron}\n")
        project.commit()

    configure(here, there)
    project.deploy()
    configure(here, there, NOBODY)
    project.version("version 2")

    refused = project.shipper("deploy")
    assert refused.exit_code == 10
    assert refused.errors.endswith("To leave it out for now, name the other hosts: --host HOST\n"), refused.everything
    only_there = project.deploy("--host", there, "--role", "web")
    assert f"(role web only; on {there} only) replaces release 1 of" in only_there.output
    restarted = project.shipper("restart", "--host", there)
    assert restarted.exit_code == 0, restarted.everything
    assert serving(project) == {f"web on {here}": 1, f"web on {there}": 2, f"cron on {there}": 1}

    back = project.shipper("rollback", "--role", "web", "--host", there)
    assert back.exit_code == 0, back.everything
    assert set(serving(project).values()) == {1}

    project.version("version 3")
    project.deploy("--host", here)  # cannot see that release 2 is something else there
    configure(here, there)
    two_things = project.shipper("rollback", "2")
    assert two_things.exit_code == 18
    assert "Release 2 is not the same everywhere: " in two_things.errors

    project.deploy()
    assert set(serving(project).values()) == {3}
    assert project.shipper("plan", "--json").json["empty"]
