"""What is asked with buttons, and what commands are answered with that need no plan."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from aiogram.methods import DeleteMyCommands, SetMyCommands

import shipper
from opsbot import aborts
from opsbot.access import Person
from opsbot.command import What
from opsbot.commits import Commit
from opsbot.config import Config
from opsbot.menu import menus
from opsbot.storage.requests import Phase
from opsbot.verbs import Rank, Verb
from opsbot.views import aborting, asking, choices, locks
from opsbot.views.choices import Choice
from shipper.model.records import Freeze, Holder
from shipper.model.release import ReleaseOutcome
from tests.unit.nouns import BEGUN, FIRST, SECOND, THIRD, A, B, a_container, a_host, a_release
from tests.unit.opsbot.nouns import a_request, labels, read

NOW = BEGUN + timedelta(hours=2)
DEPLOYER = Person(id=1, name="ann", ranks={"production": frozenset({Rank.DEPLOYER}), "staging": frozenset()})


def a_version(version: str, **changed: Any) -> shipper.Version:
    values: dict[str, Any] = {"created_at": BEGUN, "host_names": (A,)}
    return shipper.Version(version=version, **{**values, **changed})


def test_versions_are_called_by_commit_subject_age_and_whether_they_serve() -> None:
    found = [
        a_version(THIRD, subject="Fix the thing that broke when the moon was full"),
        a_version(SECOND, serving=(2,), subject="Add"),
        a_version(FIRST, host_names=()),
        a_version("v1.2"),
    ]
    assert choices.versions(found, None, NOW, has_registry=False) == [
        Choice(value="latest", label="latest"),
        Choice(value=THIRD, label="3333333 Fix the thing that broke when… · 2 h ago"),
        Choice(value=SECOND, label="2222222 Add · 2 h ago · serves"),
    ]


def test_a_version_that_only_a_registry_may_have_is_offered_where_there_is_one() -> None:
    offered = choices.versions([a_version(FIRST, host_names=())], None, NOW, has_registry=True)
    assert [choice.value for choice in offered] == ["latest", FIRST]


def test_latest_says_which_commit_the_branch_is_at_where_github_tells() -> None:
    newest = Commit(sha=THIRD, subject="Fix it", author="Ann", at=BEGUN, url="")
    assert choices.versions([], newest, NOW, has_registry=True)[0].label == "latest: 3333333 Fix it"


def test_no_version_is_offered_where_none_can_be_had() -> None:
    assert choices.versions([], None, NOW, has_registry=False) == []


def test_no_more_than_eight_versions_are_offered_and_latest() -> None:
    found = [a_version(f"{number:040x}") for number in range(20)]
    assert len(choices.versions(found, None, NOW, has_registry=False)) == 9


def test_of_releases_the_one_before_comes_first_and_what_serves_or_failed_is_none() -> None:
    records = (
        a_release(1),
        a_release(2, outcome=ReleaseOutcome.FAILED),
        a_release(3, SECOND, begun_at=NOW - timedelta(minutes=30)),
        a_release(4, THIRD, replaces=1),
    )
    hosts = {A: a_host(a_container(4, THIRD), releases=records)}
    assert choices.releases(hosts, NOW) == [
        Choice(value="1", label="1 · 1111111 · 2 h ago"),
        Choice(value="3", label="3 · 2222222 · 30 min ago"),
    ]


def test_a_release_that_serves_in_some_place_only_is_offered() -> None:
    records = (a_release(1), a_release(2, SECOND, replaces=1))
    hosts = {
        A: a_host(a_container(1), releases=records),
        B: a_host(a_container(2, SECOND), host_name=B, releases=records),
    }
    assert [choice.value for choice in choices.releases(hosts, NOW)] == ["1", "2"]


def test_options_that_are_called_something_else_stand_below_each_other() -> None:
    request = a_request(Verb.ROLLBACK)
    page = asking.question(request, What.RELEASE, [Choice(value="1", label="1 · abc"), Choice(value="2", label="2")])
    assert read(page) == "rollback in production: To which release?"
    assert labels(page) == [["1 · abc"], ["2"], ["Never mind"]]
    assert [button.about for row in page.buttons for button in row] == ["7.0", "7.1", "7"]


def test_names_stand_beside_each_other() -> None:
    page = asking.question(a_request(Verb.LOGS), What.ROLE, choices.roles(["web", "bot", "cron", "mail"]))
    assert labels(page) == [["web", "bot", "cron"], ["mail"], ["Never mind"]]


def test_a_question_that_nobody_answers_can_be_asked_again() -> None:
    page = asking.unanswered(a_request(Verb.DEPLOY))
    assert read(page) == "⌛ deploy in production: nobody chose in time. Nothing was done."
    assert labels(page) == [["Ask again"]]


FREEZE = Freeze(performer="ann (Telegram)", reason="party & <cake>", since=BEGUN)


def test_a_freeze_says_how_long_it_holds_and_can_be_lifted() -> None:
    page = locks.frozen(a_request(Verb.LOCK), replace(FREEZE, until=NOW))
    assert read(page) == (
        "🧊 production is frozen until 2026-03-01 14:00 UTC: party & <cake>\n"
        "By ann. Nothing is deployed there meanwhile; a rollback goes all the same."
    )
    assert labels(page) == [["Lift the freeze"]]
    assert read(locks.frozen(a_request(Verb.LOCK), FREEZE)).startswith(
        "🧊 production is frozen until somebody lifts it: party"
    )


def test_who_lifts_a_freeze_is_told_whose_it_was() -> None:
    assert read(locks.lifted(a_request(Verb.UNLOCK), [FREEZE, FREEZE])) == (
        "🔓 ann has lifted the freeze of production.\nIt was frozen by ann (Telegram): party & <cake>"
    )
    assert read(locks.lifted(a_request(Verb.UNLOCK), [])) == "production is not frozen; nothing was done."


def test_what_acts_is_aborted_before_what_only_waits() -> None:
    waiting = a_request(Verb.DEPLOY, id=8, phase=Phase.QUEUED)
    acting = a_request(Verb.RESTART, id=9, phase=Phase.ACTING)
    looking = a_request(Verb.LOGS, id=10)
    assert aborts.meant([waiting, acting, looking]) == [acting]
    assert aborts.meant([waiting, looking]) == [waiting]


def test_an_abort_tells_what_it_ends() -> None:
    acting = a_request(Verb.DEPLOY, phase=Phase.ACTING, person_name="bob", command={"version": SECOND})
    waiting = a_request(Verb.RESTART, phase=Phase.QUEUED, command={"role": "web"})
    assert read(aborting.aborted(a_request(Verb.ABORT), [acting, waiting])) == (
        "🚫 ann aborts in production:\n"
        "• deploy of 2222222 in production by bob: it takes back what it began, as its message shows\n"
        "• restart of web in production by ann: nothing of it was begun"
    )


@pytest.mark.parametrize(
    ("origin", "told"),
    [
        (
            "https://ci.example/7",
            "🔒 ci, CI is at it: deploy of 2\n"
            "It cannot be aborted from here: cancel its run in CI, and it takes back what it began.",
        ),
        (
            "terminal",
            "🔒 ci, terminal is at it: deploy of 2\n"
            "It cannot be aborted from here: Ctrl-C in its terminal has it take back what it began.",
        ),
    ],
)
def test_where_somebody_else_is_at_it_one_is_told_how_to_abort_that(origin: str, told: str) -> None:
    holder = Holder(performer="ci", origin=origin, since=BEGUN.isoformat(), purpose="deploy of 2")
    hosts = [shipper.HostStatus(host_name=name, at=NOW, holder=holder) for name in (A, B)]
    assert read(aborting.nothing(a_request(Verb.ABORT), hosts)) == (
        f"Nothing that this bot was asked for is under way in production.\n{told}"
    )


def test_where_nobody_is_at_it_there_is_nothing_to_abort() -> None:
    hosts = [
        shipper.HostStatus(host_name=A, at=NOW),
        shipper.HostStatus(host_name=B, at=NOW, problem="b.example: no route"),
    ]
    assert read(aborting.nothing(a_request(Verb.ABORT), hosts)) == (
        "Nothing that this bot was asked for is under way in production.\n"
        "❌ b.example: no route\n"
        "Nobody holds the lock: nothing changes what serves there."
    )


def test_somebody_is_told_who_they_are_and_what_they_may() -> None:
    assert read(asking.whoami(DEPLOYER, ["production"])) == (
        "You are ann, number 1. You may:\n"
        "production: deployer\n"
        "staging: nothing\n"
        "In this chat only what is about production."
    )


def test_help_tells_the_commands_that_one_may_use() -> None:
    viewer = replace(DEPLOYER, ranks={"production": frozenset({Rank.VIEWER})})
    assert read(asking.help_for(viewer)) == (
        "What you can write\n"
        "/plan [environment] [SHA|latest]\n"
        "   shows what a deploy would do\n"
        "/status [environment]\n"
        "   what serves, and whether it is well\n"
        "/releases [environment]\n"
        "   which releases there are, and which serves\n"
        "/history [environment]\n"
        "   who changed what, and when\n"
        "/logs [environment] role [lines] [what to find]\n"
        "   what the containers of a role wrote last\n"
        "/env [environment]\n"
        "   names of variables and files that a deploy would give\n"
        "/whoami\n"
        "   your number, and what you may\n"
        "\n"
        "What you leave out is asked for, with buttons."
    )


CONFIG = Config.model_validate(
    {
        "environments": {"production": {}, "staging": {"destination": "staging"}},
        "people": {
            "ann": {"id": 1, "may": "admin"},
            "bob": {"id": 2, "may": {"production": "viewer", "staging": "deployer"}},
        },
        "chats": [
            {"id": -5, "topic": 3, "environments": ["production"]},
            {"id": -5, "topic": 4, "environments": ["production"]},
        ],
    }
)


def offered(user_id: int, chat_id: int | None) -> list[str]:
    """In a private chat, where there is no other."""
    for menu in menus(CONFIG):
        scope = menu.scope
        if isinstance(menu, SetMyCommands) and (
            (getattr(scope, "chat_id", None), getattr(scope, "user_id", None))
            == ((user_id, None) if chat_id is None else (chat_id, user_id))
        ):
            return [command.command for command in menu.commands]
    return []


LOOKS = ["status", "releases", "history", "logs", "env"]


def test_a_menu_has_what_one_may_do_somewhere_in_that_chat() -> None:
    everything = ["deploy", "plan", "rollback", "abort", *LOOKS, "lock", "unlock", "restart", "whoami", "help"]
    assert offered(1, None) == offered(2, None) == offered(1, -5) == everything
    assert offered(2, -5) == ["plan", *LOOKS, "whoami", "help"]


def test_everybody_else_has_no_menu() -> None:
    scopes = [menu.scope.type for menu in menus(CONFIG) if isinstance(menu, DeleteMyCommands) and menu.scope]
    assert scopes == ["default", "all_private_chats", "all_group_chats", "all_chat_administrators"]
