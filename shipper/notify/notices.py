"""Tells those whom the config's `notify` names, side by side with a deploy and never in its way.

Each notifier has a worker, so that what it is told comes in order. What blocks runs on threads that nobody waits for
when the process ends.
"""

import asyncio
import threading
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from datetime import datetime
from functools import partial
from typing import Any, TypeVar

from shipper.config.parts import Notifier, TelegramChat
from shipper.env import environment
from shipper.env.mask import Mask
from shipper.errors import ShipperError
from shipper.events import Ended, Event, Planned, Tell, Warned, masked
from shipper.hosts.session import SystemClock
from shipper.model.secret import Secret
from shipper.notify.announcement import Announcement, of_end_without_outcome, of_outcome, of_start
from shipper.notify.living import Living
from shipper.notify.telegram import Answer, Chat
from shipper.planning.facts import Facts
from shipper.project import Project
from shipper.tasks import alongside, together

_PATIENCE = 5.0  # seconds, when all else has ended, for what is not sent yet
_LONGEST = 30.0  # seconds, where Telegram asks to wait; a whole minute is more than people want to look at a prompt

Result = TypeVar("Result")


class Notices:
    """Stands where `tell` stands: passes all on, and announces what there is to announce."""

    def __init__(self, project: Project, tell: Tell, mask: Mask) -> None:
        self._project = project
        self._tell = tell
        self._mask = mask
        self._clock = SystemClock()
        self._begun: Facts | None = None
        """What a start was announced of, and no end yet."""
        self._held: Ended | None = None
        """The last event, which waits for the others to be told."""
        self._told: set[str] = set()
        """Those for whom there was something."""
        self._unreached: set[str] = set()
        self._notifiers = project.notifiers
        self._due: dict[str, asyncio.Queue[Announcement | None]] = {
            name: asyncio.Queue() for name, notifier in self._notifiers.items() if not notifier.telegram
        }
        self._chats = {
            name: Chat(notifier.telegram, project.full_name, self._clock)
            for name, notifier in self._notifiers.items()
            if notifier.telegram
        }
        self._early: list[Warned] = []
        """What was warned of before it was known what begins."""
        self._living: Living | None = None

    def __call__(self, event: Event) -> None:
        if not self._notifiers:
            self._tell(event)
            return
        event = masked(event, self._mask)
        now = self._clock.now()
        if self._chats:
            self._follow(event, now)
        if isinstance(event, Planned) and not event.is_empty:
            self._begun = event.facts
            self.announce(of_start(event.facts, now))
        if isinstance(event, Ended) and self._begun:
            if announcement := of_outcome(self._begun, event.outcome, now):
                self.announce(announcement)
            self._begun = None
        if isinstance(event, Ended) and self._told:
            self._held = event
        else:
            self._tell(event)

    def _follow(self, event: Event, now: datetime) -> None:
        if self._living:
            self._living = self._living.after(event, now)
        elif isinstance(event, Planned) and not event.is_empty:
            self._living = Living(facts=event.facts, begun_at=now)
            for warned in self._early:
                self._living = self._living.after(warned, now)
        elif isinstance(event, Warned):
            self._early.append(event)
        self._show()

    def _show(self) -> None:
        if self._living:
            for chat in self._chats.values():
                chat.follow(self._living)

    def announce(self, announcement: Announcement) -> None:
        for name, notifier in self._notifiers.items():
            if announcement.occasion in notifier.on:
                if name in self._chats:
                    self._chats[name].announce(announcement, self._living)
                else:
                    self._due[name].put_nowait(announcement)
                self._told.add(name)

    def failed(self, error: BaseException) -> None:
        """What had begun came to no outcome."""
        if self._begun:
            reason = self._mask(_reason(error))
            if self._living:
                self._living = self._living.broken(reason)
                self._show()
            self.announce(of_end_without_outcome(self._begun, reason, self._clock.now()))

    @asynccontextmanager
    async def delivering(self) -> AsyncIterator[None]:
        """While the block lasts, and for a little while afterwards."""
        async with AsyncExitStack() as stack:
            workers = {
                name: await stack.enter_async_context(alongside(self._work(name, notifier)))
                for name, notifier in self._notifiers.items()
            }
            try:
                yield
            finally:
                for due in self._due.values():
                    due.put_nowait(None)
                for chat in self._chats.values():
                    chat.close()
                longest = 0.0 if _is_interrupted() else _LONGEST
                with suppress(asyncio.CancelledError):  # who interrupts now does not want to wait for them
                    await together({name: self._wait_for(name, workers[name], longest) for name in self._told})
                if self._held:
                    self._tell(self._held)

    async def _wait_for(self, name: str, worker: asyncio.Task[None], longest: float) -> None:
        """A little while; longer where Telegram asks for it, up to `longest`."""
        begun, chat = self._clock.monotonic(), self._chats.get(name)
        until = begun + _PATIENCE
        try:
            while not worker.done() and (left := until - self._clock.monotonic()) > 0:
                await asyncio.wait([worker], timeout=left)
                if chat and chat.rests_until <= begun + longest:
                    until = max(until, chat.rests_until + _PATIENCE)
        finally:
            if not worker.done():
                self._warn(name, (chat and chat.why) or f"it took more than {_PATIENCE:g} s")

    async def _work(self, name: str, notifier: Notifier) -> None:
        secret, why = await self._secret(name, "token" if notifier.telegram else "URL")
        if notifier.telegram:
            await self._keep_up_to_date(name, notifier.telegram, secret, why)
        else:
            await self._deliver(name, notifier, secret, why)

    async def _keep_up_to_date(self, name: str, to: TelegramChat, token: Secret, why: str) -> None:
        async def call(method: str, parameters: dict[str, Any]) -> Answer:
            if why:
                return Answer(why=why)
            return await _in_thread(
                partial(_call_telegram, to.api, token, method, parameters), lambda bug: Answer(why=bug)
            )

        if problem := await self._chats[name].deliver(token, call):
            self._warn(name, problem)

    async def _deliver(self, name: str, notifier: Notifier, url: Secret, why: str) -> None:
        is_known = not why
        while announcement := await self._due[name].get():
            if is_known:
                why = await _in_thread(partial(_send, notifier, url.reveal(), announcement), str)
            if why:
                self._warn(name, why)

    async def _secret(self, name: str, kind: str) -> tuple[Secret, str]:
        """Empty where there is none, and why."""
        value, why = None, f"`notify.{name}` has no {kind} here"
        try:
            value = await environment.notifier_secret(self._project, name)
        except ShipperError as error:
            why = error.what
        if not value:
            return Secret(""), why
        self._mask.add([Secret(value)])
        return Secret(value), ""

    def _warn(self, name: str, why: str) -> None:
        """Once of each: what keeps the first message away keeps the next one away too."""
        if name not in self._unreached:
            self._unreached.add(name)
            self._tell(Warned(text=f"The notifier {name} was not told: {why.rstrip('.')}."))


