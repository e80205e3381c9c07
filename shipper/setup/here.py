"""What is lacking on this machine: the deploy key, addresses of servers, and passwords that nobody has to choose."""

import secrets as random
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from shipper.doctor.checks import HERE
from shipper.env import environment, secrets_file
from shipper.hosts import deploy_key
from shipper.project import Project, shared_secrets_file
from shipper.setup.plan import Step

_RANDOM = 16  # bytes: 32 characters, which mean nothing in a URL, to a shell or at the beginning of a word


@dataclass(frozen=True, kw_only=True)
class HerePlan:
    steps: tuple[Step, ...]
    notes: tuple[str, ...]
    """What is left for people to do."""


async def plan_here(project: Project, addresses: Mapping[str, str], kept: Mapping[str, str]) -> HerePlan:
    """`addresses` are those of servers, by the variables that are to have them. Raises ShipperError.

    `kept` are secrets that servers have already, with what tells so: none is made up in their stead.
    """
    available = await environment.available_secrets(project)
    return HerePlan(
        steps=tuple(_steps(project, addresses, {*available, *kept})),
        notes=tuple(_note(project, name, why) for name, why in kept.items() if name not in available),
    )


def _note(project: Project, name: str, why: str) -> str:
    source = project.config.secrets[name]
    variable = (source and source.env) or name
    return f"no {variable} is made up: {why}. It belongs into {project.config.secrets_file}"


def _steps(project: Project, addresses: Mapping[str, str], known: set[str]) -> Iterator[Step]:
    file, shared = project.config.secrets_file, shared_secrets_file(project)
    if not deploy_key.public_half(project):
        yield _step("deploy key", str(project.config.ssh.key), "deploys log in with a key of their own")
    for name, address in addresses.items():
        because = f"the config takes a host from {name}"
        yield _step("address", f"{name}={address} into {shared}", because, shared, name, address)
    for name, source in project.config.secrets.items():
        if source and source.generate and name not in known:
            variable = source.env or name
            yield _step("password", f"a random {variable} into {file}", "it has no value", file, variable)


def _step(name: str, detail: str, because: str, *arguments: str) -> Step:
    return Step(host_name=HERE, name=name, detail=detail, because=because, arguments=arguments)


def do_here(project: Project, step: Step) -> None:
    """Raises ShipperError."""
    if step.name == "deploy key":
        deploy_key.make(project)
        return
    file, name, *given = step.arguments
    value = given[0] if given else random.token_hex(_RANDOM)
    secrets_file.add(project.root, file, {name: value})
