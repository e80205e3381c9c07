"""Logins that a process keeps for what only looks, and plans that are carried out only as they were confirmed."""

import asyncio
import re
from collections.abc import AsyncIterator
from dataclasses import replace

import pytest

import shipper
from shipper.hosts import connections
from shipper.model.outcome import Deployed
from shipper.tasks import alongside
from tests.integration.conftest import Project
from tests.integration.killing import session_from
from tests.integration.test_connection import logged
from tests.integration.waiting import eventually
from tests.machines import Machine
from tests.worlds import collect_garbage


@pytest.fixture(autouse=True)
async def _clean() -> AsyncIterator[None]:
    yield
    await collect_garbage()


def logins(made: Machine) -> int:
    return logged(made).count("Accepted publickey")


def last_session(made: Machine) -> str:
    return session_from(re.findall(r"Accepted publickey for \w+ from \S+ port (\d+)", logged(made))[-1], made)


def opened(project: Project, kept: shipper.Connections) -> shipper.Project:
    return replace(project.opened(), connections=kept)


async def test_what_looks_goes_over_one_login_and_a_deploy_over_its_own(project: Project) -> None:
    before = logins(project.server)
    async with shipper.Connections() as kept:
        meant = opened(project, kept)
        plan, *others = await asyncio.gather(*(shipper.plan_deploy(meant) for _ in range(12)))
        frozen = await shipper.freeze(meant, "a look")
        assert (await shipper.freezes(meant))[project.host_name].reason == frozen.reason
        await shipper.unfreeze(meant)
        assert logins(project.server) == before + 1
        assert {other.fingerprint for other in others} == {plan.fingerprint}

        outcome = await shipper.deploy(meant, expected=plan.fingerprint)

        assert isinstance(outcome, Deployed)
        assert logins(project.server) == before + 2
        (status,), again, restart, past = await asyncio.gather(
            shipper.status(meant), shipper.plan_deploy(meant), shipper.plan_restart(meant), shipper.history(meant)
        )
        assert [role.health for role in status.roles] == [shipper.HEALTHY]
        assert again.is_empty
        assert restart.title == f"{project.service}: restart of web (release 1 of {outcome.release.short_version})"
        assert [deploy.outcome for deploy in past] == ["deployed"]
        with pytest.raises(shipper.ReleaseNotFound, match="there is none before it"):
            await shipper.plan_rollback(meant)
        assert logins(project.server) == before + 2


@pytest.mark.parametrize("signal", ["KILL", "STOP"])
async def test_a_line_that_broke_or_gives_no_answer_is_opened_anew(
    signal: str, project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connections, "_TRUSTED", 0.0)
    monkeypatch.setattr(connections, "_PATIENCE", 0.5)
    before = logins(project.server)
    async with shipper.Connections() as kept:
        meant = opened(project, kept)
        first = await shipper.plan_deploy(meant)
        session = last_session(project.server)
        project.server.run(f"kill -{signal} {session}")

        looks = await asyncio.gather(*(shipper.plan_deploy(meant) for _ in range(3)))

        assert {plan.fingerprint for plan in looks} == {first.fingerprint}
        assert logins(project.server) == before + 2
    project.server.run(f"kill -KILL {session}")


async def test_a_line_that_nobody_uses_is_closed_and_who_looks_at_the_end_is_told(project: Project) -> None:
    before, server = logins(project.server), project.server
    async with shipper.Connections(idle=0.05) as kept:
        meant = opened(project, kept)
        await shipper.history(meant)
        session = f"/proc/{last_session(server).split()[0]}"
        await asyncio.to_thread(
            eventually, lambda: server.run(f"test -e {session}").returncode == 1, "the end of the login"
        )
        async with alongside(shipper.logs(meant, show=lambda line: None, follow=True)) as following:
            await asyncio.to_thread(eventually, lambda: logins(server) == before + 2, "another login")
            await kept.__aexit__()

            with pytest.raises(shipper.ConnectError):
                await following


async def test_where_docker_was_down_the_next_look_tries_again(project: Project) -> None:
    config = (project.folder / "config/deploy.yaml").read_text()
    project.write("config/deploy.yaml", config + "docker_socket: /run/later.sock\n")
    async with shipper.Connections() as kept:
        meant = opened(project, kept)
        with pytest.raises(shipper.DockerUnavailable):
            await shipper.plan_deploy(meant)
        project.server.run("ln -sf docker.sock /run/later.sock")

        assert (await shipper.plan_deploy(meant)).fingerprint

    project.server.run("rm /run/later.sock")


def test_a_plan_that_was_not_confirmed_is_refused_with_nothing_done(project: Project) -> None:
    confirmed = project.shipper("plan", "--json").json
    project.version("version 2")

    refused = project.shipper("deploy", "--expect", confirmed["fingerprint"])
    told = project.shipper("plan", "--json").json

    assert refused.exit_code == 34, refused.everything
    assert f"({confirmed['fingerprint']}). It is {told['fingerprint']} now: {told['title']}\n" in refused.errors
    assert "Nothing was done." in refused.errors
    assert project.containers(running=False) == []
    assert not list(project.state.glob("releases/*"))
    assert not (project.state / "journal").exists()
    assert re.fullmatch("[0-9a-f]{16}", told["fingerprint"])
    assert project.deploy("--expect", told["fingerprint"]).exit_code == 0