async def _in_thread(call: Callable[[], Result], failed: Callable[[str], Result]) -> Result:
    """On one that nobody waits for in the end: to look a name up has no deadline."""
    loop = asyncio.get_running_loop()
    future: asyncio.Future[Result] = loop.create_future()

    def settle(result: Result) -> None:
        if not future.done():
            future.set_result(result)

    def run() -> None:
        try:
            result = call()
        except Exception as error:  # its text may hold the URL
            result = failed(f"a bug ({type(error).__name__})")
        with suppress(RuntimeError):  # the loop is closed: it was given up
            loop.call_soon_threadsafe(settle, result)

    threading.Thread(target=run, name="notifier", daemon=True).start()
    return await future


def _call_telegram(api: str, token: Secret, method: str, parameters: dict[str, Any]) -> Answer:
    """Blocks."""
    from shipper.notify import senders  # it brings what takes long to import

    return senders.call_telegram(api, token, method, parameters)


def _send(notifier: Notifier, url: str, announcement: Announcement) -> str:
    """Why it was not sent, or nothing. Blocks."""
    from shipper.notify import senders  # it brings what takes long to import

    send = senders.post if notifier.webhook else senders.by_apprise
    try:
        send(url, announcement)
    except senders.NotSent as error:
        return str(error)
    return ""


def _is_interrupted() -> bool:
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0


def _reason(error: BaseException) -> str:
    if isinstance(error, ShipperError):
        return error.what
    return "interrupted" if isinstance(error, asyncio.CancelledError) else f"a bug ({type(error).__name__})"


@asynccontextmanager
async def notifying(project: Project, tell: Tell, mask: Mask) -> AsyncIterator[Notices]:
    """What it yields is told all that `tell` would be; `Ended` is passed on when the others have been told.

    Nothing of it raises, or is waited for longer than a few seconds.
    """
    notices = Notices(project, tell, mask)
    async with notices.delivering():
        try:
            yield notices
        except BaseException as error:  # a message that lives must not look as if the deploy went on
            notices.failed(error)
            raise
