"""What is kept, and what goes: after deploys, by `shipper prune`, and with `shipper remove`."""

import subprocess

import pytest

from tests.integration.conftest import Project
from tests.integration.waiting import eventually
from tests.machines import Machine

pytestmark = pytest.mark.builds


def images_of(machine: Machine, service: str) -> set[str]:
    """Their names."""
    return {
        name for image in machine.engine("GET", "/images/json") for name in image["RepoTags"] or () if service in name
    }


def nameless(project: Project, *labels: str) -> str:
    """An image without a name; its id."""
    project.server.run(f"mkdir -p /tmp/empty && echo {labels} >/tmp/empty/file")
    changes = [f"--change=LABEL {label}" for label in labels]
    made = project.server.docker("import", *changes, str(project.server.folder / "empty.tar"))
    assert made.returncode == 0, made.stderr
    return made.stdout.strip()


def image_ids(machine: Machine) -> set[str]:
    return {image["Id"] for image in machine.engine("GET", "/images/json")}


def records(project: Project) -> list[str]:
    return sorted(path.name for path in (project.state / "releases").iterdir())


def test_what_nobody_needs_goes_after_deploys_and_with_prune_and_nothing_else(
    project: Project, laptop: Machine
) -> None:
    project.server.run(f"tar --create --file {project.server.folder}/empty.tar --files-from /dev/null")
    project.configure("retain: 1", retain="1")
    config = (project.folder / "config/deploy.yaml").read_text()
    project.write("config/deploy.yaml", config.replace("build: {}", "build: {cache_limit: 1g}"))
    commits = [project.version(f"version {number} of {project.service}") for number in (1, 2, 3)]
    repository = project.service
    of_another_service = f"{repository}:{'a' * 40}"
    laptop.run(f"tar --create --file {laptop.folder}/empty.tar --files-from /dev/null")
    label = "--change=LABEL shipper.image=another"
    laptop.docker("import", label, f"{laptop.folder}/empty.tar", of_another_service)
    for commit in commits[:2]:
        project.deploy(commit)
    ours, others = nameless(project, f"shipper.image={project.service}"), nameless(project, "shipper.image=another")
    strangers = f"127.0.0.1:9/shipper-tunnel/{project.service}2:1"
    project.server.docker("tag", others, strangers)

    planned = project.shipper("plan").output
    deployed = project.deploy()

    assert "tidy     1 image, the builder's cache above 1.1 GB, because retain is 1" in planned
    assert "prune    1 container, 2 images, 1 release record, because retain is 1" in planned
    assert "warning" not in deployed.output
    states = [container["State"]["Status"] for container in project.containers(running=False)]
    assert states == ["running", "exited"]  # of the role's `retain`
    assert images_of(project.server, project.service) == {
        f"{repository}:{commits[1]}",
        f"{repository}:{commits[2]}",
        strangers,
    }
    assert ours not in image_ids(project.server)
    assert others in image_ids(project.server)
    mine = {f"{repository}:{name}" for name in (*commits[1:], "latest")}
    assert images_of(laptop, project.service) == {*mine, of_another_service}

    left = f"127.0.0.1:9/shipper-tunnel/{project.service}:1"
    project.server.docker("tag", others, left)
    would = project.shipper("prune", "--dry-run")
    assert left in would.output
    assert left in images_of(project.server, project.service)
    pruned = project.shipper("prune", "--json")

    assert pruned.exit_code == 0, pruned.everything
    there, here = pruned.json
    assert (there["image_names"], there["release_numbers"], here["image_names"]) == ([left], [], [])
    assert strangers in images_of(project.server, project.service)
    assert project.shipper("prune", "--host", project.host_name).output == f"{project.host_name}: nothing to remove\n"
    assert [deploy["outcome"] for deploy in project.shipper("history", "--json").json] == ["deployed"] * 3
    assert project.shipper("rollback").exit_code == 0
    assert project.answer() == f"version 2 of {project.service}"
    assert (project.shipper("prune").exit_code, records(project)) == (0, ["2", "3"])
    last = project.shipper("prune", "--keep", "1")
    assert "No way back is kept: a rollback has nowhere to go until another release was deployed.\n" in last.output
    assert records(project) == ["2"]
    assert [container["State"]["Status"] for container in project.containers(running=False)] == ["running"]
    assert project.shipper("rollback").exit_code == 18
    assert of_another_service in images_of(laptop, project.service)
    laptop.docker("rmi", of_another_service)
    project.server.docker("rmi", strangers)


def restart_policy(project: Project) -> str:
    return str(project.containers(running=False)[0]["HostConfig"]["RestartPolicy"]["Name"])


def test_a_removed_service_leaves_nothing_but_its_volumes_and_what_is_not_its_own(project: Project) -> None:
    data, service = f"{project.service}-data", project.service
    project.configure(f"env: {{MODE: deaf}}\nstop_timeout: 1s\nvolumes: ['{data}:/data', '/srv:/srv']")
    project.version(f"version 1 of {service}")
    project.deploy()
    image = project.serving["Config"]["Image"]
    stranger = f"stranger-of-{service}"
    project.server.docker("run", "--detach", "--init", f"--name={stranger}", f"--volume={data}:/data", image)

    asked = project.shipper("remove", "--volumes")
    assert asked.exit_code == 2
    assert f"volume     {data}" in asked.errors
    assert "goes, with its data" in asked.errors
    assert "Say --yes if it is meant." in asked.errors
    assert project.answer() == f"version 1 of {service}"
    with project.start("remove", "--yes") as process:
        eventually(lambda: restart_policy(project) == "no", "the begin of a removal")
        process.kill()
    by_role = project.shipper("remove", "--role", "web", "--yes", "--wait", "20")
    assert by_role.output == f"{project.host_name}: web is gone\n"
    assert project.containers(running=False) == []
    assert (project.state / "releases/1").is_dir()  # what tells what else there is goes last
    removed = project.shipper("remove", "--volumes", "--yes", "--json")

    assert removed.exit_code == 0, removed.everything
    (there,) = removed.json
    assert set(there["refused"]) == {image, data}  # the stranger uses both
    assert not project.state.exists()
    assert project.server.engine("GET", f"/networks/{service}")["message"]
    assert images_of(project.server, service) == {image}
    assert project.server.engine("GET", f"/containers/{stranger}/json")["State"]["Running"]
    assert project.shipper("remove", "--yes").output == f"{service}: nothing of it is there; nothing was done.\n"
    project.server.docker("rm", "--force", "--volumes", stranger)
    assert project.shipper("remove", "--volumes", "--yes").exit_code == 0
    assert project.server.engine("GET", f"/volumes/{data}")["message"]
    assert not project.state.exists()


def test_a_removal_that_docker_dies_in_is_told_with_its_host_and_goes_on_later(project: Project) -> None:
    project.configure("env: {MODE: deaf}\nstop_timeout: 3s")
    project.version("version 1")
    project.deploy()

    with project.start("remove", "--yes", errors=subprocess.PIPE) as process:
        eventually(lambda: restart_policy(project) == "no", "the begin of a removal")
        project.server.restart_docker()
        _, errors = process.communicate()
    again = project.shipper("remove", "--yes", "--wait", "20")

    assert process.returncode == 10
    assert f"error: {project.host_name}: The connection to Docker broke: " in errors
    assert "next: The same command again goes on.\n" in errors
    assert again.output == f"{project.host_name}: {project.service} is gone\n"
