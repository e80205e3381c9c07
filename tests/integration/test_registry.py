"""Images by registry: a real one with a password, which every machine reaches under the same name."""

import base64
import json
import os
import shutil
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from shipper.images.registry import DockerRegistry
from tests.integration.conftest import Project, Result, container_ids, without_docker
from tests.integration.making import layer, load
from tests.machines import Machine
from tests.registries import NAME, PASSWORD, USERNAME, serving_images

pytestmark = pytest.mark.builds


@pytest.fixture(scope="module")
def registry(
    laptop: Machine, server: Machine, cramped: Machine, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Path]:
    """The folder of its images."""
    folder = tmp_path_factory.mktemp("registry")
    with ExitStack() as stack:
        for made in (laptop, server, cramped):
            stack.enter_context(serving_images(made, folder))
        yield folder / "storage/docker/registry/v2/repositories"


@pytest.fixture
def by_registry(project: Project, registry: Path) -> Project:
    """A project whose image goes by registry."""
    project.environ["REGISTRY_PASSWORD"] = PASSWORD
    configure(project)
    return project


def configure(project: Project, server: str = NAME, **top: str) -> None:
    project.configure(**{"registry": f"{{username: {USERNAME}, password: {{env: REGISTRY_PASSWORD}}}}", **top})
    config = (project.folder / "config/deploy.yaml").read_text()
    project.write("config/deploy.yaml", config.replace("image: ", f"image: {server}/"))
    project.commit()


def tags(registry: Path, project: Project) -> list[str]:
    return sorted(tag.name for tag in (registry / project.service / "_manifests/tags").iterdir())


def tags_on(made: Machine, project: Project) -> list[str]:
    return made.docker("images", "--format", "{{.Tag}}", f"{NAME}/{project.service}").stdout.split()


def steps(result: Result) -> list[str]:
    return [event["step"] for event in result.events if event["event"] == "step_finished"]


def log_in(folder: Path) -> None:
    """As `docker login` does where it has no credential helper."""
    login = base64.b64encode(f"{USERNAME}:{PASSWORD}".encode()).decode()
    folder.mkdir(exist_ok=True)
    (folder / "config.json").write_text(json.dumps({"auths": {NAME: {"auth": login}}}))


def watched_docker(folder: Path) -> str:
    """A PATH with a `docker` that writes down its arguments and its settings before it does what it is told."""
    folder.mkdir()
    script = folder / "docker"
    settings = f'cat "$DOCKER_CONFIG/config.json" >>{folder}/settings 2>&1'
    told = f'printf "%s\\n" "$*" >>{folder}/arguments'
    script.write_text(f'#!/bin/sh\n{told}\n{settings}\nexec {shutil.which("docker")} "$@"\n')
    script.chmod(0o755)
    return f"{folder}:{os.environ['PATH']}"


def test_what_was_pushed_once_is_pulled_by_two_hosts_at_once(
    by_registry: Project, registry: Path, cramped: Machine
) -> None:
    cramped.accept(by_registry.server)
    config = (by_registry.folder / "config/deploy.yaml").read_text()
    address = by_registry.server.address
    by_registry.write("config/deploy.yaml", config.replace(f"[{address}]", f"[{address}, {cramped.address}]"))
    by_registry.write("config/known_hosts", f"{by_registry.server.host_key}\n{cramped.host_key}\n")
    commit = by_registry.commit()

    result = by_registry.deploy("--json")

    turns = [event["event"] for event in result.events if event.get("step") == "pull" and "progr" not in event["event"]]
    assert turns == ["step_started", "step_started", "step_finished", "step_finished"]
    assert steps(result)[:2] == ["build", "push"]
    assert tags(registry, by_registry) == sorted([commit, "latest"])
    assert [tags_on(made, by_registry) for made in (by_registry.server, cramped)] == [[commit], [commit]]
    assert by_registry.answer() == "version 1"


def test_what_serves_in_staging_is_known_by_the_digest_that_the_registry_has_it_by(
    by_registry: Project, cramped: Machine
) -> None:
    cramped.accept(by_registry.server)
    configure(by_registry, promote_from="{destination: staging}")
    by_registry.write("config/deploy.staging.yaml", f"promote_from:\nroles: {{web: {{hosts: [{cramped.address}]}}}}\n")
    by_registry.write("config/known_hosts", f"{by_registry.server.host_key}\n{cramped.host_key}\n")
    commit = by_registry.commit()

    refused = by_registry.shipper("deploy")
    by_registry.deploy("-d", "staging")
    result = by_registry.deploy("--json")

    cramped.docker("rm", "--force", *container_ids(cramped, f"{by_registry.service}-staging", running=False))
    cramped.docker("image", "rm", f"{NAME}/{by_registry.service}:{commit}")
    assert refused.exit_code == 35
    assert f"{commit[:7]} is not proven in staging: it has no image yet" in refused.errors
    assert tags_on(by_registry.server, by_registry) == [commit]
    assert steps(result)[0] == "pull"


