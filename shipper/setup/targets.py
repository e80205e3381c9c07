"""Which servers are meant, how one logs in with rights, and which variables of the config are to name them. PURE."""

import re
from collections.abc import Collection, Mapping, Sequence

from shipper.config.root import Config
from shipper.errors import UsageError
from shipper.setup.facts import Target

_DEPLOYS = "deploy"
_ROOT = "root"
_HOST = re.compile(r"(?:(?P<user>[^@]+)@)?(?P<address>\[[^]]+\]|[^:\[\]]+)(?P<port>:\d+)?")


def _without_value(written: Sequence[str], known: Mapping[str, str]) -> tuple[str, ...]:
    """Variables that stand for the whole address of a host, and have no value yet."""
    found = (re.fullmatch(r"(?:.*@)?\$\{(\w+)\}(?::\d+)?", host) for host in written)
    return tuple(dict.fromkeys(match[1] for match in found if match and not known.get(match[1])))


def paired(written: Sequence[str], known: Mapping[str, str], logins: Sequence[str]) -> dict[str, str]:
    """The addresses of these logins, by the variables of the config that have none yet.

    `written` are the hosts as the config writes them. Raises UsageError where it cannot be told which is which.
    """
    variables = _without_value(written, known)
    literal = {_parts(host)[1] for host in written if "$" not in host}
    given = {address: port for _, address, port in map(_parts, logins)}
    addresses = [address for address in given if address not in literal]
    if not variables or not addresses:
        return {}
    if len(variables) != len(addresses):
        raise UsageError(
            f"{', '.join(variables)}: no value yet, and {', '.join(addresses)} cannot be told to be which.",
            now="Nothing was done.",
            next="Name as many hosts, in this order; or set the variables in the file of secrets.",
        )
    with_port = {match[1] for host in written if (match := re.search(r"\$\{(\w+)\}:", host))}
    return {
        name: address if name in with_port else f"{address}{given[address]}"  # else deploys would go to port 22
        for name, address in zip(variables, addresses, strict=True)
    }


def targets(config: Config, host_names: Collection[str], logins: Sequence[str]) -> tuple[Target, ...]:
    """Of these logins, else of all hosts that are meant, as root. Raises UsageError."""
    if not logins:
        return tuple(_target(config, host_name, _login(_ROOT, host_name)) for host_name in host_names)
    by_address = {_parts(host_name)[1]: host_name for host_name in host_names}
    found = []
    for login in logins:
        user, address, port = _parts(login)
        if address not in by_address:
            raise UsageError(
                f"{address} is no host of the config: {', '.join(host_names)}.",
                now="Nothing was done.",
                next="Put it into config/deploy.yaml (roles.*.hosts), or into the variable that names it there.",
            )
        host_name = by_address[address]
        found.append(_target(config, host_name, f"{user or _ROOT}@{address}{port or _parts(host_name)[2]}"))
    return tuple(dict.fromkeys(found))


def _target(config: Config, host_name: str, login_name: str) -> Target:
    named = _parts(host_name)[0] or config.ssh.user
    return Target(login_name=login_name, host_name=host_name, user=named or _DEPLOYS, names_user=bool(named))


def _login(user: str, host_name: str) -> str:
    _, address, port = _parts(host_name)
    return f"{user}@{address}{port}"


def _parts(host_name: str) -> tuple[str, str, str]:
    """User, address and `:port` of `[user@]address[:port]`."""
    match = _HOST.fullmatch(host_name)
    if not match:
        raise UsageError(f'"{host_name}" is not [user@]name[:port].', now="Nothing was done.")
    return match["user"] or "", match["address"], match["port"] or ""
