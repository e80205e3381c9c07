"""Is every interruption survivable? `make sim` explores pairs on two hosts too, and asks more on one."""

from collections.abc import Awaitable, Callable, Iterator
from dataclasses import replace
from functools import partial
from typing import Any

import pytest

import shipper.operations.comparing
import shipper.operations.deployment
import shipper.operations.shipping
from shipper.errors import DiskFull, PlanChanged
from shipper.model.outcome import Deployed, Failed, Outcome, Restarted, Unchanged
from shipper.model.release import ReleaseOutcome
from shipper.model.secret import Secret
from shipper.observe import Hosts, observe_all
from shipper.planning.deploy_plan import make_plan
from shipper.planning.plan import Plan
from shipper.planning.role_plan import RolePlan
from shipper.steps import Step
from shipper.steps.check import Check
from shipper.steps.migrate import Migrate
from shipper.steps.retire import Retire
from shipper.steps.start import Start
from shipper.steps.stop import Stop
from shipper.steps.swap import Swap
from shipper.world import Inside, Report, World
from tests.sim.explore import Broken, Explorer, Scenario, explored, faults_of, parsed, simulated, told
from tests.sim.faults import Client, Fault, Own
from tests.sim.loop import VirtualLoop
from tests.sim.scenarios import (
    ADOPTION,
    BY_REGISTRY,
    FROM_INSIDE,
    MIGRATIONS,
    ONE_HOST,
    TURNING,
    TURNING_ON_TWO_HOSTS,
    TWO_HOSTS,
    WITH_HOOKS,
)
from tests.sim.servers import Sim
from tests.sim.world import SimCommands, SimImages, connected

ALL = (
    *ONE_HOST,
    *TWO_HOSTS,
    *BY_REGISTRY,
    *WITH_HOOKS,
    *ADOPTION,
    *MIGRATIONS,
    *TURNING,
    *TURNING_ON_TWO_HOSTS,
    *FROM_INSIDE,
)
SCENARIOS = {scenario.name: scenario for scenario in ALL}
LONG = ("two roles", "handover, never active")  # their pairs take as long as those of all others: `make sim` tries them
PAIRS = [scenario.name for scenario in ONE_HOST if scenario.name not in LONG]
OTHERS = [scenario.name for scenario in (*TWO_HOSTS, *BY_REGISTRY, *WITH_HOOKS, *ADOPTION, *MIGRATIONS)]


@pytest.mark.parametrize("name", PAIRS)
def test_each_pair_of_faults_on_one_host_is_survived(name: str) -> None:
    assert explored(SCENARIOS[name]).cases > 5_000


@pytest.mark.parametrize("name", [*LONG, *OTHERS])
def test_each_fault_is_survived_in_all_other_circumstances(
    name: str,
) -> None:
    assert explored(SCENARIOS[name], pairs=False).cases > 200


@pytest.mark.parametrize("name", ["restart", "stop", "start, handover", "deploy, one role"])
def test_each_fault_is_survived_when_what_serves_is_restarted_stopped_started_and_deployed_in_part(name: str) -> None:
    assert explored(SCENARIOS[name], pairs=False).cases > 100


@pytest.mark.parametrize("name", ["inside", "inside, never active", "inside, restart"])
def test_each_fault_is_survived_by_a_container_that_replaces_itself_and_by_its_own_death(name: str) -> None:
    assert explored(SCENARIOS[name], pairs=False).cases > 200


