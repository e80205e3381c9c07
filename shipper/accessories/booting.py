"""The story of `shipper accessory boot` and `restart`: connect → look → decide → do, each accessory by itself.

It leaves no entry in the journal: the last one tells what a deploy that died was at, and the next goes on from that. A
boot that died is found in what it left.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from contextlib import suppress

from shipper.accessories.looking import (
    all_hosts,
    look,
    placed_of,
    secrets_of,
    sources_of,
    wanted_of,
    with_registries,
    writers_of,
)
from shipper.accessories.plan import (
    AccessoryPlan,
    BootPlan,
    Found,
    Supply,
    boot_plan,
    refuse_shared,
    restart_plan,
    supply_plan,
)
from shipper.accessories.wanted import Wanted, in_order, meant, with_those_before
from shipper.config.root import Config
from shipper.env.mask import Mask, masking
from shipper.errors import SecretError, ShipperError, UsageError
from shipper.events import AccessoriesEnded, Tell, masked
from shipper.hosts.session import connected, looking
from shipper.model.outcome import AccessoryEnd
from shipper.observe import Worlds
from shipper.operations.deployment import holding, ignore
from shipper.project import Project
from shipper.runner import Failure, run
from shipper.tasks import finish, together
from shipper.world import World

_NOT_RESTORED = 21


async def boot(
    project: Project, names: Collection[str] = (), *, newer: bool = False, wait: float = 0.0, tell: Tell = ignore
) -> tuple[AccessoryEnd, ...]:
    """Makes true what the config says of these accessories, of all if none is named, and waits until they are well.

    What runs as the config says is left alone. Those that others wait for come with them only where they do not run.
    With `newer`, registries are asked what tags name now. Another deploy is waited for during `wait` seconds; then
    Locked is raised. Raises ShipperError where nothing was touched; afterwards the results say what went wrong. When
    the task is cancelled, what was begun is taken back.
    """
    names, candidates, hosts = _asked(project, names)
    with masking(tell) as (tell, mask):
        secrets = await secrets_of(project, candidates, mask)
        wanted = wanted_of(project, candidates, secrets)
        purpose = f"boot of {', '.join(names)}"
        asked = connected(with_registries(project), tell, hosts)
        async with asked as worlds, holding(project, worlds, purpose, wait):
            begun = _now(worlds)
            found = await look(project, worlds)
            chosen = _chosen(project.config, names, wanted, found)
            refuse_shared(chosen, await writers_of(chosen, worlds))
            supply = await _supply(project, chosen, worlds, found, mask, newer)
            if failure := await run(supply, worlds, tell):
                raise failure.error
            found = await look(project, worlds)
            plans = [boot_plan(one, found[one.host_name]) for one in chosen]
            return await _carry_out(plans, "boot", project, worlds, tell, mask, begun)


async def plan_boot(
    project: Project, names: Collection[str] = (), *, newer: bool = False, tell: Tell = ignore
) -> BootPlan:
    """What `boot` would do now. Raises as `boot` does."""
    names, candidates, hosts = _asked(project, names)
    with masking(tell) as (tell, mask):
        secrets = await secrets_of(project, candidates, mask)
        wanted = wanted_of(project, candidates, secrets)
        async with looking(with_registries(project), tell, hosts) as worlds:
            found = await look(project, worlds)
            chosen = _chosen(project.config, names, wanted, found)
            refuse_shared(chosen, await writers_of(chosen, worlds))
            supply = await _supply(project, chosen, worlds, found, mask, newer)
            plans = [boot_plan(one, found[one.host_name]) for one in chosen]
            return BootPlan(supply=supply, accessories=tuple(plans))


async def restart_accessories(
    project: Project, names: Collection[str], *, wait: float = 0.0, tell: Tell = ignore
) -> tuple[AccessoryEnd, ...]:
    """Stops and starts the containers that there are, whatever the config says by now, and waits until they are well.

    Raises and returns as `boot` does.
    """
    names = meant(project.config, names)
    hosts = all_hosts(project, names)
    with masking(tell) as (tell, mask):
        with suppress(SecretError):  # nothing is made anew: a value that is not here only cannot be masked
            await secrets_of(project, names, mask)
        asked = connected(project, tell, hosts)
        async with asked as worlds, holding(project, worlds, f"restart of {', '.join(names)}", wait):
            begun = _now(worlds)
            found = await look(project, worlds)
            plans = [plan for one in placed_of(project, names) if (plan := restart_plan(one, found[one.host_name]))]
            if not plans:
                raise UsageError(
                    f"There is no container of {' or '.join(names)} to restart on {', '.join(worlds)}.",
                    now="Nothing was done.",
                    next=f"shipper accessory boot {' '.join(names)}",
                )
            return await _carry_out(plans, "restart", project, worlds, tell, mask, begun)


def _asked(project: Project, names: Collection[str]) -> tuple[tuple[str, ...], tuple[str, ...], tuple[str, ...]]:
    """PURE. Those that are meant; with them all that they wait for; and the hosts of all these. Raises UsageError."""
    names = meant(project.config, names)
    all_hosts(project, names)
    candidates = with_those_before(project.config, names)
    return names, candidates, all_hosts(project, candidates)


def _chosen(
    config: Config, names: Collection[str], wanted: Sequence[Wanted], found: Mapping[str, Found]
) -> list[Wanted]:
    """PURE. Those that are named, and those before them that do not run; in the order in which they start."""
    needed = [one for one in wanted if one.name in names or not found[one.host_name].runs(one.name)]
    levels = in_order(config, {one.name for one in needed})
    return [one for level in levels for one in needed if one.name in level]


async def _supply(
    project: Project, chosen: Collection[Wanted], worlds: Worlds, found: Mapping[str, Found], mask: Mask, newer: bool
) -> Supply:
    meant_hosts = {one.host_name: found[one.host_name] for one in chosen}
    sources = await sources_of(chosen, worlds, found, mask, newer=newer)
    at_once = project.config.rollout.max_parallel
    return supply_plan(chosen, meant_hosts, sources, newer=newer, max_parallel=at_once)


def _now(worlds: Worlds) -> float:
    return next(iter(worlds.values())).clock.monotonic()


async def _carry_out(
    plans: Iterable[AccessoryPlan],
    command: str,
    project: Project,
    worlds: Worlds,
    tell: Tell,
    mask: Mask,
    begun: float,
) -> tuple[AccessoryEnd, ...]:
    """What others wait for is well before they are touched; where it is not, they are left as they are."""
    plans = list(plans)
    ends = list[AccessoryEnd]()
    for level in in_order(project.config, {plan.name for plan in plans}):
        if unwell := [end.name for end in ends if end.exit_code]:
            because = f"{', '.join(dict.fromkeys(unwell))} did not pass"
            ends += [_end(plan, "left", because) for plan in plans if plan.name in level]
            continue
        side_by_side = {
            (plan.host_name, plan.name): _run(plan, worlds[plan.host_name], tell)
            for plan in plans
            if plan.name in level
        }
        ends += (await together(side_by_side)).values()
    ended = AccessoriesEnded(service=project.full_name, command=command, ends=tuple(ends), seconds=_now(worlds) - begun)
    tell(ended)
    return masked(ended, mask).ends


async def _run(plan: AccessoryPlan, world: World, tell: Tell) -> AccessoryEnd:
    if not plan.steps:
        return _end(plan, plan.verb, plan.because)
    failure = await run(plan, {plan.host_name: world}, tell)
    return await finish(_failed(plan, failure, world)) if failure else _end(plan, plan.verb, plan.because)


def _end(plan: AccessoryPlan, verb: str, because: str) -> AccessoryEnd:
    return AccessoryEnd(host_name=plan.host_name, name=plan.name, verb=verb, because=because)


async def _failed(plan: AccessoryPlan, failure: Failure, world: World) -> AccessoryEnd:
    """Looks what is true, instead of trusting that all was taken back."""
    error = failure.error
    if not isinstance(error, ShipperError):
        raise error
    runs: bool | None = None
    with suppress(ShipperError):
        mine = [container for container in await world.engine.accessories() if container.role_name == plan.name]
        runs = any(container.is_running for container in mine)
    has_run = plan.verb in ("replaced", "restarted")
    return AccessoryEnd(
        host_name=plan.host_name,
        name=plan.name,
        verb="failed",
        because=error.what,
        logs=error.logs,
        runs=runs,
        next=error.next or f"shipper accessory logs {plan.name} shows what it wrote.",
        exit_code=error.exit_code if runs or not has_run else _NOT_RESTORED,
    )
