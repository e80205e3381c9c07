"""The line: deploy, deploy again, roll back, look. Real sshd, real dockerd, the real CLI."""

import re

import pytest

from tests.integration.conftest import Project


@pytest.mark.builds
def test_a_first_deploy_makes_the_commit_serve(project: Project) -> None:
    commit = project.git("rev-parse", "HEAD")

    result = project.deploy()

    assert project.answer() == "version 1"
    labels = project.serving["Config"]["Labels"]
    assert labels["shipper.version"] == commit
    assert labels["shipper.release"] == "1"
    assert project.serving["HostConfig"]["RestartPolicy"]["Name"] == "always"
    assert f"{project.service}: release 1 of {commit[:7]} serves" in result.output


def test_the_same_deploy_again_does_nothing(project: Project) -> None:
    project.deploy()
    before = project.serving["Id"]

    result = project.deploy("--json")

    assert result.events[-1]["outcome"]["kind"] == "unchanged"
    assert [event["event"] for event in result.events] == ["connected", "planned", "ended"]
    assert project.serving["Id"] == before


@pytest.mark.builds
def test_a_second_version_sends_only_the_layer_that_changed(project: Project) -> None:
    program = project.folder / "busybox"
    # else the server may have most layers by `docker load` from an earlier test, and would be sent an archive
    program.write_bytes(program.read_bytes() + project.service.encode())
    project.commit()
    project.deploy()
    project.version(f"version 2 of {project.service}")  # other tests' layers are on the server too

    result = project.deploy("--json")

    ended = result.events[-1]["outcome"]["release"]
    assert (ended["outcome"], ended["image_id"]) == ("deployed", project.serving["Image"])
    (shipped,) = [e for e in result.events if e["event"] == "step_finished" and e["step"] == "ship"]
    assert re.match(r"through the tunnel: 1 of 3 layers, [\d.]+ kB sent", shipped["detail"])
    assert project.answer() == f"version 2 of {project.service}"
    old, new = (c["State"]["Status"] for c in reversed(project.containers(running=False)))
    assert (old, new) == ("exited", "running")


@pytest.mark.builds
def test_a_plan_says_what_will_happen_and_changes_nothing(project: Project) -> None:
    project.deploy()
    project.version("version 2")
    before = project.containers(running=False)

    result = project.shipper("plan")

    assert result.exit_code == 0
    title, changes, made = result.output.split("\n\n")
    assert title.startswith(f"{project.service}: release 2 of")
    assert re.match(r"~ version [0-9a-f]{7} → [0-9a-f]{7}\n    \+ [0-9a-f]{7} version 2", changes)
    words = [line.split()[:3] for line in made.splitlines()]
    steps = [next(word for word in line if word in STEPS) for line in words]
    assert steps == ["build", "ship", "release", "create", "start", "check", "swap", "commit", "retire"]
    assert project.containers(running=False) == before


STEPS = {"build", "ship", "network", "release", "create", "stop", "start", "check", "swap", "commit", "retire", "prune"}


def test_rollbacks_go_one_release_back_each_and_never_to_and_fro(project: Project) -> None:
    for number in (1, 2, 3):
        project.version(f"version {number}")
        project.deploy()

    assert project.shipper("rollback").exit_code == 0
    assert project.answer() == "version 2"
    assert project.shipper("rollback").exit_code == 0
    assert project.answer() == "version 1"
    last = project.shipper("rollback")
    assert last.exit_code == 18
    assert "there is none before it" in last.errors
    assert project.answer() == "version 1"


def test_after_a_rollback_the_next_rollback_does_not_return_to_what_was_left(project: Project) -> None:
    for number in (1, 2):
        project.version(f"version {number}")
        project.deploy()
    project.shipper("rollback")
    project.version("version 3")
    project.deploy()

    assert project.shipper("rollback").exit_code == 0

    assert project.answer() == "version 1"


def test_a_rollback_brings_back_the_env_and_config_of_its_release(project: Project) -> None:
    project.write("config/env.j2", "COLOUR={{ secrets.COLOUR }}\n")
    project.configure("memory: 64m", secrets="{COLOUR: }")
    project.commit()
    project.deploy(COLOUR="green")
    project.configure("memory: 32m", secrets="{COLOUR: }")
    project.commit()
    project.deploy(COLOUR="blue-blue")

    result = project.shipper("rollback")

    assert result.exit_code == 0, result.everything
    assert "COLOUR=green" in project.serving["Config"]["Env"]
    assert project.serving["HostConfig"]["Memory"] == 64 * 1024**2
    assert "warning: Env goes back to that of release 1 as well: COLOUR" in result.output


