"""The lock of a service on a server, which dies with its holder, and the journal that only the holder writes.

One remote process holds the lock and appends to the journal what it is told, acknowledging each line. It must hear from
us every few seconds: on silence it first kills its own sshd session, so that requests that are still on their way over
our connection die, and only then gives the lock up by ending. We stop acting after half that time.

An entry is sent over the connection ahead of what it tells of; its acknowledgement is waited for only when several are
due, and at the end.
"""

import asyncio
import json
import math
import re
import shlex
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict
from typing import Any

from shipper.errors import ConnectError, DiskFull, HostError, Locked, LockLost
from shipper.hosts.conversation import Conversation
from shipper.hosts.host import SshHost
from shipper.hosts.records import MAKE_ROOT, ROOT, UNPREPARED, last_line, unprepared
from shipper.model.records import TERMINAL, Holder, Unfinished
from shipper.model.words import opening
from shipper.tasks import task_group, uninterrupted
from shipper.world import Clock, World

SILENCE = 20  # seconds after which the lock is given up
_BEAT = SILENCE / 5
_CLOSED = 77  # the exit code where the folder of the service is another user's
_AHEAD = 3  # entries that may be on their way: the one that begins a deploy is written before anything stops or starts

# Runs under dash, forks nothing that keeps the lock's descriptor, and takes no secret: proven on OpenSSH 9.2.
_HOLD = f"""
umask 007; {MAKE_ROOT}
mkdir -p "$1" 2>/dev/null || {{ echo "{ROOT} is closed to $(id -un)" >&2; exit {UNPREPARED}; }}
[ -w "$1" ] && {{ [ ! -e "$1/lock" ] || [ -w "$1/lock" ]; }} || {{
  echo "$1: $(id -un) cannot write there; another user made it" >&2; exit {_CLOSED}
}}
exec 9>>"$1/lock" || exit 74
flock -n 9 || {{ cat "$1/holder"; exit 75; }}
hear() {{ timeout "$2" sh -c 'IFS= read -r line && printf %s "$line"' 9>&-; }}
printf '%s\\n' "$3" >"$1/.holder.new" && mv "$1/.holder.new" "$1/holder" || exit 74
echo held; tail -n 1 "$1/journal" 2>/dev/null | grep . || echo
while line=$(hear "$1" "$2"); do
  case $line in
    .) exit 0 ;;
    ?*) {{ printf '%s\\n' "$line" >>"$1/journal" && sync "$1/journal"; }} || break ;;
  esac
  echo ok
done
kill "$PPID"
"""
_READ = 'cat "$1/journal" 2>/dev/null; :'
_READ_LAST = 'tail -n 1 "$1/journal" 2>/dev/null; :'

# The kernel names a file by inode and the device of its mount (stat has another one on btrfs); anyone may read that. In
# a container it hides a lock whose taker has ended, as flock(1) has, so the process that holds it on is looked for too.
_LOOK = """
[ -e "$1/holder" ] || exit 0
cat "$1/holder"; echo
mount=$(df -P "$1/lock" | sed -n '$s/.*% *//p')
device=$(awk -v mount="$mount" '$5 == mount { device = $3 } END { print device }' /proc/self/mountinfo)
echo "$device:$(ls -i "$1/lock")"
cat /proc/locks
for file in $(grep -ls '[s]hipper-lock' /proc/[0-9]*/cmdline); do
  tr '\\0' ' ' <"$file" 2>/dev/null; echo
done
"""


