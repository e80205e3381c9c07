"""Notifiers: who is told of a deploy, over real HTTP; and that none of them can hold one up."""

import asyncio
import http.server
import json
import math
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, ClassVar

import pytest

from shipper import open_project
from shipper.env.mask import Mask
from shipper.events import Ended, Event, Planned, Warned
from shipper.model.outcome import Deployed
from shipper.model.secret import Secret
from shipper.notify import notices
from shipper.notify.buttons import verify_button
from shipper.notify.notices import notifying
from tests.fakes.telegram import Telegram
from tests.integration.conftest import Project
from tests.integration.waiting import eventually
from tests.unit.nouns import a_config, a_facts, a_release
from tests.unit.test_lifecycle import a_project


class Listener(http.server.ThreadingHTTPServer):
    """Where webhooks go, on this machine."""

    daemon_threads = True
    block_on_close = False

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.received: list[tuple[str, dict[str, str], dict[str, Any]]] = []
        self.port = self.server_address[1]
        self.done = threading.Event()

    def of(self, path: str) -> list[dict[str, Any]]:
        return [body for asked, _, body in self.received if asked == path]


class _Handler(http.server.BaseHTTPRequestHandler):
    server: Listener
    protocol_version = "HTTP/1.0"
    answers: ClassVar = {"/refuses": 500}

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.received.append((self.path, dict(self.headers), json.loads(body)))
        if self.path == "/never-answers":
            self.server.done.wait(60)
        self.send_response(self.answers.get(self.path, 204))
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def listener() -> Iterator[Listener]:
    with Listener() as made:
        thread = threading.Thread(target=made.serve_forever)
        thread.start()
        yield made
        made.done.set()
        made.shutdown()
        thread.join()


@pytest.fixture
def telegram() -> Iterator[Telegram]:
    with Telegram() as made:
        yield made


def telegram_chat(telegram: Telegram, chat_id: int, **more: str) -> str:
    """As the config has it."""
    keys = {"chat": str(chat_id), "token": "{env: OPSBOT_TOKEN}", "api": telegram.url, **more}
    return f"{{{', '.join(f'{key}: {value}' for key, value in keys.items())}}}"


def test_a_deploy_a_failure_and_a_freeze_are_told_to_those_who_want_to_know(
    project: Project, listener: Listener
) -> None:
    page, chat = f"http://127.0.0.1:{listener.port}/page?key=hush-hush", f"json://127.0.0.1:{listener.port}/chat"
    project.configure(
        notify="{page: {webhook: {env: PAGE_URL}}, chat: {apprise: {env: CHAT_URL}, on: [failure]}}",
        hooks="{post-deploy: {command: echo we page $PAGE_URL}}",
    )
    urls = {"PAGE_URL": page, "CHAT_URL": chat}
    first = project.version("version 1")

    said = project.deploy(GITHUB_ACTOR="ann", **urls)

    started, succeeded = listener.of("/page?key=hush-hush")
    assert {key: started[key] for key in ("event", "service", "version", "release", "performer", "hosts", "roles")} == {
        "event": "start",
        "service": project.service,
        "version": first,
        "release": 1,
        "performer": "ann",
        "hosts": [project.host_name],
        "roles": ["web"],
    }
    assert (succeeded["event"], succeeded["outcome"]["kind"]) == ("success", "deployed")
    assert succeeded["title"].startswith(f"{project.service}: release 1 of {first[:7]} serves, after ")
    _, headers, _ = listener.received[0]
    assert headers["Content-Type"] == "application/json"
    assert headers["User-Agent"].startswith("shipper/")
    assert "  | we page •••" in said.output
    assert "hush-hush" not in said.everything
    assert "warning" not in said.output

    project.write("config/env.j2", "MODE=exits\n")
    project.version("version 2")
    listener.received.clear()
    refused = project.shipper("deploy", **urls)
    assert refused.exit_code == 20
    assert "warning" not in refused.output
    _, failed = listener.of("/page?key=hush-hush")
    assert (failed["event"], failed["replaces"], failed["outcome"]["restored"]) == ("failure", 1, True)
    (chatted,) = listener.of("/chat")
    assert "failed at check web" in chatted["title"]
    assert "What served before serves now." in chatted["message"]

    project.shipper("lock", "an audit", **urls)
    project.shipper("unlock", **urls)
    frozen, lifted = listener.of("/page?key=hush-hush")[2:]
    assert (frozen["event"], frozen["freeze"]["reason"], lifted["freeze"]) == ("freeze", "an audit", None)

    project.write(".gitignore", "config/secrets.env\n")
    project.write("config/secrets.env", "hush-hush\n")
    untold = project.shipper("unlock", **urls)
    assert untold.exit_code == 0
    assert untold.errors == "warning: The notifier page was not told: config/secrets.env:1: is not NAME=value.\n"


