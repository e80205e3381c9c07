"""The README's "From a bare server to a running pipeline", typed as it stands there.

A bare Debian becomes a server with both bots, PostgreSQL and monitoring, deployed by a push. Stand-ins, for want of the
real ones: Telegram, GitHub with its runners and gh, Docker Hub; and the package index that the Dockerfile asks.
"""

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.bare import BareMachine, bare_machine
from tests.fakes.actions.jobs import Machine as Runner
from tests.fakes.actions.runner import GitHub, Run
from tests.fakes.telegram import Telegram, User
from tests.fakes.telegram.bots import Bot
from tests.hub import hub
from tests.images import BASE_IMAGES, ROOT, pushed
from tests.integration.waiting import eventually
from tests.machines import Machine
from tests.registries import NAME, PASSWORD, USERNAME, serving_images
from tests.speech import MODEL, voice_note, words

COMMANDS = re.search(r"```\n(pipx install .*?)```", (ROOT / "README.md").read_text(), re.DOTALL)
OURS = {  # what the world of the tests differs in, in the config: where things are
    "image: ${DOCKER_USERNAME:-}${DOCKER_USERNAME:+/}voicebot": f"image: {NAME}/voicebot",
    "BASE: python:3.11-slim-bookworm": "\n    ".join(f"{name}: {image}" for name, image in BASE_IMAGES.items()),
    "LOG_LEVEL: info": "TELEGRAM_API: {telegram}/as/voicebot\n      WHISPER_MODEL: /model\n      WHISPER_THREADS: 1",
    "DATABASE_URL: sqlite:////data/opsbot.db": "DATABASE_URL: sqlite:////data/opsbot.db\n"
    "      TELEGRAM_API: {telegram}/as/opsbot",
    "- voicebot-data:/data": "- voicebot-data:/data\n      - /srv/model:/model:ro",
}
AUTHOR = ("-c", "user.name=Ann", "-c", "user.email=ann@example.org")
ACCESSORIES = ("postgres", "prometheus", "grafana", "node-exporter")
SECRET = ("BOT_TOKEN", "OPSBOT_TOKEN", "DOCKER_PASSWORD", "POSTGRES_PASSWORD", "GRAFANA_PASSWORD")
PIPX = """#!/bin/sh
# As pipx does it, but with the packages that the tests have already.
set -e
[ "$1" = install ]
python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --target="$HOME/installed" "$2"
printf '#!/bin/sh\nPYTHONPATH=%s/installed exec python -P -m shipper "$@"\n' "$HOME" >"$(dirname "$0")/shipper"
chmod +x "$(dirname "$0")/shipper"
"""
NOT_AGAIN = "--dry-run"
"""For `make`: the tests of the pipeline are the ones that this is one of."""


@dataclass(frozen=True, kw_only=True)
class Owner:
    """Somebody with a clone, a server and a repository on GitHub."""

    folder: Path
    environ: dict[str, str]

    def types(self, command: str) -> str:
        """What is seen of it."""
        done = subprocess.run(
            ["bash", "-o", "pipefail", "-c", command],
            cwd=self.folder, env=self.environ, stdin=subprocess.DEVNULL, text=True, check=False,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        )  # fmt: skip
        assert done.returncode == 0, f"$ {command}\n{done.stdout}"
        return done.stdout

    def writes_secrets(self, **values: str) -> None:
        with (self.folder / "config/secrets.env").open("a") as file:
            file.writelines(f"{name}={value}\n" for name, value in values.items())

    def secrets(self) -> dict[str, str]:
        lines = (self.folder / "config/secrets.env").read_text().splitlines()
        return dict(line.split("=", 1) for line in lines)


@dataclass(frozen=True, kw_only=True)
class House:
    server: BareMachine
    owner: Owner
    github: GitHub
    telegram: Telegram
    ops: Bot
    admin: User

    def pushed(self) -> Run:
        (run,) = self.github.push("main")
        return run

    def asks_opsbot(self, text: str, answer: str) -> str:
        chat = self.admin.chat_with(self.ops)
        asked = self.admin.sends_text(text, chat=chat)
        return chat.wait_for_answer(asked, answer, within=60).text

    def hears(self, digits: str) -> None:
        note = self.admin.sends_voice(voice_note(digits), duration=3)
        note.chat.wait_for_answer(note, words(digits), within=60)


