"""Images: how they are made, how they get to a server, and what is left when that does not work."""

import dataclasses
import itertools
import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

import shipper
from shipper.errors import DiskFull
from shipper.hosts.session import connected
from shipper.images.local import LocalImages
from shipper.model.image import Image
from shipper.world import Progress
from tests.integration.conftest import Project, Result, without_docker
from tests.integration.making import layer, load
from tests.machines import Machine

pytestmark = pytest.mark.builds

_names = itertools.count(1)


@pytest.fixture
def on_cramped(project: Project, cramped: Machine) -> Iterator[Project]:
    project.move(cramped)
    project.version("version 1")
    yield project
    clear(cramped)


def clear(made: Machine) -> None:
    for ids, remove in (("ps --all --quiet", "rm --force"), ("images --all --quiet", "rmi --force")):
        if found := made.docker(*ids.split()).stdout.split():
            made.docker(*remove.split(), *dict.fromkeys(found))


def images(made: Machine, repository: str) -> list[str]:
    return made.docker("images", "--quiet", repository).stdout.split()


def image_on_server(project: Project) -> dict[str, Any]:
    """What Docker tells of the image that serves."""
    (found,) = json.loads(project.server.docker("image", "inspect", project.serving["Image"]).stdout)
    assert isinstance(found, dict)
    return found


def assert_nothing_is_left(project: Project) -> None:
    assert images(project.server, project.service) == []
    assert project.containers(running=False) == []
    assert project.server.docker("network", "ls", "--quiet", "--filter", f"name={project.service}").stdout == ""
    assert project.server.run(f"ls /var/lib/shipper/{project.service}/releases").stdout == ""


def assert_plain(result: Result) -> None:
    assert "Traceback" not in result.everything
    assert "bug in shipper" not in result.everything


def ready_made(project: Project, image_name: str) -> None:
    """The config takes an image as it is, instead of building that of a commit."""
    project.configure()
    config = (project.folder / "config/deploy.yaml").read_text()
    config = config.replace(f"image: {project.service}\nbuild: {{}}\n", f"image: {image_name}\n")
    project.write("config/deploy.yaml", config)
    project.commit()


def configure_build(project: Project, build: str) -> None:
    project.configure()
    config = (project.folder / "config/deploy.yaml").read_text()
    project.write("config/deploy.yaml", config.replace("build: {}", f"build: {build}"))


# Disk


def test_an_image_that_does_not_fit_is_refused_and_nothing_is_left_of_it(on_cramped: Project) -> None:
    (on_cramped.folder / "www/big").write_bytes(os.urandom(12_000_000))
    on_cramped.version("big")

    result = on_cramped.shipper("deploy")

    assert result.exit_code == 17, result.everything
    assert f"{on_cramped.server.address}: the image needs 38.0 MB of disk while it arrives" in result.everything
    assert "and /var/lib/docker has 2" in result.everything  # 24 MB, less what Docker itself needs
    assert "Free some there (docker system df shows what takes it; docker image prune), or lower retain." in (
        result.everything
    )
    assert_plain(result)
    assert_nothing_is_left(on_cramped)
    assert on_cramped.server.docker("images", "--all", "--quiet").stdout == ""
    assert on_cramped.server.run("ls -A /var/lib/docker/tmp").stdout == ""


def test_a_disk_without_a_byte_left_is_told_by_whoever_wants_the_lock(on_cramped: Project) -> None:
    on_cramped.version("version 1")
    on_cramped.server.run("cat /dev/zero >/var/lib/filler")

    result = on_cramped.shipper("deploy")
    on_cramped.server.run("rm /var/lib/filler")

    assert result.exit_code == 17, result.everything
    assert f"error: {on_cramped.server.address}: the disk of /var/lib/shipper is full." in result.errors
    assert "docker system df -v show what takes it" in result.errors
    assert_plain(result)