class HostJournal:
    def __init__(self, host: SshHost, full_name: str, clock: Clock) -> None:
        self._host = host
        self._folder = f"{ROOT}/{full_name}"
        self._clock = clock
        self.last: Mapping[str, Any] = {}
        """The last entry of whoever held the lock before us."""
        self._process: Conversation | None = None
        self._heard_at = 0.0
        self._due = 0
        """Acknowledgements that have not come yet."""
        self._hearing = asyncio.Lock()

    def check(self) -> None:
        """Raises LockLost if we held the lock and cannot be sure that we still do."""
        if self._process and self._clock.monotonic() - self._heard_at > SILENCE / 2:
            raise LockLost(
                f"{self._host.name}: nothing was heard from the lock for {SILENCE // 2} s, so it counts as lost.",
                now="Nothing was done there since.",
                next="The same command again goes on from what is true then.",
            )

    async def lock(self, holder: Holder) -> None:
        """Once begun it is waited for: a lock that is taken after we have turned away would be in our own way."""
        await uninterrupted(self._lock(holder))

    async def _lock(self, holder: Holder) -> None:
        words = ["sh", "-c", _HOLD.strip(), "shipper-lock", self._folder, str(SILENCE), json.dumps(asdict(holder))]
        # `exec`, or a login shell such as dash stays in between, and is what `kill "$PPID"` would end
        process = await self._host.converse(f"exec {shlex.join(words)}")
        answer = await process.answer(SILENCE / 2)
        if answer == "held":
            self.last = next(iter(entries(await process.answer(SILENCE / 2))), {})
            self._process, self._heard_at, self._due = process, self._clock.monotonic(), 0
            return
        exit_code = await process.end()
        if exit_code == 75:
            raise _locked(self._host.name, answer)
        if (disk := await self._host.disk(ROOT)) and not disk.free:
            raise DiskFull(
                f"{self._host.name}: the disk of {ROOT} is full.",
                now="Nothing was done.",
                next="There: df -h and docker system df -v show what takes it; docker image prune --all --filter "
                "until=720h frees what is old.",
            )
        if exit_code == UNPREPARED:
            raise unprepared(self._host.name, process.errors)
        if exit_code == _CLOSED:
            what = f"{self._host.name}: {last_line(process.errors)}."
            raise HostError(what, now="Nothing was done.", next=opening(self._folder))
        raise HostError(
            f"{self._host.name}: taking the lock failed with exit code {exit_code}: {process.errors.strip()}",
            now="Nothing was done.",
            next=f"What does this say? shipper doctor --host {self._host.name}",
        )

    async def append(self, entry: Mapping[str, Any]) -> None:
        self._send(json.dumps({"at": self._clock.now().isoformat(timespec="milliseconds"), **entry}))
        await self._hear(_AHEAD)

    async def beat(self) -> None:
        """Tells the holder of the lock that we live; when it is silent, ends all that is under way there."""
        with suppress(ConnectError):
            while True:
                await self._clock.sleep(_BEAT)
                self._send("")
                await self._hear(0)
        self._heard_at = -math.inf  # `check` tells those who want to begin something
        self._host.abort()

    async def unlock(self) -> None:
        if self._process:
            process, self._process = self._process, None
            with suppress(ConnectError):
                process.send(".")
                await process.end()

    async def look(self) -> None:
        async with task_group() as reading:
            asked = reading.create_task(self._host.run(_READ_LAST, self._folder, doing="reading the last entry"))
            looked = reading.create_task(self.holder())
        self.last = {} if looked.result() else next(iter(entries(asked.result().output)), {})

    async def read(self) -> tuple[dict[str, Any], ...]:
        finished = await self._host.run(_READ, self._folder, doing="reading the journal")
        return entries(finished.output)

    async def holder(self) -> Holder | None:
        finished = await self._host.run(_LOOK, self._folder, doing="looking at the lock")
        if finished.exit_code:
            raise HostError(f"{self._host.name}: looking at the lock failed: {finished.errors.strip()}")
        return holder_of(finished.output, self._folder)

    def _send(self, line: str) -> None:
        assert self._process
        self._process.send(line)
        self._due += 1

    async def _hear(self, due: int) -> None:
        """Until no more acknowledgements than these are due."""
        async with self._hearing:
            while self._process and self._due > due:
                if await self._process.answer(SILENCE / 2 - _BEAT) != "ok":
                    raise ConnectError(f"{self._host.name}: the journal was not written.")
                self._due -= 1
                self._heard_at = self._clock.monotonic()


def entries(text: str) -> tuple[dict[str, Any], ...]:
    """The entries of a journal, whose last line may be torn."""
    found = []
    for line in text.split("\n"):
        with suppress(ValueError):
            entry = json.loads(line)
            if isinstance(entry, dict):
                found.append(entry)
    return tuple(found)


def lacks_outcome(last: Mapping[str, Any]) -> bool:
    """Whether whoever wrote this last entry of a journal died before the end."""
    return bool(last) and last.get("event") != "outcome"


def unfinished(worlds: Mapping[str, World]) -> Unfinished | None:
    """What whoever held the locks before us did not bring to its end, on any host."""
    left = [
        (str(last.get("at")), _unfinished(last))
        for world in worlds.values()
        if lacks_outcome(last := world.journal.last) and {"command", "release"} <= last.keys()
    ]
    return max(left, key=lambda dated: dated[0])[1] if left else None


def _unfinished(last: Mapping[str, Any]) -> Unfinished:
    roles = tuple(map(str, last.get("roles", ())))
    return Unfinished(command=last["command"], release_number=last["release"], role_names=roles)


def holder_of(seen: str, folder: str) -> Holder | None:
    """PURE: from what `_LOOK` prints: who had the lock last, device and inode of its file, all locks, its processes.

    https://man7.org/linux/man-pages/man5/proc_locks.5.html
    """
    last, _, rest = seen.partition("\n\n")
    place, *lines = rest.splitlines() or [""]
    numbers = re.match(r"(\d+):(\d+): *(\d+) ", place)
    file = " {:02x}:{:02x}:{} ".format(*map(int, numbers.groups())) if numbers else "?"
    process = f" shipper-lock {folder} "
    if not any((" FLOCK " in line and file in line) or process in line for line in lines):
        return None
    try:
        return Holder(**json.loads(last))
    except (ValueError, TypeError):
        return Holder(performer="somebody", since="", purpose="something that this version of shipper cannot read")


def _locked(host_name: str, answer: str) -> Locked:
    try:
        holder = Holder(**json.loads(answer))
        source = f", from {holder.origin}," if holder.origin != TERMINAL else ""
        who = f"{holder.performer}{source} has it since {holder.since}, for {holder.purpose}"
    except (ValueError, TypeError):
        who = "it is not known by whom"
    return Locked(
        f"{host_name}: another deploy holds the lock: {who}.",
        now="Nothing was done.",
        next="It is free as soon as that ends, or dies. `--wait` waits for it.",
    )
