"""Who may do what, and where."""

import pytest

from opsbot.access import Person, RateLimit, Seldom, approvers, environments_for, environments_in, may, verbs_of, who
from opsbot.config import Config
from opsbot.fields import NOBODY
from opsbot.verbs import VERBS, Rank, Verb

ANN, BOB, CAY, DAN, STRANGER = 1, 2, 3, 4, 5
GROUP, TOPICS, ANOTHER = -100, -200, -300
CONFIG = Config.model_validate(
    {
        "environments": {
            "production": {},
            "staging": {"destination": "staging"},
            "preview": {"destination": "preview"},
        },
        "people": {
            "ann": {"id": ANN, "may": "admin"},
            "bob": {"id": BOB, "may": {"production": "viewer", "staging": ["deployer", "approver"]}},
            "cay": {"id": CAY, "may": {"*": "viewer", "preview": "deployer"}},
            "dan": {"id": DAN, "may": {}},
        },
        "chats": [
            {"id": GROUP},
            {"id": TOPICS, "topic": 1, "environments": ["preview"]},
            {"id": TOPICS, "topic": 7, "environments": ["staging"]},
            {"id": TOPICS, "topic": 8, "environments": ["preview", "production"]},
        ],
    }
)
LOOKING = "plan status releases history logs env"


def person(user_id: int) -> Person:
    found = who(CONFIG, user_id)
    assert found
    return found


@pytest.mark.parametrize(
    ("rank", "verbs"),
    [
        (Rank.VIEWER, LOOKING),
        (Rank.DEPLOYER, f"{LOOKING} deploy rollback restart abort lock unlock mute"),
        (Rank.APPROVER, f"{LOOKING} approve abort mute"),
        (Rank.ADMIN, f"{LOOKING} deploy rollback restart abort lock unlock mute approve force"),
    ],
)
def test_a_rank_may_this_and_nothing_else(rank: Rank, verbs: str) -> None:
    assert set(VERBS[rank]) == {Verb(name) for name in verbs.split()}


def test_everybody_who_is_listed_is_known_by_their_number() -> None:
    assert [person(user_id).name for user_id in (ANN, BOB, CAY, DAN)] == ["ann", "bob", "cay", "dan"]


@pytest.mark.parametrize("user_id", [STRANGER, 0, None, -ANN, *NOBODY])
def test_everybody_else_is_nobody(user_id: int | None) -> None:
    assert who(CONFIG, user_id) is None


def test_an_id_that_many_have_in_common_is_nobodys_even_where_a_config_gives_it_to_one() -> None:
    entry = CONFIG.people["ann"].model_copy(update={"id": 1087968824})
    assert who(CONFIG.model_copy(update={"people": {"ann": entry}}), 1087968824) is None


@pytest.mark.parametrize(
    ("user_id", "verb", "environments"),
    [
        (ANN, Verb.FORCE, "production staging preview"),
        (ANN, Verb.PLAN, "production staging preview"),
        (BOB, Verb.PLAN, "production staging"),
        (BOB, Verb.DEPLOY, "staging"),
        (BOB, Verb.APPROVE, "staging"),
        (BOB, Verb.FORCE, ""),
        (CAY, Verb.LOGS, "production staging preview"),
        (CAY, Verb.ROLLBACK, "preview"),
        (CAY, Verb.APPROVE, ""),
        (DAN, Verb.STATUS, ""),
    ],
)
def test_what_somebody_may_is_told_for_each_environment(user_id: int, verb: Verb, environments: str) -> None:
    them = person(user_id)
    assert environments_for(them, verb) == tuple(environments.split())
    assert [name for name in CONFIG.environments if may(them, name, verb)] == environments.split()


def test_nobody_may_anything_in_an_environment_that_is_not_there() -> None:
    assert not any(may(person(ANN), "prod", verb) for verb in Verb)


def test_what_somebody_asks_for_others_approve() -> None:
    assert approvers(CONFIG, "staging", ANN) == ("bob",)
    assert approvers(CONFIG, "staging", CAY) == ("ann", "bob")
    assert approvers(CONFIG, "production", ANN) == ()


def test_a_menu_has_what_somebody_may_anywhere() -> None:
    assert verbs_of(person(ANN)) == set(Verb)
    assert verbs_of(person(CAY)) == VERBS[Rank.DEPLOYER]
    assert verbs_of(person(DAN)) == set()


@pytest.mark.parametrize(
    ("chat_id", "topic", "environments"),
    [
        (ANN, None, "production staging preview"),
        (DAN, None, "production staging preview"),
        (STRANGER, None, ""),
        (GROUP, None, "production staging preview"),
        (GROUP, 7, "production staging preview"),
        (TOPICS, None, "preview"),
        (TOPICS, 7, "staging"),
        (TOPICS, 8, "production preview"),
        (TOPICS, 9, ""),
        (ANOTHER, None, ""),
        (0, None, ""),
    ],
)
def test_a_chat_takes_commands_about_these_environments(chat_id: int, topic: int | None, environments: str) -> None:
    assert environments_in(CONFIG, chat_id, topic) == tuple(environments.split())


def test_as_many_commands_as_fit_a_minute_are_taken_at_once_and_then_one_whenever_its_time_has_passed() -> None:
    limit = RateLimit(per_minute=20)
    assert [limit.allows(ANN, 1000.0) for _ in range(22)] == [True] * 20 + [False] * 2
    assert [limit.allows(ANN, 1002.9), limit.allows(ANN, 1003.0), limit.allows(ANN, 1003.1)] == [False, True, False]
    assert [limit.allows(ANN, 2000.0) for _ in range(21)] == [True] * 20 + [False]


def test_one_who_asks_too_much_takes_nothing_from_another() -> None:
    limit = RateLimit(per_minute=1)
    assert [limit.allows(user_id, 0.0) for user_id in (ANN, ANN, BOB)] == [True, False, True]


def test_a_stranger_is_named_once_an_hour_however_much_they_write() -> None:
    strangers, moments = Seldom(), (0.0, 0.1, 3599.0, 3600.0, 3601.0)
    assert [strangers.allows(STRANGER, now) for now in moments] == [True, False, False, True, False]


def test_thousands_of_strangers_are_not_all_remembered() -> None:
    strangers = Seldom()
    assert all(strangers.allows(number, 0.0) for number in range(1001))
    assert strangers.allows(0, 1.0)
    assert not strangers.allows(1000, 1.0)
