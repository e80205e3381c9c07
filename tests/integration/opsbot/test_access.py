"""Who is not heard, and which buttons do nothing: no server is asked, and no request changes."""

import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

import shipper
from opsbot.handlers.access import TOO_FAST
from opsbot.handlers.buttons import LATE
from opsbot.handlers.pressed import NOT_YOURS, OLD
from opsbot.keys import Keys
from opsbot.views.pages import Button, Page, Press
from tests.fakes.telegram import Chat, Message, Query, User
from tests.integration.opsbot.gate import COMMIT, Gate, gate

ANONYMOUS = {"id": 1087968824, "is_bot": True, "first_name": "Group", "username": "GroupAnonymousBot"}
CHANNELS = {"id": 777000, "is_bot": False, "first_name": "Telegram"}
DEPLOY = f"/deploy production {COMMIT}"


@pytest.fixture(scope="module", name="gate")
def shared_gate(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gate]:
    with gate(tmp_path_factory.mktemp("gate"), deployers=50) as made:
        yield made


def is_untouched(gate: Gate, plan: Message) -> bool:
    """And can still be confirmed."""
    return gate.phase(plan) == "proposed" and plan.labels == ["Confirm", "Cancel"]


def press(gate: Gate, who: User, on: Message, data: str, **told: Any) -> Query:
    return gate.telegram.click(who, gate.telegram.bot, on, data, **told)


def silence(gate: Gate, chat: Chat, user: User) -> None:
    """Nothing was said, and nothing is asked for."""
    gate.heard()
    assert not chat.from_bots
    assert not gate.requests_of(user)


@pytest.fixture
def nobody_knocks(gate: Gate) -> Iterator[None]:
    """No server is asked."""
    before = gate.trap.knocks
    yield
    assert gate.trap.knocks == before


def test_a_press_of_whoever_asked_is_heard(gate: Gate) -> None:
    """Else what follows would prove nothing."""
    deployer = next(gate.deployers)
    plan = gate.propose(deployer)

    assert gate.toast(deployer.clicks("Confirm", plan)) == ""

    plan.chat.wait_until(lambda: gate.trap.knocks, "a connection to the server")
    plan.chat.wait_until(lambda: gate.phase(plan) == "over", "the end of it")


