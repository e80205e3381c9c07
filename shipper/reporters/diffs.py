"""What changes → lines, each with the style that it has on a terminal. PURE."""

from collections.abc import Iterator, Sequence

from shipper.planning.changes import Change, Changes, Sign
from shipper.planning.env_changes import Given, RoleEnv

Styled = tuple[str, str]
_STYLES = {Sign.ADDED: "green", Sign.REMOVED: "red", Sign.CHANGED: "yellow"}
_FEW = 4  # hosts that are named


def change_lines(found: Sequence[Changes]) -> Iterator[Styled]:
    for changes in found:
        if changes.role_name:
            yield f"{changes.role_name} on {_places(changes.host_names)}", "bold"
        for change in changes.changes:
            indent = "  " * bool(changes.role_name) + "    " * (change.kind == "commit")
            yield f"{indent}{change.sign} {_text(change)}", _STYLES[change.sign]


def _text(change: Change) -> str:
    match change.kind:
        case "commit":
            return change.name
        case "role":
            return "nothing of it serves yet" if change.sign is Sign.ADDED else "the config has it no more"
        case "host":
            return f"host {change.name}: the config has it no more; what runs there is not seen, and not stopped"
        case "config":
            return f"{change.name}: {_values(change)}"
        case _:
            return f"{change.kind} {change.name or _values(change)}"


def _values(change: Change) -> str:
    if change.sign is Sign.CHANGED:
        return f"{change.before} → {change.after}"
    return change.after if change.sign is Sign.ADDED else change.before


def _places(host_names: Sequence[str]) -> str:
    more = len(host_names) - _FEW
    return ", ".join(host_names[:_FEW]) + (f" and {more} more" if more > 0 else "")


def env_lines(found: Sequence[RoleEnv]) -> Iterator[Styled]:
    """Each with the style that it has on a terminal."""
    for role in found:
        compared = f"compared with release {role.release_number}" if role.release_number else "nothing of it serves"
        yield f"{role.role_name} on {_places(role.host_names)}, {compared}", "bold"
        for given in role.given:
            yield f"  {given.sign or ' '} {_given(given)}", _STYLES[given.sign] if given.sign else ""
        if not role.given:
            yield "    no variables and no files", ""


def _given(given: Given) -> str:
    name = f"file {given.name}" if given.kind == "file" else given.name
    if not given.absent_secrets:
        return name
    return f"{name}  (not set here, so from the release that serves: {', '.join(given.absent_secrets)})"
