"""A real world for tests: one connection to a throwaway machine, as a deploy has it."""

import asyncio
import gc
import os
import warnings
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import shipper
from shipper.hosts.session import connected
from shipper.world import World
from tests.machines import Machine
from tests.registries import PASSWORD, USERNAME

Verb = Callable[[World, str], Awaitable[object]]

OF_A_CONTAINER: dict[str, Verb] = {
    "container": lambda world, name: world.engine.container(name),
    "start": lambda world, name: world.engine.start(name),
    "stop": lambda world, name: world.engine.stop(name, 1),
    "terminate": lambda world, name: world.engine.terminate(name),
    "remove": lambda world, name: world.engine.remove(name),
    "rename": lambda world, name: world.engine.rename(name, f"{name}-before"),
    "set_restart_policy": lambda world, name: world.engine.set_restart_policy(name, "no"),
    "exits_within": lambda world, name: world.engine.exits_within(name, 1),
    "execute": lambda world, name: world.engine.execute(name, ("/bin/sh", "-c", "echo"), 5),
    "logs": lambda world, name: world.engine.logs(name, 5),
    "follow": lambda world, name: world.engine.follow(name, lambda line: None),
}
"""The verbs that need a container of this name."""


@asynccontextmanager
async def world_of(
    made: Machine, folder: Path, service: str, *, registry: str = "", **timeouts: str
) -> AsyncIterator[World]:
    """`folder` is the project's; images are those of the machine's own Docker, or of a registry that it reaches."""
    (folder / "config").mkdir(exist_ok=True)
    (folder / "config/known_hosts").write_text(made.host_key + "\n")
    lines = [
        f"service: {service}",
        f"image: {registry}/{service}" if registry else f"image: {service}",
        f"registry: {{username: {USERNAME}, password: {{env: PASSWORD}}}}" if registry else "",
        f"ssh: {{user: deploy, key: {made.key}}}",
        f"timeouts: {{{', '.join(f'{name}: {value}' for name, value in timeouts.items())}}}",
        f"roles: {{web: {{hosts: [{made.address}]}}}}",
    ]
    (folder / "config/deploy.yaml").write_text("\n".join(lines) + "\n")
    environ = {"HOME": str(folder), "DOCKER_HOST": made.docker_host, "PATH": os.environ["PATH"], "PASSWORD": PASSWORD}
    project = shipper.open_project(folder, environ=environ)
    async with connected(project, lambda event: None) as worlds:
        (world,) = worlds.values()
        yield world


async def collect_garbage() -> None:
    """What is left of a connection that broke is not to be told of the next test.

    Docker's SDK drops a socket that it could not connect, or that was to follow what is not there. asyncio drops one
    that it accepted as the forwarder closed, a few turns of the loop later, of which a busy machine has few.
    """
    for _ in range(10):
        await asyncio.sleep(0.005)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)
        gc.collect()
