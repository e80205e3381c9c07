"""PURE: what a host has of a service: all that was made for it there, and what its containers keep their data in."""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field

from shipper.config.root import Config
from shipper.model.container import Container
from shipper.model.image import ListedImage, is_of_tunnel
from shipper.model.observed import Observed
from shipper.model.release import Payload
from shipper.planning.retention import is_of_commit
from shipper.planning.spec import lease_volume

_STOP_TIMEOUT = 30.0  # seconds, where no record tells


@dataclass(frozen=True, kw_only=True)
class Belongings:
    """What a host has of a service, or of some of its roles."""

    host_name: str
    containers: tuple[Container, ...]
    network_names: tuple[str, ...] = ()
    images: tuple[ListedImage, ...] = ()
    """With those of their names that are the service's."""
    volume_names: tuple[str, ...] = ()
    """Those that its releases name, and that its containers mount."""
    lease_names: tuple[str, ...] = ()
    """Volumes of shipper's own, which hold nothing."""
    release_count: int = 0
    has_state: bool = False
    """The folder with the records of releases, the journal and the lock."""
    stop_timeouts: Mapping[str, float] = field(default_factory=dict, metadata={"private": True})
    """Seconds, for each container."""

    @property
    def is_empty(self) -> bool:
        """But for its data."""
        return not (self.containers or self.network_names or self.images or self.lease_names or self.has_state)

    @property
    def _groups(self) -> dict[str, set[str]]:
        return {
            "containers": {container.name for container in self.containers},
            "networks": set(self.network_names),
            "images": set(self.image_names),
            "volumes": {*self.volume_names, *self.lease_names},
        }

    @property
    def image_names(self) -> tuple[str, ...]:
        """Ids of those that have no name."""
        return tuple(name for image in self.images for name in image.names or (image.id,))

    def is_within(self, other: "Belongings") -> bool:
        """Whether all of it is in the other, too."""
        return all(names <= other._groups[kind] for kind, names in self._groups.items())


def belongings(
    full_name: str,
    observed: Observed,
    payloads: Mapping[int, Payload],
    *,
    config: Config,
    network_names: Collection[str],
    volume_names: Collection[str],
    has_state: bool,
) -> Belongings:
    """`volume_names` are all that the host has; `payloads` are those of its releases, and `config` is today's."""
    containers = (*observed.containers, *observed.runs, *observed.accessories)
    named = {name for known in (config, *(p.config for p in payloads.values())) for name in _named_volumes(known)}
    mounted = {name for container in containers for name in container.volumes}
    leases = {lease_volume(full_name, role) for payload in payloads.values() for role in _handing_over(payload)}
    return Belongings(
        host_name=observed.host_name,
        containers=containers,
        network_names=tuple(network_names),
        images=tuple(_images(full_name, observed, payloads)),
        volume_names=tuple(sorted((named | mounted) & set(volume_names) - leases)),
        lease_names=tuple(sorted(leases & set(volume_names))),
        release_count=len(observed.releases),
        has_state=has_state,
        stop_timeouts={container.name: _stop_timeout(container, payloads, config) for container in containers},
    )


def of_roles(whole: Belongings, role_names: Collection[str]) -> Belongings:
    """Only the containers of these roles: all else is of all roles."""
    mine = tuple(c for c in whole.containers if c.role_name in role_names and not c.accessory)
    return Belongings(host_name=whole.host_name, containers=mine, stop_timeouts=whole.stop_timeouts)


def _images(full_name: str, observed: Observed, payloads: Mapping[int, Payload]) -> Iterator[ListedImage]:
    """Not those that someone else made, which the config names with a tag or digest."""
    built = {number for number, payload in payloads.items() if not payload.config.fixed_version}
    recorded = {name for r in observed.releases if r.number in built for name in (r.image, r.image_id)}
    repositories = {payloads[number].config.image for number in built}
    for image in observed.images:
        is_built = image.built_for == full_name or image.id in recorded
        names = tuple(
            name
            for name in image.names
            if name in recorded
            or is_of_tunnel(name, full_name)
            or (is_built and any(is_of_commit(name, repository) for repository in repositories))
        )
        if names or (is_built and not image.names):
            yield ListedImage(id=image.id, names=names, built_for=image.built_for, size=image.size)


def _named_volumes(config: Config) -> Iterator[str]:
    for workload in (*config.roles.values(), *config.accessories.values()):
        yield from workload.named_volumes


def _handing_over(payload: Payload) -> Iterator[str]:
    yield from (role_name for role_name in payload.env if payload.config.roles[role_name].handover)


def _stop_timeout(container: Container, payloads: Mapping[int, Payload], config: Config) -> float:
    if container.accessory:
        accessory = config.accessories.get(container.role_name)
        return accessory.stop_timeout if accessory else _STOP_TIMEOUT
    payload = payloads.get(container.release_number)
    role = payload.config.roles.get(container.role_name) if payload else None
    return role.stop_timeout if role else _STOP_TIMEOUT
