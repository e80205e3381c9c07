"""The image that carries everything: what is in it and what is not, and how little its containers may do."""

import json
import os
import shutil
import subprocess
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.images import BASES, IMAGE, ROOT, build
from tests.integration.waiting import eventually
from tests.machines import Machine

CHANGED = "voicebot:changed"
IN_CONTEXT = ("Dockerfile", ".dockerignore", "requirements.lock", "botkit", "config", "opsbot", "shipper", "voicebot")
SAYS_ITS_HEALTH = """
import asyncio
from shipper.handover import Handover

async def main() -> None:
    async with Handover() as handover, handover.active():
        await handover.until_stop(asyncio.sleep(600))

asyncio.run(main())
"""


def inspected(bots: Machine, name: str) -> dict[str, Any]:
    (found,) = json.loads(bots.docker("inspect", name).stdout)
    assert isinstance(found, dict)
    return found


class Container:
    """Of the image, with an app in it that says its health; can write to a new volume only."""

    def __init__(self, bots: Machine) -> None:
        self.bots = bots
        options = ("--detach", "--read-only", "--volume=/data")
        started = bots.docker("run", *options, IMAGE, "python", "-c", SAYS_ITS_HEALTH)
        assert started.returncode == 0, started.stderr
        self.id = started.stdout.strip()

    def execute(self, *command: str, options: tuple[str, ...] = ()) -> "subprocess.CompletedProcess[str]":
        return self.bots.docker("exec", *options, self.id, *command)

    def prints(self, *command: str, options: tuple[str, ...] = ()) -> str:
        done = self.execute(*command, options=options)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def asks_for_health(self, *options: str) -> "subprocess.CompletedProcess[str]":
        kind, *command = inspected(self.bots, self.id)["Config"]["Healthcheck"]["Test"]
        assert kind == "CMD"
        return self.execute(*command, options=options)

    def wait_until_healthy(self) -> None:
        eventually(lambda: self.asks_for_health().returncode == 0, "health", every=0.2)


@contextmanager
def running(bots: Machine) -> Iterator[Container]:
    made = Container(bots)
    try:
        yield made
    finally:
        bots.docker("rm", "--force", "--volumes", made.id)


@pytest.fixture(scope="module")
def container(bots: Machine) -> Iterator[Container]:
    with running(bots) as made:
        yield made


