"""Images that misbehave: what served before goes on serving, and the reason is told."""

import pytest

from tests.integration.conftest import Project, Result

TCP = "gate: {tcp: 8080, deadline: 2s, interval: 50ms, settle: 50ms}"
HTTP = "gate: {http: {port: 8080, path: /up}, deadline: 1s, interval: 50ms, settle: 2s}"


def refused(project: Project, role: str, mode: str, *, before: str = TCP) -> Result:
    """Deploys a version with a bad day over one that is well, and checks what must hold for each of them."""
    project.configure(before)
    project.version("version 1")
    project.deploy()
    serving = project.serving
    project.configure(f"{role}\nenv: {{MODE: {mode}}}")
    project.version("version 2")

    result = project.shipper("deploy")

    assert result.exit_code == 20, result.everything
    assert project.serving["Id"] == serving["Id"]
    assert project.serving["State"]["StartedAt"] == serving["State"]["StartedAt"]
    assert project.answer() == "version 1"
    failed, _ = project.containers(running=False)
    assert failed["Config"]["Labels"]["shipper.release"] == "2"
    assert failed["State"]["Status"] == "exited"
    assert "What served before serves now." in result.output
    assert f"web on {project.server.address}: release 1 of" in result.output
    assert "Next: shipper logs --role web" in result.output
    return result


def test_an_image_that_exits_at_once_is_refused_with_its_exit_code_and_last_lines(project: Project) -> None:
    result = refused(project, HTTP, "exits")

    assert "exited with code 3" in result.output
    assert "  | FATAL: cannot open /etc/app/settings.toml" in result.output


def test_an_image_that_exits_after_its_gate_was_passed_is_refused(project: Project) -> None:
    result = refused(project, HTTP, "exits-late")

    assert "exited with code 4" in result.output
    assert "  | FATAL: lost the queue" in result.output


def test_an_image_that_never_becomes_healthy_is_refused_with_its_last_answer(project: Project) -> None:
    result = refused(project, HTTP, "sick")

    assert "did not pass its gate (GET /up on port 8080 within 1s): GET /up → 404" in result.output


def test_an_image_that_is_killed_for_its_memory_is_refused_with_that_reason(project: Project) -> None:
    result = refused(project, f"{HTTP}\nmemory: 16m", "greedy")

    assert "was killed for want of memory (OOM); see roles.*.memory" in result.output


def test_the_log_of_a_refused_release_can_be_read_until_the_next_deploy(project: Project) -> None:
    refused(project, HTTP, "exits")

    assert "FATAL: cannot open" in project.shipper("logs").output
    project.configure(TCP)
    project.version("version 3")
    project.deploy()

    releases = [c["Config"]["Labels"]["shipper.release"] for c in project.containers(running=False)]
    assert releases == ["3", "1"]
    assert project.shipper("releases", "--json").json[project.server.address][1]["outcome"] == "failed"


def test_a_refused_deploy_can_be_tried_again_and_serves_when_it_is_mended(project: Project) -> None:
    refused(project, HTTP, "exits")

    again = project.shipper("deploy")

    assert again.exit_code == 20
    assert project.answer() == "version 1"
    project.configure(HTTP)
    project.version("version 3")
    project.deploy()
    assert project.answer() == "version 3"
    assert project.shipper("rollback").exit_code == 0
    assert project.answer() == "version 1"


def test_a_first_deploy_that_fails_leaves_nothing_serving_and_says_so(project: Project) -> None:
    project.configure(f"{HTTP}\nenv: {{MODE: exits}}")
    project.commit()

    result = project.shipper("deploy")

    assert result.exit_code == 20
    assert project.containers() == []
    assert f"web on {project.server.address}: nothing serves" in result.output


def test_a_container_that_ignores_sigterm_is_killed_after_its_stop_timeout(project: Project) -> None:
    project.configure(f"{TCP}\nenv: {{MODE: deaf}}\ninit: false")
    project.version("version 1")
    project.deploy()
    project.version("version 2")

    result = project.deploy()

    assert "was killed: it did not end within 2 s of SIGTERM" in result.output
    assert project.answer() == "version 2"
    told = project.shipper("doctor").output
    assert "was killed (137): it did not end within its stop_timeout" in told
    assert "roles.web.init: true, or a handler for SIGTERM" in told