@pytest.mark.usefixtures("nobody_knocks")
class TestCommands:
    def test_a_stranger_gets_silence_and_is_counted_by_number(self, gate: Gate) -> None:
        before = gate.strangers()
        gate.stranger.sends_text(DEPLOY)
        gate.stranger.sends_text("/whoami", chat=gate.group)
        silence(gate, gate.stranger.chat, gate.stranger)
        assert gate.strangers() == before + 2
        assert gate.tells_of_stranger(gate.stranger.id, gate.stranger.chat)
        assert gate.tells_of_stranger(gate.stranger.id, gate.group)

    @pytest.mark.parametrize(
        "told",
        [
            pytest.param({"from": ANONYMOUS, "sender_chat": {"id": -1, "type": "supergroup"}}, id="an anonymous admin"),
            pytest.param({"from": CHANNELS, "sender_chat": {"id": -2, "type": "channel"}}, id="a channel"),
            pytest.param({"sender_chat": {"id": -2, "type": "channel"}}, id="one in the name of a channel"),
            pytest.param({"from": None}, id="nobody"),
        ],
    )
    def test_who_hides_in_a_group_is_a_stranger(self, gate: Gate, told: dict[str, Any]) -> None:
        deployer, chat = next(gate.deployers), gate.group
        before = gate.strangers()
        deployer.sends_text(DEPLOY, chat=chat, **told)
        silence(gate, chat, deployer)
        assert gate.strangers() == before + 1
        assert gate.tells_of_stranger(None, chat)

    def test_a_bot_is_a_stranger_though_its_number_be_known(self, gate: Gate) -> None:
        deployer = next(gate.deployers)
        before = gate.strangers()
        told: dict[str, Any] = {"from": {**deployer.as_json(), "is_bot": True}}
        deployer.sends_text(DEPLOY, **told)
        silence(gate, deployer.chat, deployer)
        assert gate.strangers() == before + 1
        assert gate.tells_of_stranger(None, deployer.chat)

    def test_a_known_one_is_not_heard_in_an_unlisted_group_or_topic(self, gate: Gate) -> None:
        deployer = next(gate.deployers)
        before = gate.strangers()
        deployer.sends_text(DEPLOY, chat=gate.unlisted)
        deployer.sends_text(DEPLOY, chat=gate.forum, message_thread_id=8, is_topic_message=True)
        deployer.sends_text(DEPLOY, chat=gate.forum)
        silence(gate, gate.unlisted, deployer)
        silence(gate, gate.forum, deployer)
        assert gate.strangers() == before + 3
        assert gate.tells_of_stranger(deployer.id, gate.unlisted)
        assert gate.tells_of_stranger(deployer.id, gate.forum)

    @pytest.mark.parametrize(
        "told",
        [
            pytest.param(
                {"forward_origin": {"type": "hidden_user", "sender_user_name": "D", "date": 1}}, id="forwarded"
            ),
            pytest.param({"via_bot": {"id": 9, "is_bot": True, "first_name": "Inline"}}, id="written by an inline bot"),
        ],
    )
    def test_what_somebody_else_wrote_is_no_command(self, gate: Gate, told: dict[str, Any]) -> None:
        deployer = next(gate.deployers)
        deployer.sends_text(DEPLOY, **told)
        silence(gate, deployer.chat, deployer)

    def test_an_edited_command_and_one_for_another_bot_are_not_heard(self, gate: Gate) -> None:
        deployer, mailbox = next(gate.deployers), gate.telegram.bot.mailbox
        said = deployer.sends_text("hello", chat=gate.group)
        mailbox.post("edited_message", said.as_json() | {"text": DEPLOY, "edit_date": int(time.time())})
        other = DEPLOY.replace("/deploy", "/deploy@another_bot")
        mailbox.post("message", said.as_json() | {"text": other})  # Telegram gives it to a bot that sees all
        silence(gate, gate.group, deployer)

    def test_what_came_while_nobody_listened_is_not_done_an_hour_later(self, gate: Gate) -> None:
        deployer = next(gate.deployers)
        asked = deployer.sends_text("/unlock production", date=int(time.time()) - 3600)
        deployer.chat.wait_for_answer(asked, "nothing was done")
        assert not gate.requests_of(deployer)

    def test_a_viewer_deploys_nothing_and_that_is_noted(self, gate: Gate) -> None:
        asked = gate.viewer.sends_text(DEPLOY)
        gate.viewer.chat.wait_for_answer(asked, "You may not deploy")
        assert not gate.requests_of(gate.viewer)
        assert gate.refusals(gate.viewer)[-1] == ("production", "deploy", "not allowed")

    def test_a_deployer_of_staging_deploys_nothing_in_production(self, gate: Gate) -> None:
        stager = gate.staging_deployer
        stager.chat.wait_for_answer(stager.sends_text(DEPLOY), "You may not deploy in production")
        assert not gate.requests_of(stager)
        assert gate.refusals(stager)[-1] == ("production", "deploy", "not allowed")

    def test_a_chat_about_staging_takes_nothing_about_production(self, gate: Gate) -> None:
        deployer = next(gate.deployers)
        gate.of_staging.wait_for_answer(deployer.sends_text(DEPLOY, chat=gate.of_staging), "Not here")
        assert not gate.requests_of(deployer)
        assert gate.refusals(deployer) == [("production", "deploy", "not in this chat")]


