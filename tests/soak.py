"""`make soak`: the real bot, shipped and killed again and again under voice notes. Prints what was lost and doubled."""

import asyncio
import contextlib
import random
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median

from tests.images import machine_with_image
from tests.machines import prepare
from tests.shipped import Shipped, VoiceNotes, shipped

TIMES = 50
_EVERY = 0.5
"""Seconds between two voice notes: two processors do not fall behind."""
_LONGEST_LIFE = 15.0
"""Seconds until a kill. Docker waits longer and longer before it starts again what does not live for ten."""


def main() -> None:
    prepare(print)
    with (
        machine_with_image() as server,
        tempfile.TemporaryDirectory(prefix="shipper-soak-") as folder,
        shipped(server, Path(folder)) as bot,
    ):
        asyncio.run(bot.deploy("first"))
        is_well = [_soak("handovers", bot, _hand_over), _soak("SIGKILLs", bot, _kill)]
    sys.exit(0 if all(is_well) else 1)


def _hand_over(bot: Shipped, number: int) -> None:
    asyncio.run(bot.deploy(f"handed-over-{number}"))


def _kill(bot: Shipped, number: int) -> None:
    time.sleep(random.uniform(0, _LONGEST_LIFE))
    bot.kill()


def _soak(what: str, bot: Shipped, do: Callable[[Shipped, int], None]) -> bool:
    notes, mailbox = VoiceNotes(telegram=bot.telegram), bot.telegram.bot.mailbox
    overlaps, gaps = len(mailbox.overlaps), len(mailbox.gaps())
    with notes.arriving(_EVERY):
        for number in range(1, TIMES + 1):
            do(bot, number)
            print(f"{number} of {TIMES} {what}: {len(notes.sent)} voice notes, {len(notes.lost())} wait", flush=True)
    with contextlib.suppress(AssertionError):
        notes.wait_until_answered()  # else the figures tell
    lost, doubled, two_pollers = len(notes.lost()), len(notes.doubled()), len(mailbox.overlaps) - overlaps
    print(f"{TIMES} {what} under {len(notes.sent)} voice notes: {lost} lost, {doubled} with a second transcript,")
    print(f"{two_pollers} times two pollers; {len(notes.orphaned())} placeholders orphaned, which cannot be helped")
    if milliseconds := [1000 * gap for gap in mailbox.gaps()[gaps:]]:
        print(f"between two pollers: median {median(milliseconds):.0f} ms, longest {max(milliseconds):.0f} ms")
    return not (lost or doubled or two_pollers)


if __name__ == "__main__":
    main()