def test_what_the_registry_has_is_deployed_without_docker_here(by_registry: Project, tmp_path: Path) -> None:
    pushed = by_registry.shipper("push")
    assert pushed.exit_code == 0, pushed.everything

    result = by_registry.deploy("--json", PATH=without_docker(tmp_path / "bin"))

    assert not {"build", "push"} & {*steps(result)}
    assert by_registry.answer() == "version 1"


def test_the_latest_of_the_registry_is_deployed_with_its_own_config_where_there_is_no_git(
    by_registry: Project, registry: Path, tmp_path: Path
) -> None:
    dockerfile = (by_registry.folder / "Dockerfile").read_text()
    by_registry.write("Dockerfile", f"{dockerfile}WORKDIR /app\nCOPY config config\n")
    by_registry.write("config/env.j2", "COLOUR=violet\n")
    commit = by_registry.commit()
    pushed = by_registry.shipper("push")
    assert pushed.exit_code == 0, pushed.everything
    (phone := tmp_path / "phone/config").mkdir(parents=True)
    for name in ("deploy.yaml", "known_hosts"):
        shutil.copy(by_registry.folder / "config" / name, phone)
    environ = {**by_registry.environ, "PATH": without_docker(tmp_path / "bin")}

    exit_code, output, errors = by_registry.fork_server.run(["deploy", "latest"], environ, phone.parent)

    assert exit_code == 0, output + errors
    assert "COLOUR=violet" in by_registry.serving["Config"]["Env"]
    assert tags_on(by_registry.server, by_registry) == [commit]
    digest = digest_of(registry / by_registry.service / "_manifests/tags/latest")
    by_digest = by_registry.fork_server.run(["plan", "latest", "--digest", f"sha256:{digest}"], environ, phone.parent)
    assert by_digest[1].splitlines()[-1] == "nothing to do", by_digest
    assert tags_on(by_registry.server, by_registry) == [commit]


def test_a_deploy_by_digest_takes_what_was_pushed_whatever_has_its_name_by_now(
    by_registry: Project, registry: Path, tmp_path: Path
) -> None:
    """Over the same commit, as a job of CI that builds and another one that deploys."""
    outputs = tmp_path / "outputs"
    (pushed,) = [e for e in by_registry.shipper("push", "--json", GITHUB_OUTPUT=str(outputs)).events if "digest" in e]
    tagged = registry / by_registry.service / "_manifests/tags" / by_registry.git("rev-parse", "HEAD")
    assert f"sha256:{digest_of(tagged)}" == pushed["digest"]
    assert outputs.read_text() == f"image={pushed['image_name']}\ndigest={pushed['digest']}\n"
    by_registry.version("version 2")
    by_registry.shipper("push")
    shutil.copy(registry / by_registry.service / "_manifests/tags/latest/current/link", tagged / "current/link")

    planned = by_registry.shipper("plan", "HEAD~1", "--json", "--digest", pushed["digest"])
    result = by_registry.deploy("HEAD~1", "--digest", pushed["digest"], "--expect", planned.json["fingerprint"])
    again = by_registry.deploy("HEAD~1", "--digest", pushed["digest"])

    pull = next(step["detail"] for step in planned.json["steps"] if step["step"] == "pull")
    assert pull.endswith(f" at {pushed['digest'][:19]}")
    assert by_registry.answer() == "version 1", result.everything
    assert "serves already; nothing was done." in again.output


def digest_of(tag: Path) -> str:
    """Of what a tag of the registry says."""
    return (tag / "current/link").read_text().partition(":")[2]


