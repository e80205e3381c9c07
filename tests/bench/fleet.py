"""Many hosts: the production code over simulated servers, in virtual time, where each call takes one round trip.

What simulated servers do takes no time, and connecting to them neither: this shows what waits for what.
"""

import time
from collections.abc import Iterator

import shipper
from shipper.model.outcome import Deployed
from tests.bench.report import RTTS, Row
from tests.sim.explore import Scenario, simulated
from tests.sim.faults import Client
from tests.sim.loop import VirtualLoop
from tests.sim.servers import Sim, SimServer

_RTT = RTTS[-1]
_GATE = {"http": {"port": 80}, "settle": "0s"}
_MANY = 32


def measure_fleet() -> Iterator[Row]:
    one, _ = _deploy(1)
    yield _row("1 simulated host", "s", one)
    yield _row("8 simulated hosts", "s", _deploy(8)[0])
    seconds, processor_seconds = _deploy(_MANY)
    yield _row(f"{_MANY} simulated hosts", "s", seconds)
    yield _row("  against one", "×", seconds / one, "≤ 1.5")
    yield _row("  processor time", "s", processor_seconds)


def _row(what: str, unit: str, value: float, wanted: str = "") -> Row:
    return Row(what=what, unit=unit, samples={_RTT: [value]}, wanted=wanted)


def _deploy(count: int) -> tuple[float, float]:
    """A warm deploy: the virtual seconds that it takes, and the seconds of processor."""
    names = [f"host{number}.example" for number in range(count)]
    roles = {"web": {"hosts": names, "gate": _GATE}}
    scenario = Scenario(name="fleet", roles=roles, command="deploy v1", serves="v1")
    sim = Sim(servers={name: SimServer(name, images={"shop:v0", "shop:v1"}) for name in names}, apps={})
    loop, processor_seconds = VirtualLoop(), 0.0
    for version in ("v0", "v1"):
        project = scenario.project(version)
        client = Client(sim, {}, latency=_RTT)
        sim.day += 1
        loop.virtual_time, begun = 0.0, time.process_time()
        with simulated(client):
            outcome = loop.run_until_complete(shipper.deploy(project))
        processor_seconds = time.process_time() - begun
        assert isinstance(outcome, Deployed), outcome
        sim.leave(client)
    loop.close()
    return loop.virtual_time, processor_seconds
