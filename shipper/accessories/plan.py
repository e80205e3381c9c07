"""PURE: (what the config says of accessories, what a host has) → steps, each with its reason."""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, replace

from shipper.accessories.steps import clear, made_anew, rename, started, stop
from shipper.accessories.wanted import Placed, Wanted
from shipper.config.image_names import registry_of
from shipper.errors import ConfigError, ImageError, ShipperError
from shipper.model.container import Container, ContainerState
from shipper.model.image import Image, Published
from shipper.planning.plan import Lane, Wave
from shipper.steps import Step
from shipper.steps.network import Network
from shipper.steps.pull import Pull
from shipper.steps.ship import Ship


@dataclass(frozen=True, kw_only=True)
class Source:
    """Where an image can come from."""

    published: Published | None = None
    """What its registry says, asked by a server."""
    here: Image | None = None
    """That of this machine, which was looked for where the registry does not have it."""
    problem: ShipperError | None = None
    """Why the registry has nothing for us."""


@dataclass(frozen=True, kw_only=True)
class Found:
    """One host, as it was when we looked."""

    host_name: str
    platform: str
    has_network: bool
    containers: tuple[Container, ...]
    """All accessories of the service."""
    images: Mapping[str, Image | None]
    """For each name that the config has."""

    def named(self, container_name: str) -> Container | None:
        return next((container for container in self.containers if container.name == container_name), None)

    def runs(self, accessory_name: str) -> bool:
        mine = (container for container in self.containers if container.role_name == accessory_name)
        return any(container.state is ContainerState.RUNNING and container.is_committed for container in mine)


@dataclass(frozen=True, kw_only=True)
class AccessoryPlan:
    """What is to be done with one accessory on one host: it stands by itself, whatever becomes of others."""

    host_name: str
    name: str
    verb: str
    """What became of it, if all goes well: unchanged, booted, replaced, started or restarted."""
    because: str
    before: tuple[Step, ...] = ()
    """All that was begun of these is taken back if one fails."""
    afterwards: tuple[Step, ...] = ()
    max_parallel: int = 1
    about: None = None
    """The journal tells of releases, and of nothing else."""
    ends_us: bool = False

    @property
    def before_commit(self) -> tuple[Wave, ...]:
        return ((self.before,),) if self.before else ()

    @property
    def after_commit(self) -> tuple[Wave, ...]:
        return ((self.afterwards,),) if self.afterwards else ()

    @property
    def steps(self) -> tuple[Step, ...]:
        return (*self.before, *self.afterwards)


@dataclass(frozen=True, kw_only=True)
class Supply:
    """What all hosts get before any accessory is touched."""

    lanes: Wave
    max_parallel: int
    about: None = None
    ends_us: bool = False
    after_commit: tuple[Wave, ...] = ()

    @property
    def before_commit(self) -> tuple[Wave, ...]:
        return (self.lanes,) if self.lanes else ()

    @property
    def steps(self) -> tuple[Step, ...]:
        return tuple(step for lane in self.lanes for step in lane)


@dataclass(frozen=True, kw_only=True)
class BootPlan:
    supply: Supply
    accessories: tuple[AccessoryPlan, ...]

    @property
    def steps(self) -> tuple[Step, ...]:
        return (*self.supply.steps, *(step for made in self.accessories for step in made.steps))

    @property
    def is_empty(self) -> bool:
        return not self.steps

    @property
    def lines(self) -> tuple[str, ...]:
        """As plain text, one line for each step, or for an accessory that is left alone."""
        rows = [(step.host_name, "", str(step)) for step in self.supply.steps]
        for made in self.accessories:
            told = [str(step) for step in made.steps] or [f"{made.verb}, because {made.because}"]
            rows += [(made.host_name, made.name, line) for line in told]
        hosts, names = (max((len(row[column]) for row in rows), default=0) for column in (0, 1))
        return tuple(f"{host_name:<{hosts}}  {name:<{names}}  {line}" for host_name, name, line in rows)


def supply_plan(
    wanted: Collection[Wanted],
    hosts: Mapping[str, Found],
    sources: Mapping[str, Source],
    *,
    newer: bool,
    max_parallel: int,
) -> Supply:
    """Raises ImageError, or what the registry said, where an image is nowhere."""
    lanes = (tuple(_supply(host, wanted, sources, newer)) for host in hosts.values())
    return Supply(lanes=tuple(lane for lane in lanes if lane), max_parallel=max_parallel)


def refuse_shared(wanted: Collection[Wanted], writers: Mapping[str, Mapping[str, str]]) -> None:
    """Two databases that write into the same files destroy them. Raises ConfigError.

    `writers` are containers of others, by host and volume.
    """
    found = [
        (one, volume_name, writer)
        for one in wanted
        for volume_name in one.written_volumes
        if (writer := writers[one.host_name].get(volume_name))
    ]
    if found:
        name = found[0][0].name
        raise ConfigError(
            "\n".join(
                f"accessories.{one.name}.volumes: {writer}, which is not of {one.spec.network_name}, runs on "
                f"{one.host_name} and writes into {volume_name}."
                for one, volume_name, writer in found
            ),
            now="Nothing was done.",
            next=f"Give {name} a volume of its own (that of a destination in its overlay); or stop the other.",
        )