def test_a_deploy_lives_in_one_message_of_telegram_and_a_failure_is_said_aloud_too(
    project: Project, telegram: Telegram
) -> None:
    bot, team, anna = telegram.bot, telegram.add_group("Team"), telegram.add_user("Anna").chat
    team_told, anna_told = telegram_chat(telegram, team.id, buttons="true"), telegram_chat(telegram, anna.id)
    project.configure(
        notify=f"{{team: {{telegram: {team_told}}}, anna: {{telegram: {anna_told}, on: [failure, freeze]}}}}"
    )
    project.environ |= {"OPSBOT_TOKEN": bot.token, "GITHUB_ACTOR": "ann"}
    first = project.version("version 1")

    said = [project.deploy()]

    (message,) = team.from_bots
    assert message.texts[0].startswith(f"⏳ {project.service}: deploy of {first[:7]}, 0.")
    assert message.text.startswith(f"✅ {project.service}: release 1 of {first[:7]} serves, after ")
    assert f"\n✅ {project.host_name} web, " in message.text
    assert message.labels == []

    second = project.version("version 2")
    limited = telegram.faults.limit("editMessageText", 1, chat=team, times=2)
    said.append(project.deploy())
    _, message = team.from_bots
    assert len(limited.calls) == 2
    assert message.text.startswith(f"✅ {project.service}: release 2 of {second[:7]} serves, after ")
    (button,) = message.buttons
    made = verify_button(
        button["callback_data"],
        token=Secret(bot.token),
        service=project.service,
        chat_id=team.id,
        now=datetime.now(UTC),
    )
    assert made
    assert (button["text"], made.verb, made.argument) == ("Roll back", "roll-back", "2")
    assert anna.from_bots == []

    project.write("config/env.j2", "MODE=exits\n")
    project.version("version 3")
    said.append(project.shipper("deploy"))
    assert said[-1].exit_code == 20
    living, alarm = team.from_bots[2:]
    (to_anna,) = anna.from_bots
    for told in (living, alarm, to_anna):
        assert told.text.startswith(f"❌ {project.service}: failed at check web on {project.host_name}.\n")
        assert f"What served before serves now.\n• web on {project.host_name}: release 2 of {second[:7]}" in told.text
    assert living.texts[0].startswith("⏳")
    assert alarm.reply_to is living
    sent = [call.parameters for call in telegram.calls if call.method == "sendMessage"]
    assert {(call.number("chat_id"), call.flag("disable_notification")) for call in sent[2:]} == {
        (team.id, True),
        (team.id, False),
        (anna.id, False),
    }

    opened = open_project(project.folder, environ=project.environ, shown_in=[(anna.id, None), (team.id, 7)])
    assert list(opened.notifiers) == ["team"]

    said.append(project.shipper("lock", "an audit"))
    assert anna.last.text.startswith(f"🧊 {project.service}: deploys are frozen: an audit")
    for result in said:
        assert bot.token.partition(":")[2] not in result.everything
        assert "warning" not in result.everything


def test_a_chat_that_who_opens_the_project_shows_himself_is_not_told_twice(telegram: Telegram) -> None:
    team, other = telegram.add_group("Team"), telegram.add_group("Other")
    chats = {"team": (team, 7), "elsewhere": (team, 8), "other": (other, None)}
    notify = {
        name: {
            "telegram": {
                "chat": str(chat.id),
                "token": {"env": "OPSBOT_TOKEN"},
                "api": telegram.url,
                **({"topic": topic} if topic else {}),
            }
        }
        for name, (chat, topic) in chats.items()
    }
    config, told = a_config(notify=notify), list[Event]()

    async def deployed() -> None:
        project = a_project(config, environ={"OPSBOT_TOKEN": telegram.bot.token})
        shown_in = ((str(team.id), 7),)
        async with notifying(replace(project, shown_in=shown_in), told.append, Mask()) as tell:
            tell(Planned(service="shop", lines=(), facts=a_facts()))
            tell(Ended(service="shop", outcome=Deployed(release=a_release(2), seconds=1.0)))

    asyncio.run(deployed())

    topics = {
        (call.parameters.number("chat_id"), call.parameters.number("message_thread_id")) for call in telegram.calls
    }
    assert topics == {(team.id, 8), (other.id, 0)}


