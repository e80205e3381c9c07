"""Somebody who uses the service all the time."""

import ctypes
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from urllib.error import URLError
from urllib.request import urlopen

import docker

from tests.integration.conftest import Project
from tests.machines import Machine

_CLONE_NEWNET = 0x40000000  # https://man7.org/linux/man-pages/man2/setns.2.html


@contextmanager
def visitor(project: Project) -> Iterator[list[str]]:
    """Asks those containers that bear the mark of who serves; each time, one of them must have answered.

    Gives the answers as they come, the newest last.
    """
    answers, done = list[str](), threading.Event()

    def visit() -> None:
        _enter_network(project.server)
        with closing(docker.APIClient(base_url=project.server.docker_host)) as engine:
            while not done.wait(0.03):
                # who was asked may have retired just then: whoever took its place serves already
                answers.append(_answer(engine, project) or _answer(engine, project))

    thread = threading.Thread(target=visit)
    thread.start()
    try:
        yield answers
    finally:
        done.set()
        thread.join()
    assert answers
    assert "" not in answers, f"{answers.count('')} of {len(answers)} visits found nobody who serves"


def _enter_network(machine: Machine) -> None:
    """Only this thread: what it connects to is on the networks of the machine from now on."""
    with (machine.root.parent / "ns/net").open() as namespace:
        if ctypes.CDLL(None, use_errno=True).setns(namespace.fileno(), _CLONE_NEWNET):
            raise OSError(ctypes.get_errno(), "setns")


def _answer(engine: docker.APIClient, project: Project) -> str:
    for listed in engine.containers(filters={"label": f"shipper.service={project.service}"}):
        container = engine.inspect_container(listed["Id"])
        address = container["NetworkSettings"]["Networks"][project.service]["IPAddress"]
        if address and container["HostConfig"]["RestartPolicy"]["Name"] == "always":
            try:
                with urlopen(f"http://{address}:8080/", timeout=5) as response:
                    return str(response.read().decode().strip())
            except URLError:
                continue
    return ""
