"""The screen against a Telegram, with a database and no bot around it."""

import asyncio
import math
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from itertools import pairwise
from typing import Any

import pytest
from pydantic import SecretStr

from botkit import pace
from botkit.database import Database
from botkit.pace import Pace
from botkit.signals import Bell
from botkit.telegram import connect
from opsbot import metrics, screen
from opsbot.screen import Screen
from opsbot.storage import messages
from opsbot.storage.messages import Place, View
from opsbot.storage.tables import messages as table
from tests.fakes.telegram import Call, Chat, Refusal, Telegram
from tests.integration.waiting import eventually

OWNER, ANOTHER = 1, 2
QUICK = 40
"""So many times as quick as the limits of a chat are time goes here."""


@pytest.fixture(scope="module")
def telegram() -> Iterator[Telegram]:
    with Telegram() as made:
        yield made


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("PRIVATE", "GROUP", "EDIT_PRIVATE", "EDIT_GROUP"):
        monkeypatch.setattr(pace, f"{name}_SECONDS", getattr(pace, f"{name}_SECONDS") / QUICK)
    monkeypatch.setattr(screen, "LOOK_SECONDS", 0.02)


class Shower:
    def __init__(self, database: Database, bell: Bell) -> None:
        self.database = database
        self._bell = bell

    async def add(self, chat: Chat, text: str, **options: Any) -> int:
        place = Place(chat_id=chat.id)
        return int(await self._do(lambda to: messages.add(to, place, view(text), time.time(), **options)))

    async def show(self, message: int, text: str, *, urgent: bool = True) -> None:
        await self._do(lambda to: messages.show(to, message, view(text), urgent=urgent))

    async def all_shown(self, within: float = 15) -> None:
        async with asyncio.timeout(within):
            while await self._are_some_behind():  # noqa: ASYNC110 — a database tells nobody
                await asyncio.sleep(0.01)

    async def behind(self) -> list[Any]:
        async with self.database.reading() as connection:
            return await messages.behind(connection, ())

    async def _are_some_behind(self) -> bool:
        """Those that somebody is at, too."""
        async with self.database.reading() as connection:
            chosen = table.select().where(table.c.wanted != table.c.shown)
            return bool((await connection.execute(chosen)).all())

    async def number(self, message: int) -> int | None:
        async with self.database.reading() as connection:
            return await messages.number(connection, message)

    async def _do(self, change: Callable[[Any], Awaitable[Any]]) -> Any:
        async with self.database.writing() as connection:
            changed = await change(connection)
        self._bell.ring()
        return changed


@asynccontextmanager
async def showing(telegram: Telegram, database: Database, owner: int = OWNER) -> AsyncIterator[Shower]:
    bell = Bell()
    bot = connect(SecretStr(telegram.bot.token), telegram.url, metrics.telegram)
    async with bot, asyncio.TaskGroup() as group:
        task = group.create_task(Screen(bot, database, Pace(), bell, owner).run())
        yield Shower(database, bell)
        task.cancel()


def view(text: str, document: str | None = None) -> View:
    return View(text=text, document=document, file_name="log.txt" if document else "")


def written(telegram: Telegram, since: int, chat: Chat | None = None) -> list[Call]:
    """Messages and edits; refused ones too."""
    return [
        call
        for call in telegram.calls[since:]
        if call.method in ("sendMessage", "editMessageText")
        and (not chat or call.parameters.number("chat_id") == chat.id)
    ]


async def some_written(telegram: Telegram, since: int, chat: Chat, count: int = 1) -> None:
    await asyncio.to_thread(
        eventually, lambda: len(written(telegram, since, chat)) >= count, f"{count} calls", within=20, every=0.005
    )


def most_within(seconds: float, calls: list[Call]) -> int:
    times = [call.at for call in calls]
    return max(sum(begin <= at < begin + seconds for at in times) for begin in times)


