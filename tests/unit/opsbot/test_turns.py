"""Whose turn it is."""

import itertools
from collections.abc import Sequence

import pytest

from opsbot.storage.requests import Phase, Request
from opsbot.turns import MOST_LOOKS, queued, startable
from opsbot.verbs import Verb
from tests.unit.opsbot.nouns import a_request

_PHASES = {"W": Phase.WAITING, "L": Phase.LOOKING, "P": Phase.PROPOSED, "Q": Phase.QUEUED, "A": Phase.ACTING}


def requests(told: str) -> list[Request]:
    """As in "A deploy, W status, W deploy elsewhere": the oldest first."""
    numbers = itertools.count(1)
    return [_request(next(numbers), *each.split()) for each in told.split(", ")]


def _request(number: int, phase: str, verb: str, environment: str = "production") -> Request:
    return a_request(Verb(verb), id=number, phase=_PHASES[phase], command={"environment": environment})


def numbers(found: Sequence[Request]) -> list[int]:
    return [request.id for request in found]


@pytest.mark.parametrize(
    ("told", "expected"),
    [
        pytest.param("W status, W deploy, W logs", [1, 2, 3], id="looks and plans go side by side"),
        pytest.param("A deploy, W status, W plan", [2, 3], id="what only looks waits for nobody"),
        pytest.param("Q deploy, Q deploy", [1], id="one acts at a time, the oldest first"),
        pytest.param("A deploy, Q rollback", [], id="nobody acts while another one does"),
        pytest.param("A deploy, Q deploy elsewhere", [2], id="but for another environment"),
        pytest.param("A deploy, W deploy", [], id="a plan waits for what is about to change its world"),
        pytest.param("P deploy, W deploy", [2], id="not for what nobody has confirmed yet"),
        pytest.param("W restart, Q deploy", [2], id="what was confirmed goes before what is planned"),
        pytest.param("P deploy, Q deploy", [2], id="an older one that nobody confirms is in nobody's way"),
    ],
)
def test_these_may_begin(told: str, expected: list[int]) -> None:
    assert sorted(numbers(startable(requests(told)))) == expected


def test_no_more_than_a_few_look_at_once() -> None:
    told = ", ".join(["L status"] * (MOST_LOOKS - 1) + ["W status"] * 3)

    assert numbers(startable(requests(told))) == [MOST_LOOKS]


def test_each_that_waits_knows_its_place_and_what_is_done_before() -> None:
    found = requests("A deploy, Q rollback, Q restart, W deploy, Q deploy elsewhere")

    assert [(each.request.id, each.place, each.behind.id) for each in queued(found)] == [
        (2, 1, 1),
        (3, 2, 1),
        (4, 3, 1),
    ]
