"""The service on a server: what serves, how containers ended, where a rollback can go. PURE."""

from collections.abc import Iterator

from shipper.config.workloads import Role
from shipper.doctor.checks import Verdicts, note, ok, problem, warning
from shipper.doctor.checks.facts import Seen
from shipper.errors import ReleaseNotFound
from shipper.model.container import Container, ContainerState
from shipper.planning.releases import rollback_number

_KILLED = 137  # 128 + SIGKILL
_OFTEN = 3  # restarts, which may be as many reboots


def freeze(seen: Seen) -> Verdicts:
    if not seen.past:
        return
    frozen = seen.past.freeze
    if frozen and frozen.holds(seen.now):
        yield warning(f"{frozen.performer} has frozen deploys{frozen.until_text}: {frozen.reason}", "shipper unlock")
    else:
        yield ok("deploys are not frozen")


def lock(seen: Seen) -> Verdicts:
    if not seen.machine or "lock" in seen.failures:
        return
    if holder := seen.holder:
        yield note(
            f"a deploy is under way: {holder.performer} since {holder.since}, for {holder.purpose}",
            "It frees the lock when it ends or dies; shipper deploy --wait waits for it.",
        )
    else:
        yield ok("nobody deploys now")


def last_deploy(seen: Seen) -> Verdicts:
    """Whether the one before came to its end."""
    if not seen.machine or seen.holder:
        return
    last = seen.machine.last_entry
    if seen.is_unfinished:
        yield warning(
            f"the last one did not come to its end, at {last.get('at', 'a time that is not known')}",
            f"The same command again goes on from what is true: shipper {last.get('command', 'deploy')}",
        )
    elif last:
        yield ok(f"it came to its end, at {last.get('at', 'a time that is not known')}")


def serving(seen: Seen) -> Verdicts:
    """That each role has a container that runs and is well."""
    host = seen.observed
    if not host:
        return
    if not host.containers:
        yield note("nothing was deployed here yet", "shipper plan, then shipper deploy")
        return
    for name in seen.role_names:
        container = host.serving(name)
        if container:
            yield from _wellness(container, seen.config.roles[name])
        elif host.stopped(name):
            yield note(f"role {name} was stopped by somebody who wanted it", f"shipper start --role {name}")
        elif not host.of_role(name):
            yield warning(f"role {name} was not deployed here yet", "shipper deploy")
        elif seen.holder:
            yield note(f"nothing serves for role {name} while a deploy is under way", "shipper status --watch")
        else:
            yield problem(f"nothing serves for role {name}", f"shipper logs --role {name}, then shipper deploy")


def _wellness(container: Container, role: Role) -> Verdicts:
    logs = f"shipper logs --role {container.role_name} --release {container.release_number}"
    if container.state is not ContainerState.RUNNING:
        yield problem(f"{container.name} is {container.state.value}, after {container.restarts} restarts", logs)
    elif container.health == "unhealthy":
        if role.gate and not role.gate.healthcheck:
            gate = f"roles.{container.role_name}.gate"
            yield warning(f"{container.name} runs, and its HEALTHCHECK fails, which {gate} does not ask", logs)
        else:
            yield problem(
                f"{container.name} runs, and its HEALTHCHECK fails", f"{logs}, then shipper rollback or deploy"
            )
    elif container.restarts >= _OFTEN:
        yield warning(f"{container.name} was started again {container.restarts} times since it was created", logs)
    else:
        yield ok(f"{container.name}: {container.health or 'running'}")


def accessories(seen: Seen) -> Verdicts:
    """That those of the config run; what they are, only their own command changes."""
    if seen.accessories is None:
        return
    in_order = sorted(seen.accessories, key=lambda container: container.is_running)
    there = {container.role_name: container for container in in_order}
    names = [name for name in seen.config.accessories if seen.host_name in seen.config.accessory_hosts(name)]
    if absent := [name for name in names if name not in there]:
        were = "were" if len(absent) > 1 else "was"
        yield note(f"{', '.join(absent)} {were} not booted here yet", f"shipper accessory boot {' '.join(absent)}")
    for name, container in ((name, there[name]) for name in names if name in there):
        if container.state is not ContainerState.RUNNING:
            logs = f"shipper accessory logs {name}, then shipper accessory boot {name}"
            yield warning(f"{name} is {container.state.value}, after exit code {container.exit_code}", logs)
        else:
            yield ok(f"{name} runs")


