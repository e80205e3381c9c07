"""The bench counts round trips that follow on each other, as a link with a delay sees them."""

import itertools

import pytest

from tests.bench.meter import Meter


@pytest.fixture
def meter() -> Meter:
    return Meter(now=map(float, itertools.count()).__next__)


def test_a_question_with_its_answer_is_one_round_however_many_pieces_either_has(meter: Meter) -> None:
    for number in [meter.client_sends(10) for _ in range(3)]:
        meter.reaches_server(number)
    for number in [meter.server_sends(20) for _ in range(4)]:
        meter.reaches_client(number)
    assert (len(meter.ended), meter.bytes_up, meter.bytes_down) == (1, 30, 80)


def test_what_is_asked_after_an_answer_is_a_round_of_its_own(meter: Meter) -> None:
    for _ in range(5):
        meter.reaches_server(meter.client_sends(1))
        meter.reaches_client(meter.server_sends(1))
    assert meter.ended == [0.0, 1.0, 2.0, 3.0, 4.0]


def test_what_is_asked_before_the_answer_has_come_is_of_the_same_round(meter: Meter) -> None:
    meter.reaches_server(meter.client_sends(1))
    first_answer = meter.server_sends(1)
    second = meter.client_sends(1)
    meter.reaches_client(first_answer)
    meter.reaches_server(second)
    meter.reaches_client(meter.server_sends(1))
    assert len(meter.ended) == 1


def test_a_question_that_was_not_answered_is_no_round(meter: Meter) -> None:
    meter.reaches_server(meter.client_sends(1))
    assert meter.ended == []