def test_a_notifier_that_fails_is_said_once_and_neither_fails_nor_delays_the_deploy(
    project: Project, listener: Listener, telegram: Telegram
) -> None:
    group = telegram.add_group("Team")
    telegram.faults.limit("", 60, times=math.inf)
    urls = {
        "REFUSES": f"http://127.0.0.1:{listener.port}/refuses",
        "HANGS": f"http://127.0.0.1:{listener.port}/never-answers",
        "CLOSED": "http://127.0.0.1:2/hush-hush",
        "NO_URL": "hush-hush is no URL",
        "NO_SERVICE": "carrier-pigeon://hush-hush",
    }
    names = {name.lower().replace("_", "-"): name for name in (*urls, "ABSENT")}
    ways = {name: "apprise" if name == "no-service" else "webhook" for name in names}
    told = (f"{name}: {{{ways[name]}: {{env: {variable}}}, on: [start]}}" for name, variable in names.items())
    in_telegram = (
        f"floods: {{telegram: {telegram_chat(telegram, group.id)}}}",
        f"away: {{telegram: {telegram_chat(telegram, group.id, api='http://127.0.0.1:2')}}}",
        f"untold: {{telegram: {telegram_chat(telegram, group.id, token='{env: ABSENT}')}}}",
        f"kicked: {{telegram: {telegram_chat(telegram, group.id, token='{env: OTHER_TOKEN}')}}}",
    )
    urls |= {"OPSBOT_TOKEN": telegram.bot.token, "OTHER_TOKEN": "7000000002:hush-hush"}
    project.configure(notify=f"{{{', '.join([*told, *in_telegram])}}}")
    project.version("version 1")
    begun = time.monotonic()

    result = project.deploy("--json", **urls)

    assert project.answer() == "version 1"
    assert result.events[-1]["event"] == "ended"
    assert time.monotonic() - begun < result.events[-1]["outcome"]["seconds"] + 20  # the listener would hold it for 60
    warned = [
        event["text"].replace("no answer in time", "it took more than 5 s")
        for event in result.events
        if event["event"] == "warned"
    ]
    assert sorted(warned) == [
        "The notifier absent was not told: `notify.absent` has no URL here.",
        "The notifier away was not told: no connection.",
        "The notifier closed was not told: no connection.",
        "The notifier floods was not told: answer 429: Too Many Requests: retry after 60.",
        "The notifier hangs was not told: it took more than 5 s.",
        "The notifier kicked was not told: answer 401: Unauthorized.",
        "The notifier no-service was not told: Apprise does not know this kind of URL.",
        "The notifier no-url was not told: its URL cannot be used.",
        "The notifier refuses was not told: answer 500.",
        "The notifier untold was not told: `notify.untold` has no token here.",
    ]
    assert "hush-hush" not in result.everything
    assert telegram.bot.token.partition(":")[2] not in result.everything
    assert result.errors == ""


def test_an_interrupt_that_comes_before_the_first_step_is_told_to_those_who_were_told_of_the_start(
    listener: Listener,
) -> None:
    config = a_config(notify={"chat": {"webhook": {"env": "CHAT_URL"}}})
    told: list[Event] = []

    async def interrupted() -> None:
        project = a_project(config, environ={"CHAT_URL": f"http://127.0.0.1:{listener.port}/chat"})
        async with notifying(project, told.append, Mask()) as tell:
            tell(Planned(service="shop", lines=(), facts=a_facts()))
            raise asyncio.CancelledError

    with pytest.raises(asyncio.CancelledError):
        asyncio.run(interrupted())

    assert [(body["event"], body.get("outcome", {}).get("reason")) for body in listener.of("/chat")] == [
        ("start", None),
        ("failure", "interrupted"),
    ]


@pytest.mark.parametrize("begins_to_wait", [False, True])
def test_who_interrupts_does_not_wait_as_long_as_telegram_asks_for(
    begins_to_wait: bool, telegram: Telegram, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(notices, "_PATIENCE", 0.1)
    group = telegram.add_group("Team")
    telegram.faults.limit("", 29, times=math.inf)
    chat = {"chat": str(group.id), "token": {"env": "OPSBOT_TOKEN"}, "api": telegram.url}
    config, told = a_config(notify={"team": {"telegram": chat}}), list[Event]()

    async def interrupted() -> None:
        task, loop = asyncio.current_task(), asyncio.get_running_loop()
        assert task
        project = a_project(config, environ={"OPSBOT_TOKEN": telegram.bot.token})
        async with notifying(project, told.append, Mask()) as tell:
            tell(Planned(service="shop", lines=(), facts=a_facts()))
            await asyncio.to_thread(eventually, lambda: bool(telegram.calls), "a call")
            if begins_to_wait:
                loop.call_later(0.05, task.cancel)
            else:
                task.cancel()
            tell(Ended(service="shop", outcome=Deployed(release=a_release(2), seconds=1.0)))
            if not begins_to_wait:
                await loop.create_future()

    begun = time.monotonic()
    if begins_to_wait:
        asyncio.run(interrupted())
    else:
        with pytest.raises(asyncio.CancelledError):
            asyncio.run(interrupted())

    assert time.monotonic() - begun < 5
    assert [type(event) for event in told] == [Planned, Warned, Ended]