def test_a_digest_that_is_not_there_or_of_another_commit_or_not_what_the_host_has_is_refused(
    by_registry: Project, registry: Path
) -> None:
    by_registry.deploy()
    first = by_registry.git("rev-parse", "HEAD")
    address, image_name = by_registry.server.address, f"{NAME}/{by_registry.service}"
    digest = "sha256:" + digest_of(registry / by_registry.service / "_manifests/tags" / first)
    by_registry.version("version 2")
    nowhere = f"sha256:{'0' * 64}"

    unknown = by_registry.shipper("deploy", "--digest", nowhere)
    of_another_commit = by_registry.shipper("deploy", "--digest", digest)
    another = by_registry.shipper("deploy", first, "--digest", nowhere)
    no_digest = by_registry.shipper("deploy", "--digest", "")

    assert [r.exit_code for r in (unknown, of_another_commit, another, no_digest)] == [6, 6, 6, 2]
    assert f"error: {NAME} has no image {image_name} with the digest {nowhere}." in unknown.errors
    assert f"{digest} is the image of {first[:7]}, not of {by_registry.git('rev-parse', 'HEAD')[:7]}." in (
        of_another_commit.everything
    )
    assert f"error: {address} has another image as {image_name}:{first}: {digest}, not {nowhere}." in another.errors
    assert 'error: "" is no digest of an image' in no_digest.errors
    assert by_registry.answer() == "version 1"
    assert tags_on(by_registry.server, by_registry) == [first]


