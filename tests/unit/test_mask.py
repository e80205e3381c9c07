import base64
import json
import urllib.parse
from dataclasses import replace

import pytest

from shipper.env.mask import Mask, masking
from shipper.errors import EngineError, GateFailed, ShipperError
from shipper.events import Ended, Event, Output, Planned, StepFailed
from shipper.model.observed import Serving
from shipper.model.secret import Secret
from tests.unit.nouns import A, a_container, a_facts, a_failure, env

SECRET = "p@ss/w0rd?&+é ~"
KEY = "-----BEGIN KEY-----\nMIIEvQIBADAN\nshort\n  bGluZSB0d28=\n-----END KEY-----\n"


def masked(text: str, *secrets: str) -> str:
    mask = Mask()
    mask.add(map(Secret, secrets))
    return mask(text)


def test_a_mask_without_secrets_changes_nothing() -> None:
    assert Mask()("all as it was") == "all as it was"


@pytest.mark.parametrize(
    "form",
    [
        SECRET,
        urllib.parse.quote(SECRET),
        urllib.parse.quote(SECRET, safe=""),
        urllib.parse.quote_plus(SECRET),
        urllib.parse.urlencode({"": SECRET})[1:],
        json.dumps(SECRET)[1:-1],
    ],
)
def test_a_secret_is_masked_however_it_is_written(form: str) -> None:
    assert masked(f"before {form} after", SECRET) == "before ••• after"


@pytest.mark.parametrize("secret", ["hush-hush", "hush-hush-", "hush-hush-h", "??>>hush~~"])
def test_a_secret_in_base64_is_masked_with_and_without_its_padding(secret: str) -> None:
    encoded = base64.b64encode(secret.encode()).decode()
    safe = base64.urlsafe_b64encode(secret.encode()).decode()
    said = masked(f"{encoded} {safe} {encoded.rstrip('=')}", secret)
    assert said.replace("=", "") == "••• ••• •••"


def test_a_quoted_secret_is_masked_in_json() -> None:
    said = masked(json.dumps({"password": 'say "hush"\\now'}), 'say "hush"\\now')
    assert said == '{"password": "•••"}'


def test_a_secret_is_masked_wherever_it_stands_in_a_text() -> None:
    assert masked("hush-hush,xhush-hushx\nhush-hush", "hush-hush") == "•••,x•••x\n•••"


def test_a_secret_is_masked_without_the_blanks_around_it() -> None:
    assert masked("the token is t0ken.", "t0ken\n") == "the token is •••."


def test_a_long_secret_leaves_no_rest_where_a_short_one_is_its_beginning() -> None:
    assert masked("url: hush-hush-hush", "hush", "hush-hush-hush") == "url: •••"


def test_secrets_that_come_one_after_the_other_are_all_masked() -> None:
    mask = Mask()
    mask.add([Secret("first-one")])
    mask.add([Secret("second-one")])
    assert mask("first-one, second-one") == "•••, •••"


def test_a_secret_with_signs_of_a_pattern_is_taken_as_it_stands() -> None:
    assert masked("a.c+ abcc", "a.c+") == "••• abcc"


@pytest.mark.parametrize("secret", ["", "1", "no", "abc"])
def test_a_value_too_short_to_be_secret_would_hide_the_log_so_it_is_left(secret: str) -> None:
    assert masked("abc no 1 on node-1", secret) == "abc no 1 on node-1"


def test_a_secret_of_several_lines_is_masked_as_a_whole() -> None:
    assert masked(f"key: {KEY}end", KEY) == "key: •••end"


def test_each_long_line_of_a_secret_is_masked_alone() -> None:
    assert masked("| MIIEvQIBADAN |   bGluZSB0d28= |", KEY) == "| ••• |   ••• |"


def test_a_short_line_of_a_secret_is_left() -> None:
    assert masked("a short line", KEY) == "a short line"


@pytest.mark.parametrize("form", [KEY, json.dumps(KEY)[1:-1], urllib.parse.quote(KEY, safe=""), repr(KEY)[1:-1]])
def test_a_secret_of_several_lines_is_masked_when_it_is_written_in_one(form: str) -> None:
    assert masked(f"<{form}>", KEY) == "<•••>"


# Events and errors


FAILED = a_failure(
    reason="GET /up → 500 bad password hush-hush",
    logs=("starting", "hush-hush was refused"),
    serving=(Serving(host_name=A, role_name="web", container=a_container(address="hush-hush")),),
    next="shipper logs --grep hush-hush",
)


