"""PURE: how the containers of a role take turns, which gate they pass before, and how long the old ones have to end."""

from shipper.config.root import Config
from shipper.config.workloads import Gate, HttpProbe, Role

_STOP_TIMEOUT = 30.0  # seconds, for containers of roles that the config knows no more


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


def gate_of(role: Role) -> Gate | None:
    """Standing by is ready: where nothing else is asked for, the app's own word counts."""
    if role.gate is None and role.handover:
        return Gate(http=HttpProbe(port=role.handover.port, path=role.handover.path))
    return role.gate