async def test_twenty_messages_of_a_group_change_within_its_limits_and_none_loses_its_last_state(
    telegram: Telegram, database: Database
) -> None:
    group, before = telegram.add_group("Crowd"), len(telegram.calls)
    async with showing(telegram, database) as shower:
        rows = [await shower.add(group, f"plan {number}") for number in range(20)]
        for state in ("begins", "goes on", "has ended"):
            for number, row in enumerate(rows):
                await shower.show(row, f"{number} {state}", urgent=state != "goes on")
            await some_written(telegram, len(telegram.calls), group)
        telegram.faults.limit("editMessageText", 1, chat=group)
        await shower.all_shown()
    assert Counter(said.text for said in group.from_bots) == Counter(f"{number} has ended" for number in range(20))
    assert most_within(60 / QUICK, written(telegram, before, group)) <= 21  # one was refused


async def test_thirty_people_at_once_stay_within_the_limit_of_all_chats(telegram: Telegram, database: Database) -> None:
    users, before = [telegram.add_user() for _ in range(30)], len(telegram.calls)
    async with showing(telegram, database) as shower:
        rows = [await shower.add(user.chat, "plan") for user in users]
        for row in rows:
            await shower.show(row, "begins")
        await shower.all_shown()
    assert [user.chat.last.text for user in users] == ["begins"] * 30
    assert most_within(1, written(telegram, before)) <= 30


async def test_two_that_grow_in_one_group_take_turns(telegram: Telegram, database: Database) -> None:
    group = telegram.add_group("Two")
    async with showing(telegram, database) as shower:
        rows = [await shower.add(group, f"{number}: begins") for number in range(2)]
        await shower.all_shown()
        for step in range(60):
            for number, row in enumerate(rows):
                await shower.show(row, f"{number}: {step}", urgent=False)
            await asyncio.sleep(0.02)
    edits = [len(said.versions) - 1 for said in group.from_bots]
    assert min(edits) >= 2
    assert max(edits) - min(edits) <= 1


async def test_what_grows_does_not_hold_up_what_is_urgent(telegram: Telegram, database: Database) -> None:
    group = telegram.add_group("Urgent")
    async with showing(telegram, database) as shower:
        growing = [await shower.add(group, f"growing {number}") for number in range(10)]
        await shower.all_shown()
        async with database.writing() as connection:
            for row in growing:
                await messages.show(connection, row, view("grown"), urgent=False)
            await messages.show(connection, growing[-1], view("failed"))
        await shower.all_shown()
    edited = sorted((version.at, version.text.plain) for said in group.from_bots for version in said.versions[1:])
    assert [text for _, text in edited] == ["failed"] + ["grown"] * 9


async def test_what_takes_the_place_of_something_urgent_is_urgent(telegram: Telegram, database: Database) -> None:
    """Else the buttons of what was confirmed would stay until there is time for an edit."""
    user = telegram.add_user()
    shower = Shower(database, Bell())
    row = await shower.add(user.chat, "plan")
    await shower.show(row, "begins")
    await shower.show(row, "number 3 in the queue", urgent=False)
    (pending,) = await shower.behind()
    assert pending.urgent
    assert pending.view.text == "number 3 in the queue"


async def test_a_message_that_somebody_deleted_is_sent_anew(telegram: Telegram, database: Database) -> None:
    user = telegram.add_user()
    async with showing(telegram, database) as shower:
        row = await shower.add(user.chat, "plan")
        await shower.all_shown()
        user.chat.last.is_deleted = True
        await shower.show(row, "done")
        await shower.all_shown()
        assert [said.text for said in user.chat.messages] == ["done"]
        assert await shower.number(row) == user.chat.last.id
        telegram.faults.refuse("editMessageText", Refusal(400, "Bad Request: message can't be edited"), chat=user.chat)
        await shower.show(row, "more")
        await shower.all_shown()
    assert user.chat.last.text == "more"