def test_what_served_before_an_image_that_does_not_fit_serves_on(on_cramped: Project) -> None:
    on_cramped.deploy()
    before = on_cramped.serving
    (on_cramped.folder / "www/big").write_bytes(os.urandom(12_000_000))
    on_cramped.version("big")

    result = on_cramped.shipper("deploy")

    assert result.exit_code != 0
    assert on_cramped.serving["Id"] == before["Id"]
    assert on_cramped.answer() == "version 1"


def test_old_releases_are_pruned_first_where_the_disk_would_not_hold_the_new_one(on_cramped: Project) -> None:
    on_cramped.configure(retain="3")
    for number in (1, 2, 3):
        (on_cramped.folder / "www/big").write_bytes(os.urandom(2_800_000))
        on_cramped.version(f"big {number}")
        on_cramped.deploy()
    (on_cramped.folder / "www/big").write_bytes(os.urandom(2_800_000))
    on_cramped.version("big 4")

    result = on_cramped.deploy()

    pruned = "1 container, 1 image, 1 release record pruned first, since the disk was full"
    assert pruned in result.output
    assert on_cramped.answer() == "big 4"


async def test_where_the_disk_fills_while_an_image_arrives_that_is_told_and_nothing_is_left_of_it(
    on_cramped: Project, laptop: Machine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    image = load(laptop, tmp_path, f"{on_cramped.service}:big", [layer(1000), layer(24_000_000)])

    async def unknown(folder: str) -> None:
        return None

    opened = on_cramped.opened()
    async with connected(opened, lambda event: None) as worlds:
        (world,) = worlds.values()
        monkeypatch.setattr(world.host, "disk", unknown)
        with (
            closing(LocalImages(opened, prefix_size=1000)) as here,
            pytest.raises(DiskFull, match="The disk was full before all of the image was there"),
        ):
            await here.ship(image, world, lambda progress: None)

    assert on_cramped.server.docker("images", "--all", "--quiet").stdout == ""


def test_what_a_cut_off_ship_of_another_image_left_goes_before_one_that_would_not_fit(
    on_cramped: Project, tmp_path: Path
) -> None:
    left = f"127.0.0.1:2/shipper-tunnel/{on_cramped.service}:1"
    load(on_cramped.server, tmp_path, left, [layer(8_000_000)])
    (on_cramped.folder / "www/big").write_bytes(os.urandom(3_800_000))
    on_cramped.version("big")

    on_cramped.deploy()

    assert images(on_cramped.server, left) == []


# Processors


def test_a_ready_made_image_on_the_server_for_another_processor_is_refused(project: Project, tmp_path: Path) -> None:
    image_name = f"{project.service}-made:7"
    load(project.server, tmp_path, image_name, [layer()], "arm64")
    ready_made(project, image_name)

    result = project.shipper("deploy")

    assert result.exit_code == 6, result.everything
    is_for_another = f"is linux/amd64, but its {image_name} is for linux/arm64."
    assert f"error: {project.server.address} {is_for_another}\nNothing was done.\n" in result.errors
    assert f"next: Remove it there (docker rmi {image_name}) and deploy again." in result.errors
    assert_plain(result)
    assert_nothing_is_left(project)


def test_a_ready_made_image_here_for_another_processor_is_refused(
    project: Project, laptop: Machine, tmp_path: Path
) -> None:
    image_name = f"{project.service}-made:7"
    load(laptop, tmp_path, image_name, [layer()], "arm64")
    ready_made(project, image_name)

    result = project.shipper("deploy")

    assert result.exit_code == 6, result.everything
    needs = f"needs the image {image_name} for linux/amd64, and it is here for linux/arm64."
    assert f"error: {project.server.address} {needs}\nNothing was done.\n" in result.errors
    assert_plain(result)
    assert_nothing_is_left(project)


def test_an_image_of_the_commit_for_another_processor_is_built_anew(
    project: Project, laptop: Machine, tmp_path: Path
) -> None:
    image_name = f"{project.service}:{project.git('rev-parse', 'HEAD')}"
    load(laptop, tmp_path, image_name, [layer()], "arm64")

    result = project.deploy()

    assert "for linux/amd64, because the one here is for another processor" in result.output
    assert project.answer() == "version 1"
    assert image_on_server(project)["Architecture"] == "amd64"


# Builds


def test_a_build_that_fails_shows_its_last_lines_and_leaves_nothing_on_the_server(project: Project) -> None:
    project.write("Dockerfile", "FROM scratch\nCOPY busybox /bin/sh\nRUN echo no such module: flask; exit 7\n")
    project.commit()

    result = project.shipper("deploy")

    assert result.exit_code == 5, result.everything
    reason = result.everything[result.everything.index("docker build failed with exit code") :]
    assert "\nno such module: flask\n" in reason.replace("  | ", "")
    assert "returned a non-zero code: 7" in reason
    assert "Next: Mend Dockerfile, or what it builds; shipper build tries it alone.\n" in result.everything
    assert "DOCKER_BUILDKIT" not in result.everything
    assert_plain(result)
    assert_nothing_is_left(project)


def test_shipper_build_tells_of_a_build_that_fails(project: Project) -> None:
    project.write("Dockerfile", "FROM scratch\nCOPY busybox /bin/sh\nRUN echo no such module: flask; exit 7\n")
    project.commit()

    result = project.shipper("build", "--platform", "linux/amd64")

    assert result.exit_code == 5, result.everything
    message = result.errors[result.errors.index("error: docker build failed with exit code") :]
    assert "\nno such module: flask\n" in message
    assert_plain(result)


def test_a_dockerfile_that_git_does_not_track_is_not_there(project: Project) -> None:
    project.write(".gitignore", "Dockerfile\n")
    project.git("rm", "--quiet", "--cached", "Dockerfile")
    commit = project.commit()

    result = project.shipper("deploy")

    assert result.exit_code == 5, result.everything
    assert f"{commit} has no file Dockerfile." in result.everything
    assert "Commit it, or set build.dockerfile." in result.everything
    assert_plain(result)
    assert_nothing_is_left(project)


@pytest.mark.parametrize(
    ("missing", "exit_code", "what", "next"),
    [
        ("docker", 5, "There is no docker command on this machine to build with.", "Install Docker (https://docs."),
        ("dockerd", 5, "Docker does not work on this machine: ", "Start Docker here, or set DOCKER_HOST"),
        ("tar", 4, "There is no tar command on this machine.", "Install it: apt-get install tar"),
    ],
)
def test_where_an_image_must_be_built_and_what_that_needs_is_missing_that_is_told(
    project: Project, tmp_path: Path, missing: str, exit_code: int, what: str, next: str
) -> None:
    programs = tmp_path / "bin"
    environ = {"PATH": without_docker(programs)}
    if missing == "tar":
        (programs / "tar").unlink()
    if missing != "docker":
        (programs / "docker").symlink_to(str(shutil.which("docker")))
    if missing == "dockerd":
        environ["DOCKER_HOST"] = "unix:///nowhere.sock"

    result = project.shipper("deploy", **environ)

    assert result.exit_code == exit_code, result.everything
    assert what in result.everything
    assert f"Next: {next}" in result.output
    assert_plain(result)
    assert_nothing_is_left(project)


def test_a_commit_whose_image_is_on_the_server_is_deployed_without_docker_here(
    project: Project, tmp_path: Path
) -> None:
    project.deploy()
    project.server.docker("rm", "--force", project.serving["Id"])

    project.deploy(PATH=without_docker(tmp_path / "bin"))

    assert project.answer() == "version 1"


def test_an_image_that_is_neither_here_nor_there_is_told(project: Project) -> None:
    ready_made(project, "nowhere.invalid/app:7")

    result = project.shipper("deploy")

    assert result.exit_code == 6, result.everything
    needs = "needs the image nowhere.invalid/app:7 for linux/amd64, and it is neither here nor there."
    assert f"error: {project.server.address} {needs}\nNothing was done.\n" in result.errors
    assert f"next: Pull or load it here or on {project.server.address}, or let `build:` make it" in result.errors
    assert_plain(result)
    assert_nothing_is_left(project)


def test_build_arguments_reach_the_dockerfile(project: Project) -> None:
    project.write("Dockerfile", (project.folder / "Dockerfile").read_text() + "ARG COLOUR\nLABEL colour=$COLOUR\n")
    configure_build(project, "{args: {COLOUR: deep blue}}")
    project.commit()

    project.deploy()

    assert image_on_server(project)["Config"]["Labels"]["colour"] == "deep blue"


def test_the_target_is_the_stage_that_is_shipped(project: Project) -> None:
    app = (project.folder / "Dockerfile").read_text().replace("FROM scratch", "FROM scratch AS app")
    project.write("Dockerfile", f"{app}LABEL stage=app\nFROM app AS debug\nLABEL stage=debug\n")
    configure_build(project, "{target: app}")
    project.commit()

    project.deploy()

    assert image_on_server(project)["Config"]["Labels"]["stage"] == "app"


def test_the_dockerfile_can_have_another_name(project: Project) -> None:
    project.write("docker/web.Dockerfile", (project.folder / "Dockerfile").read_text() + "LABEL file=web\n")
    configure_build(project, "{dockerfile: docker/web.Dockerfile}")
    project.commit()

    project.deploy()

    assert image_on_server(project)["Config"]["Labels"]["file"] == "web"


def test_the_context_can_be_a_folder_of_the_repository(project: Project) -> None:
    (project.folder / "app").mkdir()
    for name in ("Dockerfile", "busybox", "app.sh", "www"):
        (project.folder / name).rename(project.folder / "app" / name)
    configure_build(project, "{context: app}")
    project.commit()

    project.deploy()

    assert project.answer() == "version 1"


def test_an_older_commit_is_built_by_the_dockerfile_that_it_had(project: Project) -> None:
    dockerfile = (project.folder / "Dockerfile").read_text()
    project.write("Dockerfile", f"{dockerfile}LABEL age=old\n")
    old = project.commit()
    project.write("Dockerfile", f"{dockerfile}LABEL age=new\n")
    project.commit()

    project.deploy(old)

    assert image_on_server(project)["Config"]["Labels"]["age"] == "old"


def test_a_project_in_a_folder_of_its_repository_is_built_from_that_folder(project: Project) -> None:
    inner = project.folder / "services/shop"
    inner.mkdir(parents=True)
    for name in ("Dockerfile", "busybox", "app.sh", "www", "config"):
        (project.folder / name).rename(inner / name)
    project.commit()

    project.folder = inner
    project.deploy()

    assert project.answer() == "version 1"


def submodule(project: Project, folder: Path) -> None:
    """Adds a repository of its own as www/theme."""
    folder.mkdir()
    (folder / "colours.css").write_text("body { color: teal }\n")
    author = ["-c", "user.name=Tester", "-c", "user.email=tester@example.org"]
    for arguments in (["init", "--quiet"], ["add", "--all"], [*author, "commit", "--quiet", "--message", "theme"]):
        subprocess.run(["git", *arguments], cwd=folder, check=True)
    project.git("-c", "protocol.file.allow=always", "submodule", "--quiet", "add", str(folder), "www/theme")
    project.commit()


def test_the_files_of_submodules_are_in_the_image(project: Project, tmp_path: Path) -> None:
    submodule(project, tmp_path / "theme")

    project.deploy()

    shown = project.server.docker("exec", project.serving["Name"], "/bin/sh", "-c", "cat /www/theme/colours.css")
    assert shown.stdout == "body { color: teal }\n"


def test_a_submodule_that_is_not_checked_out_is_told(project: Project, tmp_path: Path) -> None:
    submodule(project, tmp_path / "theme")
    project.git("submodule", "--quiet", "deinit", "www/theme")

    result = project.shipper("build", "--platform", "linux/amd64")

    assert result.exit_code == 4, result.everything
    assert "error: The submodule www/theme is not checked out, so the image cannot be built." in result.errors
    assert "next: Run: git submodule update --init --recursive" in result.errors
    assert_plain(result)


def test_shipper_build_builds_for_the_servers_and_only_once(project: Project) -> None:
    commit = project.git("rev-parse", "HEAD")

    first = project.shipper("build")
    second = project.shipper("build")

    assert first.exit_code == 0, first.everything
    assert first.output.startswith(f"{project.service}:{commit} for linux/amd64: sha256:")
    assert "Step 1/" in first.errors
    assert second.exit_code == 0, second.everything
    assert second.output == first.output
    assert "Step 1/" not in second.errors
    assert_nothing_is_left(project)


# Shipping


async def test_layers_that_the_server_turns_out_to_lack_are_sent_after_all(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    lowest = f"FROM scratch\nCOPY config /{project.service}\n"  # no other image has it
    project.write("Dockerfile", (project.folder / "Dockerfile").read_text().replace("FROM scratch\n", lowest))
    project.commit()
    opened = shipper.open_project(project.folder, environ=project.environ)
    reported: list[Progress] = []
    async with connected(opened, lambda event: None) as worlds:
        (world,) = worlds.values()
        built = await world.images.build(opened.image, "linux/amd64", lambda line: None)
        assert await world.engine.image(opened.image) is None
        other = dataclasses.replace(built, layers=(*built.layers[:-1], "sha256:other"))

        async def removed_since() -> tuple[Image, ...]:
            return (other,)

        monkeypatch.setattr(world.engine, "images", removed_since)
        how = await world.images.ship(opened.image, world, reported.append)

        arrived = await world.engine.image(opened.image)
    assert arrived is not None
    assert arrived.id == built.id
    since = "as an archive, since most layers are there, but did not come through the tunnel; Docker did not take"
    assert how.startswith(since)
    assert ": 4 of 4 layers, " in how
    told = [progress.detail for progress in reported if " since " in progress.detail]
    assert [detail.partition(",")[0] for detail in told] == ["as an archive", "as an archive with all layers"]


# Pushing without a deploy


def test_shipper_push_puts_the_image_on_the_server_and_deploys_nothing(project: Project) -> None:
    commit = project.git("rev-parse", "HEAD")

    result = project.shipper("push")

    assert result.exit_code == 0, result.everything
    there = f"{project.service}:{commit[:7]} is there: {project.server.address}. Its digest: sha256:"
    assert result.output.splitlines()[-1].startswith(there)
    assert len(images(project.server, f"{project.service}:{commit}")) == 1
    assert project.containers(running=False) == []
    assert project.shipper("history", "--json").json == []


def test_a_push_of_a_folder_with_changes_warns_as_a_deploy_does(project: Project) -> None:
    (project.folder / "www/index.html").write_text("changed\n")

    result = project.shipper("push")

    assert "warning: The working folder has uncommitted changes" in result.everything


def test_a_deploy_after_a_push_ships_nothing(project: Project) -> None:
    (pushed,) = [event for event in project.shipper("push", "--json").events if event["event"] == "pushed"]

    result = project.deploy("--digest", pushed["digest"])

    assert " ship" not in result.output
    assert "did not finish" not in result.everything


def test_shipper_push_of_what_is_there_does_nothing(project: Project) -> None:
    project.shipper("push")

    result = project.shipper("push", "--json")

    assert result.exit_code == 0, result.everything
    assert [event["event"] for event in result.events] == ["connected", "pushed"]
    assert result.events[-1]["reached"] == []
