"""Images by registry: a real one with a password, which every machine reaches under the same name."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from tests.integration.conftest import Project
from tests.integration.waiting import eventually
from tests.machines import Machine, machine

NAME = "127.0.0.1:5000"  # where Docker speaks plain HTTP without being told to
USERNAME, PASSWORD = "ann", "pull-and-push"
HTPASSWD = f"{USERNAME}:$2b$04$4pbEHC0.t7oRt8XYonzE0uDKCwGw0CR0ONenzDklovAnR7cEgAe4i\n"  # the password, by bcrypt
CONFIG = """
version: 0.1
log: {{level: error}}
storage: {{filesystem: {{rootdirectory: {folder}/storage}}}}
http: {{addr: "127.0.0.1:5000", secret: shared}}
auth: {{htpasswd: {{realm: tests, path: {folder}/htpasswd}}}}
"""


@contextmanager
def serving_images(made: Machine, folder: Path) -> Iterator[None]:
    """A registry inside the machine; those over the same folder have the same images."""
    (folder / "htpasswd").write_text(HTPASSWD)
    (folder / "config.yml").write_text(CONFIG.format(folder=folder))
    started = made.run(f"docker-registry serve {folder}/config.yml >>{folder}/log 2>&1 & echo $!")
    eventually(lambda: made.run(f"busybox wget -q -O /dev/null http://{NAME}/").returncode == 0, "the registry answers")
    yield
    made.run(f"kill {started.stdout}")


@pytest.fixture(scope="module")
def cramped(_parts: None) -> Iterator[Machine]:
    """A second server, with room for the sample app and for little more."""
    with machine("cramped", disk_size="24m") as made:
        made.run("install -d -m 2770 -g docker /var/lib/shipper")
        yield made


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


def configure(project: Project, **top: str) -> None:
    registry = "{username: ann, password: {env: REGISTRY_PASSWORD}}"
    project.configure(**{"registry": registry, **top})
    config = (project.folder / "config/deploy.yaml").read_text()
    project.write("config/deploy.yaml", config.replace("image: ", f"image: {NAME}/"))
    project.commit()


@pytest.fixture
def by_registry(project: Project, registry: Path) -> Project:
    """A project whose image goes by registry."""
    project.environ["REGISTRY_PASSWORD"] = PASSWORD
    configure(project)
    return project


def tags(registry: Path, project: Project) -> list[str]:
    return sorted(tag.name for tag in (registry / project.service / "_manifests/tags").iterdir())


def test_an_image_is_pushed_and_pulled(by_registry: Project, registry: Path) -> None:
    result = by_registry.deploy()

    print(result.everything)
    assert by_registry.answer() == "version 1"
    assert tags(registry, by_registry) == sorted([by_registry.git("rev-parse", "HEAD"), "latest"])
