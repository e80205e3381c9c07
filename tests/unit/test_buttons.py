"""Signed buttons: only what we made, for this service in this chat, and not for ever."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from shipper.model.secret import Secret
from shipper.notify.buttons import MOST_BYTES, Button, sign_button, verify_button
from tests.unit.nouns import BEGUN

TOKEN, CHAT = Secret("7000000001:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"), -1001234567890
ROLL_BACK = Button(verb="roll-back", argument="42", until=BEGUN + timedelta(hours=24))
DATA = sign_button(ROLL_BACK, token=TOKEN, service="shop-staging", chat_id=CHAT)


def verified(data: str = DATA, *, seconds: float = 0, **changed: Any) -> Button | None:
    given = {"token": TOKEN, "service": "shop-staging", "chat_id": CHAT, **changed}
    return verify_button(data, now=BEGUN + timedelta(seconds=seconds), **given)


def test_what_was_signed_is_read_again_until_it_is_over() -> None:
    assert verified() == ROLL_BACK
    assert verified(seconds=24 * 3600 - 1) == ROLL_BACK
    assert verified(seconds=24 * 3600) is None


def test_a_button_says_what_it_does_and_not_what_its_key_is() -> None:
    assert DATA.startswith("roll-back:42:")
    assert len(DATA) < MOST_BYTES
    assert TOKEN.reveal()[-8:] not in DATA


@pytest.mark.parametrize(
    "changed",
    [{"chat_id": CHAT - 1}, {"service": "shop"}, {"token": Secret("7000000001:B")}],
    ids=lambda each: next(iter(each)),
)
def test_in_another_chat_for_another_service_or_of_another_bot_it_is_void(changed: dict[str, Any]) -> None:
    assert verified(**changed) is None


@pytest.mark.parametrize(
    "forged",
    [
        DATA.replace("42", "41"),
        DATA.replace("roll-back", "deploy"),
        DATA[:-1] + ("A" if DATA[-1] != "A" else "B"),
        DATA.replace(":", "", 1),
        DATA.rpartition(":")[0],
        DATA + "A",
        DATA + "\n",
        DATA.replace("42", "4²"),
        "roll-back:42:zzzzzzzz:é" + "A" * 15,
        DATA.replace("42", "\ud800"),
        "",
        "x" * 64,
    ],
)
def test_what_was_changed_in_any_place_is_void(forged: str) -> None:
    assert verified(forged) is None


def test_an_argument_may_hold_what_stands_between_the_parts() -> None:
    button = replace(ROLL_BACK, argument="a:b:c")
    assert verified(sign_button(button, token=TOKEN, service="shop-staging", chat_id=CHAT)) == button


@pytest.mark.parametrize("button", [replace(ROLL_BACK, argument="4" * 33), replace(ROLL_BACK, verb="Roll:back")])
def test_what_telegram_would_refuse_or_nobody_could_read_again_is_not_signed(button: Button) -> None:
    with pytest.raises(ValueError, match="nothing that a button can carry"):
        sign_button(button, token=TOKEN, service="shop-staging", chat_id=CHAT)
