"""Secrets that a server was set up with by another machine: a new value would be another one than what counts. PURE."""

import shlex
from collections.abc import Iterator, Mapping

from shipper.config.root import Config
from shipper.config.workloads import Accessory
from shipper.setup.facts import Server


def generated(config: Config) -> tuple[str, ...]:
    """Those that nobody has to choose."""
    return tuple(name for name, source in config.secrets.items() if source and source.generate)


def kept(config: Config, servers: Mapping[str, Server]) -> dict[str, str]:
    """Which of these a server has, with what tells so, and how to get it. `servers` by their names in the config."""
    found = {}
    for name in generated(config):
        if whys := [why for host_name, server in servers.items() for why in _kept(config, name, host_name, server)]:
            found[name] = whys[0]
    return found


def _kept(config: Config, secret_name: str, host_name: str, server: Server) -> Iterator[str]:
    """A database keeps the password that it had at its first start, in its volume."""
    for name, accessory in config.accessories.items():
        if secret_name not in accessory.secret_names or host_name not in config.accessory_hosts(name):
            continue
        if name in server.accessories:
            command = f"shipper accessory exec {name} -- {_shown_by(accessory, secret_name)}"
            yield f"{name} on {host_name} was made with one, which `{command}` shows"
        elif there := [volume for volume in accessory.named_volumes if volume in server.volumes]:
            yield f"the volume {there[0]} of {name} on {host_name} was made with one"
    if secret_name in server.released:
        yield f"a release on {host_name} has one, which deploys take from there"


def _shown_by(accessory: Accessory, secret_name: str) -> str:
    for path, file in accessory.files.items():
        if file.secret == secret_name:
            return f"cat {shlex.quote(path)}"
    return "printenv " + next(variable for variable, given in accessory.env.items() if given.secret == secret_name)