def test_a_rollback_with_todays_env_is_a_new_release(project: Project) -> None:
    project.write("config/env.j2", "COLOUR={{ secrets.COLOUR }}\n")
    project.configure(secrets="{COLOUR: }")
    project.version("version 1")
    project.deploy(COLOUR="green")
    project.version("version 2")
    project.deploy(COLOUR="green")

    result = project.shipper("rollback", "--current-env", COLOUR="violet")

    assert result.exit_code == 0, result.everything
    assert project.answer() == "version 1"
    assert "COLOUR=violet" in project.serving["Config"]["Env"]
    assert project.serving["Config"]["Labels"]["shipper.release"] == "3"
    assert project.shipper("rollback").exit_code == 18  # release 1 was the first: there is nothing further back


def test_an_env_only_change_is_a_new_release(project: Project) -> None:
    project.write("config/env.j2", "COLOUR={{ secrets.COLOUR }}\n")
    project.configure(secrets="{COLOUR: }")
    project.commit()
    project.deploy(COLOUR="green")

    project.deploy(COLOUR="violet")

    assert project.serving["Config"]["Labels"]["shipper.release"] == "2"
    assert "COLOUR=violet" in project.serving["Config"]["Env"]


def test_a_secret_that_is_absent_here_is_taken_from_the_release_that_serves(project: Project) -> None:
    project.write("config/env.j2", "COLOUR={{ secrets.COLOUR }}\n")
    project.configure(secrets="{COLOUR: }")
    project.commit()
    project.deploy(COLOUR="green")
    project.version("version 2")

    project.deploy()

    assert project.answer() == "version 2"
    assert "COLOUR=green" in project.serving["Config"]["Env"]


def test_a_new_secret_without_a_value_is_an_error(project: Project) -> None:
    project.deploy()
    project.configure(secrets="{COLOUR: , SHAPE: }")
    project.commit()

    result = project.shipper("deploy", COLOUR="green")

    assert result.exit_code == 3
    assert "No value for the secret SHAPE." in result.errors


@pytest.mark.builds
def test_an_older_commit_is_deployed_with_the_config_that_it_had(project: Project) -> None:
    project.configure("memory: 64m")
    first = project.version("version 1")
    project.configure("memory: 32m")
    project.version("version 2")
    project.deploy()

    project.deploy(first[:10])

    assert project.answer() == "version 1"
    assert project.serving["HostConfig"]["Memory"] == 64 * 1024**2


def test_an_unknown_commit_is_an_error(project: Project) -> None:
    result = project.shipper("deploy", "abcdef1")

    assert result.exit_code == 4
    assert "Git knows no commit abcdef1" in result.errors


def test_a_dirty_folder_is_said_and_marked(project: Project) -> None:
    commit = project.git("rev-parse", "HEAD")
    project.write("www/index.html", "not committed")

    result = project.deploy()

    assert "warning: The working folder has uncommitted changes" in result.output
    assert re.fullmatch(f"{commit}-dirty-[0-9a-f]{{8}}", project.serving["Config"]["Labels"]["shipper.version"])
    assert project.answer() == "not committed"


@pytest.mark.builds
def test_what_git_ignores_is_not_in_the_image(project: Project) -> None:
    project.write(".gitignore", "www/secret.txt\n")
    project.version("version 1")
    project.write("www/secret.txt", "hidden")

    project.deploy()

    name = project.serving["Name"]
    assert project.server.docker("exec", name, "/bin/sh", "-c", "ls /www").stdout.split() == ["index.html", "up"]


def test_status_and_releases_tell_what_serves(project: Project) -> None:
    (nothing,) = project.shipper("status", "--json").json[0]["roles"]
    assert (nothing["role_name"], nothing["container"], nothing["health"]) == ("web", None, "nothing serves")
    project.deploy()
    project.version("version 2")
    project.deploy()

    (row,) = project.shipper("status", "--json").json[0]["roles"]
    assert (row["role_name"], row["container"]["release_number"], row["container"]["state"]) == ("web", 2, "running")
    (known,) = project.shipper("releases", "--json").json.values()
    assert [(r["number"], r["outcome"], r["serves"], r["replaces"]) for r in known] == [
        (1, "deployed", False, None),
        (2, "deployed", True, 1),
    ]
    assert re.search(r"web +2 +[0-9a-f]{7} +healthy +\d+ s ago", project.shipper("status").output)


@pytest.mark.builds
def test_each_command_finds_what_it_needs_when_it_is_started_alone(project: Project) -> None:
    for number in (1, 2):
        project.version(f"version {number}")
        project.deploy()

    for command in COMMANDS:
        with project.start(*command.split()) as process:
            output, _ = process.communicate()
        assert process.returncode == 0, f"{command}: {output}"


COMMANDS = ["plan", "releases", "history", "build", "rollback"]  # the others are started so elsewhere


@pytest.mark.builds
def test_json_is_one_event_on_each_line_and_nothing_else(project: Project) -> None:
    result = project.deploy("--json", "-v")

    assert "\x1b" not in result.everything
    kinds = [event["event"] for event in result.events]
    assert kinds.count("ended") == 1
    assert kinds[-1] == "ended"
    assert {"called", "connected", "planned", "step_started", "step_progressed", "step_finished"} <= set(kinds)
    assert result.events[-1]["outcome"]["release"]["number"] == 1