@pytest.mark.usefixtures("nobody_knocks")
class TestButtons:
    def test_a_stranger_who_presses_gets_no_answer_and_is_counted(self, gate: Gate) -> None:
        plan = gate.propose(next(gate.deployers), gate.group)
        gate.heard()  # a stranger roused the bot for that plan, and is counted by now
        before = gate.strangers()
        pressed = gate.stranger.clicks("Confirm", plan)
        gate.heard()
        assert pressed.answer is None
        assert is_untouched(gate, plan)
        assert gate.strangers() == before + 1

    def test_only_who_asked_confirms_and_others_are_noted(self, gate: Gate) -> None:
        asker, other = next(gate.deployers), next(gate.deployers)
        plan = gate.propose(asker, gate.group)
        only = f"Only {gate.names[asker.id]} may confirm it."
        assert gate.toast(other.clicks("Confirm", plan)) == only
        assert gate.toast(other.clicks("Cancel", plan)) == NOT_YOURS
        assert gate.toast(gate.viewer.clicks("Confirm", plan)) == only
        assert is_untouched(gate, plan)
        assert gate.refusals(other) == [
            ("production", "the button confirm", only),
            ("production", "the button dismiss", NOT_YOURS),
        ]
        assert gate.refusals(gate.viewer)[-1] == ("production", "the button confirm", only)

    def test_who_may_not_deploy_any_more_confirms_nothing(self, gate: Gate) -> None:
        plan = gate.propose(gate.viewer)
        assert "may confirm it" in gate.toast(gate.viewer.clicks("Confirm", plan))
        assert is_untouched(gate, plan)

    def test_a_button_is_good_once(self, gate: Gate) -> None:
        deployer = next(gate.deployers)
        plan = gate.propose(deployer)
        presses = [press(gate, deployer, plan, gate.data(plan, "Cancel")) for _ in range(3)]
        assert [gate.toast(query) for query in presses] == ["", OLD, OLD]
        plan.chat.wait_until(lambda: "withdrawn" in plan.text, "the end")
        noted = "SELECT decision FROM decisions WHERE person_id = ?"
        assert gate.rows(noted, deployer.id) == [("withdrawn",)]

    def test_a_plan_is_not_confirmed_after_its_time(self, gate: Gate) -> None:
        deployer = next(gate.deployers)
        plan = gate.propose(deployer, expires_in=0)
        assert gate.toast(press(gate, deployer, plan, gate.data(plan))) in (OLD, LATE)

    def test_a_confirm_of_another_plan_than_the_one_on_the_screen_does_nothing(self, gate: Gate) -> None:
        deployer = next(gate.deployers)
        plan = gate.propose(deployer)
        number = gate.rows("SELECT id FROM requests WHERE person_id = ?", deployer.id)[0][0]
        earlier = signed(gate.keys, plan.chat, Press.CONFIRM, f"{number}.00000000")
        assert gate.toast(press(gate, deployer, plan, earlier)) == OLD
        assert is_untouched(gate, plan)

    def test_what_was_signed_for_one_chat_or_message_is_void_in_others(self, gate: Gate) -> None:
        deployer = next(gate.deployers)
        here, there = gate.propose(deployer), gate.propose(deployer, gate.group)
        assert gate.toast(press(gate, deployer, there, gate.data(here))) == OLD
        another = gate.propose(deployer)
        assert gate.toast(press(gate, deployer, another, gate.data(here))) == OLD
        assert all(is_untouched(gate, plan) for plan in (here, there, another))

    def test_a_forwarded_copy_has_no_buttons_that_are_good(self, gate: Gate) -> None:
        deployer = next(gate.deployers)
        plan = gate.propose(deployer)
        copy = deployer.forwards(plan)
        assert gate.toast(press(gate, deployer, copy, gate.data(plan))) == OLD
        back = signed(gate.keys, plan.chat, Press.ROLL_BACK, "1")  # needs no request, so its message alone can tell
        assert gate.toast(press(gate, deployer, copy, back)) == OLD
        assert is_untouched(gate, plan)
        assert gate.requests_of(deployer) == 1

    def test_data_that_we_did_not_sign_is_void(self, gate: Gate) -> None:
        deployer = next(gate.deployers)
        plan = gate.propose(deployer)
        data = gate.data(plan)
        other_bot = Keys(shipper.Secret("7:another"), {"production": "gated", "staging": "gated-staging"})
        number = data.split(":")[1]
        forged = [
            data[:-1] + ("A" if data[-1] != "A" else "B"),
            data.replace("confirm", "abort", 1),
            data.replace(f":{number}:", f":{number}0:", 1),
            signed(other_bot, plan.chat, Press.CONFIRM, number),
            signed(gate.keys, plan.chat, Press.CONFIRM, number, "staging"),
            f"confirm:{number}",
            f"v0|confirm|{number}",
            "confirm::zzzzzzzz:" + "A" * 16,
            "\ud800" * 8,
            "é\n\x00",
            "",
        ]
        presses = [press(gate, deployer, plan, each) for each in forged]
        assert [gate.toast(query) for query in presses] == [OLD] * len(forged)
        assert is_untouched(gate, plan)

    def test_a_button_that_is_over_is_void(self, gate: Gate) -> None:
        deployer = next(gate.deployers)
        plan = gate.propose(deployer)
        number = gate.data(plan).split(":")[1]
        over = signed(gate.keys, plan.chat, Press.CONFIRM, number, at=datetime.now(UTC) - timedelta(days=8))
        assert gate.toast(press(gate, deployer, plan, over)) == OLD
        assert is_untouched(gate, plan)

    @pytest.mark.parametrize("tells", ["number", "nothing"])
    def test_of_a_message_that_telegram_tells_nothing_of_the_button_is_old(self, gate: Gate, tells: str) -> None:
        deployer = next(gate.deployers)
        plan = gate.propose(deployer)
        assert gate.toast(press(gate, deployer, plan, gate.data(plan), tells=tells)) == OLD
        pressed = press(gate, gate.stranger, plan, gate.data(plan), tells=tells)
        gate.heard()
        assert pressed.answer is None
        assert is_untouched(gate, plan)

    def test_a_plan_for_production_in_a_chat_that_is_about_staging_by_now_is_not_confirmed(self, gate: Gate) -> None:
        deployer = next(gate.deployers)
        plan = gate.propose(deployer, gate.of_staging)
        assert gate.toast(press(gate, deployer, plan, gate.data(plan))) == OLD
        assert is_untouched(gate, plan)

    def test_refusals_are_counted(self, gate: Gate) -> None:
        deployer = next(gate.deployers)
        plan = gate.propose(deployer)
        gate.toast(press(gate, deployer, plan, "nonsense"))
        old = [line for line in gate.bot.logged if line["event"] == "old_button"]
        assert old[-1]["user_id"] == deployer.id
        assert old[-1]["name"] == gate.names[deployer.id]