@pytest.mark.parametrize("name", ["overlap", "recreate", "handover", "two roles"])
def test_of_what_goes_side_by_side_either_may_come_first(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def the_other_way_round(*arguments: Any) -> Plan:
        made = make_plan(*arguments)
        before, after = (tuple(wave[::-1] for wave in waves) for waves in (made.before_commit, made.after_commit))
        return replace(made, before_commit=before, after_commit=after)

    for module in (shipper.operations.deployment, shipper.operations.rollbacks):
        monkeypatch.setattr(module, "make_plan", the_other_way_round)

    assert explored(SCENARIOS[name], pairs=False).cases > 200


def broken(name: str) -> str:
    with pytest.raises(Broken) as caught:
        explored(SCENARIOS[name], pairs=False)
    return str(caught.value)


@pytest.fixture
def loop() -> Iterator[VirtualLoop]:
    made = VirtualLoop()
    yield made
    made.close()


def test_the_newest_deploy_serves_though_it_came_from_a_machine_whose_clock_is_behind(loop: VirtualLoop) -> None:
    explorer = Explorer(SCENARIOS["overlap"], loop)
    ahead = explorer.begun()
    ahead.day = -10

    deployed = explorer.run(ahead, "deploy v2")
    back = explorer.run(deployed.sim, "rollback")

    assert isinstance(deployed.outcome, Deployed)
    assert isinstance(back.outcome, Deployed)
    release = deployed.outcome.release
    assert release == next(iter(deployed.sim.servers.values())).releases[release.number], "as its record has it"
    assert explorer.run(back.sim, "deploy v1").outcome == Unchanged(release=back.outcome.release)


@pytest.mark.parametrize("command", ["deploy v3", "rollback"])
def test_what_a_deploy_ends_with_is_the_release_as_its_record_has_it(loop: VirtualLoop, command: str) -> None:
    explorer = Explorer(SCENARIOS["overlap"], loop)

    ran = explorer.run(explorer.run(explorer.begun(), "deploy v2").sim, command)

    (server,) = ran.sim.servers.values()
    assert isinstance(ran.outcome, Deployed)
    assert ran.outcome.release.image_id
    assert ran.outcome.release.outcome is ReleaseOutcome.DEPLOYED
    assert ran.outcome.release in server.releases.values()


def test_what_was_stopped_stays_so_whatever_deploys_that_died_or_failed_left_in_the_way(loop: VirtualLoop) -> None:
    explorer = Explorer(SCENARIOS["recreate"], loop)
    stopped = explorer.run(explorer.begun(), "stop")
    calls = explorer.run(stopped.sim, "deploy v9").client.calls
    started = next(number for number, call in enumerate(calls, start=1) if ": start shop-web" in call.name)

    killed = explorer.run(stopped.sim, "deploy v9", ((started, Fault.CRASH_AFTER),))
    failed = explorer.run(explorer.run(killed.sim, "deploy v9").sim, "deploy v9")

    assert isinstance(failed.outcome, Failed)
    assert not [
        name for name, c in failed.sim.servers["a.example"].containers.items() if "web" in name and c.is_running
    ]


def test_a_secret_that_is_absent_here_is_that_of_the_newest_release_that_serves(
    loop: VirtualLoop, monkeypatch: pytest.MonkeyPatch
) -> None:
    explorer = Explorer(SCENARIOS["two hosts"], loop)
    apart = explorer.run(explorer.begun(), "deploy v2 --host a.example").sim
    payloads = apart.servers["a.example"].payloads
    payloads[3] = replace(payloads[3], secrets={"TOKEN": Secret("n3w-t0ken")})
    monkeypatch.setattr(Scenario, "project", lambda *given, ask=Scenario.project: replace(ask(*given), environ={}))

    deployed = explorer.run(apart, "deploy v3").sim

    newest = {name: max(server.payloads) for name, server in deployed.servers.items()}
    found = {deployed.servers[name].payloads[number].secrets["TOKEN"].reveal() for name, number in newest.items()}
    assert found == {"n3w-t0ken"}


@pytest.mark.parametrize("command", ["stop", "restart"])
def test_what_a_hook_prints_after_a_failure_is_masked(
    command: str, loop: VirtualLoop, monkeypatch: pytest.MonkeyPatch
) -> None:
    printed = []

    async def print_all(commands: SimCommands, command: object, environ: object, deadline: float, say: Any) -> int:
        printed.append(say("TOKEN=s3cr3t-t0ken"))
        return 0

    monkeypatch.setattr(SimCommands, "run", print_all)
    explorer = Explorer(SCENARIOS["recreate, hooks"], loop)
    begun = explorer.begun()
    calls = explorer.run(begun, command).client.calls
    stopped = next(number for number, call in enumerate(calls, start=1) if ": stop shop-web" in call.name)
    printed.clear()

    explorer.run(begun, command, ((stopped, Fault.REFUSED),))  # Broken, if a secret is told

    assert printed


def test_a_push_to_a_disk_that_is_full_prunes_nothing_that_a_rollback_of_any_role_needs(
    loop: VirtualLoop, monkeypatch: pytest.MonkeyPatch
) -> None:
    explorer = Explorer(SCENARIOS["two roles"], loop)
    ahead = explorer.run(explorer.run(explorer.begun(), "deploy v2 --role web").sim, "deploy v3 --role web").sim

    async def refused(*arguments: Any) -> str:
        raise DiskFull("no space left on device")

    monkeypatch.setattr(SimImages, "ship", refused)
    monkeypatch.setattr(shipper.operations.shipping, "connected", partial(connected, Client(ahead, {})))

    with pytest.raises(DiskFull):
        loop.run_until_complete(shipper.operations.shipping.push(explorer.scenario.project("v4")))

    assert isinstance(explorer.run(ahead, "rollback --role cron").outcome, Deployed)


# Bugs, to see that the simulation can fail


def test_it_finds_a_plan_that_retires_the_old_one_before_the_swap(monkeypatch: pytest.MonkeyPatch) -> None:
    def retiring_first(*arguments: Any) -> Plan:
        made = make_plan(*arguments)
        retiring = tuple((lane,) for wave in made.after_commit for lane in wave if isinstance(lane[0], Retire))
        return replace(made, before_commit=(*retiring, *made.before_commit))

    monkeypatch.setattr(shipper.operations.deployment, "make_plan", retiring_first)

    assert "users of web on a.example reach nothing that passed its gate" in broken("overlap")


def test_it_finds_a_deploy_that_does_not_look_at_what_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    async def blindly(*arguments: Any, **options: Any) -> Hosts:
        seen = await observe_all(*arguments, **options)
        return {name: replace(host, containers=()) for name, host in seen.items()}

    monkeypatch.setattr(shipper.operations.comparing, "observe_all", blindly)

    assert "2 containers work as web, which must never run twice" in broken("recreate")


def test_it_finds_a_deploy_that_takes_what_was_stopped_on_purpose_for_what_another_one_left(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(RolePlan, "_rivals", RolePlan._others)

    assert "what was stopped runs after a deploy that failed" in broken("stop")


def test_it_finds_a_stop_that_is_not_taken_back(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Stop, "undo", Step.undo)

    assert "what had failed was not taken back, though nothing else went wrong" in broken("stop")


def test_it_finds_a_swap_that_is_not_taken_back(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Swap, "undo", Step.undo)

    assert "other containers come back at boot than before" in broken("overlap")


def test_it_finds_a_step_that_is_taken_back_in_the_wrong_order(monkeypatch: pytest.MonkeyPatch) -> None:
    async def the_old_one_first(step: Start, world: World) -> str:
        for container in await world.engine.containers():
            if container.is_set_aside:
                await world.engine.start(container.name)
        await world.engine.stop(step.container_name, 1)
        return ""

    monkeypatch.setattr(Start, "undo", the_old_one_first)

    assert "2 containers work as web, which must never run twice" in broken("recreate")


def test_it_finds_a_handover_that_stops_the_old_one_before_it_is_its_turn(monkeypatch: pytest.MonkeyPatch) -> None:
    async def hastily(step: Check, world: World, report: Report) -> str:
        for container in await world.engine.containers():
            if container.is_committed and not container.accessory:
                await world.engine.stop(container.name, 1)
        return ""

    monkeypatch.setattr(Check, "do", hastily)
    assert "nobody works as bot, though it is nobody's turn to give way" in broken("handover")


def test_it_finds_a_container_that_gave_way_and_is_not_told_what_came_of_it(monkeypatch: pytest.MonkeyPatch) -> None:
    inside = Own.inside

    def deaf(own: Own) -> Inside:
        return replace(inside(own), take_back=lambda: None)

    monkeypatch.setattr(Own, "inside", deaf)

    assert "it gave way, and was told neither to take the work back nor to leave" in broken("inside, restart")


def test_it_finds_a_plan_that_would_stop_the_container_that_it_is_made_in(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(RolePlan, "_is_adopted", lambda *arguments: False)

    assert "would stop it before its own end (an unfinished deploy left it)" in broken("inside, restart")


def test_it_finds_release_commands_that_do_not_wait_for_those_of_a_dead_deploy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shipper.planning.deploy_plan, "left_running", lambda *arguments: ())

    assert "release commands run side by side" in broken("migration")


def test_it_finds_a_swap_before_the_release_commands_ended_well(monkeypatch: pytest.MonkeyPatch) -> None:
    async def only_begin(step: Migrate, world: World, report: Report) -> str:
        await world.engine.create(step.specs[0])
        await world.engine.start(step.specs[0].name)
        return ""

    monkeypatch.setattr(Migrate, "do", only_begin)

    with pytest.raises(Broken, match=r"has swapped before shop-release-r1-\d"):
        explored(SCENARIOS["migration"], pairs=False)


# Telling, and replaying


def test_a_case_is_told_so_that_it_can_be_replayed() -> None:
    faults = ((8, Fault.LOST), (12, Fault.CRASH_AFTER))

    assert told(faults) == "(call 8, reply lost) (call 12, crash after)"
    assert faults_of(told(faults)) == faults


def test_a_case_that_is_replayed_makes_the_same_calls(loop: VirtualLoop) -> None:
    def calls(scenario: Scenario) -> list[str]:
        ran = Explorer(scenario, loop).replay([faults_of("(call 20, refused)")])
        return [call.name for call in ran.client.calls]

    assert calls(SCENARIOS["overlap"]) == calls(SCENARIOS["overlap"])


def test_what_fails_beside_the_container_that_it_is_run_in_does_not_call_that_back(loop: VirtualLoop) -> None:
    explorer = Explorer(SCENARIOS["inside, two roles"], loop)
    client = Client(explorer.begun(), {})
    name = next(c.spec.name for c in client.sim.servers["a.example"].containers.values() if c.is_of("bot") and c.works)
    called: list[str] = []
    asked = {verb: partial(called.append, verb) for verb in ("give_way", "take_back", "leave")}
    inside = Inside(container_id=f"id-of-{name}", **asked)
    project = replace(explorer.scenario.project("v9"), role_names=("web",), inside=inside)

    with simulated(client):
        outcome = loop.run_until_complete(shipper.deploy(project))

    assert isinstance(outcome, Failed)
    assert called == []


# A plan that somebody confirmed


async def _planned(command: str, explorer: Explorer, sim: Sim) -> Plan:
    verb, version, *_ = parsed(command)
    project = explorer.scenario.project(version or "v1")
    plans: dict[str, Callable[..., Awaitable[Plan]]] = {
        "deploy": shipper.plan_deploy,
        "rollback": shipper.plan_rollback,
        "restart": shipper.plan_restart,
    }
    with simulated(Client(sim, {})):
        return await plans[verb](project)


async def _confirmed(command: str, explorer: Explorer, client: Client, expected: str) -> Outcome:
    verb, version, *_ = parsed(command)
    project = explorer.scenario.project(version or "v1")
    actions: dict[str, Callable[..., Awaitable[Outcome]]] = {
        "deploy": shipper.deploy,
        "rollback": shipper.rollback,
        "restart": shipper.restart,
    }
    with simulated(client):
        return await actions[verb](project, expected=expected)


@pytest.mark.parametrize("name", ["two roles", "two hosts", "recreate"])
@pytest.mark.parametrize("command", ["deploy v2", "rollback", "restart"])
def test_the_plan_that_was_confirmed_is_carried_out_and_another_one_is_refused_with_nothing_done(
    name: str, command: str, loop: VirtualLoop
) -> None:
    explorer = Explorer(SCENARIOS[name], loop)
    seen, changed = explorer.begun(), explorer.run(explorer.begun(), "deploy v3").sim
    seen.day = changed.day = 30
    plan = loop.run_until_complete(_planned(command, explorer, seen))
    now = loop.run_until_complete(_planned(command, explorer, changed))
    journals = [list(server.journal) for server in changed.servers.values()]

    client = Client(changed, {})
    with pytest.raises(PlanChanged) as refusal:
        loop.run_until_complete(_confirmed(command, explorer, client, plan.fingerprint))
    seen.day = 40
    outcome = loop.run_until_complete(_confirmed(command, explorer, Client(seen, {}), plan.fingerprint))

    assert isinstance(outcome, (Deployed, Restarted))
    assert (refusal.value.plan.title, refusal.value.plan.changes) == (now.title, now.changes)
    assert [call.name for call in client.calls if not call.reads] == [f"{host}: lock" for host in changed.servers]
    assert [list(server.journal) for server in changed.servers.values()] == journals
    assert not any(server.holder for server in changed.servers.values())


def test_a_preview_of_a_rollback_after_one_that_died_goes_where_that_one_went(loop: VirtualLoop) -> None:
    explorer = Explorer(SCENARIOS["overlap"], loop)
    begun = explorer.begun()
    calls = explorer.run(begun, "rollback").client.calls
    swapped = next(number for number, call in enumerate(calls, start=1) if "--restart always" in call.name)
    killed = explorer.run(begun, "rollback", ((swapped, Fault.CRASH_AFTER),)).sim
    killed.day = 30

    plan = loop.run_until_complete(_planned("rollback", explorer, killed))
    outcome = loop.run_until_complete(_confirmed("rollback", explorer, Client(killed, {}), plan.fingerprint))

    assert isinstance(outcome, Deployed)
    assert (plan.release.version, outcome.release.version) == ("v0", "v0")
