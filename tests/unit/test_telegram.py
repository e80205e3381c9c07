"""A chat that is kept up to date: how often, in what order, whatever Telegram answers. Hours cost nothing here.

The rules are those of the fake Telegram, which is asked without HTTP.
"""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from typing import Any

import pytest

from shipper.config.parts import TelegramChat
from shipper.events import Ended, StepStarted
from shipper.model.outcome import Deployed, Outcome
from shipper.model.secret import Secret
from shipper.notify.announcement import of_end_without_outcome, of_freeze, of_outcome, of_start
from shipper.notify.buttons import verify_button
from shipper.notify.living import Living
from shipper.notify.senders import answer_of
from shipper.notify.telegram import Answer, Chat
from shipper.planning.facts import Facts
from tests.fakes.telegram import Chat as FakeChat, Refusal
from tests.fakes.telegram.cloud import Cloud
from tests.fakes.telegram.methods import METHODS
from tests.fakes.telegram.parameters import Parameters
from tests.sim.loop import VirtualLoop
from tests.unit.nouns import BEGUN, SECOND, A, a_facts, a_failure, a_release

DEPLOYED = Deployed(release=a_release(2, SECOND), seconds=14.4)


class Clock:
    def now(self) -> datetime:
        return BEGUN + timedelta(seconds=self.monotonic())

    def monotonic(self) -> float:
        return asyncio.get_running_loop().time()

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)


class Line:
    """To a Telegram with one group; a deploy is told of through it."""

    def __init__(self, facts: Facts | None = None, **to: Any) -> None:
        self.cloud = Cloud()
        self.group = self.cloud.add_group("Team")
        self.token = Secret(self.cloud.bot.token)
        self.calls: list[tuple[float, str]] = []
        """When, and which method."""
        self.troubles: list[Answer] = []
        """Instead of what Telegram would answer, one after the other."""
        self.clock, self.facts = Clock(), facts or a_facts()
        chat = {"chat": str(self.group.id), "token": {"env": "TOKEN"}, **to}
        self.chat = Chat(TelegramChat.model_validate(chat), "shop", self.clock)
        self.living: Living | None = None

    async def call(self, method: str, parameters: dict[str, Any]) -> Answer:
        self.calls.append((round(self.clock.monotonic(), 1), method))
        await asyncio.sleep(0.1)
        if self.troubles:
            return self.troubles.pop(0)
        values = {**parameters, "chat_id": str(parameters["chat_id"]).replace("@team", str(self.group.id))}
        try:
            result = METHODS[method.lower()](self.cloud.bot, Parameters(values=values), self.cloud.files)
        except Refusal as refusal:
            moved = {"migrate_to_chat_id": refusal.migrate_to_chat_id} if refusal.migrate_to_chat_id else {}
            return answer_of(refusal.status, {"description": refusal.description, "parameters": moved})
        return answer_of(200, {"ok": True, "result": result})

    def begins(self) -> None:
        self.living = Living(facts=self.facts, begun_at=self.clock.now())
        self.chat.announce(of_start(self.facts, self.clock.now()), self.living)

    def is_at(self, step: str) -> None:
        assert self.living
        started = StepStarted(step=step, host_name=A, role_name="web", because="")
        self.living = self.living.after(started, self.clock.now())
        self.chat.follow(self.living)

    def ends(self, outcome: Outcome) -> None:
        living = self.living or Living(facts=self.facts, begun_at=self.clock.now())
        self.living = living.after(Ended(service="shop", outcome=outcome), self.clock.now())
        self.chat.follow(self.living)
        if announcement := of_outcome(self.facts, outcome, self.clock.now()):
            self.chat.announce(announcement, self.living)

    def during(self, story: Callable[[], Awaitable[None]]) -> str:
        """What `deliver` returns, when all that the story tells is there."""

        async def told() -> str:
            async with asyncio.TaskGroup() as group:
                delivering = group.create_task(self.chat.deliver(self.token, self.call))
                await story()
                self.chat.close()
            return delivering.result()

        with asyncio.Runner(loop_factory=VirtualLoop) as runner:
            return runner.run(told())

    def deploys(self, outcome: Outcome = DEPLOYED, *, seconds: float = 20.0, follows: bool = True) -> str:
        """A step each half second."""

        async def story() -> None:
            if follows:
                self.begins()
            for number in range(int(seconds * 2)):
                await asyncio.sleep(0.5)
                if follows:
                    self.is_at(f"step-{number}")
            self.ends(outcome)

        return self.during(story)

    @property
    def shown(self) -> list[str]:
        """The first line of each message, as it is in the end."""
        return [message.text.splitlines()[0] for message in self.group.from_bots]