def memory_kills(seen: Seen) -> Verdicts:
    for container in _ended(seen):
        if container.out_of_memory:
            yield warning(
                f"{container.name} was killed for want of memory",
                f"Raise roles.{container.role_name}.memory, or find out what takes it: "
                f"shipper logs --role {container.role_name} --release {container.release_number}",
            )


def stops(seen: Seen) -> Verdicts:
    """Whether containers end by themselves when they are asked to, or are killed after their stop_timeout."""
    for container in _ended(seen):
        if container.exit_code == _KILLED and not container.out_of_memory:
            yield warning(
                f"{container.name} was killed (137): it did not end within its stop_timeout, or somebody killed it",
                _make_it_end(seen, container.role_name),
            )


def _make_it_end(seen: Seen, role_name: str) -> str:
    role = seen.config.roles.get(role_name)
    if role and not role.init:
        return f"roles.{role_name}.init: true, or a handler for SIGTERM: as PID 1 a process ignores it without one."
    timeout = f"{role.stop_timeout:g} s" if role else "what it is"
    return (
        f"Let it end at SIGTERM (a shell must `exec` the program, or it keeps the signal), or raise "
        f"roles.{role_name}.stop_timeout above {timeout}"
    )


def _ended(seen: Seen) -> Iterator[Container]:
    """The newest container of each role that ended: what was mended since is no news."""
    newest: dict[str, Container] = {}
    for container in sorted(seen.containers or (), key=lambda container: container.deploy_id):
        if not container.is_running and not container.run and container.started_at:
            newest[container.role_name] = container
    return iter(newest.values())


def marks(seen: Seen) -> Verdicts:
    """What a deploy stopped to make room, and neither brought back nor let go."""
    if not seen.machine or seen.holder:
        return
    host = seen.observed
    for container in seen.containers or ():
        wanted = host and host.stopped(container.role_name) == container
        if container.is_set_aside and not wanted:
            yield warning(
                f"{container.name} was set aside by a deploy that did not come to its end",
                "The same command again goes on from what is true: shipper deploy",
            )


def rollback(seen: Seen) -> Verdicts:
    """That there is a release to go back to, and that its image is there."""
    host, past = seen.observed, seen.past
    if not host or not past or not host.incumbent_release:
        return
    try:
        number = rollback_number([host])
    except ReleaseNotFound:
        yield note("there is no release before the one that serves: a rollback has nowhere to go yet")
        return
    release = host.release(number)
    if not release:
        yield warning(f"release {number}, where a rollback goes, has no record any more", "Raise `retain`")
    elif number in past.absent_images:
        yield warning(
            f"the image of release {number}, where a rollback goes, is gone",
            f"shipper deploy {release.short_version} brings that version instead. Does something else prune images?",
        )
    else:
        yield ok(f"goes to release {number}")


def images(seen: Seen) -> Verdicts:
    """Of the other releases that are kept."""
    if not seen.past:
        return
    kept = len(seen.past.releases)
    if gone := seen.past.absent_images:
        yield note(
            f"no image any more: release{'s' * (len(gone) > 1)} {', '.join(map(str, gone))} of {kept}",
            "A cron job that prunes images there? Let it keep what is younger than your releases.",
        )
    elif kept:
        yield ok(f"all of {kept} kept releases have theirs")


def registry(seen: Seen) -> Verdicts:
    """As the server reaches it."""
    name = seen.config.registry_name
    match seen.registry:
        case "has":
            yield ok(f"{name} has the image")
        case "lacks":
            yield ok(f"{name} answers, and does not have the image yet")
        case "denies":
            yield note(
                f"{name} denies {seen.config.image}: it may not be there yet, or not be for this user",
                "The first push tells: shipper push",
            )
        case _:
            pass


def secrets(seen: Seen) -> Verdicts:
    """Those that are absent here: whether the release that serves has them."""
    if not seen.past or not seen.absent_secrets:
        return
    neither = [name for name in seen.absent_secrets if name not in seen.past.secret_names]
    if neither:
        yield problem(
            f"no value for {', '.join(neither)}: neither here nor in the release that serves",
            seen.config.where_to_set(neither),
        )
    else:
        yield note(f"not set here, so taken from the release that serves: {', '.join(seen.absent_secrets)}")


CHECKS = (
    freeze,
    lock,
    last_deploy,
    serving,
    accessories,
    memory_kills,
    stops,
    marks,
    rollback,
    images,
    registry,
    secrets,
)
