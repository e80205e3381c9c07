"""`make bench`: how long commands take, how often they cross the link, how quickly images travel and speech is heard.

Every run is a process of its own, against a throwaway server behind a link of 0 and of 100 ms. A table on the screen,
all figures in bench.json.
"""

import os
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.bench.bots import measure_bots
from tests.bench.commands import measure_commands
from tests.bench.fleet import measure_fleet
from tests.bench.images import measure_images
from tests.bench.link import link
from tests.bench.ops import measure_ops
from tests.bench.report import described_machine, show, write
from tests.bench.runs import Client
from tests.bench.voice import measure_voice
from tests.machines import OF_TESTS, Machine, machine, prepare
from tests.repository import Repository

_FILE = Path("bench.json")


def main() -> None:
    begun = time.monotonic()

    def say(text: str) -> None:
        print(f"{time.monotonic() - begun:5.0f} s  {text}", flush=True)

    prepare(say, others={"espeak-ng": OF_TESTS["espeak-ng"]})
    described = described_machine()
    say("a throwaway server, and a laptop that builds")
    with machine("server") as server, machine("laptop") as laptop, _client(server, laptop) as client:
        rows = [
            *measure_commands(client, server, say),
            *measure_ops(client, server, say),
            *measure_images(client, server.key, say),
        ]
    say("simulated hosts")
    rows += measure_fleet()
    rows += measure_bots(say)
    rows += measure_voice(say)
    write(rows, described, _FILE)
    show(rows, described)
    say(f"all figures are in {_FILE}")


@contextmanager
def _client(server: Machine, laptop: Machine) -> Iterator[Client]:
    server.run("install -d -m 2770 -g docker /var/lib/shipper")
    with tempfile.TemporaryDirectory(prefix="shipper-bench-") as folder, link(server.address, 22) as made:
        repository = Repository(Path(folder), "sample", f"127.0.0.1:{made.port}")
        repository.create()
        _, _, key = server.host_key.partition(" ")
        repository.write("config/known_hosts", f"[127.0.0.1]:{made.port} {key}\n")
        home = str(laptop.folder / "home")
        environ = {
            "PATH": os.environ["PATH"],
            "HOME": home,
            "TMPDIR": home,  # goes with the laptop
            "USER": "bench",
            "DOCKER_HOST": laptop.docker_host,
            "SAMPLE_KEY": server.key.read_text(),
        }
        yield Client(repository=repository, link=made, environ=environ)


if __name__ == "__main__":
    main()
