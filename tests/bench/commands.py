"""The everyday commands: whole processes, on a link without delay and on a slow one."""

from collections import defaultdict
from collections.abc import Callable, Iterator
from statistics import median_low

from tests.bench.report import RTTS, Row
from tests.bench.runs import Client, Run
from tests.machines import Machine
from tests.repository import Repository

GATE = "gate: {http: {port: 8080, path: /up}, deadline: 5s, interval: 50ms, settle: 0s}"
"""Without a time to settle: Kamal has none."""

_RELEASES = 6  # before the first that counts, so that each deploy has something to prune, as in real life
_RUNS = 5

_COMMANDS = {
    "warm deploy": ("≤ 0.75 / 2.1, + 9", "3.04 / 14.7, + 65"),
    "deploy of what runs": ("", ""),
    "rollback": ("≤ 0.6 / 1.7", "1.96 / 8.6"),
    "status": ("≤ 0.5 / 1.2", ""),
    "plan": ("", ""),
}


def next_version(repository: Repository, server: Machine) -> str:
    """A commit whose image the server has already, as if it had come from a registry."""
    before, shipped = repository.git("rev-parse", "HEAD"), repository.commit("next version")
    tag = f"repo={repository.service}&tag={shipped}"
    refusal = server.engine("POST", f"/images/{repository.service}:{before}/tag?{tag}")
    assert not refusal, refusal  # else the deploy would build and ship
    return shipped


def measure_commands(client: Client, server: Machine, say: Callable[[str], None]) -> Iterator[Row]:
    repository = client.repository
    repository.configure(GATE)
    repository.commit("version 1")
    client.run(0.0, "deploy")
    runs: dict[tuple[str, float], list[Run]] = defaultdict(list)
    starts: list[float] = []
    for _ in range(_RELEASES):
        next_version(repository, server)
        client.run(0.0, "deploy")
    for number in range(_RUNS):
        say(f"commands, {number + 1} of {_RUNS}")
        for rtt in RTTS:
            next_version(repository, server)
            runs["plan", rtt].append(client.run(rtt, "plan", "-v"))
            runs["warm deploy", rtt].append(client.run(rtt, "deploy", "-v"))
            runs["deploy of what runs", rtt].append(client.run(rtt, "deploy", "-v"))
            runs["status", rtt].append(client.run(rtt, "status", "-v"))
            runs["rollback", rtt].append(client.run(rtt, "rollback", "-v"))
            starts.append(client.run(rtt, "--version").seconds)
    for what, (wanted, kamal) in _COMMANDS.items():
        samples = {rtt: [run.seconds for run in runs[what, rtt]] for rtt in RTTS}
        slow = runs[what, RTTS[-1]]
        rounds = median_low(run.rounds_to_log_in for run in slow), median_low(run.rounds_after for run in slow)
        yield Row(what=what, unit="s", samples=samples, rounds=rounds, wanted=wanted, kamal=kamal)
    sent = {rtt: [run.bytes_sent / 1000 for run in runs["warm deploy", rtt]] for rtt in RTTS}
    yield Row(what="sent for a warm deploy", unit="kB", samples=sent)
    yield Row(what="--version", unit="s", samples={0.0: starts}, wanted="≤ 0.15", kamal="0.33")