def lacks(host: Found, image_name: str, *, newer: bool) -> bool:
    """Whether the host is to get an image; of a digest there is nothing newer."""
    return not host.images.get(image_name) or (newer and "@" not in image_name)


def _supply(host: Found, wanted: Collection[Wanted], sources: Mapping[str, Source], newer: bool) -> Iterator[Step]:
    if not host.has_network:
        (full_name,) = {one.spec.network_name for one in wanted}
        because = "the service and its accessories share one"
        yield Network(host_name=host.host_name, network_name=full_name, because=because)
    for image_name in dict.fromkeys(one.config.image for one in wanted if one.host_name == host.host_name):
        if lacks(host, image_name, newer=newer):
            yield from _image(host, image_name, sources[image_name])


def _image(host: Found, image_name: str, source: Source) -> Iterator[Step]:
    has_it, name = host.images.get(image_name), host.host_name
    registry_name = registry_of(image_name)
    if source.published:
        because = f"{registry_name} may have a newer one" if has_it else f"{name} does not have it"
        yield Pull(host_name=name, image_name=image_name, digest=source.published.digest, because=because)
    elif has_it:
        return  # what is there goes on being there
    elif source.here and source.here.platform == host.platform:
        because = f"{registry_name} does not give it to {name}, and this machine has it"
        yield Ship(host_name=name, image_name=image_name, because=because)
    elif source.here:
        raise ImageError(f"{name} is {host.platform}, but {image_name} here is for {source.here.platform}.")
    else:
        raise source.problem or ImageError(
            f"There is no image {image_name}: neither on {name}, nor in {registry_name}, nor here.",
            now="Nothing was done.",
            next="Look at its name in the section `accessories`.",
        )


def boot_plan(wanted: Wanted, host: Found) -> AccessoryPlan:
    """What makes true what the config says of it."""
    current, before = host.named(wanted.container_name), host.named(wanted.before_name)
    mended: tuple[Step, ...] = ()
    if current and not current.has_mark:
        mended = (clear(wanted, current.name, because="it did not come to pass its gate"),)
        wanted = wanted if before else _keeping(wanted, current)
        current = None
    if before and not current:
        because = "a boot that replaced it did not come to its end"
        mended += (rename(wanted, before.name, wanted.container_name, because),)
        current, before = replace(before, name=wanted.container_name), None
    left = (clear(wanted, before.name, because="it was replaced"),) if before else ()
    if not current:
        why = "it was not there"
        return _plan(wanted, "booted", why, before=(*mended, *made_anew(wanted, because="" if mended else why)))
    changed = _changed(wanted, current, host.images.get(wanted.config.image))
    if changed:
        steps = (*mended, *left, *_replaced(_keeping(wanted, current), changed))
        gone = clear(wanted, wanted.before_name, because="it was replaced")
        return _plan(wanted, "replaced", changed, before=steps, afterwards=(gone,))
    if current.state is not ContainerState.RUNNING or not current.is_committed:
        because = "it does not run" if not current.is_running else f"it is {current.state.value}"
        return _plan(wanted, "started", because, before=(*mended, *started(wanted, because)), afterwards=left)
    return _plan(wanted, "unchanged", "it runs as the config says", afterwards=left)


def restart_plan(placed: Placed, host: Found) -> AccessoryPlan | None:
    """The same container, stopped and started; None where there is none."""
    if not host.named(placed.container_name):
        return None
    because = "a restart is asked for"
    steps = (stop(placed, because), *started(placed, because=""))
    return _plan(placed, "restarted", because, before=steps)


def _plan(placed: Placed, verb: str, because: str, *, before: Lane = (), afterwards: Lane = ()) -> AccessoryPlan:
    return AccessoryPlan(
        host_name=placed.host_name,
        name=placed.name,
        verb=verb,
        because=because,
        before=before,
        afterwards=afterwards,
    )


def _changed(wanted: Wanted, container: Container, image: Image | None) -> str:
    """Why it is not what the config says; empty where it is."""
    mark = container.accessory
    assert mark
    if mark.image != wanted.config.image:
        return f"its image was {mark.image}"
    if mark.config_hash != wanted.config_hash:
        return "its config changed"
    if not wanted.has_content(mark.content_hash):
        return "a value in its env or a file of it changed"
    if image and image.id != container.image_id:
        return f"{wanted.config.image} is another image now"
    return ""


def _keeping(wanted: Wanted, current: Container) -> Wanted:
    """With the volumes that nobody named: they may hold all its data, and its successor would begin with empty ones."""
    mounts = wanted.spec.mounts
    targets = {mount.target for mount in mounts}
    kept = tuple(mount for mount in current.unnamed if mount.target not in targets)
    return replace(wanted, spec=replace(wanted.spec, mounts=(*mounts, *kept)))


def _replaced(wanted: Wanted, because: str) -> Lane:
    """The old one keeps its data until the new one has it: never two at once."""
    aside = replace(
        rename(wanted, wanted.container_name, wanted.before_name, "its successor needs the name"), makes_room=True
    )
    return (stop(wanted, because), aside, *made_anew(wanted, because="", old_names=(wanted.before_name,)))
