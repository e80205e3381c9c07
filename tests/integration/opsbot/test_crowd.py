"""Twenty admins who press at once: the real bot answers all of them within Telegram's limits."""

import time
from pathlib import Path

from tests.integration.opsbot.gate import gate
from tests.integration.waiting import eventually

ADMINS = 20
OF_A_GROUP = 2


def test_twenty_who_press_at_once_all_see_what_came_of_it(tmp_path: Path) -> None:
    with gate(tmp_path, deployers=2 * ADMINS) as made:
        crowd = [next(made.deployers) for _ in range(ADMINS)]
        plans = [made.propose(user) for user in crowd]
        plans += [made.propose(user, made.group) for user in crowd[:OF_A_GROUP]]
        presses = [*zip([*crowd, *crowd[:OF_A_GROUP]], plans, strict=True)]
        before, began = len(made.telegram.calls), time.monotonic()

        pressed = [user.clicks("Cancel", plan) for user, plan in presses]
        again = [made.telegram.click(user, made.telegram.bot, plan, made.data(plan)) for user, plan in presses]

        assert [made.toast(query) for query in pressed] == [""] * len(presses)
        assert all(made.toast(query) for query in again)
        answered = time.monotonic() - began
        eventually(lambda: all("withdrawn" in plan.text and not plan.labels for plan in plans), "the end")

        assert answered < 5
        edits = [call for call in made.telegram.calls[before:] if call.method == "editMessageText"]
        assert len(edits) == len(plans)
        assert max(sum(one.at <= edit.at < one.at + 1 for edit in edits) for one in edits) <= 30
        assert not made.trap.knocks
        decided = made.rows("SELECT decision, count(*) FROM decisions GROUP BY decision")
        assert decided == [("withdrawn", len(plans))]
