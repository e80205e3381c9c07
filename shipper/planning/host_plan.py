"""PURE: what one host needs to serve a release: which steps, in which order, and why."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace

from shipper.config.root import Config
from shipper.config.workloads import Gate, HttpProbe, Role
from shipper.errors import ImageError
from shipper.model.container import Container, ContainerState, Label
from shipper.model.observed import Observed
from shipper.model.release import Payload, Release, ReleaseOutcome
from shipper.model.specification import ContainerSpec
from shipper.planning.facts import Facts
from shipper.planning.image_plan import Sources, step_there
from shipper.planning.releases import barrier
from shipper.planning.retention import Beyond, beyond_retention, retention_of, unfinished_releases
from shipper.planning.spec import container_spec, metrics_alias
from shipper.steps import Step
from shipper.steps.check import Check
from shipper.steps.commit import Commit
from shipper.steps.create import Create
from shipper.steps.handover import Handover
from shipper.steps.hook import RunHook
from shipper.steps.network import Network
from shipper.steps.prune import Prune
from shipper.steps.release import WriteRelease
from shipper.steps.retire import Retire
from shipper.steps.start import Start
from shipper.steps.stop import Stop
from shipper.steps.swap import Swap

_STOP_TIMEOUT = 30.0  # seconds, for containers of roles that the config knows no more


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """The release that shall serve, with what each host needs for it."""

    full_name: str
    """The service with its destination."""
    deploy_id: str
    command: str
    """deploy, rollback, restart or start."""
    releases: Mapping[str, Release]
    """For each host; they differ in what they replace, and in the hash of their env."""
    payloads: Mapping[str, Payload]
    retain: int | None
    """How many releases are kept; None to remove nothing."""
    removes_images: bool
    """Whether images of pruned releases go too: not where someone else made them."""
    sources: Sources
    """Of the image."""
    facts: Facts
    hooks: Mapping[str, RunHook] = field(default_factory=dict)
    """By their names."""
    role_names: tuple[str, ...] = ()
    """Roles that are to change, the others being left alone; all if there are none."""
    host_names: tuple[str, ...] = ()
    """Hosts that are meant, the others being left out; all if there are none."""
    renew: bool = False
    """Whether also what serves already is replaced."""

    @property
    def release(self) -> Release:
        return next(iter(self.releases.values()))


def stop_timeout(config: Config, role_name: str) -> float:
    """Seconds that a container of this role has to end, be the role one of this host or not."""
    return config.roles[role_name].stop_timeout if role_name in config.roles else _STOP_TIMEOUT


def choose_strategy(role: Role) -> tuple[str, str]:
    """How the role's containers take turns, and why."""
    if role.strategy:
        return role.strategy, "the config says so"
    if role.publish:
        return "recreate", f"two containers cannot publish port {role.publish[0]}"
    if role.handover:
        return "handover", "it must never run twice, and knows how to hand over"
    if role.singleton:
        return "recreate", "it must never run twice"
    return "overlap", "it may run twice"


