"""The two worlds that the suite compares, and what can happen to them from outside.

A spec says what a container does in both: the real world runs its command, the simulated one goes by its image.
"""

import io
import itertools
import shutil
import sys
import tarfile
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from shipper.model.container import Label
from shipper.model.secret import Secret
from shipper.model.specification import ContainerSpec, Mount
from shipper.world import World
from tests.machines import Machine
from tests.sim.faults import Client
from tests.sim.servers import App, Sim, SimServer
from tests.sim.world import world_of as simulated
from tests.worlds import world_of

SERVICE = "contract"
PORT = 8080
ABSENT = "contract-absent"
_TESTS = Path(__file__).parents[1]
_LEASE = "/run/lease"
FILES = {"config/deploy.yaml": b"service: contract\n", "config/more/env.j2": b"A=1\n"}
"""Of each image, beside what it runs."""

_SERVE = f"httpd -p {PORT} -h /www; echo up; sleep 1000 & wait"
_COMMANDS = {
    App.WELL: f"trap 'sleep ${{DRAIN:-0}}; exit 0' TERM; {_SERVE}",
    App.SICK: f"trap 'exit 0' TERM; rm /www/up; {_SERVE}",
    App.EXITS: "echo up; exit 3",
    App.DEAF: f"trap '' TERM; {_SERVE}",
}
IS_UP = ("/bin/sh", "-c", "[ -e /www/up ]")
"""The command that tells in the container whether it is well."""

_numbers = itertools.count(1)


@dataclass(frozen=True, kw_only=True)
class Stage:
    """One server."""

    world: World
    another: Callable[[], AbstractAsyncContextManager[World]]
    """A client of its own, which is gone at the end of the block, whatever it holds."""
    add_image: Callable[[str], object]
    restart_docker: Callable[[], None]
    """As a crash of it does."""
    reboot: Callable[[], None]
    """As a power cut does. The server's clients are cut off."""


async def start(world: World, name: str) -> None:
    """Waits until it has written its first line: a stop signal that comes before an app can take it is lost."""
    await world.engine.start(name)
    while not await world.engine.logs(name, 1):
        await world.clock.sleep(0.01)


def new_name() -> str:
    return f"{SERVICE}-{next(_numbers)}"


def image_of(app: App) -> str:
    return f"{SERVICE}:{app.name.lower()}"


def spec_of(app: App = App.WELL, *, service: str = SERVICE, drain: str = "0", **changed: Any) -> ContainerSpec:
    """`drain` is how many seconds it takes to end when it is told to, in the real world."""
    labels = {Label.SERVICE: service, Label.ROLE: "web", Label.RELEASE: "7", Label.VERSION: "v7", Label.DEPLOY: "0d"}
    values: dict[str, Any] = {
        "name": new_name(),
        "image": image_of(app),
        "network_name": SERVICE,
        "aliases": (),
        "labels": {label.value: value for label, value in labels.items()},
        "command": ("/bin/sh", "-c", _COMMANDS[app]),
        "env": {"DRAIN": Secret(drain)},
    }
    return ContainerSpec(**{**values, **changed})


def command_spec(seconds: float = 0.3) -> ContainerSpec:
    """Runs a command to its end. The simulated one takes 0.3 s always."""
    spec = spec_of(command=("/bin/sh", "-c", f"echo up; sleep {seconds}"))
    return replace(spec, labels={**spec.labels, Label.RUN.value: "release"})


def singleton_spec(lease: str) -> ContainerSpec:
    """Takes part in handovers, and a second for the work that it holds; `lease` is the volume."""
    folders = {folder: folder for folder in dict.fromkeys(("/usr", "/lib", "/lib64", sys.base_prefix))}
    folders[str(_TESTS.parent)] = "/repository"
    environ = {
        "SHIPPER_LEASE": _LEASE,
        "SHIPPER_HEALTH_PORT": str(PORT),
        "UPDATES_URL": "http://127.0.0.1:9",
        "MODE": "slow-drain",
        "PYTHONPATH": "/repository",
    }
    spec = spec_of(
        command=(str(Path(sys.base_prefix, "bin/python3")), "/repository/tests/app/singleton.py"),
        env={name: Secret(value) for name, value in environ.items()},
        mounts=(
            Mount(source=lease, target=_LEASE),
            *(
                Mount(source=source, target=target, read_only=True)
                for source, target in folders.items()
                if Path(source).exists()
            ),
        ),
    )
    return replace(spec, labels={**spec.labels, Label.HANDOVER.value: "true"})


def sim_stage() -> Stage:
    server = SimServer("sim.example", networks={SERVICE})
    server.images.update(map(image_of, App))
    sim = Sim(servers={server.name: server}, apps={image_of(app): app for app in App}, files=FILES, service=SERVICE)

    @asynccontextmanager
    async def another() -> AsyncIterator[World]:
        client = Client(sim, {})
        yield simulated(client, server)
        sim.leave(client)

    return Stage(
        world=simulated(Client(sim, {}), server),
        another=another,
        add_image=server.images.add,
        restart_docker=server.restart_docker,
        reboot=server.reboot,
    )


@asynccontextmanager
async def real_stage(made: Machine, folder: Path) -> AsyncIterator[Stage]:
    (folder / "up").write_text("well\n")
    with tarfile.open(folder / "image.tar", "w") as tar:
        tar.add(str(shutil.which("busybox")), "bin/sh")
        tar.add(folder / "up", "www/up")
        for path, content in FILES.items():
            member = tarfile.TarInfo(path)
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))
    made.run("install -d -m 2770 -g docker /var/lib/shipper")
    made.docker("network", "create", SERVICE)

    def add_image(name: str) -> None:
        made.docker("import", str(folder / "image.tar"), name)

    for app in _COMMANDS:
        add_image(image_of(app))
    async with world_of(made, folder, SERVICE) as world:
        yield Stage(
            world=world,
            another=lambda: world_of(made, folder, SERVICE),
            add_image=add_image,
            restart_docker=made.restart_docker,
            reboot=made.reboot,
        )