@pytest.mark.parametrize(
    ("event", "expected"),
    [
        (Output(step="build", line="token=hush-hush"), Output(step="build", line="token=•••")),
        (
            Planned(service="shop", lines=("shop", "start hush-hush"), facts=a_facts()),
            Planned(service="shop", lines=("shop", "start •••"), facts=a_facts()),
        ),
        (
            StepFailed(step="check", host_name=A, role_name="web", seconds=1.5, reason="said hush-hush"),
            StepFailed(step="check", host_name=A, role_name="web", seconds=1.5, reason="said •••"),
        ),
        (
            Ended(service="shop", outcome=FAILED),
            Ended(
                service="shop",
                outcome=replace(
                    FAILED,
                    reason="GET /up → 500 bad password •••",
                    logs=("starting", "••• was refused"),
                    serving=(Serving(host_name=A, role_name="web", container=a_container(address="•••")),),
                    next="shipper logs --grep •••",
                ),
            ),
        ),
    ],
)
def test_every_text_of_an_event_is_masked_and_all_else_is_kept(event: Event, expected: Event) -> None:
    told: list[Event] = []
    with masking(told.append) as (tell, mask):
        mask.add(env(TOKEN="hush-hush").values())
        tell(event)
    assert told == [expected]


def raise_behind_a_mask(error: ShipperError) -> None:
    with masking(lambda event: None) as (_, mask):
        mask.add(env(TOKEN="hush-hush").values())
        raise error


def test_an_error_that_passes_is_masked_in_all_its_parts() -> None:
    with pytest.raises(EngineError) as caught:
        raise_behind_a_mask(EngineError("hush-hush is refused", now="hush-hush stays", next="change hush-hush"))
    assert str(caught.value) == "••• is refused\n••• stays\nchange •••"


def test_an_error_is_masked_where_its_arguments_are_shown() -> None:
    with pytest.raises(EngineError) as caught:
        raise_behind_a_mask(EngineError("hush-hush is refused"))
    assert repr(caught.value) == "EngineError('••• is refused')"


def test_the_log_lines_that_an_error_carries_are_masked() -> None:
    with pytest.raises(GateFailed) as caught:
        raise_behind_a_mask(GateFailed("it exited", logs=("starting", "bad token hush-hush")))
    assert caught.value.logs == ("starting", "bad token •••")


# Secret


@pytest.mark.parametrize(
    "shown",
    [
        repr(Secret("hush-hush")),
        str(Secret("hush-hush")),
        f"{Secret('hush-hush')}",
        "%s %r" % (Secret("hush-hush"), Secret("hush-hush")),  # noqa: UP031 — logging formats in this way
        repr({"TOKEN": Secret("hush-hush")}),
        repr([Secret("hush-hush")]),
    ],
)
def test_a_secret_does_not_show(shown: str) -> None:
    assert "hush" not in shown


def test_a_secret_cannot_become_json_by_accident() -> None:
    with pytest.raises(TypeError) as caught:
        json.dumps({"TOKEN": Secret("hush-hush")})
    assert "hush" not in str(caught.value)


def test_a_secret_shows_when_it_is_asked_to() -> None:
    assert Secret("hush-hush").reveal() == "hush-hush"


def test_secrets_of_one_value_are_equal() -> None:
    assert {Secret("a"), Secret("a"), Secret("b")} == {Secret("b"), Secret("a")}


def test_a_secret_is_no_text() -> None:
    assert Secret("a") != "a"


@pytest.mark.parametrize("before", ["", "u:", "user:", "ann:"])
@pytest.mark.parametrize("after", ["", "\n", "@x"])
def test_a_secret_within_something_longer_in_base64_does_not_show(before: str, after: str) -> None:
    mask = Mask()
    mask.add([Secret("correct-horse-battery")])
    encoded = base64.b64encode(f"{before}correct-horse-battery{after}".encode()).decode()

    masked = mask(encoded)

    assert "•••" in masked
    assert len(masked.replace("•••", "")) <= len(base64.b64encode(f"{before}{after}".encode())) + 4


def test_a_secret_in_a_url_with_lower_case_digits_is_masked() -> None:
    mask = Mask()
    mask.add([Secret("a/b+c=d")])

    assert mask("https://x/?key=a%2fb%2bc%3dd") == "https://x/?key=•••"