@pytest.fixture(scope="module")
def house(bots: Machine, tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """`bots` is where images are built."""
    folder = tmp_path_factory.mktemp("pipeline")
    images = folder / "registry"
    shutil.copytree(pushed(bots), images / "storage")  # of an earlier version: the layers that do not change are there
    with (
        bare_machine(disk_size="6g") as server,
        hub(server),
        serving_images(bots, images),
        serving_images(server, images),
        Telegram(address=server.gateway) as telegram,
    ):
        shutil.copytree(MODEL, server.root / "srv/model")
        repository, bare, home = folder / "voicebot", folder / "voicebot.git", folder / "home"
        (home / ".ssh").mkdir(parents=True)
        pipx = home / ".local/bin/pipx"
        pipx.parent.mkdir(parents=True)
        pipx.write_text(PIPX)
        pipx.chmod(0o755)
        shutil.copy(server.key, home / ".ssh/id_ed25519")
        publish(folder / "here", telegram.url, bare)
        subprocess.run(["git", "clone", "--quiet", bare, repository], check=True)
        programs = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
        (home / ".gitconfig").write_text("[user]\nname = Ann\nemail = ann@example.org\n")
        environ = {"PATH": programs, "HOME": str(home), "DOCKER_HOST": bots.docker_host, "MAKEFLAGS": NOT_AGAIN}
        github = GitHub(bare, folder / "github", environ=environ, stand_ins={"./.github/actions/shipper": nothing})
        yield House(
            server=server,
            owner=Owner(folder=repository, environ={**environ, "PATH": f"{pipx.parent}:{github.gh.parent}:{programs}"}),
            github=github,
            telegram=telegram,
            ops=telegram.add_bot("Ops"),
            admin=telegram.add_user("Ann"),
        )


def nothing(_: Runner, __: object) -> dict[str, str]:
    """The action puts shipper on the PATH, where it is already; test_workflows.py tries it."""
    return {}


def publish(folder: Path, telegram: str, bare: Path) -> None:
    """This repository, as somebody has it on GitHub who has pointed its config at the stand-ins."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"],
        cwd=ROOT, capture_output=True, text=True, check=True,
    )  # fmt: skip
    for name in filter(None, listed.stdout.split("\0")):
        target = folder / name
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, target)
    config = folder / "config/deploy.yaml"
    text = config.read_text()
    for written, ours in OURS.items():
        assert text.count(written) == 1, written
        text = text.replace(written, ours.replace("{telegram}", telegram))
    config.write_text(text)
    for command in (
        "init --quiet --initial-branch=main",
        "config core.compression 0",
        "add --all",
        "commit --quiet --message=Ours",
        f"clone --quiet --bare . {bare}",
        f"--git-dir={bare} config core.compression 0",  # each job fetches all of it
    ):
        subprocess.run(["git", *AUTHOR, *command.split()], cwd=folder, check=True)


def steps_of_the_readme(address: str) -> list[str]:
    """The commands, for this server; what stands between them is for an editor."""
    assert COMMANDS
    lines = [line.partition("#")[0].strip() for line in COMMANDS[1].splitlines()]
    return [line.replace("203.0.113.7", address) for line in lines if line]


def test_six_commands_make_of_a_bare_server_one_that_a_push_deploys_to(house: House) -> None:
    owner, server = house.owner, house.server
    install, setup, boot, secrets, commit, push = steps_of_the_readme(server.address)

    owner.types(install)
    said = owner.types(f"{setup} --yes")
    assert "BOT_TOKEN, OPSBOT_TOKEN" in said
    owner.writes_secrets(
        BOT_TOKEN=house.telegram.bot.token,
        OPSBOT_TOKEN=house.ops.token,
        OPSBOT_ADMIN_ID=str(house.admin.id),
        DOCKER_USERNAME=USERNAME,
        DOCKER_PASSWORD=PASSWORD,
    )
    said += "".join(map(owner.types, (boot, secrets, commit, push)))
    run = house.pushed()

    assert run.result == "success", run.log
    house.hears("729")
    assert "bot on" in house.asks_opsbot("/status production", "healthy")
    rows = server.docker("exec", "voicebot-postgres", "psql", "-U", "voicebot", "-Atc", "SELECT count(*) FROM jobs")
    assert rows.stdout.strip() == "1", rows.stderr
    eventually(lambda: up(server) == {"voicebot", "opsbot", "host", "prometheus"}, "all targets are up", within=60)
    held = owner.secrets()
    assert [name for name in SECRET if held[name] in said] == []


def up(server: Machine) -> set[str]:
    """What Prometheus reaches."""
    answer = server.fetched("http://127.0.0.1:9090/api/v1/query?query=up")
    found = json.loads(answer)["data"]["result"] if answer else []
    return {series["metric"]["job"] for series in found if series["value"][1] == "1"}


def test_then_a_line_of_code_is_deployed_by_a_push_and_taken_back_by_hand(house: House) -> None:
    owner = house.owner
    code = owner.folder / "voicebot/work.py"
    first = owner.types("git rev-parse HEAD").strip()
    code.write_text(code.read_text() + "# changed\n")
    owner.types('git commit -qam "A line" && git push -q')
    assert (run := house.pushed()).result == "success", run.log
    house.hears("38")
    back = house.github.dispatch("deploy.yml", "main", action="rollback", environment="production")
    assert back.result == "success", back.log
    (host,) = json.loads(owner.types("shipper status --json"))
    told = {role["role_name"]: (role["health"], role["container"]["version"]) for role in host["roles"]}
    assert told == {"bot": ("healthy", first), "opsbot": ("healthy", first)}
    assert {one["name"]: one["health"] for one in host["accessories"]} == dict.fromkeys(ACCESSORIES, "healthy")