def test_latest_is_not_moved_back_by_an_older_commit(
    by_registry: Project, registry: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GIT_COMMITTER_DATE", "2026-01-02T03:04:05Z")
    older = by_registry.commit("older")
    monkeypatch.setenv("GIT_COMMITTER_DATE", "2026-01-02T03:04:06Z")
    newer = by_registry.version("version 2")
    by_registry.shipper("push")

    result = by_registry.shipper("push", older)

    assert f"latest stays at {newer[:7]}, which is newer" in result.output, result.everything
    folder = registry / by_registry.service / "_manifests/tags"
    assert digest_of(folder / "latest") == digest_of(folder / newer) != digest_of(folder / older)


def test_shipper_push_of_what_the_registry_has_does_nothing(by_registry: Project) -> None:
    commit = by_registry.git("rev-parse", "HEAD")[:7]
    by_registry.shipper("push")

    result = by_registry.shipper("push")

    assert result.exit_code == 0, result.everything
    there = f"{NAME}/{by_registry.service}:{commit} is there already: {NAME}; nothing was done. Its digest: sha256:"
    assert result.output.splitlines()[-1].startswith(there)
    assert tags_on(by_registry.server, by_registry) == []


def test_the_password_is_in_no_argument_no_output_and_on_no_disk(
    by_registry: Project, laptop: Machine, tmp_path: Path
) -> None:
    config = (by_registry.folder / "config/deploy.yaml").read_text()
    by_registry.write("config/deploy.yaml", config.replace("build: {}", "build: {cache: registry}"))

    result = by_registry.deploy("-v", PATH=watched_docker(tmp_path / "bin"))

    assert "Built without the registry's cache: " in result.output
    arguments = (tmp_path / "bin/arguments").read_text()
    assert f"push {NAME}/{by_registry.service}:latest" in arguments
    forms = [PASSWORD, base64.b64encode(f"{USERNAME}:{PASSWORD}".encode()).decode()]
    assert [form for form in forms if form in arguments + result.everything] == []
    for made in (laptop, by_registry.server):
        assert made.run(f"grep -rslF -e {' -e '.join(forms)} --exclude-dir overlay2 /var/lib /run").stdout == ""
    assert list(Path(by_registry.environ["HOME"]).iterdir()) == []
    assert list(Path(by_registry.environ["TMPDIR"]).glob("shipper-docker-*")) == []


def test_other_logins_of_the_user_are_not_copied_for_a_push(by_registry: Project, tmp_path: Path) -> None:
    log_in(Path(by_registry.environ["HOME"], ".docker"))

    by_registry.deploy(PATH=watched_docker(tmp_path / "bin"))

    settings = (tmp_path / "bin/settings").read_text()
    assert '"credHelpers"' in settings
    assert '"auths"' not in settings


def test_settings_of_docker_that_cannot_be_read_are_told(by_registry: Project) -> None:
    folder = Path(by_registry.environ["HOME"], ".docker")
    folder.mkdir()
    (folder / "config.json").write_text('{"auths":')

    result = by_registry.shipper("push")

    assert result.exit_code == 7, result.everything
    assert f"{folder}/config.json cannot be read, or is no JSON object." in result.everything


def test_a_credential_helper_that_is_broken_is_told(by_registry: Project) -> None:
    configure(by_registry, registry="{}")
    folder = Path(by_registry.environ["HOME"], ".docker")
    folder.mkdir()
    (folder / "config.json").write_text('{"credsStore": "locked"}')
    helper = folder / "docker-credential-locked"
    helper.write_text("#!/bin/sh\necho the keychain is locked; exit 1\n")
    helper.chmod(0o755)

    result = by_registry.shipper("deploy", PATH=f"{folder}:{os.environ['PATH']}")

    assert result.exit_code == 7, result.everything
    assert "error: What `docker login` left on this machine cannot be read: " in result.errors
    assert "the keychain is locked" in result.errors


def test_a_wrong_password_is_told_before_anything_is_built(by_registry: Project) -> None:
    result = by_registry.shipper("deploy", REGISTRY_PASSWORD="a-wrong-one")

    assert result.exit_code == 7, result.everything
    assert f"error: {NAME} refuses the password of ann: unauthorized: authentication required" in result.errors
    assert "Step 1/" not in result.everything
    assert "a-wrong-one" not in result.everything
    seen = by_registry.shipper("doctor", "-q", REGISTRY_PASSWORD="a-wrong-one")
    assert f"  problem  registry: {NAME} refuses the password of ann: unauthorized" in seen.output
    assert "a-wrong-one" not in seen.everything


def test_what_is_on_the_server_needs_no_password(by_registry: Project) -> None:
    by_registry.deploy()
    del by_registry.environ["REGISTRY_PASSWORD"]

    result = by_registry.deploy()

    assert "serves already; nothing was done." in result.output


async def test_the_password_is_for_the_registry_of_the_config_only(by_registry: Project) -> None:
    registry = DockerRegistry(by_registry.opened())

    there, elsewhere = [await registry.credentials(f"{server}/app:1") for server in (NAME, "before.example")]

    assert there is not None
    assert elsewhere is None


def test_what_is_to_be_asked_of_the_registry_needs_a_password(by_registry: Project) -> None:
    del by_registry.environ["REGISTRY_PASSWORD"]

    result = by_registry.shipper("deploy")

    assert result.exit_code == 3, result.everything
    assert f"error: No value for the password of ann at {NAME}." in result.errors


def test_a_registry_that_does_not_answer_is_told_with_who_must_reach_it(by_registry: Project) -> None:
    configure(by_registry, "127.0.0.1:5001")

    result = by_registry.shipper("deploy")

    assert result.exit_code == 7, result.everything
    address = by_registry.server.address
    assert f"error: {address} does not get through to the registry 127.0.0.1:5001: Get " in result.errors
    assert f"next: {address} itself must reach 127.0.0.1:5001" in result.errors


def test_a_config_without_a_username_takes_what_docker_login_left_here(by_registry: Project) -> None:
    configure(by_registry, registry="{}")
    log_in(Path(by_registry.environ["HOME"], ".docker"))

    by_registry.deploy()

    assert by_registry.answer() == "version 1"


def test_a_registry_that_wants_a_login_says_so_before_anything_is_built(by_registry: Project) -> None:
    configure(by_registry, registry="{}")

    result = by_registry.shipper("deploy")

    assert result.exit_code == 7, result.everything
    assert f"error: {NAME} wants a login for {NAME}/{by_registry.service}:" in result.errors
    assert "Step 1/" not in result.everything


def test_an_image_in_the_registry_for_another_processor_is_refused(
    by_registry: Project, laptop: Machine, tmp_path: Path
) -> None:
    image_name = f"{NAME}/{by_registry.service}-made:7"
    load(laptop, tmp_path, image_name, [layer()], "arm64")
    log_in(tmp_path)
    assert laptop.docker("--config", str(tmp_path), "push", image_name).returncode == 0
    config = (by_registry.folder / "config/deploy.yaml").read_text()
    config = config.replace(f"image: {NAME}/{by_registry.service}\nbuild: {{}}\n", f"image: {image_name}\n")
    by_registry.write("config/deploy.yaml", config)

    result = by_registry.shipper("deploy")

    assert result.exit_code == 6, result.everything
    address = by_registry.server.address
    assert f"error: {address} is linux/amd64, but {image_name} in {NAME} is for linux/arm64." in result.errors


def test_old_releases_are_pruned_first_where_the_disk_would_not_hold_what_is_pulled(
    by_registry: Project, cramped: Machine
) -> None:
    by_registry.move(cramped)
    configure(by_registry, retain="3")
    for number in (1, 2, 3):
        (by_registry.folder / "www/big").write_bytes(os.urandom(5_200_000))
        by_registry.version(f"big {number}")
        by_registry.deploy()
    (by_registry.folder / "www/big").write_bytes(os.urandom(5_200_000))
    commit = by_registry.version("big 4")

    result = by_registry.deploy()

    assert "1 container, 1 image, 1 release record pruned first, since the disk was full" in result.output
    assert by_registry.answer() == "big 4"
    assert commit in tags_on(cramped, by_registry)