SERVES = "✅ shop: release 2 of 2222222 serves, after 14.4 s."
FAILED = "❌ shop: failed at check web on a.example."


def test_a_group_is_told_by_one_message_every_five_seconds_and_at_once_in_the_end() -> None:
    line = Line()

    assert line.deploys(seconds=22) == ""

    times, methods = zip(*line.calls, strict=True)
    assert methods == ("sendMessage", *["editMessageText"] * 5)
    assert times == (0.0, 5.0, 10.0, 15.0, 20.0, 22.0)
    assert line.shown == [SERVES]


def test_a_private_chat_is_told_every_three_seconds() -> None:
    line = Line()
    anna = line.cloud.add_user("Anna").chat
    line.chat = Chat(TelegramChat.model_validate({"chat": str(anna.id), "token": {"env": "T"}}), "shop", line.clock)

    line.deploys(seconds=10)

    assert [at for at, _ in line.calls] == [0.0, 3.0, 6.0, 9.0, 10.0]
    assert anna.last.text.startswith(SERVES)


def test_a_long_step_that_says_nothing_does_not_look_dead() -> None:
    line = Line()

    async def story() -> None:
        line.begins()
        await asyncio.sleep(1)
        line.is_at("migrate")
        await asyncio.sleep(39)
        line.ends(DEPLOYED)

    line.during(story)

    texts = line.group.last.texts
    assert [text.splitlines()[-1] for text in texts[1:-1]] == [
        f"⏳ a.example web: migrate, {seconds}" for seconds in ("4.0 s", "19 s", "34 s")
    ]


def test_while_telegram_wants_to_be_left_alone_nothing_is_sent_and_then_the_newest() -> None:
    line = Line()

    async def story() -> None:
        line.begins()
        await asyncio.sleep(1)
        line.troubles = [Answer(why="answer 429", may_pass=True, wait=7)]
        for number in range(19):
            line.is_at(f"step-{number}")
            await asyncio.sleep(1)
        line.ends(DEPLOYED)

    assert line.during(story) == ""

    assert [at for at, _ in line.calls] == [0.0, 5.0, 12.1, 17.1, 20.0]
    assert [text.splitlines()[-1] for text in line.group.last.texts[1:3]] == [
        f"⏳ a.example web: step-{number}, {seconds} s" for number, seconds in ((11, "0.1"), (16, "0.1"))
    ]
    assert line.shown == [SERVES]


@pytest.mark.parametrize(
    "trouble",
    [
        Answer(why="answer 429", may_pass=True, wait=20),
        Answer(why="answer 502", may_pass=True),
        Answer(why="no answer in time", may_pass=True),
    ],
    ids=lambda trouble: trouble.why,
)
def test_the_last_state_is_brought_there_until_it_is(trouble: Answer) -> None:
    line = Line()

    async def story() -> None:
        line.begins()
        await asyncio.sleep(1)
        line.troubles = [trouble] * 3
        line.ends(a_failure())

    assert line.during(story) == ""

    assert line.shown == [FAILED, FAILED]
    assert not line.troubles


def test_where_the_answer_was_lost_the_same_again_is_no_failure() -> None:
    line = Line()

    async def story() -> None:
        line.begins()
        await asyncio.sleep(1)
        line.ends(DEPLOYED)
        text = line.living.text(line.clock.now()) if line.living else ""
        await line.call(
            "editMessageText", {"chat_id": line.group.id, "message_id": 1, "text": text, "parse_mode": "HTML"}
        )

    assert line.during(story) == ""
    assert line.shown == [SERVES]
    assert len(line.group.last.versions) == 2