@pytest.mark.builds
def test_releases_beyond_retain_are_removed_with_their_containers_and_images(project: Project) -> None:
    project.configure(retain="2")
    for number in (1, 2, 3, 4):
        project.version(f"version {number}")
        project.deploy()

    (known,) = project.shipper("releases", "--json").json.values()
    assert [release["number"] for release in known] == [3, 4]
    assert len(project.containers(running=False)) == 2
    tags = project.server.docker("images", "--format", "{{.Tag}}", project.service).stdout.split()
    assert len(tags) == 2


def test_a_role_that_left_the_config_is_retired(project: Project) -> None:
    project.deploy()
    config = (project.folder / "config/deploy.yaml").read_text()
    project.write("config/deploy.yaml", config.replace("  web:", "  worker:"))
    project.commit()

    project.deploy()

    assert project.serving["Config"]["Labels"]["shipper.role"] == "worker"


def test_a_staging_overlay_makes_a_service_of_its_own(project: Project) -> None:
    project.deploy()
    project.write("config/deploy.staging.yaml", "roles: {web: {memory: 48m}}\n")
    project.commit()

    result = project.shipper("deploy", "-d", "staging")

    assert result.exit_code == 0, result.everything
    assert project.answer() == "version 1"  # production is as it was
    staging = f"label=shipper.service={project.service}-staging"
    ids = project.server.docker("ps", "--quiet", "--filter", staging).stdout.split()
    memory = project.server.docker("inspect", "--format", "{{.HostConfig.Memory}}", *ids).stdout.strip()
    project.server.docker("rm", "--force", *ids)
    assert memory == str(48 * 1024**2)


def test_an_image_with_a_tag_is_taken_as_it_is(project: Project) -> None:
    project.deploy()
    config = (project.folder / "config/deploy.yaml").read_text()
    image = project.serving["Config"]["Image"]
    project.server.docker("tag", image, f"{project.service}-made:7")
    config = config.replace(f"image: {project.service}", f"image: {project.service}-made:7").replace("build: {}\n", "")
    project.write("config/deploy.yaml", config)
    project.commit()

    project.deploy()

    assert project.serving["Config"]["Labels"]["shipper.version"] == "7"


def test_a_rollback_with_todays_env_knows_the_server_however_it_was_spelt(project: Project) -> None:
    project.version("version 1")
    project.deploy()
    project.version("version 2")
    project.deploy()
    config = (project.folder / "config/deploy.yaml").read_text()
    address = project.server.address
    project.write("config/deploy.yaml", config.replace(f"hosts: [{address}]", f"hosts: [deploy@{address}]"))
    project.commit()

    result = project.shipper("rollback", "--current-env")

    assert result.exit_code == 0, result.everything
    assert project.answer() == "version 1"


def test_how_a_server_is_reached_is_no_part_of_a_release(project: Project) -> None:
    config = (project.folder / "config/deploy.yaml").read_text()
    address = project.server.address
    project.write("config/deploy.yaml", config.replace(f"hosts: [{address}]", "hosts: ['${SERVER}']"))
    commit = project.commit()
    project.deploy(SERVER=address)
    before = project.serving["Id"]

    project.deploy(commit, SERVER=f"deploy@{address}:22")

    assert project.serving["Id"] == before


def deploy_by_tag_and_then_a_commit(project: Project) -> str:
    """The image of the release before is one of a tag that is not made anew for each version; gives its id."""
    project.deploy()
    first = str(project.serving["Image"])
    project.server.docker("tag", first, f"{project.service}-made:stable")
    config = (project.folder / "config/deploy.yaml").read_text()
    config = config.replace(f"image: {project.service}", f"image: {project.service}-made:stable")
    project.write("config/deploy.yaml", config.replace("build: {}\n", ""))
    project.commit()
    project.deploy()
    project.configure()
    project.version("version 2")
    project.deploy()
    return first


@pytest.mark.builds
def test_a_rollback_to_a_tag_whose_image_is_gone_is_refused(project: Project) -> None:
    first = deploy_by_tag_and_then_a_commit(project)
    stopped = [made["Id"] for made in project.containers(running=False) if made["Image"] == first]
    project.server.docker("rm", *stopped)
    project.server.docker("rmi", "--force", first)

    result = project.shipper("rollback")

    assert result.exit_code == 6, result.everything
    gone = f"{project.server.address} no longer has the image of release 2, and {project.service}-made:stable may be"
    assert gone in result.errors
    assert project.answer() == "version 2"


def test_a_rollback_takes_the_image_that_the_release_had_though_its_tag_moved(project: Project) -> None:
    first = deploy_by_tag_and_then_a_commit(project)
    project.server.docker("tag", project.serving["Image"], f"{project.service}-made:stable")

    result = project.shipper("rollback")

    assert result.exit_code == 0, result.everything
    assert project.serving["Image"] == first
    assert project.answer() == "version 1"