def test_who_hammers_is_told_once_and_each_press_is_answered(tmp_path_factory: pytest.TempPathFactory) -> None:
    with gate(tmp_path_factory.mktemp("hammered"), deployers=2, per_minute=5) as made:
        deployer, chatty = next(made.deployers), made.viewer
        plan = made.propose(deployer, made.group)
        presses = [press(made, deployer, plan, "nonsense") for _ in range(8)]
        assert [made.toast(query) for query in presses] == [OLD] * 5 + [TOO_FAST] * 3

        for _ in range(6):
            deployer.sends_text(DEPLOY)
        made.heard()
        assert ["Too many commands" in said.text for said in deployer.chat.from_bots] == [True]
        assert made.requests_of(deployer) == 1

        made.telegram.bot.sees_all_in_groups = True
        for _ in range(10):
            chatty.sends_text("What people say to each other is no command", chat=made.group)
        chatty.chat.wait_for_answer(chatty.sends_text("/whoami"), "viewer")


def signed(
    keys: Keys, chat: Chat, what: Press, about: str, environment: str = "production", at: datetime | None = None
) -> str:
    page = Page(text="", buttons=((Button(label="", press=what, about=about),),))
    return keys.view(page, chat.id, environment, at or datetime.now(UTC)).keyboard[0][0][1]