GATES = {
    "healthcheck": "gate: {healthcheck: true, deadline: 2s, interval: 50ms, settle: 50ms}",
    "command": "gate: {command: [sh, -c, 'test -f /www/up'], deadline: 1s, interval: 50ms, settle: 50ms}",
    "settle": "gate: {settle: 2s}",
}


def test_the_usual_gate_lets_a_good_image_pass(project: Project) -> None:
    project.configure("gate:")
    project.version("version 1")

    project.deploy()

    assert project.answer() == "version 1"


@pytest.mark.parametrize(
    ("kind", "mode", "reason"),
    [
        ("healthcheck", "sick", "did not pass its gate (the image's HEALTHCHECK succeeds within 2s): `/bin/sh -c wget"),
        ("command", "sick", "`sh -c test -f /www/up` → exit code 1"),
        ("settle", "exits-late", "exited with code 4"),
    ],
)
def test_each_kind_of_gate_lets_a_good_image_pass_and_refuses_a_bad_one(
    project: Project, kind: str, mode: str, reason: str
) -> None:
    assert reason in refused(project, GATES[kind], mode, before=GATES[kind]).output


def test_a_healthcheck_gate_without_a_healthcheck_is_an_error_that_names_the_key(project: Project) -> None:
    project.write("Dockerfile", 'FROM scratch\nCOPY busybox /bin/sh\nCOPY app.sh /\nCMD ["/bin/sh", "/app.sh"]\n')
    project.configure(GATES["healthcheck"])
    project.commit()

    result = project.shipper("deploy")

    assert result.exit_code == 2
    assert "roles.web.gate.healthcheck: the image" in result.output
    assert project.containers() == []


def test_a_published_port_is_moved_by_recreate(project: Project) -> None:
    project.configure("publish: ['127.0.0.1:18080:8080']")
    project.version("version 1")
    project.deploy()
    project.version("version 2")

    plan = project.shipper("plan").output
    project.deploy()

    assert "because recreate: two containers cannot publish port 127.0.0.1:18080:8080" in plan
    assert project.server.run("busybox wget -q -O - http://127.0.0.1:18080/").stdout == "version 2"


def test_a_broken_version_of_a_recreated_role_gives_way_to_the_old_one_again(project: Project) -> None:
    project.configure("strategy: recreate")
    project.version("version 1")
    project.deploy()
    before = project.serving["Id"]
    project.configure("strategy: recreate\nenv: {MODE: exits}")
    project.version("version 2")

    result = project.shipper("deploy")

    assert result.exit_code == 20, result.everything
    assert project.serving["Id"] == before
    assert project.serving["HostConfig"]["RestartPolicy"]["Name"] == "always"
    assert project.answer() == "version 1"


def test_a_port_that_a_stranger_holds_is_named_and_what_served_goes_on(project: Project) -> None:
    project.deploy()
    stranger = project.server.docker("run", "-d", "-p", "18081:8080", project.serving["Config"]["Image"]).stdout.strip()
    before = project.serving["Id"]
    project.configure("publish: ['18081:8080']")
    project.version("version 2")

    result = project.shipper("deploy")
    project.server.docker("rm", "--force", stranger)

    assert result.exit_code == 16, result.everything
    assert "port is already allocated" in result.output
    assert "Next: shipper doctor looks for what is in the way" in result.output
    assert project.serving["Id"] == before
    assert project.answer() == "version 1"


def test_a_strangers_container_with_a_similar_name_is_never_touched(project: Project) -> None:
    project.deploy()
    image = project.serving["Config"]["Image"]
    names = [f"{project.service}-web", f"{project.service}-web-r2", f"{project.service}-web-r1-stopped"]
    strangers = [project.server.docker("run", "-d", "--name", name, image).stdout.strip() for name in names]
    project.server.docker("stop", "-t", "0", strangers[-1])
    before = project.server.docker("inspect", "--format", "{{.Id}} {{.State.StartedAt}}", *strangers).stdout

    for number in (2, 3):
        project.version(f"version {number}")
        project.deploy()
    project.shipper("rollback")

    assert project.server.docker("inspect", "--format", "{{.Id}} {{.State.StartedAt}}", *strangers).stdout == before
    project.server.docker("rm", "--force", *strangers)
