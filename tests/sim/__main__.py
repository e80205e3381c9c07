"""`make sim`: every fault and every pair of faults, on one host and on two, on all processors of this machine.

On one host nothing is taken for the same; on two, what looks the same from a call on is explored once.

python -m tests.sim                                      explores everything
python -m tests.sim overlap "(call 8, reply lost)"       replays one case, and prints its calls
"""

import multiprocessing
import os
import sys
import time

from tests.sim.explore import Broken, Explored, Explorer, Scenario, explored, faults_of
from tests.sim.loop import VirtualLoop
from tests.sim.scenarios import (
    ADOPTION,
    BY_REGISTRY,
    FROM_INSIDE,
    MIGRATION_ON_TWO_HOSTS,
    MIGRATIONS,
    ONE_HOST,
    TURNING,
    TURNING_ON_TWO_HOSTS,
    TWO_HOSTS,
    WITH_HOOKS,
)

_ON_TWO_HOSTS = (*TWO_HOSTS, *TURNING_ON_TWO_HOSTS, *MIGRATION_ON_TWO_HOSTS)
_LONGEST_FIRST = (*_ON_TWO_HOSTS, *MIGRATIONS, *FROM_INSIDE, *ONE_HOST, *BY_REGISTRY, *WITH_HOOKS, *ADOPTION, *TURNING)
_ALL = {scenario.name: scenario for scenario in _LONGEST_FIRST}


def main(arguments: list[str]) -> int:
    if arguments:
        return _replayed(_ALL[arguments[0]], *arguments[1:])
    begun = time.monotonic()
    processes = os.cpu_count() or 1
    print(f"every fault and every pair of faults, on {processes} processors", flush=True)
    cases = runs = broken = 0
    with multiprocessing.get_context("fork").Pool(processes) as pool:
        for found in pool.imap_unordered(_explored, _ALL):
            print(found, flush=True)
            if isinstance(found, Explored):
                cases, runs = cases + found.cases, runs + found.runs
            else:
                broken += 1
    print(f"{cases:,} cases in {runs:,} runs, {time.monotonic() - begun:.0f} s: {broken or 'none'} broken")
    return 1 if broken else 0


def _explored(name: str) -> Explored | str:
    try:
        return explored(_ALL[name], thorough=_ALL[name] not in _ON_TWO_HOSTS)
    except Broken as error:
        return str(error)


def _replayed(scenario: Scenario, text: str = "") -> int:
    commands = [faults_of(part) for part in text.split(" then ")]
    try:
        ran = Explorer(scenario, VirtualLoop()).replay(commands)
    except Broken as error:
        print(error)
        return 1
    for number, call in enumerate(ran.client.calls, start=1):
        print(f"{number:>3}  {call.name}")
    print(f"{ran.outcome or 'killed'}; it converges")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
