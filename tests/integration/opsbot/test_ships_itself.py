"""opsbot in containers of the real image, a role of the service that it deploys: it goes last, and lives to the end."""

import asyncio
import hashlib
import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

import shipper
from tests.fakes.telegram import Message, Telegram, User
from tests.fakes.telegram.mailbox import Mailbox
from tests.images import IMAGE, ROOT
from tests.integration.waiting import eventually
from tests.machines import Machine

REPOSITORY = "ships-itself"
DESTINATION = "test"
BOT_TOKEN = "7000000009:of-the-voicebot"
# The voicebot would need a model, so something else hands over in its place; the rest is as config/deploy.yaml says.
OVERLAY = """\
image: {repository}
build: null
release: null
roles:
  bot:
    hosts: &here ["deploy@{address}"]
    command: [python, -c, {bot}]
    gate: {{ settle: 100ms }}
    volumes: []
  opsbot:
    hosts: *here
    command: {command}
    handover: {{ deadline: 2s }}
    gate: {{ settle: {settle} }}
    env: {{ TELEGRAM_API: "{url}/as/{name}" }}
"""
ENVIRONMENTS = f"environments: {{ production: {{ destination: {DESTINATION} }} }}\n"
PEOPLE = "people: { ann: { id: '${OPSBOT_ADMIN_ID}', may: admin } }\n"
OURS = shutil.ignore_patterns("secrets*", "deploy_key*")  # of whoever runs the tests
OPSBOT = ("python", "-m", "opsbot")
BOT = """\
import asyncio
from shipper.handover import Handover

async def main():
    async with Handover() as handover, handover.active():
        await handover.until_stop(asyncio.Event().wait())

asyncio.run(main())
"""
NEVER_ACTIVE = """\
import asyncio
from shipper.handover import Handover

class Taken:
    def try_acquire(self):
        return False

async def main():
    async with Handover(lease=Taken()) as handover, handover.active():
        pass

asyncio.run(main())
"""


@dataclass(frozen=True, kw_only=True)
class Service:
    """Two roles on one server, with Ann who is an admin."""

    server: Machine
    telegram: Telegram
    ann: User
    folder: Path

    def version(
        self, name: str, *, command: tuple[str, ...] = OPSBOT, people: str = PEOPLE, settle: str = "100ms"
    ) -> str:
        """An image with a config of its own, with which opsbot polls by that name: its tag."""
        version = hashlib.sha1(name.encode()).hexdigest()
        shutil.copytree(ROOT / "config", config := self.folder / name / "config", ignore=OURS)
        overlay = OVERLAY.format(
            repository=REPOSITORY,
            address=self.server.address,
            bot=json.dumps(BOT),
            command=json.dumps(command),
            settle=settle,
            url=self.telegram.url,
            name=name,
        )
        (config / f"deploy.{DESTINATION}.yaml").write_text(overlay)
        (config / "opsbot.yaml").write_text(ENVIRONMENTS + people)
        (config / "known_hosts").write_text(self.server.host_key + "\n")
        (self.folder / name / "Dockerfile").write_text(f"FROM {IMAGE}\nCOPY config config\n")
        built = self.server.docker("build", f"--tag={REPOSITORY}:{version}", str(self.folder / name))
        assert built.returncode == 0, built.stderr
        return version

    def deploy_from_here(self, name: str) -> None:
        version, folder = self.version(name), self.folder / name
        shutil.copy(self.server.key, folder / "config/deploy_key")
        environ = {
            "HOME": str(self.folder),
            "VPS_SSH_KEY": self.server.key.read_text(),
            "BOT_TOKEN": BOT_TOKEN,
            "OPSBOT_TOKEN": self.telegram.bot.token,
            "OPSBOT_ADMIN_ID": str(self.ann.id),
        }
        project = shipper.open_project(folder, destination=DESTINATION, revision=version, environ=environ)
        outcome = asyncio.run(shipper.deploy(project))
        assert isinstance(outcome, shipper.Deployed), outcome

    def deploys(self, version: str) -> Message:
        """From Telegram, as Ann does."""
        asked = self.ann.sends_text(f"/deploy production {version}")
        self.ann.clicks("Confirm", self.answer(asked, "handover"))
        return asked

    def answer(self, asked: Message, text: str) -> Message:
        with self.told():
            return asked.chat.wait_for_answer(asked, text, within=60)

    def polls(self, name: str) -> None:
        with self.told():
            self.mailbox.wait_for_poll(name, within=60)

    @contextmanager
    def told(self) -> Iterator[None]:
        """Where something does not come, what was said instead."""
        try:
            yield
        except AssertionError as error:
            logs = map(self.log, self.server.engine("GET", "/containers/json"))
            raise AssertionError("\n".join([str(error), self.ann.chat.told(), *logs])) from None

    @property
    def mailbox(self) -> Mailbox:
        return self.telegram.bot.mailbox

    def running(self, role_name: str) -> dict[str, Any]:
        (found,) = [
            each
            for each in self.server.engine("GET", "/containers/json")
            if each["Labels"].get("shipper.role") == role_name
        ]
        return self.inspected(found)

    def inspected(self, container: dict[str, Any]) -> dict[str, Any]:
        """As it is now."""
        return dict(self.server.engine("GET", f"/containers/{container['Id']}/json"))

    def images(self) -> list[str]:
        return self.server.docker("images", "--format={{.Repository}}:{{.Tag}}", REPOSITORY).stdout.split()

    def log(self, container: dict[str, Any]) -> str:
        shown = self.server.docker("logs", container["Id"])
        return shown.stdout + shown.stderr