def test_a_message_that_somebody_deleted_is_replaced_and_a_group_that_moved_is_followed() -> None:
    line = Line()
    moved = FakeChat(id=-1009, title="Team", kind="supergroup")

    async def story() -> None:
        line.begins()
        await asyncio.sleep(1)
        line.group.last.is_deleted = True
        line.is_at("check")
        await asyncio.sleep(9)
        assert line.shown[0].startswith("⏳")
        line.group.migrated_to, line.cloud.bot.chats[moved.id] = moved.id, moved
        line.ends(a_failure())

    assert line.during(story) == ""
    assert [message.text.splitlines()[0] for message in moved.from_bots] == [FAILED, FAILED]


def test_a_bot_that_may_not_write_there_gives_up_at_once_and_says_why() -> None:
    line = Line()
    del line.cloud.bot.chats[line.group.id]

    assert line.deploys() == "answer 400: Bad Request: chat not found"
    assert len(line.calls) == 1


def test_a_failure_is_said_aloud_in_reply_to_the_message_that_lived() -> None:
    line = Line()
    silent: list[bool] = []
    call = line.call

    async def noting(method: str, parameters: dict[str, Any]) -> Answer:
        silent.append(parameters.get("disable_notification", True))
        return await call(method, parameters)

    line.call = noting  # type: ignore[method-assign]  # to see what the fake does not keep
    line.deploys(a_failure(), seconds=1)

    living, alarm = line.group.from_bots
    assert (living.text.splitlines()[0], alarm.text.splitlines()[0], alarm.reply_to) == (FAILED, FAILED, living)
    assert silent == [True, True, False]


def test_who_wants_only_the_end_has_one_message_with_all_of_it() -> None:
    line = Line(buttons=True)

    line.deploys(a_failure(logs=("TypeError",)), follows=False)

    (message,) = line.group.from_bots
    assert message.text.startswith(FAILED)
    assert "TypeError" in message.text
    assert len(line.calls) == 1


def test_what_came_to_no_outcome_and_a_freeze_are_told_too() -> None:
    line = Line()

    async def story() -> None:
        line.begins()
        assert line.living
        line.living = line.living.broken("The lock was lost.")
        line.chat.follow(line.living)
        line.chat.announce(of_end_without_outcome(line.facts, "The lock was lost.", BEGUN), line.living)
        line.chat.announce(of_freeze(line.facts, None, BEGUN), None)

    assert line.during(story) == ""
    failed = "❌ shop: deploy of 2222222 failed."
    assert line.shown == [failed, failed, "🧊 shop: deploys are possible again"]


@pytest.mark.parametrize("to", [{}, {"chat": "@team"}], ids=["by its number", "by its name"])
def test_a_deploy_that_replaced_something_can_be_rolled_back_by_a_button(to: dict[str, Any]) -> None:
    line = Line(buttons=True, **to)

    line.deploys(seconds=1, follows=False)

    (message,) = line.group.from_bots
    assert message.labels == ["Roll back"]
    button = verify_button(
        message.buttons[0]["callback_data"], token=line.token, service="shop", chat_id=line.group.id, now=BEGUN
    )
    assert button
    assert (button.verb, button.argument) == ("roll-back", "2")


@pytest.mark.parametrize(
    ("facts", "outcome", "to"),
    [
        (a_facts(), DEPLOYED, {}),
        (a_facts(), a_failure(), {"buttons": True}),
        (a_facts(command="rollback"), DEPLOYED, {"buttons": True}),
        (a_facts(replaces=None), DEPLOYED, {"buttons": True}),
    ],
    ids=["nobody answers", "failed", "rollback", "first deploy"],
)
def test_where_there_is_nothing_to_roll_back_or_nobody_who_would_there_is_no_button(
    facts: Facts, outcome: Outcome, to: dict[str, Any]
) -> None:
    line = Line(facts, **to)

    line.deploys(outcome, seconds=1)

    assert not any(message.labels for message in line.group.from_bots)
