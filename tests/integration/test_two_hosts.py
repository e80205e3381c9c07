"""Several hosts are one deploy: all swap, or none."""

import time
from collections.abc import Iterator

import pytest

from tests.integration.conftest import Project
from tests.machines import Machine, machine

pytestmark = pytest.mark.builds


@pytest.fixture(scope="module")
def second() -> Iterator[Machine]:
    with machine("second") as made:
        made.run("install -d -m 2770 -g docker /var/lib/shipper")
        yield made


@pytest.fixture
def on_both(project: Project, second: Machine) -> Project:
    """A project for both hosts, with the key that each of them accepts."""
    second.accept(project.server)
    project.configure()
    config = (project.folder / "config/deploy.yaml").read_text()
    both = f"hosts: [{project.server.address}, {second.address}]"
    project.write("config/deploy.yaml", config.replace(f"hosts: [{project.server.address}]", both))
    project.write("config/known_hosts", f"{project.server.host_key}\n{second.host_key}\n")
    project.commit()
    return project


def served(machine: Machine, service: str) -> list[str]:
    shown = '{{.Label "shipper.release"}}'
    return machine.docker("ps", "--filter", f"label=shipper.service={service}", "--format", shown).stdout.split()


def test_a_deploy_reaches_all_hosts(on_both: Project, second: Machine) -> None:
    on_both.deploy()

    assert served(on_both.server, on_both.service) == ["1"]
    assert served(second, on_both.service) == ["1"]
    assert [host["roles"][0]["container"]["release_number"] for host in on_both.shipper("status", "--json").json] == [
        1,
        1,
    ]


def test_two_hosts_pull_at_once_what_was_saved_once(on_both: Project, second: Machine, laptop: Machine) -> None:
    program = on_both.folder / "busybox"
    # else one of them may have most layers by `docker load` from an earlier test, and would be sent an archive
    program.write_bytes(program.read_bytes() + on_both.service.encode())
    on_both.version(f"version 2 of {on_both.service}")

    result = on_both.deploy()

    assert result.output.count("ship done: through the tunnel: ") == 2, result.output
    images = [made.docker("images", "--quiet", on_both.service).stdout for made in (on_both.server, second)]
    assert images[0] == images[1] != ""
    until = f"--until={time.time():.9f}"  # 0s would be the last full second, and leave out what has just happened
    saves = laptop.docker("events", "--since=1h", until, "--filter=event=save", "--format={{.ID}}").stdout
    built = laptop.docker("images", "--no-trunc", "--quiet", f"{on_both.service}:latest").stdout.strip()
    assert saves.count(built) == 1


def test_when_the_second_host_fails_the_first_goes_back_as_well(on_both: Project, second: Machine) -> None:
    on_both.deploy()
    on_both.write("config/env.j2", f"{{% if host == '{second.address}' %}}\nMODE=exits\n{{% endif %}}\n")
    on_both.version("version 2")

    result = on_both.shipper("deploy")

    assert result.exit_code == 20, result.everything
    assert f"failed at check web on {second.address}" in result.output
    assert served(on_both.server, on_both.service) == ["1"]
    assert served(second, on_both.service) == ["1"]
    assert on_both.serving["HostConfig"]["RestartPolicy"]["Name"] == "always"


def test_when_the_first_host_goes_first_and_fails_the_others_are_not_touched(on_both: Project, second: Machine) -> None:
    config = (on_both.folder / "config/deploy.yaml").read_text()
    on_both.write("config/deploy.yaml", config + "rollout: {first_host_first: true}\n")
    on_both.commit()
    on_both.deploy()
    shown = ("ps", "--all", "--no-trunc", "--filter", f"label=shipper.service={on_both.service}")
    before = second.docker(*shown, "--format", "{{.ID}} {{.Names}} {{.State}}").stdout
    on_both.write("config/env.j2", f"{{% if host == '{on_both.server.address}' %}}\nMODE=exits\n{{% endif %}}\n")
    on_both.version("version 2")

    result = on_both.shipper("deploy")

    assert result.exit_code == 20, result.everything
    assert f"failed at check web on {on_both.server.address}" in result.output
    assert second.docker(*shown, "--format", "{{.ID}} {{.Names}} {{.State}}").stdout == before != ""
    assert served(on_both.server, on_both.service) == ["1"]


def test_a_rollback_reaches_all_hosts(on_both: Project, second: Machine) -> None:
    on_both.deploy()
    on_both.version("version 2")
    on_both.deploy()

    result = on_both.shipper("rollback")

    assert result.exit_code == 0, result.everything
    assert served(on_both.server, on_both.service) == ["1"]
    assert served(second, on_both.service) == ["1"]


def test_nothing_is_begun_when_one_host_cannot_be_reached(on_both: Project, second: Machine) -> None:
    config = (on_both.folder / "config/deploy.yaml").read_text()
    on_both.write("config/deploy.yaml", config.replace(second.address, f"{second.address}:23"))
    on_both.commit()

    result = on_both.shipper("deploy")

    assert result.exit_code == 10
    assert f"{second.address}:23: the connection was refused" in result.errors
    assert on_both.containers(running=False) == []
