"""What the config says against itself, or against a good night's sleep. PURE."""

from collections.abc import Iterator
from dataclasses import dataclass

from shipper.config.root import Config
from shipper.config.workloads import Role
from shipper.doctor.checks import Verdict, Verdicts, note, ok, warning
from shipper.planning.strategy import choose_strategy


@dataclass(frozen=True, kw_only=True)
class Meant:
    """The config, and the roles that are meant."""

    config: Config
    role_names: tuple[str, ...]

    @property
    def roles(self) -> Iterator[tuple[str, Role]]:
        return ((name, self.config.roles[name]) for name in self.role_names)


def _or_ok(found: list[Verdict], what: str) -> Verdicts:
    yield from found or [ok(what)]


def gates(meant: Meant) -> Verdicts:
    """A probe that no deadline leaves time for; gates that ask nothing."""
    found = []
    for name, role in meant.roles:
        gate = role.gate
        if gate and gate.timeout > gate.deadline:
            found.append(
                note(
                    f"roles.{name}.gate: one probe may take {gate.timeout:g} s, and all of them {gate.deadline:g} s",
                    f"roles.{name}.gate.timeout below its deadline, or one probe that hangs fails the deploy",
                )
            )
        if gate and not (gate.healthcheck or gate.http or gate.tcp or gate.command or role.handover):
            found.append(
                note(
                    f"roles.{name}.gate asks nothing: what runs for {gate.settle:g} s passes",
                    f"roles.{name}.gate: {{http: …}}, or a HEALTHCHECK in the Dockerfile",
                )
            )
    yield from _or_ok(found, "each leaves its probes time")


def stopping(meant: Meant) -> Verdicts:
    """That the stop signal arrives, and that there is time to act on it."""
    found = []
    for name, role in meant.roles:
        in_shell = role.command is not None and role.command[:2] == ("/bin/sh", "-c")
        if not role.init and in_shell and "exec " not in " ".join(role.command or ()):
            found.append(
                warning(
                    f"roles.{name}: the shell of `command` is PID 1: SIGTERM does not reach the program",
                    f"roles.{name}.init: true, and `exec` before the last program, or a list as `command`",
                )
            )
        elif not role.init:
            found.append(
                note(
                    f"roles.{name}.init is false: as PID 1 a program without a handler ignores SIGTERM",
                    f"roles.{name}.init: true, unless the image brings an init of its own",
                )
            )
        if role.stop_timeout < 1:
            found.append(
                warning(
                    f"roles.{name}.stop_timeout is {role.stop_timeout:g} s: who is being answered is cut off",
                    f"roles.{name}.stop_timeout: 10s or more",
                )
            )
    yield from _or_ok(found, "the stop signal reaches each role, with time to act on it")


def log_size(meant: Meant) -> Verdicts:
    """Logs that grow until the disk is full."""
    found = [
        warning(
            f"roles.{name}.logging sets no max-size: its logs grow until the disk is full",
            f"roles.{name}.logging.options: {{max-size: 10m, max-file: 3}}",
        )
        for name, role in meant.roles
        if role.logging.driver == "json-file" and "max-size" not in role.logging.effective_options
    ]
    yield from _or_ok(found, "logs have a limit")


def way_back(meant: Meant) -> Verdicts:
    """What a rollback will find."""
    if meant.config.retain == 1:
        yield note("retain is 1: of older releases only the one before is kept", "retain: 5")
    else:
        yield ok(f"{meant.config.retain} releases are kept")


def pauses(meant: Meant) -> Verdicts:
    """Roles that are down while they are replaced."""
    for name, role in meant.roles:
        strategy, because = choose_strategy(role)
        if strategy == "recreate":
            yield note(
                f"role {name} pauses during each deploy, at worst for {role.stop_timeout:g} s and its gate: {because}"
            )


CHECKS = (gates, stopping, log_size, way_back, pauses)
