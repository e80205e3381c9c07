"""Commands of `release`: when and where they run, what becomes of those that a dead deploy left, what is kept."""

from dataclasses import replace
from typing import Any

import pytest

from shipper.errors import UsageError
from shipper.events import Event, Warned
from shipper.model.container import Container, ContainerState
from shipper.model.observed import Observed
from shipper.model.release import ReleaseOutcome
from shipper.model.secret import Secret
from shipper.operations.precautions import warn_of_migration_elsewhere
from shipper.planning.plan import Plan
from shipper.steps.migrate import Migrate
from shipper.steps.prune import Prune
from tests.unit.nouns import FIRST, SECOND, THIRD, A, B, a_config, a_container, a_host, a_payload, a_release, a_run, env
from tests.unit.test_lifecycle import a_project
from tests.unit.test_plan import plan, serving_first, text_of

MIGRATING = a_config(
    release={"commands": ["alembic upgrade head", ["warm", "caches"]], "deadline": "10m"},
    roles={"web": {"hosts": [A], "volumes": ["data:/data"], "publish": ["80:8080"], "stop_timeout": "7s"}},
)
UNFINISHED = a_release(2, SECOND, replaces=1, env_salt=f"salt of {A}", outcome=ReleaseOutcome.UNFINISHED)
RUNNING = ContainerState.RUNNING
ELSEWHERE: dict[str, Any] = {
    "release": {"commands": ["migrate"]},
    "roles": {"web": {"hosts": [A]}, "jobs": {"hosts": [B]}},
}


def killed(*runs: Container) -> Observed:
    """A host whose deploy of release 2 died before anything swapped."""
    host = serving_first(runs=runs)
    return replace(host, releases=(*host.releases, UNFINISHED))


def migrate_of(made: Plan) -> Migrate:
    (step,) = [step for step in made.steps if isinstance(step, Migrate)]
    return step


def waiting(made: Plan) -> list[str]:
    return [line for line in made.lines if "shop-release" in line and "prune" not in line]


def test_they_run_when_all_is_there_and_before_anything_is_stopped() -> None:
    made = plan(serving_first(), config=MIGRATING)
    assert text_of(made) == """\
shop: release 2 of 2222222 replaces release 1 of 1111111
a.example       release  record 2 of 2222222
a.example  web  create   shop-web-r2-0bbb
a.example  web  migrate  `alembic upgrade head`, then `warm caches` within 600 s, because release 2 is new
a.example  web  stop     shop-web-r1-0aaa, because recreate: two containers cannot publish port 80:8080
a.example  web  start    shop-web-r2-0bbb, because release 1 serves
a.example  web  check    the image's HEALTHCHECK, else runs for 5s
a.example  web  swap     shop-web-r2-0bbb serves
a.example       commit   release 2
a.example  web  retire   shop-web-r1-0aaa, because release 2 serves
"""


def test_each_has_the_image_env_and_volumes_of_its_role_but_not_its_ports() -> None:
    made = plan(serving_first(), config=MIGRATING)
    first, second = migrate_of(made).specs
    assert (first.name, second.name) == ("shop-release-r2-1", "shop-release-r2-2")
    assert (first.command, second.command) == (("/bin/sh", "-c", "alembic upgrade head"), ("warm", "caches"))
    assert (first.image, first.network_name, first.ports, first.stop_timeout) == (f"shop:{SECOND}", "shop", (), 7)
    assert [mount.target for mount in first.mounts] == ["/data"]
    assert first.labels == {
        "shipper.service": "shop",
        "shipper.role": "web",
        "shipper.release": "2",
        "shipper.version": SECOND,
        "shipper.run": "release",
    }


def test_they_run_as_the_role_that_is_named_on_the_first_of_its_hosts() -> None:
    config = a_config(
        release={"commands": ["migrate"], "role": "jobs"}, roles={"web": {"hosts": [A, B]}, "jobs": {"hosts": [B]}}
    )
    step = migrate_of(plan(serving_first(A), serving_first(B), config=config))
    assert (step.host_name, step.role_name) == (B, "jobs")


def test_a_deploy_without_any_host_that_could_run_them_is_refused() -> None:
    config = a_config(
        release={"commands": ["migrate"], "role": "jobs"}, roles={"web": {"hosts": [A]}, "jobs": {"hosts": [B]}}
    )
    with pytest.raises(UsageError) as raised:
        plan(serving_first(A), config=config, host_names=(A,))
    assert raised.value.next == "Let it be meant too: --host b.example."


def test_they_run_on_no_host_that_the_image_is_not_brought_to() -> None:
    config = a_config(release={"commands": ["migrate"]}, roles={"web": {"hosts": [A, B]}, "jobs": {"hosts": [B]}})
    hosts = (serving_first(A, image=None), serving_first(B, image=None))
    assert migrate_of(plan(*hosts, config=config, role_names=("jobs",))).host_name == B

    with pytest.raises(UsageError) as raised:
        plan(*hosts, config=a_config(**ELSEWHERE), role_names=("jobs",))
    assert raised.value.next == "Let it be meant too: --role web."


