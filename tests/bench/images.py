"""The way of an image: how many bytes, and how quick beside what `ssh` itself can do on the same link."""

import json
import os
import subprocess
import sys
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from statistics import median

from tests.bench.report import RTTS, Row
from tests.bench.runs import Client, Run

_MEGABYTE = 1_000_000
_IMAGE = 40 * _MEGABYTE
_CHANGED = 1 * _MEGABYTE
"""The layer that a second version changes; it counts as a part of the whole."""
_RUNS = 2


def measure_images(client: Client, key: Path, say: Callable[[str], None]) -> Iterator[Row]:
    repository = client.repository
    dockerfile = (repository.folder / "Dockerfile").read_text()
    repository.write("Dockerfile", f"{dockerfile}COPY unchanged /unchanged\nCOPY changed /changed\n")
    found: dict[str, dict[float, list[float]]] = defaultdict(lambda: {rtt: [] for rtt in RTTS})
    for number in range(_RUNS):
        say(f"images, {number + 1} of {_RUNS}")
        for rtt in RTTS:
            for shipped, compression in (("uncompressed", "false"), ("shipped", "true")):
                _set_compression(client, compression)
                (repository.folder / "unchanged").write_bytes(os.urandom(_IMAGE - _CHANGED))
                found[shipped][rtt].append(_IMAGE / _MEGABYTE / _ship_seconds(_changed(client, rtt)))
            found["sent"][rtt].append(_changed(client, rtt).bytes_sent / _CHANGED)
            found["plain"][rtt].append(_ssh_speed(client, key, rtt))
            found["compressed"][rtt].append(_ssh_speed(client, key, rtt, "-C"))
    yield Row(what="sent for a changed layer of 1 MB", unit="×", samples=found["sent"], wanted="≤ 1.05")
    yield Row(what="ship, image of 40 MB", unit="MB/s", samples=found["shipped"])
    yield Row(what="  against ssh -C cat", unit="%", samples=_share(found["shipped"], found["compressed"]))
    yield Row(what="ship, ssh.compression: false", unit="MB/s", samples=found["uncompressed"])
    yield Row(what="  against ssh cat", unit="%", samples=_share(found["uncompressed"], found["plain"]), wanted="≥ 80")
    yield Row(what="ssh cat, 40 MB", unit="MB/s", samples=found["plain"])
    yield Row(what="ssh -C cat, 40 MB", unit="MB/s", samples=found["compressed"])


def _share(shipped: dict[float, list[float]], copied: dict[float, list[float]]) -> dict[float, list[float]]:
    return {rtt: [100 * median(shipped[rtt]) / median(copied[rtt])] for rtt in RTTS}


def _set_compression(client: Client, wanted: str) -> None:
    file = client.repository.folder / "config/deploy.yaml"
    before, _, _ = file.read_text().partition("ssh: ")
    after = file.read_text().partition("SAMPLE_KEY")[2].partition("}")[2]
    file.write_text(f"{before}ssh: {{user: deploy, key_env: SAMPLE_KEY, compression: {wanted}}}{after}")


def _changed(client: Client, rtt: float) -> Run:
    """Deploys a version whose last layer is another one."""
    (client.repository.folder / "changed").write_bytes(os.urandom(_CHANGED))
    client.repository.commit("next version")
    return client.run(rtt, "deploy", "--json")


def _ship_seconds(run: Run) -> float:
    for line in run.lines:
        event = json.loads(line)
        if (event["event"], event.get("step")) == ("step_finished", "ship"):
            return float(event["seconds"])
    sys.exit(f"bench: nothing was shipped:\n{''.join(run.lines)}")


def _ssh_speed(client: Client, key: Path, rtt: float, *options: str) -> float:
    """MB/s of random bytes, without the time that it takes to log in and out."""
    client.link.begin(rtt)
    file = client.repository.folder / "unchanged"
    login, whole = (_ssh_seconds(client, key, source, options) for source in (Path(os.devnull), file))
    return file.stat().st_size / _MEGABYTE / (whole - login)


def _ssh_seconds(client: Client, key: Path, source: Path, options: Sequence[str]) -> float:
    known = f"UserKnownHostsFile={client.repository.folder / 'config/known_hosts'}"
    command = ["ssh", "-F", "none", "-i", str(key), "-p", str(client.link.port), "-o", known, "-o", "BatchMode=yes"]
    begun = time.monotonic()
    with source.open("rb") as content:
        subprocess.run(
            [*command, *options, "deploy@127.0.0.1", "cat >/dev/null"],
            stdin=content,
            stderr=subprocess.DEVNULL,  # the user has no home there, and is told so
            check=True,
        )
    return time.monotonic() - begun
