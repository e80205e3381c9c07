"""What every deploy removes in its end, removed now and without one.

It leaves no entry in the journal: the last one tells what a deploy that died was at, and the next goes on from that.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from shipper.errors import UsageError
from shipper.events import Tell
from shipper.hosts.journal import unfinished
from shipper.hosts.session import connected
from shipper.observe import Hosts, Worlds, now, observe_all
from shipper.operations.deployment import holding, ignore
from shipper.planning.image_plan import kept_images, tidying
from shipper.planning.retention import Retention, of_roles, prune as steps_of, retention_of, superfluous_now
from shipper.project import Project
from shipper.steps import HERE
from shipper.steps.prune import Prune
from shipper.steps.tidy import Tidy
from shipper.tasks import together
from shipper.world import World


@dataclass(frozen=True, kw_only=True)
class Pruned:
    """What went from one host, or from this machine."""

    host_name: str
    """`here` for this machine."""
    container_names: tuple[str, ...] = ()
    image_names: tuple[str, ...] = ()
    """Ids of those that have no name."""
    release_numbers: tuple[int, ...] = ()
    cache_limit: int | None = None
    """What is left to the builder's cache, if it was limited."""
    freed: int | None = None
    """Bytes by which the free space of the server's disk has grown; None where it is not known."""

    @property
    def is_empty(self) -> bool:
        return not (self.container_names or self.image_names or self.release_numbers or self.cache_limit is not None)


async def prune(
    project: Project, *, keep: int | None = None, dry_run: bool = False, wait: float = 0.0, tell: Tell = ignore
) -> tuple[Pruned, ...]:
    """Removes what is beyond `keep` releases, or the config's `retain`, from the hosts that are meant, and from here.

    What serves, where a rollback goes, and what a deploy that died is gone on with stays; but where `keep` is 1, a
    rollback has nowhere to go any more: all other releases go, with the secrets in their records. `dry_run` removes
    nothing, and gives the same result. With roles that are meant, only their containers go. Another deploy is waited
    for during `wait` seconds; then Locked is raised. Raises ShipperError.
    """
    if keep is not None and keep < 1:
        raise UsageError("At least one release is kept: that which serves.", now="Nothing was removed.")
    retain = keep or project.config.retain
    async with connected(project, tell) as worlds, holding(project, worlds, "prune", wait):
        hosts = await observe_all(project, worlds, None, list_images=True)
        rules = replace(retention_of(project.config, project.full_name, retain), keeps_way_back=keep != 1)
        there = dict(_steps_there(project, worlds, hosts, rules))
        here = await _step_here(project, worlds, hosts, there, retain)
        pruned = await together({name: _prune(there.get(name), world, dry_run) for name, world in worlds.items()})
        tidied = [await _tidy(here, next(iter(worlds.values())), dry_run)] if here else []
    return (*pruned.values(), *tidied)


def _steps_there(project: Project, worlds: Worlds, hosts: Hosts, rules: Retention) -> Iterator[tuple[str, Prune]]:
    died = unfinished(worlds)
    for name, host in hosts.items():
        beyond = superfluous_now(host, rules, died, now(worlds))
        if project.role_names:
            beyond = of_roles(beyond, host, project.role_names)
        for step in steps_of(name, beyond, because=f"retain is {rules.releases}"):
            yield name, step


async def _step_here(
    project: Project, worlds: Worlds, hosts: Hosts, there: Mapping[str, Prune], retain: int
) -> Tidy | None:
    """None where some hosts or roles are meant: this machine is none of them."""
    if project.host_names or project.role_names or not project.config.build:
        return None
    ours = await next(iter(worlds.values())).images.ours()
    kept = kept_images(hosts.values(), there.values())
    return next(tidying(ours, project.config.image, project.config.build, retain, kept), None)


async def _prune(step: Prune | None, world: World, dry_run: bool) -> Pruned:
    if step is None:
        return Pruned(host_name=world.host_name)
    freed = None
    if not dry_run:
        folder = (await world.engine.storage()).folder
        before = await world.host.disk(folder)
        await step.do(world, lambda progress: None)
        after = await world.host.disk(folder)
        freed = max(after.free - before.free, 0) if before and after else None
    return Pruned(
        host_name=world.host_name,
        container_names=step.container_names,
        image_names=step.image_names,
        release_numbers=step.release_numbers,
        freed=freed,
    )


async def _tidy(step: Tidy, world: World, dry_run: bool) -> Pruned:
    if not dry_run:
        await step.do(world, lambda progress: None)
    return Pruned(host_name=HERE, image_names=step.image_names, cache_limit=step.cache_limit)
