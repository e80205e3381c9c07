"""Tells those whom the config's `notify` names, side by side with a deploy and never in its way.

Each notifier has a worker, so that what it is told comes in order. What blocks runs on threads that nobody waits for
when the process ends.
"""

import asyncio
import threading
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from functools import partial

from shipper import environment
from shipper.announcement import Announcement, of_end_without_outcome, of_outcome, of_start
from shipper.config import Notifier
from shipper.errors import ShipperError
from shipper.events import Ended, Event, Planned, Tell, Warned, masked
from shipper.facts import Facts
from shipper.mask import Mask
from shipper.model import Secret
from shipper.project import Project
from shipper.session import SystemClock
from shipper.tasks import alongside, finish

_PATIENCE = 5.0  # seconds, when all else has ended, for what is not sent yet


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
        self._due: dict[str, asyncio.Queue[Announcement | None]] = {
            name: asyncio.Queue() for name in project.config.notify
        }

    def __call__(self, event: Event) -> None:
        event = masked(event, self._mask)
        now = self._clock.now()
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

    def announce(self, announcement: Announcement) -> None:
        for name, notifier in self._project.config.notify.items():
            if announcement.occasion in notifier.on:
                self._due[name].put_nowait(announcement)
                self._told.add(name)

    def failed(self, error: ShipperError | asyncio.CancelledError) -> None:
        """What had begun came to no outcome."""
        if self._begun:
            reason = self._mask(error.what) if isinstance(error, ShipperError) else "interrupted"
            self.announce(of_end_without_outcome(self._begun, reason, self._clock.now()))

    @asynccontextmanager
    async def delivering(self) -> AsyncIterator[None]:
        """While the block lasts, and for a little while afterwards."""
        async with AsyncExitStack() as stack:
            workers = {
                name: await stack.enter_async_context(alongside(self._deliver(name, notifier)))
                for name, notifier in self._project.config.notify.items()
            }
            try:
                yield
            finally:
                for due in self._due.values():
                    due.put_nowait(None)
                if self._told:
                    await finish(asyncio.wait([workers[name] for name in self._told], timeout=_PATIENCE))
                for name in self._told:
                    if not workers[name].done():
                        self._warn(name, f"it took more than {_PATIENCE:g} s")
                if self._held:
                    self._tell(self._held)

    async def _deliver(self, name: str, notifier: Notifier) -> None:
        url, why = await self._url(name)
        while announcement := await self._due[name].get():
            if url:
                why = await _in_thread(partial(_send, notifier, url, announcement))
            if why:
                self._warn(name, why)

    async def _url(self, name: str) -> tuple[str, str]:
        """Or why there is none."""
        try:
            url = await environment.notifier_url(self._project, name)
        except ShipperError as error:
            return "", error.what
        if not url:
            return "", f"`notify.{name}` has no URL here"
        self._mask.add([Secret(url)])
        return url, ""

    def _warn(self, name: str, why: str) -> None:
        """Once of each: what keeps the first message away keeps the next one away too."""
        if name not in self._unreached:
            self._unreached.add(name)
            self._tell(Warned(text=f"The notifier {name} was not told: {why.rstrip('.')}."))


async def _in_thread(call: Callable[[], str]) -> str:
    """On one that nobody waits for in the end: to look a name up has no deadline."""
    loop = asyncio.get_running_loop()
    future = loop.create_future()

    def settle(result: str) -> None:
        if not future.done():
            future.set_result(result)

    def run() -> None:
        try:
            result = call()
        except Exception as error:  # its text may hold the URL
            result = f"a bug ({type(error).__name__})"
        with suppress(RuntimeError):  # the loop is closed: it was given up
            loop.call_soon_threadsafe(settle, result)

    threading.Thread(target=run, name="notifier", daemon=True).start()
    result: str = await future
    return result


def _send(notifier: Notifier, url: str, announcement: Announcement) -> str:
    """Why it was not sent, or nothing. Blocks."""
    from shipper import senders  # it brings what takes long to import

    send = senders.post if notifier.webhook else senders.by_apprise
    try:
        send(url, announcement)
    except senders.NotSent as error:
        return str(error)
    return ""


@asynccontextmanager
async def notifying(project: Project, tell: Tell, mask: Mask) -> AsyncIterator[Notices]:
    """What it yields is told all that `tell` would be; `Ended` is passed on when the others have been told.

    Nothing of it raises, or is waited for longer than a few seconds.
    """
    notices = Notices(project, tell, mask)
    async with notices.delivering():
        try:
            yield notices
        except (ShipperError, asyncio.CancelledError) as error:
            notices.failed(error)
            raise