@pytest.fixture(scope="module")
def service(bots: Machine, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    with Telegram(address=bots.gateway) as telegram:
        ann, folder = telegram.add_user("Ann"), tmp_path_factory.mktemp("ships-itself")
        made = Service(server=bots, telegram=telegram, ann=ann, folder=folder)
        made.deploy_from_here("first")
        yield made
    bots.docker("image", "rm", "--force", *made.images())


def variables(container: dict[str, Any]) -> dict[str, str]:
    return dict(each.split("=", 1) for each in container["Config"]["Env"])


def test_it_deploys_the_others_and_then_itself(service: Service) -> None:
    old, version = service.running("opsbot"), service.version("second")

    asked = service.deploys("latest")
    service.answer(asked, f"of {version[:7]} serves, after")
    service.polls("second")

    eventually(lambda: not service.inspected(old)["State"]["Running"], "the end of the old one")
    ended, new = service.inspected(old), service.running("opsbot")
    assert (ended["State"]["ExitCode"], ended["HostConfig"]["RestartPolicy"]["Name"]) == (0, "no")
    assert (new["State"]["Running"], new["HostConfig"]["RestartPolicy"]["Name"]) == (True, "always")
    tokens = [variables(service.running(role_name))["BOT_TOKEN"] for role_name in ("bot", "opsbot")]
    assert tokens == [BOT_TOKEN, service.telegram.bot.token]
    service.answer(
        service.ann.sends_text("/status production"), f"opsbot on deploy@{service.server.address}: healthy, active"
    )
    assert service.mailbox.overlaps == []


def test_one_that_cannot_start_is_refused(service: Service) -> None:
    old = service.running("opsbot")

    asked = service.deploys(service.version("mistaken", people="people: { ann: { id: 1, may: everything } }"))

    assert 'people.ann.may: "everything" is not one of' in service.answer(asked, "What served before serves now").text
    assert service.running("opsbot")["State"]["StartedAt"] == old["State"]["StartedAt"]


def test_killed_while_it_gives_way_it_is_started_again_and_takes_its_work_back_from_one_that_fails(
    service: Service,
) -> None:
    old = service.running("opsbot")

    asked = service.deploys(service.version("never-active", command=("python", "-c", NEVER_ACTIVE)))
    eventually(lambda: "draining" in service.log(old), "that it gives way", within=60)
    service.server.run(f"kill -KILL {old['State']['Pid']}")
    left = service.answer(asked, "It was left in the middle")
    service.ann.clicks("Go on", left)
    service.ann.clicks("Confirm", service.answer(left, "handover"))

    assert "was not active within 2 s: standby" in service.answer(left, "Reason: ").text
    assert service.running("opsbot")["Id"] == old["Id"]
    service.answer(
        service.ann.sends_text("/status production"), f"opsbot on deploy@{service.server.address}: healthy, active"
    )
    assert service.mailbox.overlaps == []


def test_killed_when_the_next_one_is_active_that_one_tells_so_and_goes_on(service: Service) -> None:
    old, version = service.running("opsbot"), service.version("successor", settle="1s")

    asked = service.deploys(version)
    service.polls("successor")
    service.server.run(f"kill -KILL {old['State']['Pid']}")
    left = service.answer(asked, "It serves everywhere, but did not come to its end")
    service.ann.clicks("Go on", left)
    service.ann.clicks("Confirm", service.answer(left, "handover"))

    service.answer(left, f"of {version[:7]} serves, after")
    assert service.running("opsbot")["Id"] != old["Id"]  # which Docker had started again, to stand by
    assert service.mailbox.overlaps == []