class HostPlan:
    """What one host needs."""

    def __init__(self, wanted: Wanted, observed: Observed) -> None:
        self.wanted = wanted
        self.observed = observed
        self.release = wanted.releases[observed.host_name]
        self.payload = wanted.payloads[observed.host_name]
        self.host_name = observed.host_name
        self.roles = {name: self.payload.config.roles[name] for name in self.payload.env if self._means(name)}
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

    def _up_to_date(self, role_name: str) -> Container | None:
        if self.wanted.renew:
            return None
        of_release = [
            container
            for container in self.observed.of_role(role_name)
            if container.release_number == self.release.number
            and container.state is ContainerState.RUNNING
            and (container.is_committed or self._is_adopted(container))
        ]
        return of_release[-1] if of_release else None

    def _is_adopted(self, container: Container) -> bool:
        """We run in it, so it is active: it took the lease of one that was killed before it could hand over."""
        role = self.roles.get(container.role_name)
        is_active = container == self.observed.own and container.hands_over
        return is_active and role is not None and choose_strategy(role)[0] == "handover"

    def _others(self, role_name: str) -> list[Container]:
        """What is in use but shall not be; what serves comes last. If we are among them, we do: only it deploys."""
        observed = self.observed
        others = [c for c in observed.of_role(role_name) if c.is_in_use and c is not self._up_to_date(role_name)]
        return sorted(others, key=lambda c: (c == observed.own, c == observed.incumbent(role_name)))

    def _rivals(self, role_name: str) -> list[Container]:
        """Those of them that serve, or come back if we fail: not what was stopped on purpose."""
        stopped = self.observed.stopped(role_name)
        return [container for container in self._others(role_name) if container != stopped]

    @property
    def changed_roles(self) -> list[str]:
        return [name for name in self.roles if not self._up_to_date(name)]

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
            yield Create(host_name=self.host_name, role_name=role_name, spec=self._spec(role_name))

    @property
    def freed(self) -> Iterator[Stop]:
        """What left this host and must go before the new containers start: a singleton, say, that starts elsewhere."""
        publishes = any(self.roles[name].publish for name in self.changed_roles)
        for container in self._of_removed_roles():
            role = self.payload.config.roles.get(container.role_name)
            must_not_run_twice = role is not None and choose_strategy(role)[0] != "overlap"
            if container.is_running and (publishes or must_not_run_twice):
                why = "it must not run twice" if must_not_run_twice else "it may hold a port that is published now"
                yield self._stop(container, stop_timeout(self.payload.config, container.role_name), because=why)

    def _of_removed_roles(self) -> list[Container]:
        """Of those that are meant: a role that moved to another host has to end here."""
        return [c for c in self.observed.containers if c.role_name not in self.roles and self._means(c.role_name)]

    @property
    def changes(self) -> dict[str, list[Step]]:
        """Of all roles but the one that we run in."""
        made = {name: list(self._role_changes(name)) for name in self.roles if name != self._own_role_name}
        return {role_name: steps for role_name, steps in made.items() if steps}

    @property
    def own_changes(self) -> list[Step]:
        """Of that one: all else is done before."""
        return list(self._role_changes(self._own_role_name)) if self._own_role_name in self.roles else []

    @property
    def _own_role_name(self) -> str:
        return self.observed.own.role_name if self.observed.own else ""

    def _role_changes(self, role_name: str) -> Iterator[Step]:
        role = self.roles[role_name]
        strategy, reason = self._strategy(role_name)
        if up_to_date := self._up_to_date(role_name):
            if strategy == "handover" and (self._others(role_name) or self.is_uncommitted):
                yield self._handover(role_name, up_to_date.name, because="an unfinished deploy did not come to its end")
            return
        for container in self._stopped_before(role_name):
            why = f"{strategy}: {reason}" if container.has_mark else "an unfinished deploy left it"
            yield self._stop(container, role.stop_timeout, because=why)
        serving = self.observed.serving(role_name)
        name = self._new_name(role_name)
        because = f"{strategy}: {reason}" if strategy != "recreate" and serving else self._why(role_name)
        yield Start(
            host_name=self.host_name,
            role_name=role_name,
            because=because,
            container_name=name,
            stop_timeout=role.stop_timeout,
        )
        yield Check(
            host_name=self.host_name,
            role_name=role_name,
            container_name=name,
            image_name=self.release.image,
            gate=gate_of(role),
        )
        if choose_strategy(role)[0] == "handover":
            yield self._handover(role_name, name)
        else:
            yield Swap(
                host_name=self.host_name,
                role_name=role_name,
                container_name=name,
                old_names=tuple(container.name for container in self._replaced_at_swap(role_name)),
            )

    def _stop(self, container: Container, timeout: float, because: str) -> Stop:
        return Stop(
            host_name=self.host_name,
            role_name=container.role_name,
            because=because,
            container_name=container.name,
            timeout=timeout,
            was_serving=container == self.observed.incumbent(container.role_name),
        )

    def _stopped_before(self, role_name: str) -> list[Container]:
        """What makes room for the new container: all where it must not run twice, else only what was left over."""
        recreates = self._strategy(role_name)[0] == "recreate"
        return [c for c in self._rivals(role_name) if recreates or not (c.has_mark or self._is_adopted(c))]

    def _strategy(self, role_name: str) -> tuple[str, str]:
        strategy, reason = choose_strategy(self.roles[role_name])
        deaf = [container for container in self._rivals(role_name) if not container.hands_over]
        if strategy == "handover" and deaf:
            return "recreate", f"{deaf[-1].name} does not know how to hand over"
        return strategy, reason

    def _replaced_at_swap(self, role_name: str) -> list[Container]:
        stopped = self._stopped_before(role_name)
        return [container for container in self._rivals(role_name) if container not in stopped]

    def _handover(self, role_name: str, name: str, because: str = "") -> Handover:
        role, own = self.roles[role_name], self.observed.own
        assert role.handover
        replaced = self._rivals(role_name) if self._up_to_date(role_name) else self._replaced_at_swap(role_name)
        gives_way = own is not None and own in replaced
        return Handover(
            host_name=self.host_name,
            role_name=role_name,
            because=because or (f"self: this {self.wanted.command} runs in it" if gives_way else ""),
            container_name=name,
            old_names=tuple(container.name for container in replaced),
            config=role.handover,
            settle=(role.gate or Gate()).settle,
            stop_timeout=role.stop_timeout,
            own_name=own.name if own and own.role_name == role_name else "",
        )

    def _new_name(self, role_name: str) -> str:
        return f"{self.wanted.full_name}-{role_name}-r{self.release.number}-{self.wanted.deploy_id}"

    def _spec(self, role_name: str) -> ContainerSpec:
        return container_spec(
            role_name,
            self.payload,
            name=self._new_name(role_name),
            network_name=self.wanted.full_name,
            image_name=self.release.image,
            labels=self._labels(role_name),
            aliases=(metrics_alias(role_name), *self._own_alias(role_name)),
        )

    def _own_alias(self, role_name: str) -> tuple[str, ...]:
        """Two containers of one name would share its traffic before the new one has passed its gate."""
        return (role_name,) if self._strategy(role_name)[0] == "recreate" else ()

    def _why(self, role_name: str) -> str:
        serving = self.observed.serving(role_name)
        if serving and self.wanted.renew:
            return "a restart is asked for"
        if serving:
            return f"release {serving.release_number} serves"
        return "it was stopped" if self.observed.stopped(role_name) else "nothing of it serves"

    def _labels(self, role_name: str) -> dict[str, str]:
        handover = {Label.HANDOVER: "true"} if self.roles[role_name].handover else {}
        own = {
            Label.SERVICE: self.wanted.full_name,
            Label.ROLE: role_name,
            Label.RELEASE: str(self.release.number),
            Label.VERSION: self.release.version,
            Label.DEPLOY: self.wanted.deploy_id,
            **handover,
        }
        return {label.value: value for label, value in own.items()}

    @property
    def is_uncommitted(self) -> bool:
        """It serves, but the deploy died before it could write that down."""
        record = self.observed.release(self.release.number)
        return record is not None and record.outcome is not ReleaseOutcome.DEPLOYED

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
        for role_name, role in self.roles.items():
            up_to_date = self._up_to_date(role_name)
            for container in self._others(role_name):
                if not (up_to_date or container.has_mark or self._is_adopted(container)):
                    continue  # it is stopped for good already
                yield Retire(
                    host_name=self.host_name,
                    role_name=role_name,
                    container_name=container.name,
                    timeout=role.stop_timeout,
                    drains=self._strategy(role_name)[0] == "handover",
                    is_self=container == self.observed.own,
                    because=f"release {self.release.number} serves" if not self.wanted.renew else "the new one serves",
                )
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


def prune(host_name: str, beyond: Beyond, because: str) -> Iterator[Prune]:
    if beyond.container_names or beyond.image_names or beyond.release_numbers:
        yield Prune(
            host_name=host_name,
            because=because,
            container_names=beyond.container_names,
            image_names=beyond.image_names,
            release_numbers=beyond.release_numbers,
        )


def gate_of(role: Role) -> Gate | None:
    """Standing by is ready: where nothing else is asked for, the app's own word counts."""
    if role.gate is None and role.handover:
        return Gate(http=HttpProbe(port=role.handover.port, path=role.handover.path))
    return role.gate
