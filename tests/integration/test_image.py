"""The image that carries everything: what is in it and what is not, and how little its containers may do."""

import json
import shutil
import subprocess
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.images import IMAGE, ROOT, build
from tests.integration.waiting import eventually
from tests.machines import Machine

CHANGED = "voicebot:changed"
IN_CONTEXT = ("Dockerfile", ".dockerignore", "requirements.lock", "config", "shipper", "voicebot")
ALL_PARTS = (
    "aiogram, aiosqlite, alembic, av, faster_whisper, onnxruntime, psycopg, shipper.cli, structlog, voicebot.settings"
)
WAITS_TO_BE_STOPPED = """
import asyncio
from shipper.handover import Handover

async def main() -> None:
    async with Handover() as handover, handover.active():
        await handover.until_stop(asyncio.sleep(600))

asyncio.run(main())
"""


@pytest.fixture(scope="module")
def changed(bots: Machine, tmp_path_factory: pytest.TempPathFactory) -> str:
    """Another version of the code, with a bot more, in a folder where secrets lie about."""
    folder = tmp_path_factory.mktemp("changed")
    for name in IN_CONTEXT:
        copy = shutil.copytree if (ROOT / name).is_dir() else shutil.copy
        copy(ROOT / name, folder / name)
    (folder / "voicebot/__init__.py").write_text('"""Another version."""\n')
    (folder / "opsbot").mkdir()
    (folder / "opsbot/__main__.py").write_text('print("opsbot runs")\n')
    for name in (".env", ".git", "config/secrets.env", "config/secrets.staging.env"):
        (folder / name).write_text("BOT_TOKEN=1:secret\n")
    build(bots, CHANGED, folder, "--build-arg=VERSION=1.2.3", "--build-arg=REVISION=abc1234")
    return CHANGED


@pytest.fixture
def waiting(bots: Machine) -> Iterator[str]:
    """The id of a container with an app that says its health."""
    started = bots.docker("run", "--detach", IMAGE, "python", "-c", WAITS_TO_BE_STOPPED)
    assert started.returncode == 0, started.stderr
    yield started.stdout.strip()
    bots.docker("rm", "--force", started.stdout.strip())


def run(bots: Machine, *command: str, image: str = IMAGE, options: tuple[str, ...] = ()) -> str:
    """What a command in a new container prints."""
    done = bots.docker("run", "--rm", *options, image, *command)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def inspected(bots: Machine, image: str) -> dict[str, Any]:
    (found,) = json.loads(bots.docker("image", "inspect", image).stdout)
    assert isinstance(found, dict)
    return found


def execute_healthcheck(bots: Machine, container_id: str) -> subprocess.CompletedProcess[str]:
    kind, *command = inspected(bots, IMAGE)["Config"]["Healthcheck"]["Test"]
    assert kind == "CMD"
    return bots.docker("exec", container_id, *command)


def test_every_part_starts_from_the_one_image(bots: Machine) -> None:
    run(bots, "python", "-c", f"import {ALL_PARTS}")
    assert run(bots, "shipper", "--version").startswith("shipper ")
    assert run(bots, "alembic", "--version").startswith("alembic ")
    assert inspected(bots, IMAGE)["Config"]["Cmd"] == ["python", "-m", "voicebot"]


def test_another_bot_is_carried_as_soon_as_there_is_one(bots: Machine, changed: str) -> None:
    assert run(bots, "python", "-m", "opsbot", image=changed) == "opsbot runs\n"


def test_the_config_is_carried_and_makes_sense(bots: Machine) -> None:
    assert "service: voicebot" in run(bots, "shipper", "config")


def test_a_container_is_an_init_and_a_user_of_a_fixed_id(bots: Machine) -> None:
    assert run(bots, "cat", "/proc/1/comm") == "tini\n"
    assert run(bots, "id") == "uid=10001(app) gid=10001(app) groups=10001(app)\n"


