"""PURE: what one role needs on one host: which steps, in which order, and why."""

from collections.abc import Iterator

from shipper.config.root import Config
from shipper.config.workloads import Gate
from shipper.model.container import Container, ContainerState, Label
from shipper.model.observed import Observed
from shipper.model.release import Release, ReleaseOutcome
from shipper.model.specification import ContainerSpec
from shipper.planning.spec import container_spec, metrics_alias
from shipper.planning.strategy import choose_strategy, gate_of, stop_timeout
from shipper.planning.wanted import Wanted
from shipper.steps import Step
from shipper.steps.check import Check
from shipper.steps.create import Create
from shipper.steps.handover import Handover
from shipper.steps.retire import Retire
from shipper.steps.start import Start
from shipper.steps.stop import Stop
from shipper.steps.swap import Swap


class RolePlan:
    """What one role needs on one host."""

    def __init__(self, wanted: Wanted, observed: Observed, role_name: str) -> None:
        self._wanted = wanted
        self._observed = observed
        self._release = wanted.releases[observed.host_name]
        self._payload = wanted.payloads[observed.host_name]
        self._host_name = observed.host_name
        self._role_name = role_name
        self.role = self._payload.config.roles[role_name]

    @property
    def up_to_date(self) -> Container | None:
        if self._wanted.renew:
            return None
        of_release = [
            container
            for container in self._observed.of_role(self._role_name)
            if container.release_number == self._release.number
            and container.state is ContainerState.RUNNING
            and (container.is_committed or self._is_adopted(container))
        ]
        return of_release[-1] if of_release else None

    def _is_adopted(self, container: Container) -> bool:
        """We run in it, so it is active: it took the lease of one that was killed before it could hand over."""
        is_active = container == self._observed.own and container.hands_over
        return is_active and choose_strategy(self.role)[0] == "handover"

    @property
    def _others(self) -> list[Container]:
        """What is in use but shall not be; what serves comes last. If we are among them, we do: only it deploys."""
        observed, up_to_date = self._observed, self.up_to_date
        others = [c for c in observed.of_role(self._role_name) if c.is_in_use and c is not up_to_date]
        return sorted(others, key=lambda c: (c == observed.own, c == observed.incumbent(self._role_name)))

    @property
    def _rivals(self) -> list[Container]:
        """Those of them that serve, or come back if we fail: not what was stopped on purpose."""
        stopped = self._observed.stopped(self._role_name)
        return [container for container in self._others if container != stopped]

    @property
    def create(self) -> Create:
        return Create(host_name=self._host_name, role_name=self._role_name, spec=self._spec)

    @property
    def changes(self) -> Iterator[Step]:
        strategy, reason = self._strategy
        if up_to_date := self.up_to_date:
            if strategy == "handover" and (self._others or lacks_commit(self._observed, self._release)):
                yield self._handover(up_to_date.name, because="an unfinished deploy did not come to its end")
            return
        for container in self._stopped_before:
            why = f"{strategy}: {reason}" if container.has_mark else "an unfinished deploy left it"
            yield stop_of(self._observed, container, self._payload.config, because=why)
        yield self._start
        yield self._check
        yield self._handover(self._new_name) if choose_strategy(self.role)[0] == "handover" else self._swap

    @property
    def _start(self) -> Start:
        strategy, reason = self._strategy
        overlaps = strategy != "recreate" and self._observed.serving(self._role_name)
        return Start(
            host_name=self._host_name,
            role_name=self._role_name,
            because=f"{strategy}: {reason}" if overlaps else self._why,
            container_name=self._new_name,
            stop_timeout=self.role.stop_timeout,
        )

    @property
    def _check(self) -> Check:
        return Check(
            host_name=self._host_name,
            role_name=self._role_name,
            container_name=self._new_name,
            image_name=self._release.image,
            gate=gate_of(self.role),
        )

    @property
    def _swap(self) -> Swap:
        return Swap(
            host_name=self._host_name,
            role_name=self._role_name,
            container_name=self._new_name,
            old_names=tuple(container.name for container in self._replaced_at_swap),
        )

    @property
    def _stopped_before(self) -> list[Container]:
        """What makes room for the new container: all where it must not run twice, else only what was left over."""
        recreates = self._strategy[0] == "recreate"
        return [c for c in self._rivals if recreates or not (c.has_mark or self._is_adopted(c))]

    @property
    def _strategy(self) -> tuple[str, str]:
        strategy, reason = choose_strategy(self.role)
        deaf = [container for container in self._rivals if not container.hands_over]
        if strategy == "handover" and deaf:
            return "recreate", f"{deaf[-1].name} does not know how to hand over"
        return strategy, reason

    @property
    def _replaced_at_swap(self) -> list[Container]:
        stopped = self._stopped_before
        return [container for container in self._rivals if container not in stopped]

    def _handover(self, name: str, because: str = "") -> Handover:
        role, own = self.role, self._observed.own
        assert role.handover
        replaced = self._rivals if self.up_to_date else self._replaced_at_swap
        gives_way = own is not None and own in replaced
        return Handover(
            host_name=self._host_name,
            role_name=self._role_name,
            because=because or (f"self: this {self._wanted.command} runs in it" if gives_way else ""),
            container_name=name,
            old_names=tuple(container.name for container in replaced),
            config=role.handover,
            settle=(role.gate or Gate()).settle,
            stop_timeout=role.stop_timeout,
            own_name=own.name if own and own.role_name == self._role_name else "",
        )

    @property
    def _new_name(self) -> str:
        return f"{self._wanted.full_name}-{self._role_name}-r{self._release.number}-{self._wanted.deploy_id}"

    @property
    def _spec(self) -> ContainerSpec:
        return container_spec(
            self._role_name,
            self._payload,
            name=self._new_name,
            network_name=self._wanted.full_name,
            image_name=self._release.image,
            labels=self._labels,
            aliases=(metrics_alias(self._role_name), *self._own_alias),
        )

    @property
    def _own_alias(self) -> tuple[str, ...]:
        """Two containers of one name would share its traffic before the new one has passed its gate."""
        return (self._role_name,) if self._strategy[0] == "recreate" else ()

    @property
    def _why(self) -> str:
        serving = self._observed.serving(self._role_name)
        if serving and self._wanted.renew:
            return "a restart is asked for"
        if serving:
            return f"release {serving.release_number} serves"
        return "it was stopped" if self._observed.stopped(self._role_name) else "nothing of it serves"

    @property
    def _labels(self) -> dict[str, str]:
        handover = {Label.HANDOVER: "true"} if self.role.handover else {}
        own = {
            Label.SERVICE: self._wanted.full_name,
            Label.ROLE: self._role_name,
            Label.RELEASE: str(self._release.number),
            Label.VERSION: self._release.version,
            Label.DEPLOY: self._wanted.deploy_id,
            **handover,
        }
        return {label.value: value for label, value in own.items()}

    @property
    def retired(self) -> Iterator[Retire]:
        up_to_date = self.up_to_date
        for container in self._others:
            if not (up_to_date or container.has_mark or self._is_adopted(container)):
                continue  # it is stopped for good already
            yield Retire(
                host_name=self._host_name,
                role_name=self._role_name,
                container_name=container.name,
                timeout=self.role.stop_timeout,
                drains=self._strategy[0] == "handover",
                is_self=container == self._observed.own,
                because="the new one serves" if self._wanted.renew else f"release {self._release.number} serves",
            )


def lacks_commit(host: Observed, release: Release) -> bool:
    """It serves, but the deploy died before it could write that down."""
    record = host.release(release.number)
    return record is not None and record.outcome is not ReleaseOutcome.DEPLOYED


def stop_of(host: Observed, container: Container, config: Config, because: str = "") -> Stop:
    return Stop(
        host_name=host.host_name,
        role_name=container.role_name,
        because=because,
        container_name=container.name,
        timeout=stop_timeout(config, container.role_name),
        was_serving=container == host.incumbent(container.role_name),
    )
