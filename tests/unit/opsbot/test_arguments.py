"""What stands behind a command, and what is made of it."""

from dataclasses import replace
from typing import Any

import pytest

from opsbot.access import Person
from opsbot.arguments import USAGE, Mistake, Reading, answered, parse
from opsbot.command import Command, Missing, Refused, What
from opsbot.verbs import Rank, Verb

ALL = ("production", "staging")
SHA = "133c5e1a" * 5
ONE = {"staging": Rank.DEPLOYER}
BOTH = {"production": Rank.DEPLOYER, "staging": Rank.DEPLOYER}


def person(**ranks: Rank) -> Person:
    return Person(id=1, name="ann", ranks={name: frozenset({ranks[name]} if name in ranks else ()) for name in ALL})


def read(command: str, ranks: dict[str, Rank] = BOTH, here: tuple[str, ...] = ALL) -> Reading:
    """By one who may deploy everywhere, if no ranks are given."""
    verb, _, text = command.removeprefix("/").partition(" ")
    return parse(Verb(verb), text, person(**ranks), here)


@pytest.mark.parametrize(
    ("command", "understood"),
    [
        ("/deploy staging latest", {"version": "latest"}),
        ("/deploy staging 133c5e1", {"version": "133c5e1"}),
        (f"/deploy staging {SHA}", {"version": SHA}),
        ("/deploy  Staging \n 133C5E1 ", {"version": "133c5e1"}),
        ("/plan staging", {"version": "latest"}),
        ("/plan staging 133c5e1", {"version": "133c5e1"}),
        ("/rollback staging 12", {"release": 12}),
        ("/rollback staging #12", {"release": 12}),
        ("/abort staging", {}),
        ("/status staging", {}),
        ("/releases staging", {}),
        ("/history staging", {}),
        ("/env staging", {}),
        ("/unlock staging", {}),
        ("/restart staging web", {"role": "web"}),
        ("/restart staging Web", {"role": "web"}),
        ("/restart staging staging", {"role": "staging"}),
        ("/logs staging web", {"role": "web"}),
        ("/logs staging web 500", {"role": "web", "lines": 500}),
        ("/logs staging web 500  not found: [0-9]+ ", {"role": "web", "lines": 500, "grep": "not found: [0-9]+"}),
        ("/logs staging web Error  5", {"role": "web", "grep": "Error  5"}),
        ("/logs staging web 500 404", {"role": "web", "lines": 500, "grep": "404"}),
        ("/lock staging the database moves", {"reason": "the database moves"}),
        ("/lock staging the database\nmoves 1.5h", {"reason": "the database moves", "seconds": 5400.0}),
        ("/lock staging moving 30M", {"reason": "moving", "seconds": 1800.0}),
        ("/lock staging 2h 2h", {"reason": "2h", "seconds": 7200.0}),
        ("/lock staging Staging is for Bob", {"reason": "Staging is for Bob"}),
    ],
)
def test_a_command_that_says_everything_is_understood(command: str, understood: dict[str, Any]) -> None:
    asked = read(command)
    assert isinstance(asked, Command)
    assert asked == Command(verb=asked.verb, environment="staging", **understood)


@pytest.mark.parametrize("verb", sorted(USAGE))
def test_with_more_than_one_environment_it_is_asked_for_and_never_guessed(verb: Verb) -> None:
    text = {Verb.LOCK: "because", Verb.DEPLOY: "latest", Verb.RESTART: "web", Verb.LOGS: "web"}.get(verb, "")
    missing = parse(verb, text, person(**BOTH), ALL)
    assert isinstance(missing, Missing)
    assert (missing.what, missing.environments, missing.command.environment) == (What.ENVIRONMENT, ALL, "")


@pytest.mark.parametrize("command", ["/deploy latest", "/deploy 133c5e1", "/lock because 2h", "/restart web", "/abort"])
def test_who_may_use_one_environment_only_need_not_name_it(command: str) -> None:
    asked = read(command, ONE)
    assert isinstance(asked, Command)
    assert asked.environment == "staging"


def test_what_counts_is_where_this_verb_is_allowed() -> None:
    ranks = {"production": Rank.VIEWER, "staging": Rank.DEPLOYER}
    deploy, status = read("/deploy latest", ranks), read("/status", ranks)
    assert isinstance(deploy, Command)
    assert deploy.environment == "staging"
    assert isinstance(status, Missing)


def test_in_a_chat_about_one_environment_it_is_still_asked_for_with_that_one_to_choose() -> None:
    missing = read("/deploy latest", here=("production",))
    assert isinstance(missing, Missing)
    assert (missing.what, missing.environments) == (What.ENVIRONMENT, ("production",))


@pytest.mark.parametrize(
    ("command", "what"),
    [
        ("/deploy staging", What.VERSION),
        ("/rollback staging", What.RELEASE),
        ("/logs staging", What.ROLE),
        ("/restart staging", What.ROLE),
        ("/deploy", What.ENVIRONMENT),
    ],
)
def test_what_else_is_missing_is_asked_for(command: str, what: What) -> None:
    missing = read(command)
    assert isinstance(missing, Missing)
    assert missing.what == what


