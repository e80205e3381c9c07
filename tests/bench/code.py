"""What a change of one line costs: all bytes of a deploy of the real image, by the tunnel and by a registry."""

import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

from tests.bench.report import RTTS, Row
from tests.bench.runs import Client, shipping
from tests.images import BASE_IMAGES, ROOT, machine_with_image
from tests.machines import Machine, machine
from tests.registries import NAME, USERNAME, serving_images

_RUNS = 3
_CODE = "voicebot/app.py"
_CONFIG = """\
service: code
image: {image}
build: {{args: {args}}}
ssh: {{user: deploy, key_env: SAMPLE_KEY}}
roles:
  bot:
    hosts: [{host_name}]
    command: [sleep, infinity]
    gate: {{settle: 50ms}}
    stop_timeout: 1s
"""
_REGISTRY = f"registry: {{username: {USERNAME}, password: {{env: REGISTRY_PASSWORD}}}}\n"


def measure_code(say: Callable[[str], None]) -> Iterator[Row]:
    with ExitStack() as stack:
        laptop = stack.enter_context(machine_with_image(say))
        server = stack.enter_context(machine("server"))
        client = stack.enter_context(shipping(server, laptop))
        _take_tree(client.repository.folder)
        say("one line of code, by the tunnel")
        _configure(client, "code")
        yield _row("a line of code, by the tunnel", client, lambda: 0)
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="registry-")))
        for made in (laptop, server):
            stack.enter_context(serving_images(made, folder))
        say("one line of code, by a registry")
        _configure(client, f"{NAME}/code", _REGISTRY)
        yield _row("a line of code, by a registry", client, lambda: _bytes_on_loopback(server))


def _row(what: str, client: Client, count_others: Callable[[], int]) -> Row:
    """`count_others` tells of bytes that reach the server beside the link, since it began."""
    _deploy_change(client, 0.0)  # all other layers are there from now on
    sent: dict[float, list[float]] = {rtt: [] for rtt in RTTS}
    for _ in range(_RUNS):
        for rtt in RTTS:
            before = count_others()
            over_link = _deploy_change(client, rtt)
            sent[rtt].append((over_link + count_others() - before) / 1000)
    return Row(what=what, unit="kB", samples=sent, wanted="≤ 1,000")


def _deploy_change(client: Client, rtt: float) -> int:
    """Bytes that passed over the link, both ways."""
    file = client.repository.folder / _CODE
    file.write_text(f"{file.read_text()}\n_CHANGED = {os.urandom(8).hex()!r}")
    client.repository.commit("one line")
    return client.run(rtt, "deploy", "--json").bytes_sent


def _bytes_on_loopback(server: Machine) -> int:
    """Between its Docker and its registry: Docker is reached by a socket, and SSH from outside."""
    (line,) = [line for line in server.run("cat /proc/net/dev").stdout.splitlines() if line.lstrip().startswith("lo:")]
    return int(line.partition(":")[2].split()[0])


def _take_tree(folder: Path) -> None:
    """What Git tracks here, as it lies in the working folder; the key of the server is pinned there already."""
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True)
    for name in {*listed.stdout.split("\0")} - {"", "config/known_hosts"}:
        (copy := folder / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, copy)


def _configure(client: Client, image: str, more: str = "") -> None:
    repository = client.repository
    config = _CONFIG.format(image=image, args=BASE_IMAGES, host_name=repository.host_name)
    repository.write("config/deploy.yaml", config + more)
    repository.write("config/env.j2", "")
