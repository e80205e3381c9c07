"""Where a command is run."""

from pathlib import Path

import pytest

from shipper.errors import ReleaseNotFound, UsageError
from shipper.operations.execution import running, the_place
from shipper.project.opening import open_project
from tests.unit.nouns import a_container, a_host, a_stopped, an_uncommitted


def test_a_command_runs_in_what_serves_and_not_in_what_is_at_its_gate() -> None:
    serving, gated = a_container(1, deploy="0aaa"), an_uncommitted(2, deploy="0bbb")

    assert running(a_host(serving, gated), "web", None) == serving
    assert running(a_host(serving, gated), "web", 2) == gated


def test_where_nothing_serves_it_is_said_what_can_be_done() -> None:
    with pytest.raises(ReleaseNotFound, match=r"Nothing of web serves on a\.example") as raised:
        running(a_host(a_stopped()), "web", None)

    assert "--new --release N" in raised.value.next


def test_a_release_that_does_not_run_is_told() -> None:
    with pytest.raises(ReleaseNotFound, match="Nothing of web of release 1 runs"):
        running(a_host(a_stopped(1), a_container(2, deploy="0bbb")), "web", 1)


CONFIG = """
service: shop
image: shop
roles: {web: {hosts: [a.example, b.example]}, worker: {hosts: [b.example, c.example]}}
"""


@pytest.mark.parametrize(
    ("hosts", "roles", "wanted"),
    [
        ((), ("web",), ("a.example", "web")),
        (("b.example",), ("web",), ("b.example", "web")),
        (("c.example", "b.example"), ("worker",), ("b.example", "worker")),
    ],
)
def test_a_command_runs_on_the_first_host_of_the_role_that_is_meant(
    tmp_path: Path, hosts: tuple[str, ...], roles: tuple[str, ...], wanted: tuple[str, str]
) -> None:
    (tmp_path / "deploy.yaml").write_text(CONFIG)
    project = open_project(tmp_path, config_file="deploy.yaml", hosts=hosts, roles=roles, environ={})

    assert the_place(project) == wanted


def test_of_several_roles_one_must_be_named(tmp_path: Path) -> None:
    (tmp_path / "deploy.yaml").write_text(CONFIG)
    project = open_project(tmp_path, config_file="deploy.yaml", hosts=("b.example",), environ={})

    with pytest.raises(UsageError, match="Several roles could be meant") as raised:
        the_place(project)

    assert raised.value.next == "Say --role with one of web, worker."