def test_one_answer_after_the_other_makes_it_whole() -> None:
    them = person(**BOTH)
    first = read("/logs")
    assert isinstance(first, Missing)
    second = answered(first, "production", them, ALL)
    assert isinstance(second, Missing)
    assert second.what == What.ROLE
    assert answered(second, "web", them, ALL) == Command(verb=Verb.LOGS, environment="production", role="web")


@pytest.mark.parametrize(
    ("command", "answer", "understood"),
    [
        ("/deploy staging", "133c5e1", {"version": "133c5e1"}),
        ("/deploy staging", "latest", {"version": "latest"}),
        ("/rollback staging", "12", {"release": 12}),
        ("/restart staging", "web", {"role": "web"}),
    ],
)
def test_an_answer_is_read_as_it_would_be_in_the_command(command: str, answer: str, understood: dict[str, Any]) -> None:
    missing = read(command)
    assert isinstance(missing, Missing)
    assert answered(missing, answer, person(**BOTH), ALL) == replace(missing.command, **understood)


def test_an_answer_that_makes_no_sense_is_a_mistake() -> None:
    missing = read("/rollback staging")
    assert isinstance(missing, Missing)
    mistake = answered(missing, "the last one", person(**BOTH), ALL)
    assert mistake == Mistake(complaint='"the last one" is not the number of a release', usage=USAGE[Verb.ROLLBACK])


def test_an_answer_cannot_name_what_they_may_not() -> None:
    missing = read("/deploy latest")
    assert isinstance(missing, Missing)
    them = person(production=Rank.VIEWER, staging=Rank.DEPLOYER)  # as of now
    assert answered(missing, "production", them, ALL) == Refused(verb=Verb.DEPLOY, environment="production")
    assert answered(missing, "elsewhere", them, ALL) == Refused(verb=Verb.DEPLOY, environment="elsewhere")


@pytest.mark.parametrize(
    ("command", "ranks", "refused"),
    [
        ("/deploy production latest", ONE, Refused(verb=Verb.DEPLOY, environment="production")),
        ("/deploy latest", {"staging": Rank.VIEWER}, Refused(verb=Verb.DEPLOY)),
        ("/status", {}, Refused(verb=Verb.STATUS)),
        ("/deploy staging latest force now", BOTH, Refused(verb=Verb.FORCE, environment="staging")),
    ],
)
def test_what_they_may_not_is_refused(command: str, ranks: dict[str, Rank], refused: Refused) -> None:
    assert read(command, ranks) == refused


def test_what_they_may_in_another_chat_is_refused_as_that() -> None:
    refused = read("/deploy production latest", here=("staging",))
    assert refused == Refused(verb=Verb.DEPLOY, environment="production", is_elsewhere=True)
    assert read("/deploy latest", here=()) == Refused(verb=Verb.DEPLOY, is_elsewhere=True)


def test_an_admin_may_force_with_a_reason() -> None:
    asked = read("/deploy staging latest FORCE the test is  flaky", {"staging": Rank.ADMIN})
    assert asked == Command(verb=Verb.DEPLOY, environment="staging", version="latest", force_reason="the test is flaky")


@pytest.mark.parametrize(
    ("command", "complaint"),
    [
        ("/deploy stagin latest", '"stagin" is no commit (7 to 40 digits of its SHA, or latest), and no environment; '
         'did you mean "staging"?'),
        ("/deploy main", '"main" is no commit (7 to 40 digits of its SHA, or latest), and no environment either: '
         "production, staging"),
        ("/deploy staging main", '"main" is no commit (7 to 40 digits of its SHA, or latest)'),
        ("/deploy staging 133c5e", '"133c5e" is no commit (7 to 40 digits of its SHA, or latest)'),
        (f"/deploy staging {SHA}0", f'"{SHA}0" is no commit (7 to 40 digits of its SHA, or latest)'),
        ("/deploy staging latest please", '"please" is one word too many: only force may follow, with a reason'),
        ("/deploy staging latest force", "force needs a reason behind it, which is recorded"),
        ("/plan staging latest now", '"now" is one word too many'),
        ("/status stagin", '"stagin" is one word too many, and no environment; did you mean "staging"?'),
        ("/status staging now", '"now" is one word too many'),
        ("/rollback prodution", '"prodution" is not the number of a release, and no environment; '
         'did you mean "production"?'),
        ("/rollback staging -1", '"-1" is not the number of a release'),
        ("/rollback staging 133c5e1", '"133c5e1" is not the number of a release'),
        ("/restart staging web bot", '"bot" is one word too many'),
        ("/restart staging ../web", '"../web" cannot be the name of a role'),
        ("/logs staging web 0", "0 lines cannot be had: 1 to 10000"),
        ("/logs staging web 10001", "10001 lines cannot be had: 1 to 10000"),
        ("/logs staging web (", '"(" is no regular expression: missing ), unterminated subpattern'),
        ("/lock staging", "a lock needs a reason, which is shown to whoever wants to deploy"),
        ("/lock staging 2h", "a lock needs a reason, which is shown to whoever wants to deploy"),
    ],
)  # fmt: skip
def test_what_makes_no_sense_is_told_with_the_usage(command: str, complaint: str) -> None:
    mistake = read(command)
    assert isinstance(mistake, Mistake)
    assert mistake.complaint == complaint
    assert mistake.usage.split()[0] == command.split()[0]
