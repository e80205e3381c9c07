"""PURE: what one host needs to serve a release: which steps, in which order, and why."""

from collections.abc import Iterator
from dataclasses import replace
from functools import cached_property

from shipper.errors import ImageError
from shipper.model.container import Container
from shipper.model.observed import Observed
from shipper.planning.barriers import barrier
from shipper.planning.image_plan import step_there
from shipper.planning.retention import beyond_retention, prune, retention_of, unfinished_releases
from shipper.planning.role_plan import RolePlan, lacks_commit, stop_of
from shipper.planning.strategy import choose_strategy, stop_timeout
from shipper.planning.wanted import Wanted
from shipper.steps import Step
from shipper.steps.commit import Commit
from shipper.steps.network import Network
from shipper.steps.prune import Prune
from shipper.steps.release import WriteRelease
from shipper.steps.retire import Retire
from shipper.steps.stop import Stop


class HostPlan:
    """What one host needs."""

    def __init__(self, wanted: Wanted, observed: Observed) -> None:
        self.wanted = wanted
        self.observed = observed
        self.release = wanted.releases[observed.host_name]
        self.payload = wanted.payloads[observed.host_name]
        self.host_name = observed.host_name
        self.roles = {name: RolePlan(wanted, observed, name) for name in self.payload.env if self._means(name)}
        self._refuse_other_processor()

    def _means(self, role_name: str) -> bool:
        return not self.wanted.role_names or role_name in self.wanted.role_names

    def _refuse_other_processor(self) -> None:
        image = self.observed.image
        if image and image.platform != self.observed.platform:
            raise ImageError(
                f"{self.host_name} is {self.observed.platform}, but its {self.release.image} is for {image.platform}.",
                now="Nothing was done.",
                next=f"Remove it there (docker rmi {self.release.image}) and deploy again.",
            )

    @cached_property
    def changed_roles(self) -> list[str]:
        return [name for name, role in self.roles.items() if not role.up_to_date]

    @property
    def is_uncommitted(self) -> bool:
        return lacks_commit(self.observed, self.release)

    @property
    def supply(self) -> Iterator[Step]:
        """What the new containers are made of."""
        host_name = self.host_name
        if not self.changed_roles:
            return
        if not self.observed.image:
            yield step_there(self.wanted.sources, self.observed, next(self._pruning(may_fail=True), None))
        if not self.observed.has_network:
            name = self.wanted.full_name
            yield Network(host_name=host_name, network_name=name, because="containers of a service share one")

    @property
    def made(self) -> Iterator[Step]:
        """What changes nothing yet: the record of the release, and its containers, which do not run."""
        if self.changed_roles and not self.observed.release(self.release.number):
            image_id = self.observed.image.id if self.observed.image else ""
            yield WriteRelease(host_name=self.host_name, release=self.release, payload=self.payload, image_id=image_id)
        for role_name in self.changed_roles:
            yield self.roles[role_name].create

    @property
    def freed(self) -> Iterator[Stop]:
        """What left this host and must go before the new containers start: a singleton, say, that starts elsewhere."""
        publishes = any(self.roles[name].role.publish for name in self.changed_roles)
        for container in self._of_removed_roles():
            role = self.payload.config.roles.get(container.role_name)
            must_not_run_twice = role is not None and choose_strategy(role)[0] != "overlap"
            if container.is_running and (publishes or must_not_run_twice):
                why = "it must not run twice" if must_not_run_twice else "it may hold a port that is published now"
                yield stop_of(self.observed, container, self.payload.config, because=why)

    def _of_removed_roles(self) -> list[Container]:
        """Of those that are meant: a role that moved to another host has to end here."""
        return [c for c in self.observed.containers if c.role_name not in self.roles and self._means(c.role_name)]

    @cached_property
    def changes(self) -> dict[str, list[Step]]:
        """Of all roles but the one that we run in."""
        made = {name: list(role.changes) for name, role in self.roles.items() if name != self._own_role_name}
        return {role_name: steps for role_name, steps in made.items() if steps}

    @property
    def own_changes(self) -> list[Step]:
        """Of that one: all else is done before."""
        return list(self.roles[self._own_role_name].changes) if self._own_role_name in self.roles else []

    @property
    def _own_role_name(self) -> str:
        return self.observed.own.role_name if self.observed.own else ""

    @property
    def commit(self) -> Iterator[Step]:
        if self.changed_roles or (self.roles and self.is_uncommitted):
            brought = barrier(self.observed, self.release) if self.wanted.command == "deploy" else None
            yield Commit(
                host_name=self.host_name,
                release_number=self.release.number,
                irreversible=brought.reason if brought else "",
            )

    @property
    def retired(self) -> Iterator[Step]:
        for role in self.roles.values():
            yield from role.retired
        for container in self._of_removed_roles():
            if container.is_in_use:
                yield Retire(
                    host_name=self.host_name,
                    role_name=container.role_name,
                    container_name=container.name,
                    timeout=stop_timeout(self.payload.config, container.role_name),
                    is_self=container == self.observed.own,
                    because=f"the config gives {self.host_name} no role {container.role_name}",
                )

    @property
    def pruning(self) -> Iterator[Prune]:
        yield from self._pruning(may_fail=False)

    def _pruning(self, *, may_fail: bool) -> Iterator[Prune]:
        """Where a rollback of other roles goes stays; and while this may fail, of these roles too.

        So does what a deploy that died is gone on with, where this is none.
        """
        wanted, observed = self.wanted, self.observed
        if wanted.retain is None or not self.changed_roles:
            return
        before = [name for name in observed.role_names if may_fail or name not in self.roles]
        begun = () if wanted.command == "deploy" else unfinished_releases(observed)
        rules = replace(
            retention_of(self.payload.config, wanted.full_name, wanted.retain), removes_images=wanted.removes_images
        )
        beyond = beyond_retention(
            observed,
            self.release,
            rules,
            [*begun, *(record for name in before if (record := observed.incumbent_release_of([name])))],
            changing=self.changed_roles,
            is_shipped=not observed.image and not wanted.sources.registry_name,
        )
        yield from prune(self.host_name, beyond, because=f"retain is {wanted.retain}")