def test_where_they_may_run_on_a_host_that_is_left_out_too_that_is_told() -> None:
    config = a_config(release={"commands": ["migrate"]}, roles={"web": {"hosts": [A, B]}})
    told: list[Event] = []
    made = plan(serving_first(B), config=config, host_names=(B,))
    warn_of_migration_elsewhere(made, a_project(config, host_names=(B,)), told.append)
    warn_of_migration_elsewhere(made, a_project(config), told.append)
    text = "The commands of `release` run on b.example: see that none does on a.example, left out by --host."
    assert told == [Warned(text=text)]


def test_those_that_ran_on_another_host_when_only_that_was_meant_do_not_run_again() -> None:
    config = a_config(release={"commands": ["migrate"]}, roles={"web": {"hosts": [A, B]}})
    ahead = a_host(a_container(2, SECOND), host_name=B, releases=(a_release(2, SECOND),), runs=(a_run(2, SECOND),))
    for host in (ahead, replace(ahead, image=None)):
        assert "migrate" not in text_of(plan(serving_first(A), host, config=config))


def test_they_do_not_run_where_nothing_changes() -> None:
    assert plan(serving_first(), config=MIGRATING, to=(1, FIRST)).is_empty


def test_they_do_not_run_in_a_rollback() -> None:
    made = plan(killed(), config=MIGRATING, command="rollback")
    assert "migrate" not in text_of(made)


def test_those_that_ended_well_before_the_deploy_died_do_not_run_again() -> None:
    assert "migrate" not in text_of(plan(killed(a_run(2, SECOND, 1), a_run(2, SECOND, 2)), config=MIGRATING))
    assert "migrate" in text_of(plan(killed(a_run(2, SECOND, 1)), config=MIGRATING))
    assert "migrate" in text_of(plan(killed(a_run(2, SECOND), a_run(2, SECOND, 2, exit_code=1)), config=MIGRATING))


def test_one_that_still_runs_is_taken_up() -> None:
    made = plan(killed(a_run(2, SECOND, state=RUNNING)), config=MIGRATING)
    assert migrate_of(made).because == "a deploy that died left it running"
    assert waiting(made) == []


def test_one_of_another_release_that_still_runs_is_waited_for_before_they_run() -> None:
    made = plan(killed(a_run(2, SECOND, state=RUNNING)), config=MIGRATING, to=(3, THIRD))
    assert waiting(made) == [
        "a.example  web  wait     shop-release-r2-1, or stop it after 600 s, "
        "because an unfinished deploy of release 2 left it running"
    ]
    names = [step.name for step in made.steps]
    assert names.index("wait") < names.index("migrate")


@pytest.mark.parametrize("command", ["rollback", "deploy"])
def test_one_that_still_runs_is_stopped_where_none_is_to_follow(command: str) -> None:
    made = plan(killed(a_run(2, SECOND, state=RUNNING)), config=MIGRATING, to=(1, FIRST), command=command)
    assert waiting(made) == [
        "a.example  web  stop     shop-release-r2-1, because an unfinished deploy of release 2 left it running"
    ]


def test_one_that_still_runs_on_another_host_is_taken_up_there() -> None:
    config = a_config(release={"commands": ["migrate"]}, roles={"web": {"hosts": [A, B]}})
    there = serving_first(B, runs=(a_run(2, SECOND, state=RUNNING),))
    made = plan(killed(), there, config=config)
    assert (migrate_of(made).host_name, migrate_of(made).because) == (B, "a deploy that died left it running")
    assert waiting(made) == []


def test_what_ran_those_of_other_releases_is_pruned_unless_it_still_runs() -> None:
    runs = (a_run(1, FIRST), a_run(2, SECOND, exit_code=1), a_run(3, THIRD, command=2), a_run(3, THIRD, state=RUNNING))
    made = plan(serving_first(runs=runs), config=MIGRATING, to=(4, "4" * 40))
    (prune,) = [step for step in made.steps if isinstance(step, Prune)]
    assert prune.container_names == ("shop-release-r1-1", "shop-release-r2-1", "shop-release-r3-2")


def test_what_ran_those_of_this_release_is_kept_and_what_runs_other_commands_is_left() -> None:
    runs = (a_run(2, SECOND), a_run(1, FIRST, name="shop-exec-1", run="exec"))
    assert "prune" not in text_of(plan(killed(*runs), config=MIGRATING))


def test_a_release_that_brings_a_reason_why_there_is_no_way_back_says_so() -> None:
    host = killed()
    marked = replace(UNFINISHED, irreversible="0007 drops users.email")
    made = plan(replace(host, releases=(*host.releases[:-1], marked)))
    assert made.lines[-2].endswith("commit   release 2, from which there is no way back: 0007 drops users.email")


def test_the_env_of_a_command_is_that_of_its_role_without_what_a_handover_needs() -> None:
    role = {"hosts": [A], "singleton": True, "handover": {}}
    config = a_config(release={"commands": ["migrate"]}, roles={"web": role})
    payload = a_payload(config, env={"web": env(URL="sqlite://")})
    made = plan(a_host(), config=config, payloads={A: payload}, to=(1, FIRST))
    (spec,) = migrate_of(made).specs
    assert spec.env == {"URL": Secret("sqlite://")}
    assert spec.mounts == ()
