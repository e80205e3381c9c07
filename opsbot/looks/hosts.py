"""Each host is looked at on its own, so that one that does not answer hides nothing of the others."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from typing import Generic, TypeVar

import shipper

Told = TypeVar("Told")


@dataclass(frozen=True, kw_only=True)
class Seen(Generic[Told]):
    told: dict[str, Told]
    """By the names of the hosts, in the order of the config."""
    problems: dict[str, str]
    """Of hosts that cannot be looked at."""


async def on_each(project: shipper.Project, look: Callable[[shipper.Project], Awaitable[Told]]) -> Seen[Told]:
    """Raises ShipperError where no host tells anything."""

    async def one(host_name: str) -> Told | shipper.ShipperError:
        try:
            return await look(replace(project, host_names=(host_name,)))
        except shipper.ShipperError as error:
            return error

    async with asyncio.TaskGroup() as looking:
        tasks = {name: looking.create_task(one(name)) for name in project.hosts}
    found = {name: task.result() for name, task in tasks.items()}
    errors = {name: seen for name, seen in found.items() if isinstance(seen, shipper.ShipperError)}
    if errors and len(errors) == len(found):
        raise next(iter(errors.values()))
    return Seen(
        told={name: seen for name, seen in found.items() if not isinstance(seen, shipper.ShipperError)},
        problems={name: error.what for name, error in errors.items()},
    )
