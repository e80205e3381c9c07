"""What status, plan and env tell of real servers."""

import json
import re
import signal
from pathlib import Path
from typing import Any

import pytest

from tests.integration.conftest import Project


def status(project: Project, *arguments: str) -> dict[str, Any]:
    (host,) = project.shipper("status", "--json", *arguments).json
    return dict(host)


def test_status_tells_how_a_role_does_and_what_its_host_has_left(project: Project) -> None:
    project.configure("memory: 64m")
    project.commit()
    project.deploy()

    host = status(project)

    (role,) = host["roles"]
    assert (role["health"], role["container"]["restarts"]) == ("healthy", 0)
    assert (role["expected"], role["finished"]) == (True, True)
    assert 0 < role["memory"] < role["memory_limit"] == 64 * 1024**2
    assert 0 <= role["cpu_percent"] < 50
    assert host["disk"]["free"] > 1_000_000
    assert 0 <= host["disk"]["used_percent"] <= 100
    assert (host["problem"], host["holder"], host["freeze"]) == ("", None, None)

    project.shipper("lock", "black friday")
    project.server.docker("exec", project.serving["Name"], "/bin/sh", "-c", "rm /www/up")
    told = project.shipper("status").output
    project.shipper("unlock")

    assert re.search(r"web +1 +[0-9a-f]{7} +GET /up → 404", told)
    assert re.search(r"free +frozen by tester@\S+: black friday", told)

    settings = Path(project.environ["HOME"], ".docker/config.json")
    settings.parent.mkdir()
    settings.write_text('{"auths": {"ghcr.io": {"auth": "aHVzaC1odXNo"}}}')  # in which no password follows the user
    wrong = project.shipper("status")
    assert wrong.exit_code == 7, wrong.everything
    assert "error: Docker's config.json on this machine (~/.docker, or $DOCKER_CONFIG) is wrong" in wrong.errors


def test_status_tells_what_the_other_hosts_do_when_one_cannot_be_looked_at(project: Project) -> None:
    project.deploy()
    config = (project.folder / "config/deploy.yaml").read_text()
    address = project.server.address
    project.write("config/deploy.yaml", config.replace(f"[{address}]", f"[{address}, '127.0.0.1:1']"))

    result = project.shipper("status")

    assert result.exit_code == 10
    assert "healthy" in result.output
    assert re.search(r"127\.0\.0\.1:1 .*the connection was refused", result.output)
    assert project.shipper("status", "--host", address).exit_code == 0


def test_status_is_watched_over_one_connection_until_ctrl_c(project: Project) -> None:
    project.deploy()

    with project.start("status", "--watch", "0.2", "--json") as process:
        assert process.stdout
        looks = [json.loads(process.stdout.readline()) for _ in range(3)]
        process.send_signal(signal.SIGINT)
        rest, _ = process.communicate(timeout=10)

    assert process.returncode == 0
    assert all(line.startswith("[") for line in rest.splitlines())
    assert [host["roles"][0]["health"] for (host,) in looks] == ["healthy"] * 3
    moments = [host["at"] for (host,) in looks]
    assert moments == sorted({*moments})


@pytest.mark.builds
def test_plan_and_env_name_what_changes_and_tell_no_value(project: Project) -> None:
    project.write("config/env.j2", "COLOUR={{ secrets.COLOUR }}\nDSN=pg://{{ secrets.PASSWORD }}@db\n")
    secrets = "{COLOUR: , PASSWORD: }"
    project.configure("memory: 64m\nfiles: {/etc/a: {source: config/a}}", secrets=secrets)
    project.write("config/a", "one")
    project.version("version 1")
    project.deploy(COLOUR="green-green", PASSWORD="hush-hush")
    project.write("config/env.j2", "COLOUR={{ secrets.COLOUR }}\nDSN=pg://{{ secrets.PASSWORD }}@db\nNEW=1\n")
    project.configure("memory: 32m\nenv: {SHOWN: '${COLOUR}'}\nfiles: {/etc/a: {source: config/a}}", secrets=secrets)
    project.write("config/a", "two")
    project.version("version 2")

    plan = project.shipper("plan", COLOUR="violet-violet")
    names = project.shipper("env", "-q", COLOUR="violet-violet")
    told = project.shipper("plan", "--json", COLOUR="violet-violet").json

    place = f"web on {project.server.address}"
    assert plan.output.split("\n\n")[1].splitlines()[2:] == [
        place,
        "  ~ roles.web.memory: 64m → 32m",
        "  + roles.web.env.SHOWN: •••",
        "  ~ env COLOUR",
        "  + env NEW",
        "  ~ file /etc/a",
    ]
    assert names.output.splitlines() == [
        f"{place}, compared with release 1",
        "  ~ COLOUR",
        "    DSN  (not set here, so from the release that serves: PASSWORD)",
        "  + NEW",
        "  + SHOWN",
        "  ~ file /etc/a",
    ]
    assert {"step": "check", "host": project.server.address, "role": "web"}.items() <= told["steps"][5].items()
    assert told["empty"] is False
    for value in ("green-green", "violet-violet", "hush-hush"):
        assert value not in plan.everything + names.everything + json.dumps(told)