async def test_a_group_that_put_the_bot_out_holds_up_nobody(telegram: Telegram, database: Database) -> None:
    gone, other = telegram.add_group("Gone"), telegram.add_user()
    out = Refusal(403, "Forbidden: bot was kicked from the supergroup chat")
    rule = telegram.faults.refuse("sendMessage", out, chat=gone, times=math.inf)
    async with showing(telegram, database) as shower:
        await shower.add(gone, "lost")
        await shower.add(other.chat, "heard")
        await shower.all_shown()
        telegram.faults.lift(rule)
        await shower.add(gone, "back")
        await shower.all_shown()
    assert other.chat.last.text == "heard"
    assert [said.text for said in gone.from_bots] == ["back"]
    assert len(rule.calls) == 1


async def test_a_mistake_of_ours_in_one_message_holds_up_nobody(telegram: Telegram, database: Database) -> None:
    one, other = telegram.add_user(), telegram.add_user()
    async with showing(telegram, database) as shower:
        row = await shower.add(one.chat, "plan")
        await shower.all_shown()
        async with database.writing() as connection:
            no_button = {"buttons": [[["label", 5]]], "wanted": 2}
            await connection.execute(table.update().where(table.c.id == row).values(no_button))
        await shower.add(other.chat, "heard")
        await shower.all_shown()
        await shower.show(row, "done")
        await shower.all_shown()
    assert (one.chat.last.text, other.chat.last.text) == ("done", "heard")


async def test_a_group_that_has_a_new_number_gets_its_messages_there(telegram: Telegram, database: Database) -> None:
    old, new = telegram.add_group("Old"), telegram.add_group("New")
    async with showing(telegram, database) as shower:
        row = await shower.add(old, "plan")
        await shower.all_shown()
        old.migrated_to = new.id
        await shower.show(row, "done")
        await shower.all_shown()
    assert [said.text for said in new.from_bots] == ["done"]


async def test_a_long_pause_that_telegram_asks_for_is_kept_and_of_all_states_the_last_is_shown(
    telegram: Telegram, database: Database
) -> None:
    user, other, before = telegram.add_user(), telegram.add_user(), len(telegram.calls)
    async with showing(telegram, database) as shower:
        row = await shower.add(user.chat, "plan")
        await shower.all_shown()
        telegram.faults.limit("editMessageText", 1, chat=user.chat)
        for state in ("one", "two", "three"):
            await shower.show(row, state)
        await shower.add(other.chat, "heard")
        await asyncio.to_thread(other.chat.wait_for, "heard")
        assert other.chat.last.text == "heard"  # only that chat waits
        await shower.all_shown()
    assert user.chat.last.texts[-1] == "three"
    times = [call.at for call in written(telegram, before, user.chat)]
    assert max(later - earlier for earlier, later in pairwise(times)) >= 1