def test_it_needs_to_write_to_a_new_volume_only(bots: Machine) -> None:
    write = "touch /data/file && ! touch /app/file /venv/file 2>/dev/null && stat --format %U /data/file"
    options = ("--read-only", "--volume=fresh:/data")
    assert run(bots, "sh", "-c", write, options=options) == "app\n"
    assert run(bots, "shipper", "--version", options=options)


def test_the_code_cannot_be_changed_by_what_runs(bots: Machine) -> None:
    assert run(bots, "find", "/app", "/venv", "/pycache", "-writable", "-not", "-type", "l") == ""


def test_the_health_command_tells_what_the_app_says(bots: Machine, waiting: str) -> None:
    eventually(lambda: execute_healthcheck(bots, waiting).returncode == 0, "health", every=0.2)
    assert json.loads(execute_healthcheck(bots, waiting).stdout)["state"] == "active"


def test_the_health_command_fails_where_nothing_answers(bots: Machine) -> None:
    _, *command = inspected(bots, IMAGE)["Config"]["Healthcheck"]["Test"]
    assert "ConnectionRefusedError" in bots.docker("run", "--rm", IMAGE, *command).stderr


def test_an_app_hears_the_stop_signal(bots: Machine, waiting: str) -> None:
    eventually(lambda: execute_healthcheck(bots, waiting).returncode == 0, "health", every=0.2)
    bots.docker("stop", "--time", "60", waiting)
    assert bots.docker("inspect", "--format", "{{.State.ExitCode}}", waiting).stdout == "0\n"


def test_nothing_of_the_build_is_left(bots: Machine) -> None:
    assert run(bots, "sh", "-c", "command -v cc gcc g++ make pip uv || echo none") == "none\n"
    look = "find / -xdev -name .cache -o -name '*_Packages*' -o -path '/wheels*' -o -path '/image*'"
    assert run(bots, "sh", "-c", look, options=("--user=root",)) == ""
    assert run(bots, "find", "/venv", "/app", "-name", "__pycache__") == ""


def test_what_is_no_part_of_it_does_not_get_in(bots: Machine, changed: str) -> None:
    found = run(bots, "sh", "-c", "find /app -maxdepth 1 && find /app/config -type f", image=changed).split()
    files = [f"config/{name}" for name in ("deploy.schema.json", "deploy.staging.yaml", "deploy.yaml", "env.j2")]
    folders = ["config", "opsbot", "shipper", "voicebot"]
    assert sorted(found) == ["/app", *sorted(f"/app/{name}" for name in [*folders, *files, "requirements.lock"])]


def test_its_history_tells_no_secret_and_no_index(bots: Machine) -> None:
    history = bots.docker("history", "--no-trunc", "--format", "{{.CreatedBy}}", IMAGE).stdout
    assert "COPY" in history
    assert not [word for word in ("PIP_", "TOKEN", "wheels", "://user") if word in history]


def test_its_labels_say_version_and_revision(bots: Machine, changed: str) -> None:
    labels = inspected(bots, changed)["Config"]["Labels"]
    prefix = "org.opencontainers.image."
    assert labels[f"{prefix}title"] == "voicebot"
    assert (labels[f"{prefix}version"], labels[f"{prefix}revision"]) == ("1.2.3", "abc1234")


def test_a_change_of_code_moves_one_layer_of_less_than_a_megabyte(bots: Machine, changed: str, tmp_path: Path) -> None:
    before, after = (inspected(bots, image)["RootFS"]["Layers"] for image in (IMAGE, changed))
    assert before[:-1] == after[:-1]
    container_id = bots.docker("create", changed).stdout.strip()
    bots.docker("cp", f"{container_id}:/app", str(tmp_path / "app"))
    bots.docker("rm", container_id)
    layer = shutil.make_archive(str(tmp_path / "layer"), "tar", tmp_path / "app")
    assert len(zlib.compress(Path(layer).read_bytes())) < 1_000_000  # as it goes through SSH
