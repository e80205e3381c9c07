"""A bot that must not poll twice at once: the sample of a handover. Of shipper it needs `handover.py` only.

UPDATES_URL is a server like tests/fakes/updates.py, NAME what it calls itself there, POLL_SECONDS how long a poll may
wait. MODE makes it have a bad day: deaf-to-lease, crashes-when-active, slow-drain.
"""

import asyncio
import json
import os
import sys
from contextlib import suppress
from typing import Any
from urllib.parse import urlencode, urlsplit

from shipper.handover import Handover, Lease

URL = urlsplit(os.environ["UPDATES_URL"])
NAME = os.environ.get("NAME") or os.uname().nodename
MODE = os.environ.get("MODE", "well")
POLL_SECONDS = float(os.environ.get("POLL_SECONDS", "30"))


class NeverFree:
    def try_acquire(self) -> bool:
        return False

    def release(self) -> None:
        pass


def lease() -> Lease | None:
    return NeverFree() if MODE == "deaf-to-lease" else None


async def main() -> None:
    inbox: asyncio.Queue[int | None] = asyncio.Queue()
    async with Handover(lease=lease()) as handover, asyncio.TaskGroup() as group:
        group.create_task(work_on(inbox))
        print("standby", flush=True)
        async with handover.active():
            print("active", flush=True)
            if MODE == "crashes-when-active":
                print("FATAL: the token was revoked", file=sys.stderr, flush=True)
                sys.exit(5)
            await poll(handover, inbox)
        print("draining", flush=True)
        if MODE == "slow-drain":
            await asyncio.sleep(1)
        inbox.put_nowait(None)  # what is in the inbox is finished before the group ends
    print("ended", flush=True)


async def poll(handover: Handover, inbox: asyncio.Queue[int | None]) -> None:
    offset = 0
    while (updates := await handover.until_stop(next_updates(offset))) is not None:
        handover.polled()
        for update in updates:
            # A real bot writes it to its database here: the next poll tells the server that it may forget it.
            inbox.put_nowait(update["update_id"])
            offset = update["update_id"] + 1
    # A poll that was cancelled took nothing from the server. What came before it is confirmed now, by a poll that does
    # not wait. If that fails, the next one is given the same updates again, and knows their ids from the database.
    with suppress(OSError):
        async with asyncio.timeout(5):
            await get("/updates", name=NAME, offset=offset, timeout=0)


async def next_updates(offset: int) -> list[dict[str, Any]]:
    while True:
        with suppress(OSError, ValueError):
            updates: list[dict[str, Any]] = await get("/updates", name=NAME, offset=offset, timeout=POLL_SECONDS)
            return updates
        await asyncio.sleep(0.1)


async def work_on(inbox: asyncio.Queue[int | None]) -> None:
    while (update_id := await inbox.get()) is not None:
        await get("/done", update_id=update_id)


async def get(path: str, **asked: Any) -> Any:
    """Cancelling it closes the connection, which ends a long poll on the server too."""
    reader, writer = await asyncio.open_connection(URL.hostname, URL.port)
    try:
        writer.write(f"GET {path}?{urlencode(asked)} HTTP/1.0\r\nHost: {URL.netloc}\r\n\r\n".encode())
        _, _, body = (await reader.read()).partition(b"\r\n\r\n")
    finally:
        writer.close()
    return json.loads(body)["result"]


if __name__ == "__main__":
    asyncio.run(main())
