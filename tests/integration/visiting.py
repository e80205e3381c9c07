"""Somebody who uses the service all the time."""

import ctypes
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from http.client import HTTPException
from urllib.request import urlopen

import docker

from tests.integration.conftest import Project
from tests.machines import Machine

_CLONE_NEWNET = 0x40000000  # https://man7.org/linux/man-pages/man2/setns.2.html


@contextmanager
def visitor(project: Project) -> Iterator[None]:
    """Asks one that bears the mark of who serves while it answers, then finds the next: there must always be one."""
    answers, done = list[str](), threading.Event()

    def visit() -> None:
        _enter_network(project.server)
        address = ""
        with closing(docker.APIClient(base_url=project.server.docker_host)) as engine:
            while not done.wait(0.01):
                answer = _answer(address)
                if not answer:
                    address = _who_serves(engine, project)
                    answer = _answer(address)
                answers.append(answer)

    thread = threading.Thread(target=visit)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()
    print(f"{len(answers)} visits")
    assert answers
    assert "" not in answers, f"{answers.count('')} of {len(answers)} visits found nobody who serves"


def _enter_network(machine: Machine) -> None:
    """Only this thread: what it connects to is on the networks of the machine from now on."""
    with (machine.root.parent / "ns/net").open() as namespace:
        if ctypes.CDLL(None, use_errno=True).setns(namespace.fileno(), _CLONE_NEWNET):
            raise OSError(ctypes.get_errno(), "setns")


def _who_serves(engine: docker.APIClient, project: Project) -> str:
    """Its address, or nothing."""
    for listed in engine.containers(filters={"label": f"shipper.service={project.service}"}):
        container = engine.inspect_container(listed["Id"])
        if container["HostConfig"]["RestartPolicy"]["Name"] == "always":
            return str(container["NetworkSettings"]["Networks"][project.service]["IPAddress"])
    return ""


def _answer(address: str) -> str:
    try:
        with urlopen(f"http://{address}:8080/", timeout=5) as response:
            return str(response.read().decode())
    except (OSError, HTTPException):  # also one that was told to end in the middle of its answer
        return ""
