"""`shipper doctor` against real machines: what is well, what is not, and that one sick host hides no other."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from shipper.hosts.session import connected
from shipper.operations.deployment import holding, ignore
from tests.integration.conftest import Project, Result
from tests.machines import Machine, machine

PROBLEM = 40
EXPECTED_NOTES = {"docker", "build", "boot", "rollback"}
"""Of throwaway machines: an old Docker, no buildx, no systemd; and of a first deploy."""


@pytest.fixture(scope="module")
def poor(_parts: None) -> Iterator[Machine]:
    """Nobody has prepared it, it has no Docker, and its sshd forbids what can be forbidden."""
    with machine("poor", docker=False, sshd="AllowTcpForwarding no\nMaxSessions 2") as made:
        yield made


def levels(result: Result, host: str, *wanted: str) -> dict[str, str]:
    """What was found at one of these levels: check → what it says."""
    return {
        finding["check"]: finding["what"]
        for finding in result.json
        if finding["host_name"] == host and finding["level"] in wanted
    }


def hosts(project: Project, *names: str) -> None:
    config = (project.folder / "config/deploy.yaml").read_text()
    listed = ", ".join(f'"{name}"' for name in names)
    project.write("config/deploy.yaml", config.replace(f"hosts: [{project.host_name}]", f"hosts: [{listed}]"))


def snapshot(project: Project) -> list[object]:
    state = sorted(path for path in project.state.rglob("*"))
    return [[(str(path), path.stat().st_mtime_ns) for path in state], project.containers(running=False)]


def test_a_host_that_serves_is_well_and_one_that_is_down_beside_it_hides_nothing(project: Project) -> None:
    gate = "gate: {http: {port: 8080, path: /up}, deadline: 10s, interval: 50ms, settle: 50ms}"
    project.configure(gate)
    project.commit()
    project.deploy()
    down = f"{project.host_name}:2"
    hosts(project, project.host_name, down)
    project.commit()
    before = snapshot(project)

    result = project.shipper("doctor", "--json")

    assert result.exit_code == PROBLEM, result.everything
    assert levels(result, down, "problem", "warning") == {
        "login": "the connection was refused: no sshd listens on port 2."
    }
    for host in (project.host_name, "here"):
        assert levels(result, host, "problem", "warning") == {}
        assert levels(result, host, "note").keys() <= EXPECTED_NOTES
    well = levels(result, project.host_name, "ok")
    assert well.keys() >= {"login", "clock", "forwarding", "tunnel", "sessions", "programs", "state folder", "disk"}
    assert well["serving"].startswith(f"{project.service}-web-r1-")
    assert snapshot(project) == before
    shown = project.shipper("doctor", "--host", project.host_name)
    assert shown.exit_code == 0, shown.everything
    assert "Nothing is in the way of a deploy." in shown.output


def test_a_server_that_nobody_has_prepared_is_told_all_that_it_lacks_at_once(project: Project, poor: Machine) -> None:
    project.move(poor)
    project.commit()

    result = project.shipper("doctor", "--json")

    assert result.exit_code == PROBLEM, result.everything
    found = levels(result, poor.address, "problem")
    assert found.keys() == {"docker", "forwarding", "sessions", "state folder"}
    assert found["docker"] == "there is no Docker socket at /var/run/docker.sock."
    assert found["state folder"] == "/var/lib/shipper is not there, and deploy may not make it"
    assert "tunnel" in levels(result, poor.address, "note")
    assert not (poor.root / "var/lib/shipper").exists()
    poor.run("install -d -m 755 /var/lib/shipper")
    closed = levels(project.shipper("doctor", "--json"), poor.address, "problem")["state folder"]
    assert closed == "/var/lib/shipper is closed to deploy: mode 755, root:root"


def test_a_wrong_key_and_a_changed_host_key_are_told_with_what_to_do(project: Project, poor: Machine) -> None:
    project.commit()

    refused = project.shipper("doctor", "--json", SAMPLE_KEY=poor.key.read_text())
    project.write("config/known_hosts", f"{project.host_name} {(poor.folder / 'host_key.pub').read_text()}")
    changed = project.shipper("doctor")

    assert (refused.exit_code, changed.exit_code) == (PROBLEM, PROBLEM), refused.everything + changed.everything
    told = levels(refused, project.host_name, "problem")
    assert told == {"login": "the server accepts none of your keys for user deploy."}
    assert "problem  login: the server's host key HAS CHANGED." in changed.output
    assert f"shipper trust {project.host_name}" in changed.output


async def test_what_is_odd_is_told_at_once_without_a_finger_laid_on_it(project: Project) -> None:
    project.configure(
        'publish: ["18080:8080"]', secrets="{TOKEN: }", hooks="{pre-deploy: {command: ./bin/announce --now}}"
    )
    project.write("bot.py", "\nawait bot.delete_webhook(drop_pending_updates=True)\n")
    project.commit()
    pid = project.server.run("busybox nc -ll -p 18080 >/dev/null 2>&1 & echo $!").stdout.strip()
    opened = project.opened()
    async with connected(opened, ignore) as worlds, holding(opened, worlds, "a test", 0.0):
        result = project.shipper("doctor", "--json")
    project.server.run(f"kill {pid}")

    assert result.exit_code == PROBLEM, result.everything
    found = levels(result, project.host_name, "problem")
    assert found.keys() == {"ports", "secrets"}
    assert found["ports"] == "port 18080:8080 of role web is held by a process that is no container"
    assert found["secrets"] == "no value for TOKEN: neither here nor in the release that serves"
    assert "for a test" in levels(result, project.host_name, "note")["lock"]
    assert levels(result, "here", "problem") == {"hooks": "hooks.pre-deploy: there is no program ./bin/announce here"}
    assert levels(result, "here", "warning")["pending updates"].startswith("bot.py:2 drops pending updates")


def test_all_mistakes_of_a_config_are_one_finding_and_bad_arguments_none(project: Project) -> None:
    config = Path(project.folder, "config/deploy.yaml")
    config.write_text(config.read_text().replace("image:", "imege:") + "retain: none\n")

    result = project.shipper("doctor")

    assert result.exit_code == PROBLEM
    assert 'config/deploy.yaml:2: imege: is not a key here; did you mean "image"?' in result.output
    assert "retain: " in result.output
    project.configure()
    assert project.shipper("doctor", "--role", "nope").exit_code == 2