@pytest.fixture(scope="module")
def changed(bots: Machine, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """An image of another version of the code, made in a folder where secrets lie about."""
    folder = tmp_path_factory.mktemp("changed")
    for name in IN_CONTEXT:
        copy = shutil.copytree if (ROOT / name).is_dir() else shutil.copy
        copy(ROOT / name, folder / name)
    (folder / "voicebot/__init__.py").write_text('"""Another version."""\n')
    for name in (".env", ".git", "config/deploy_key", "config/secrets.env", "config/secrets.staging.env"):
        (folder / name).write_text("BOT_TOKEN=1:secret\n")
    build(bots, CHANGED, folder, "--build-arg=VERSION=1.2.3", "--build-arg=REVISION=abc1234")
    return inspected(bots, CHANGED)


@pytest.fixture(scope="module")
def code(bots: Machine, changed: dict[str, Any], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What is in /app of that image."""
    folder = tmp_path_factory.mktemp("code")
    container_id = bots.docker("create", changed["Id"]).stdout.strip()
    bots.docker("cp", f"{container_id}:/app/.", str(folder))
    bots.docker("rm", container_id)
    return folder


def test_every_part_starts_from_the_one_image(container: Container) -> None:
    """The bots themselves below, by `make image`."""
    container.prints("python", "-c", "import psycopg")
    assert container.prints("shipper", "--version").startswith("shipper ")
    assert "migrated the database from revision none" in container.prints("python", "-m", "voicebot", "migrate")
    of_its_own = ("--env=DATABASE_URL=sqlite:////data/opsbot.db",)
    assert "from revision none" in container.prints("python", "-m", "opsbot", "migrate", options=of_its_own)


def test_make_image_builds_it_and_starts_what_is_in_it(bots: Machine) -> None:
    environ = {**os.environ, "DOCKER_HOST": bots.docker_host}

    done = subprocess.run(
        ["make", "image", "IMAGE=voicebot:made", f"BUILD={' '.join(BASES)}"],
        cwd=ROOT,
        env=environ,
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.count("migrated the database from revision none") == 2


def test_a_container_runs_the_bot_if_nothing_else_is_said(bots: Machine) -> None:
    told = inspected(bots, IMAGE)["Config"]
    assert (told["Entrypoint"], told["Cmd"]) == (["tini", "--"], ["python", "-m", "voicebot"])


def test_the_config_is_carried_and_makes_sense(container: Container) -> None:
    assert "service: voicebot" in container.prints("shipper", "config", options=("--env=VPS_SSH_KEY=a key",))
    environments = json.loads(container.prints("python", "-m", "opsbot", "config"))["environments"]
    assert [*environments] == ["production", "staging"]


def test_a_container_has_an_init_and_a_user_of_a_fixed_id(container: Container) -> None:
    assert container.prints("cat", "/proc/1/comm") == "tini\n"
    assert container.prints("id") == "uid=10001(app) gid=10001(app) groups=10001(app)\n"


def test_a_new_volume_belongs_to_the_user(container: Container) -> None:
    assert container.prints("sh", "-c", "touch /data/file && stat --format %U /data/file") == "app\n"


def test_the_code_cannot_be_changed_by_what_runs(container: Container) -> None:
    owned = "find /app /venv /pycache -not -user root -o -perm /022 -not -type l"
    assert container.prints(*owned.split()) == ""


def test_the_health_command_tells_what_the_app_says(container: Container) -> None:
    container.wait_until_healthy()
    assert json.loads(container.asks_for_health().stdout)["state"] == "active"


def test_the_health_command_fails_where_nothing_answers(container: Container) -> None:
    assert "ConnectionRefusedError" in container.asks_for_health("--env=SHIPPER_HEALTH_PORT=1").stderr


def test_an_app_hears_the_stop_signal(bots: Machine) -> None:
    with running(bots) as container:
        container.wait_until_healthy()
        bots.docker("stop", "--time", "60", container.id)
        assert inspected(bots, container.id)["State"]["ExitCode"] == 0


def test_nothing_of_the_build_is_left(container: Container) -> None:
    assert container.prints("sh", "-c", "command -v cc gcc g++ make pip uv || echo none") == "none\n"
    look = "find / -xdev -name .cache -o -name '*_Packages*' -o -path '/wheels*' -o -path '/image*' -o -path '/baked*'"
    assert container.prints("sh", "-c", look, options=("--user=root",)) == ""
    assert container.prints("find", "/venv", "/app", "-name", "__pycache__") == ""


def test_what_is_no_part_of_it_does_not_get_in(code: Path) -> None:
    folders = {"botkit", "config", "opsbot", "shipper", "voicebot"}
    assert {each.name for each in code.iterdir()} == {*folders, "requirements.lock"}
    expected = {"deploy.schema.json", "deploy.staging.yaml", "deploy.yaml", "env.j2"}
    expected |= {"known_hosts", "monitoring", "opsbot.schema.json", "opsbot.yaml"}
    assert {each.name for each in (code / "config").iterdir()} == expected


def test_its_history_tells_no_secret_and_no_index(bots: Machine) -> None:
    history = bots.docker("history", "--no-trunc", "--format", "{{.CreatedBy}}", IMAGE).stdout
    assert "COPY" in history
    assert not [word for word in ("PIP_", "TOKEN", "wheels", "://") if word in history.replace("sqlite://", "")]


def test_its_labels_say_version_and_revision(changed: dict[str, Any]) -> None:
    labels, prefix = changed["Config"]["Labels"], "org.opencontainers.image."
    assert labels[f"{prefix}title"] == "voicebot"
    assert (labels[f"{prefix}version"], labels[f"{prefix}revision"]) == ("1.2.3", "abc1234")


def test_a_change_of_code_moves_one_layer_of_less_than_a_megabyte(
    bots: Machine, changed: dict[str, Any], code: Path, tmp_path: Path
) -> None:
    assert inspected(bots, IMAGE)["RootFS"]["Layers"][:-1] == changed["RootFS"]["Layers"][:-1]
    layer = shutil.make_archive(str(tmp_path / "layer"), "tar", code)
    sent = len(zlib.compress(Path(layer).read_bytes()))  # as it goes through SSH
    assert sent < 1_000_000
