"""`make bench`: how long commands take, how often they cross the link, how quickly images travel and speech is heard.

Every run is a process of its own, against a throwaway server behind a link of 0 and of 100 ms. A table on the screen,
all figures in bench.json. `python -m tests.bench code` measures only that; names: server, code, hosts, bots, voice.
"""

import sys
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path

from tests.bench.bots import measure_bots
from tests.bench.code import measure_code
from tests.bench.commands import measure_commands
from tests.bench.fleet import measure_fleet
from tests.bench.images import measure_images
from tests.bench.ops import measure_ops
from tests.bench.report import Row, described_machine, show, write
from tests.bench.runs import shipping
from tests.bench.voice import measure_voice
from tests.machines import OF_TESTS, machine, prepare

_FILE = Path("bench.json")
_PROGRAMS = ("espeak-ng", "docker-registry", "mmdebstrap", "/usr/share/keyrings/debian-archive-keyring.gpg")


def main() -> None:
    begun = time.monotonic()
    names = sys.argv[1:] or [*_PARTS]
    if unknown := set(names) - _PARTS.keys():
        sys.exit(f"bench: there is no {', '.join(sorted(unknown))}; there are {', '.join(_PARTS)}")

    def say(text: str) -> None:
        print(f"{time.monotonic() - begun:5.0f} s  {text}", flush=True)

    prepare(say, others={name: OF_TESTS[name] for name in _PROGRAMS})
    described = described_machine()
    rows = [row for name in names for row in _PARTS[name](say)]
    write(rows, described, _FILE)
    show(rows, described)
    say(f"all figures are in {_FILE}")


def _measure_server(say: Callable[[str], None]) -> Iterator[Row]:
    say("a throwaway server, and a laptop that builds")
    with machine("server") as server, machine("laptop") as laptop, shipping(server, laptop) as client:
        yield from measure_commands(client, server, say)
        yield from measure_ops(client, server, say)
        yield from measure_images(client, server.key, say)


def _measure_hosts(say: Callable[[str], None]) -> Iterable[Row]:
    say("simulated hosts")
    return measure_fleet()


_PARTS: Mapping[str, Callable[[Callable[[str], None]], Iterable[Row]]] = {
    "server": _measure_server,
    "code": measure_code,
    "hosts": _measure_hosts,
    "bots": measure_bots,
    "voice": measure_voice,
}


if __name__ == "__main__":
    main()
