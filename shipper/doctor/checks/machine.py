"""A server: programs, folders, disk, memory, ports. PURE."""

from shipper.config.workloads import Role
from shipper.doctor.checks import Verdict, Verdicts, note, ok, problem, warning
from shipper.doctor.checks.facts import Disk, Listening, Machine, Seen
from shipper.model.words import opening, preparing, setup_command, size_text
from shipper.planning.strategy import choose_strategy

ROOT = "/var/lib/shipper"

_PACKAGES = {"flock": "util-linux", "sed": "sed", "grep": "grep"}
_LEAST_FREE = 100_000_000  # bytes, whatever the image
_NEARLY_FULL = 0.9
_FEW_INODES = 0.02
_PRUNE = (
    "There: docker system df -v shows what takes it; docker image prune --all --filter until=720h frees what is old"
)


def programs(seen: Seen) -> Verdicts:
    """Those that scripts need there."""
    if not seen.machine:
        return
    if missing := seen.machine.missing:
        packages = dict.fromkeys(_PACKAGES.get(name, "coreutils") for name in missing)
        yield problem(
            f"not there, or not in the PATH of a login over SSH: {', '.join(missing)}",
            f"As root there: apt-get install {' '.join(packages)}",
        )
    else:
        yield ok("all that scripts need is there")


def state_folder(seen: Seen) -> Verdicts:
    """Where lock, journal and releases are."""
    machine = seen.machine
    if not machine:
        return
    state = f"{ROOT}/{seen.full_name}"
    prepare = preparing(seen.host_name)
    if not machine.root:
        if machine.may_make_root:
            yield note(f"{ROOT} is not there; the first deploy makes it, as {machine.user}")
        else:
            yield problem(f"{ROOT} is not there, and {machine.user} may not make it", prepare)
    elif not machine.root.is_usable:
        yield problem(
            f"{ROOT} is closed to {machine.user}: mode {machine.root.mode}, {machine.root.owner}:{machine.root.group}",
            prepare,
        )
    elif machine.state and (not machine.state.is_usable or machine.closed):
        what = ", ".join(machine.closed) if machine.state.is_usable else state
        yield problem(
            f"{what}: {machine.user} cannot write there; another user made it",
            opening(state),
        )
    elif machine.user != "root" and not _is_shared(machine):
        yield warning(
            f"{ROOT} has mode {machine.root.mode} and group {machine.root.group}: another user who deploys may be "
            "locked out of what this one writes",
            prepare,
        )
    else:
        yield ok(f"{ROOT}, mode {machine.root.mode}, group {machine.root.group}")


def _is_shared(machine: Machine) -> bool:
    """New files get the group of the folder, and its group may write."""
    root = machine.root
    return root is not None and len(root.mode) == 4 and root.mode[0] in "2367" and root.mode[2] == "7"


def disk(seen: Seen) -> Verdicts:
    """Bytes and inodes; a ship needs twice the size of what it brings for a moment."""
    needed = max(2 * seen.serving_size, _LEAST_FREE)
    for found in seen.disks:
        yield _of_disk(found, needed if seen.docker and found.folder == seen.docker.folder else _LEAST_FREE)


def _of_disk(found: Disk, needed: int) -> Verdict:
    free = f"{found.folder}: {size_text(found.free)} of {size_text(found.size)} are free"
    if found.free < _LEAST_FREE:
        return problem(free, _PRUNE)
    if found.inodes and found.free_inodes < found.inodes * _FEW_INODES:
        return problem(f"{found.folder}: {found.free_inodes} of {found.inodes} inodes are free", _PRUNE)
    if found.free < needed:
        return warning(f"{free}; a new image as large as the one that serves may need {size_text(needed)}", _PRUNE)
    if found.free < found.size * (1 - _NEARLY_FULL):
        return warning(free, _PRUNE)
    return ok(free)


def memory(seen: Seen) -> Verdicts:
    """Against the limits of all roles there, and of what runs twice while it is replaced."""
    if not seen.machine or not seen.machine.memory:
        return
    machine, roles = seen.machine, _roles(seen)
    limits = sum(role.memory or 0 for role in roles.values())
    has = f"{size_text(machine.available_memory)} of {size_text(machine.memory)} are available"
    overlapping = (name for name, role in roles.items() if choose_strategy(role)[0] != "recreate")
    beside = {name: roles[name].memory or 0 for name in overlapping}
    largest = max(beside, key=lambda name: beside[name], default="")
    if limits > machine.memory:
        yield warning(
            f"the roles may use {size_text(limits)} together, and there are {size_text(machine.memory)}",
            "Lower roles.*.memory, or move a role to another host: else the kernel kills what it likes.",
        )
    elif largest and beside[largest] > machine.available_memory:
        yield warning(
            f"{has}; while {largest} is replaced, the new one runs beside the old one, and may use "
            f"{size_text(beside[largest])}",
            f"Lower roles.{largest}.memory, give it strategy: recreate, or the server more memory.",
        )
    else:
        yield ok(f"{has}; roles may use {size_text(limits)}" if limits else f"{has}; no role has a limit")


def _roles(seen: Seen) -> dict[str, Role]:
    return {name: role for name, role in seen.config.roles.items() if seen.host_name in role.hosts}


def ports(seen: Seen) -> Verdicts:
    """Those that roles publish: whether a stranger holds one."""
    if not seen.machine or not seen.docker:
        return
    free = []
    for name in seen.role_names:
        for mapping in seen.config.roles[name].publish:
            wanted = wanted_port(mapping)
            holders = [there for there in seen.docker.published if _clash(there, wanted)]
            strangers = [there.container_name for there in holders if not there.is_ours]
            if strangers:
                yield problem(
                    f"port {mapping} of role {name} is published by another container: {strangers[0]}",
                    f"docker stop {strangers[0]} there, or publish another port in roles.{name}.publish",
                )
            elif not holders and any(_clash(there, wanted) for there in seen.machine.listening):
                kind = "u" if wanted.protocol == "udp" else "t"
                yield problem(
                    f"port {mapping} of role {name} is held by a process that is no container",
                    f"Who it is, as root there: ss -l{kind}np sport = :{wanted.port}",
                )
            else:
                free.append(str(wanted.port))
    if free:
        yield ok(f"{', '.join(free)}: held by nobody else")


def wanted_port(mapping: str) -> Listening:
    """Of `[address:]host_port:container_port[/udp]`."""
    address, _, port = mapping.rpartition(":")[0].rpartition(":")
    address = "" if address in ("0.0.0.0", "[::]") else address
    return Listening(address=address, port=int(port), protocol="udp" if mapping.endswith("/udp") else "tcp")


def _clash(one: Listening, other: Listening) -> bool:
    overlaps = not one.address or not other.address or one.address == other.address
    return (one.port, one.protocol) == (other.port, other.protocol) and overlaps


def boot(seen: Seen) -> Verdicts:
    """Whether Docker starts with the server."""
    if not seen.machine:
        return
    match seen.machine.boot:
        case "":
            yield note("there is no systemd: whether Docker starts at boot is not known")
        case state if "enabled" in state.split() or "static" in state.split():
            yield ok("Docker starts at boot")
        case state if not {"disabled", "masked"} & set(state.split()):
            yield note("systemd knows no docker.service: whether Docker starts at boot is not known")
        case state:
            yield warning(
                f"Docker does not start at boot ({state}): after a reboot nothing serves",
                f"{setup_command(seen.host_name)}; or as root there: systemctl enable docker",
            )


CHECKS = (programs, state_folder, disk, memory, ports, boot)