async def test_what_telegram_could_not_be_told_for_hours_is_told_when_it_is_back(
    telegram: Telegram, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(screen, "LONGEST_PAUSE", 0.01)
    users = [telegram.add_user() for _ in range(2)]
    before = len(telegram.calls)
    async with showing(telegram, database) as shower:
        rows = [await shower.add(user.chat, "plan") for user in users]
        await shower.all_shown()
        with telegram.faults.bad_gateway():
            for row in rows:
                await shower.show(row, "failed")
            await some_written(telegram, before, users[0].chat, count=12)
        attempts = len(written(telegram, before, users[0].chat))
        await shower.all_shown()
    assert [user.chat.last.text for user in users] == ["failed"] * 2
    assert attempts > 10
    assert screen.MOST_ATTEMPTS * 60 >= 86_400  # seconds


async def test_one_that_telegram_always_fails_at_does_not_hold_up_its_chat(
    telegram: Telegram, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(screen, "LONGEST_PAUSE", 0.01)

    def fails(call: Call) -> None:
        if call.parameters.text("text") == "poison":
            raise Refusal(500, "Internal Server Error")

    user = telegram.add_user()
    rule = telegram.faults.before("sendMessage", fails, times=math.inf)
    async with showing(telegram, database) as shower:
        tried = len(telegram.calls)
        await shower.add(user.chat, "poison")
        await some_written(telegram, tried, user.chat)
        for number in range(3):
            await shower.add(user.chat, f"{number}")
        await asyncio.to_thread(user.chat.wait_for, "2")
        telegram.faults.lift(rule)
        await shower.all_shown()
    assert [said.text for said in user.chat.from_bots] == ["0", "1", "2", "poison"]


@pytest.mark.parametrize(
    ("text", "plain"),
    [
        ("<b>web</b> <i>fails: a < b & c</b>", "web fails: a < b & c"),
        ("<pre>&lt;html&gt; not closed", "<html> not closed"),
        ("<b>long</b> " + "🙂" * 3000, "long " + "🙂" * 2045),
    ],
)
async def test_what_telegram_cannot_read_is_shown_without_marks(
    telegram: Telegram, database: Database, text: str, plain: str
) -> None:
    user = telegram.add_user()
    async with showing(telegram, database) as shower:
        row = await shower.add(user.chat, text)
        await shower.all_shown()
        assert user.chat.last.text == plain
        await shower.show(row, text + "!")
        await shower.show(row, text)  # is not modified
        await shower.all_shown()
        await shower.show(row, "<b>good</b>")
        await shower.all_shown()
    assert user.chat.last.text == "good"


async def test_a_file_with_a_caption_that_is_too_long_is_sent(telegram: Telegram, database: Database) -> None:
    user = telegram.add_user()
    async with showing(telegram, database) as shower:
        async with database.writing() as connection:
            place = Place(chat_id=user.chat.id)
            await messages.add(connection, place, view("<b>x</b>" * 2000, "lines"), time.time())
        await shower.all_shown()
    assert user.chat.last.text == "x" * 1024
    assert user.chat.last.attachment
    assert user.chat.last.attachment.file.data == b"lines"


async def test_two_processes_show_each_state_once(telegram: Telegram, database: Database) -> None:
    """The old one drains while the new one is active."""
    users, before = [telegram.add_user() for _ in range(10)], len(telegram.calls)
    async with showing(telegram, database, OWNER) as old, showing(telegram, database, ANOTHER):
        rows = [await old.add(user.chat, f"plan {number}") for number, user in enumerate(users)]
        await old.all_shown()
        for row in rows:
            await old.show(row, "done")
        await old.all_shown()
    assert [[said.text for said in user.chat.from_bots] for user in users] == [["done"]] * 10
    assert len(written(telegram, before)) <= 20


async def test_a_new_message_that_was_sent_and_not_noted_is_sent_again_and_an_edit_is_not(
    telegram: Telegram, database: Database
) -> None:
    """The one window that cannot be closed: Telegram has no key by which it would know the second one."""
    user = telegram.add_user()
    shower = Shower(database, Bell())
    row = await shower.add(user.chat, "plan")
    await killed_between_send_and_note(telegram, database, "sendMessage")
    async with showing(telegram, database):
        await shower.all_shown()
        assert [said.text for said in user.chat.from_bots] == ["plan"] * 2
    await shower.show(row, "done")
    await killed_between_send_and_note(telegram, database, "editMessageText")
    async with showing(telegram, database):
        await shower.all_shown()
    assert [said.text for said in user.chat.from_bots] == ["plan", "done"]
    assert await shower.number(row) == user.chat.last.id


async def killed_between_send_and_note(telegram: Telegram, database: Database, method: str) -> None:
    with telegram.faults.hold(method) as held:
        async with showing(telegram, database):
            assert await asyncio.to_thread(held.wait, 5)
    async with database.writing() as connection:
        await messages.take_back(connection, OWNER)
