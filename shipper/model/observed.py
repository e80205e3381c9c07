"""A host, as it was when we looked."""

from collections.abc import Collection
from dataclasses import dataclass
from functools import cached_property

from shipper.model.container import Container
from shipper.model.image import Image, ListedImage
from shipper.model.release import Release, ReleaseOutcome


@dataclass(frozen=True, kw_only=True)
class Observed:
    """One host, as it was when we looked."""

    host_name: str
    platform: str
    containers: tuple[Container, ...]
    """Those that serve, did, or shall."""
    releases: tuple[Release, ...]
    image: Image | None = None
    """The wanted image, if the host has it."""
    has_network: bool = True
    runs: tuple[Container, ...] = ()
    """Those that run one command."""
    accessories: tuple[Container, ...] = ()
    """Those that run beside the releases, or did."""
    stopped_roles: frozenset[str] = frozenset()
    """Roles that somebody stopped with `shipper stop`, as the journal tells; see `stopped`."""
    images: tuple[ListedImage, ...] = ()
    """All that its Docker has, whosever they are; none where they were not asked for."""
    own: Container | None = None
    """That of `containers` in which we run, if it is here."""

    @cached_property
    def role_names(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(container.role_name for container in self.containers))

    def of_role(self, role_name: str) -> list[Container]:
        """Of the oldest deploy first."""
        return [container for container in self._oldest_first if container.role_name == role_name]

    @cached_property
    def _oldest_first(self) -> list[Container]:
        return sorted(self.containers, key=lambda container: container.deploy_id)

    def serving(self, role_name: str) -> Container | None:
        """What users of this role reach: it runs, passed its gate, and is of the newest deploy that did."""
        return self._trusted([c for c in self.of_role(role_name) if c.is_running])

    def incumbent(self, role_name: str) -> Container | None:
        """What serves, or would if a deploy or someone else had not stopped it: what to go back to."""
        return self._incumbent_of.get(role_name)

    @cached_property
    def _incumbent_of(self) -> dict[str, Container | None]:
        return {role_name: self._found_incumbent(role_name) for role_name in self.role_names}

    def _found_incumbent(self, role_name: str) -> Container | None:
        serving, trusted = self.serving(role_name), self._trusted(self.of_role(role_name))
        return trusted if serving is None or (trusted and serving.hands_over) else serving

    def stopped(self, role_name: str) -> Container | None:
        """What served until someone stopped it on purpose: unlike what a deploy stopped, it is not to come back."""
        incumbent = self.incumbent(role_name) if role_name in self.stopped_roles else None
        return incumbent if incumbent and incumbent.was_stopped else None

    def _trusted(self, candidates: list[Container]) -> Container | None:
        committed = [container for container in candidates if container.is_committed]
        set_aside = [container for container in candidates if container.is_set_aside]
        newest = _last(committed or set_aside)
        if newest and newest.hands_over and (len(committed) > 1 or not self._is_deployed(newest)):
            # it has its mark, but the one before was not told to end, or perhaps nobody has seen it active
            marked = sorted(committed + set_aside, key=lambda container: container.deploy_id)
            return _last(marked[: marked.index(newest)]) or newest
        return newest

    def _is_deployed(self, container: Container) -> bool:
        release = self.release(container.release_number)
        return release is not None and release.outcome is ReleaseOutcome.DEPLOYED

    def serving_all(self) -> dict[str, Container]:
        return {role: container for role in self.role_names if (container := self.serving(role))}

    def release(self, number: int) -> Release | None:
        return next((release for release in self.releases if release.number == number), None)

    @property
    def incumbents(self) -> tuple[Container, ...]:
        return tuple(container for role in self.role_names if (container := self.incumbent(role)))

    @property
    def incumbent_release(self) -> Release | None:
        """The newest release that serves in any role, or would."""
        return self.incumbent_release_of(self.role_names)

    def incumbent_release_of(self, role_names: Collection[str]) -> Release | None:
        """The newest that serves in one of these roles, or would."""
        numbers = [c.release_number for c in self.incumbents if c.role_name in role_names]
        return self.release(max(numbers)) if numbers else None


def _last(containers: list[Container]) -> Container | None:
    return containers[-1] if containers else None


@dataclass(frozen=True, kw_only=True)
class Serving:
    """One line of `shipper status`."""

    host_name: str
    role_name: str
    container: Container | None
    stopped: Container | None = None
    """What served until `shipper stop`, if that is why nothing does."""
