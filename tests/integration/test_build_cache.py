"""Builders with an empty cache, as in CI, which take over what another one has left in the registry."""

import json
import os
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.integration.conftest import Project
from tests.machines import Machine, machine
from tests.newer_docker import programs
from tests.registries import NAME, PASSWORD, USERNAME, serving_images

pytestmark = pytest.mark.builds

DOCKERFILE = """
FROM scratch AS base
COPY busybox /bin/busybox
COPY busybox /bin/sh
FROM base AS packages
COPY packages.lock /
RUN /bin/busybox head -c 1000 /dev/urandom >/installed
FROM base
COPY --from=packages /installed /installed
COPY www /www
"""


@pytest.fixture
def builders(server: Machine, tmp_path: Path) -> Iterator[list[Machine]]:
    with ExitStack() as stack:
        made = [stack.enter_context(machine(name, programs=programs())) for name in ("builder1", "builder2")]
        for each in (server, *made):
            stack.enter_context(serving_images(each, tmp_path))
        yield made


def layers_of_build(builder: Machine, project: Project) -> list[str]:
    """Of a new commit's image, which is pushed."""
    project.version(f"built by {builder.name}")
    pushed = project.shipper("push", DOCKER_HOST=builder.docker_host)
    assert pushed.exit_code == 0, pushed.everything
    image_name = f"{NAME}/{project.service}:{project.git('rev-parse', 'HEAD')}"
    found: list[str] = json.loads(builder.docker("image", "inspect", image_name).stdout)[0]["RootFS"]["Layers"]
    return found


def test_an_expensive_stage_runs_once_for_builders_whose_own_cache_is_empty(
    project: Project, builders: list[Machine]
) -> None:
    first, second = builders
    project.environ["PATH"] = f"{programs()}:{os.environ['PATH']}"
    plugins = Path(project.environ["HOME"], ".docker/cli-plugins")
    plugins.mkdir(parents=True)
    (plugins / "docker-buildx").symlink_to(programs() / "docker-buildx")
    project.environ["REGISTRY_PASSWORD"] = PASSWORD
    project.configure(registry=f"{{username: {USERNAME}, password: {{env: REGISTRY_PASSWORD}}}}")
    config = (project.folder / "config/deploy.yaml").read_text().replace("image: ", f"image: {NAME}/")
    project.write("config/deploy.yaml", config.replace("build: {}", "build: {cache: registry}"))
    project.write("Dockerfile", DOCKERFILE)
    project.write("packages.lock", "1")

    made = [layers_of_build(first, project), layers_of_build(second, project)]
    for what in ("system", "builder"):
        first.docker(what, "prune", "--all", "--force")
    made.append(layers_of_build(first, project))  # from the cache of a build that had taken all of it from there

    assert made[0][:-1] == made[1][:-1] == made[2][:-1]
    assert made[0][-1] != made[1][-1]
