"""PURE: whether and where the commands of `release` run, and what becomes of those that a dead deploy left running."""

from collections.abc import Iterator, Sequence

from shipper.errors import UsageError
from shipper.model.container import RELEASE_COMMAND, Container, Label
from shipper.model.specification import ContainerSpec
from shipper.planning.host_plan import HostPlan
from shipper.planning.spec import run_spec
from shipper.planning.strategy import stop_timeout
from shipper.steps import Step
from shipper.steps.migrate import Migrate
from shipper.steps.stop import Stop
from shipper.steps.wait import Wait


def migration(hosts: Sequence[HostPlan]) -> Migrate | None:
    """Once per deploy, on one host; none in a rollback, and where nothing changes. Raises UsageError."""
    config, wanted = hosts[0].payload.config, hosts[0].wanted
    if not config.release or wanted.command != "deploy" or not any(host.changed_roles for host in hosts):
        return None
    role_name = config.release.role or next(iter(config.roles))
    host = _place(role_name, hosts)
    specs = tuple(_specs(host, role_name))
    found = {run.name: run for run in host.observed.runs}
    known = [found[spec.name] for spec in specs if spec.name in found]
    if len([run for run in known if run.ended_well]) == len(specs):
        return None
    is_new = f"release {host.release.number} is new"
    return Migrate(
        host_name=host.host_name,
        role_name=role_name,
        specs=specs,
        deadline=config.release.deadline,
        because="a deploy that died left it running" if any(run.is_running for run in known) else is_new,
    )


def _place(role_name: str, hosts: Sequence[HostPlan]) -> HostPlan:
    """The first of its hosts that are meant and have the image then; before it, that where they were begun before."""
    there = {h.host_name: h for h in hosts if h.changed_roles or h.observed.image or _has_begun(h)}
    names = hosts[0].payload.config.roles[role_name].hosts
    able = [there[name] for name in names if name in there]
    if found := next((host for host in able if _has_begun(host)), next(iter(able), None)):
        return found
    asked = names[0] in {host.host_name for host in hosts}
    raise UsageError(
        f"The commands of `release` run with what role {role_name} has, and this deploy changes no host that runs it.",
        now="Nothing was done.",
        next=f"Let it be meant too: {f'--role {role_name}' if asked else f'--host {names[0]}'}.",
    )


def _has_begun(host: HostPlan) -> bool:
    return any(run.is_release_command and run.release_number == host.release.number for run in host.observed.runs)


def _specs(host: HostPlan, role_name: str) -> Iterator[ContainerSpec]:
    config, full_name = host.payload.config, host.wanted.full_name
    assert config.release
    labels = {
        Label.SERVICE: full_name,
        Label.ROLE: role_name,
        Label.RELEASE: str(host.release.number),
        Label.VERSION: host.release.version,
        Label.RUN: RELEASE_COMMAND,
    }
    for number, command in enumerate(config.release.commands, start=1):
        yield run_spec(
            role_name,
            host.payload,
            name=f"{full_name}-release-r{host.release.number}-{number}",
            image_name=host.release.image,
            network_name=full_name,
            labels={label.value: value for label, value in labels.items()},
            command=command,
        )


def left_running(hosts: Sequence[HostPlan], coming: Migrate | None) -> Iterator[Step]:
    """Those that `coming` does not take up itself; they may end before it comes, and are stopped where none comes.

    A restart or a start is of no other release, so what they are at is none of its business.
    """
    if hosts[0].wanted.command not in ("deploy", "rollback"):
        return
    own = {(coming.host_name, spec.name) for spec in coming.specs} if coming else set()
    for host in hosts:
        for run in host.observed.runs:
            if run.is_release_command and run.is_running and (host.host_name, run.name) not in own:
                yield _ended(host, run, coming)


def _ended(host: HostPlan, run: Container, coming: Migrate | None) -> Step:
    timeout = stop_timeout(host.payload.config, run.role_name)
    because = f"an unfinished deploy of release {run.release_number} left it running"
    if coming:
        return Wait(
            host_name=host.host_name,
            role_name=run.role_name,
            container_name=run.name,
            deadline=coming.deadline,
            stop_timeout=timeout,
            because=because,
        )
    return Stop(
        host_name=host.host_name,
        role_name=run.role_name,
        container_name=run.name,
        timeout=timeout,
        was_serving=False,
        because=because,
    )
