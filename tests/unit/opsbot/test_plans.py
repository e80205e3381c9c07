"""A plan as people read it before they confirm it, compared as whole texts."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

import shipper
from opsbot.commits import Check, Checks, Commit, Comparison, Told, Verdict
from opsbot.storage.requests import Request
from opsbot.verbs import Verb
from opsbot.views import plans, refusals
from opsbot.views.pages import Page
from opsbot.views.plans import Known
from shipper.planning.changes import Change, Changes, Sign
from shipper.planning.plan import Plan, with_proof
from shipper.planning.promotion import Proof, Waiver
from tests.unit.nouns import BEGUN, FIRST, SECOND, A, B, a_config, a_host
from tests.unit.opsbot.nouns import a_request, labels, read
from tests.unit.test_plan import plan, serving_first

UNTIL = datetime(2026, 3, 1, 12, 5, tzinfo=UTC)
TESTS = Check(name="tests", url="https://ci.example/1?a=b&c")
LINT = Check(name="<lint>", url="")
GREEN = Told(checks=Checks(verdict=Verdict.GREEN))


def a_deploy(**command: str) -> Request:
    return a_request(Verb.DEPLOY, command={"version": SECOND, **command})


def changed(made: Plan, *changes: Change, role_name: str = "web") -> Plan:
    of_role = Changes(role_name=role_name, host_names=(A,), changes=changes)
    return replace(made, changes=(*made.changes, of_role))


def page(made: Plan, known: Known | None = None, *approvers: str, request: Request | None = None) -> Page:
    asked = replace(request or a_deploy(), expires_at=UNTIL.timestamp(), fingerprint=made.fingerprint)
    made_page = plans.proposed(asked, made, known or Known(), approvers)
    assert read(made_page)
    return made_page


def test_a_plan_tells_all_that_is_worth_knowing_before_it_is_confirmed() -> None:
    config = a_config(
        roles={"web": {"hosts": [A, B]}, "worker": {"hosts": [A], "singleton": "true"}},
        release={"commands": ["migrate all"], "role": "web"},
    )
    made = changed(
        plan(serving_first(), serving_first(B, image=None), config=config),
        Change(sign=Sign.ADDED, kind="env", name="NEW_URL"),
        Change(sign=Sign.REMOVED, kind="env", name="OLD_URL"),
        Change(sign=Sign.CHANGED, kind="config", name="roles.web.memory", before="64m", after="128m"),
        Change(sign=Sign.ADDED, kind="commit", name="2222222 Faster & <nicer>"),
    )
    disks = {A: shipper.Disk(free=42_000_000_000, used_percent=63), B: shipper.Disk(free=900_000_000, used_percent=97)}

    shown = page(made, Known(told=GREEN, disks=disks))

    assert shown.text.partition("\n\n<blockquote")[0] == (
        "📋 <b>PRODUCTION</b>: deploy of 2222222\n"
        "Release 1 of 1111111 → 2 of 2222222\n"
        "Asked for by ann\n"
        "\n"
        "✅ CI: green\n"
        "\n"
        "<b>Commits</b>\n"
        "• 2222222 Faster &amp; &lt;nicer&gt;\n"
        "\n"
        "<b>Env</b> of web: +NEW_URL, -OLD_URL\n"
        "<b>Config</b>: roles.web.memory 64m → 128m\n"
        "\n"
        "<b>What happens</b>\n"
        "• web on a.example, b.example: overlap: it may run twice\n"
        "• worker on a.example: nothing of it serves\n"
        "• release step on a.example: `migrate all` within 600 s\n"
        "• image: ship shop:2222222 to b.example\n"
        "\n"
        "💾 b.example: 900.0 MB free, 97 % used\n"
        "💾 a.example: 42.0 GB free, 63 % used"
    )
    assert "<blockquote expandable><b>20 steps</b>\nb.example ship shop:2222222, because" in shown.text
    assert shown.text.endswith("</blockquote>\nTo be confirmed until 12:05 UTC.")
    assert labels(shown) == [["✅ Confirm", "Cancel"]]


def test_what_needs_approval_says_by_whom() -> None:
    shown = page(plan(serving_first()), None, "bob", "cay")

    assert shown.text.endswith("\n⏳ Waits for approval by bob or cay, until 12:05 UTC.")
    assert labels(shown) == [["✅ Approve", "Refuse"], ["Withdraw"]]


@pytest.mark.parametrize(
    ("told", "lines"),
    [
        (GREEN, ["✅ CI: green"]),
        (Told(checks=Checks(verdict=Verdict.NONE)), ["▫️ CI has said nothing of this commit"]),
        (
            Told(checks=Checks(verdict=Verdict.PENDING, waiting=(TESTS,))),
            ['⏳ CI still runs: <a href="https://ci.example/1?a=b&amp;c">tests</a>'],
        ),
        (
            Told(checks=Checks(verdict=Verdict.RED, failed=(LINT,) * 5)),
            ["❌ CI is red: &lt;lint&gt;, &lt;lint&gt;, &lt;lint&gt; and 2 more"],
        ),
        (Told(problem="GitHub answered 500 (<oops>)"), ["⚠️ GitHub answered 500 (&lt;oops&gt;)"]),
        (Told(awaits_checks=True), ["⏳ CI: asking GitHub …"]),
    ],
)
def test_the_verdict_of_ci_is_told(told: Told, lines: list[str]) -> None:
    shown = page(plan(serving_first()), Known(told=told)).text.splitlines()

    assert shown[3:][: len(lines) + 2] == ["", *lines, ""]


def test_what_is_forced_says_why() -> None:
    red = Known(told=Told(checks=Checks(verdict=Verdict.RED, failed=(TESTS,))))
    shown = page(plan(serving_first()), red, request=a_deploy(force_reason="the site is <down>"))

    assert "\n⚠️ Forced by ann: the site is &lt;down&gt;\n" in shown.text


def test_commits_are_those_that_github_compares() -> None:
    def a_commit(sha: str, subject: str) -> Commit:
        return Commit(sha=sha, subject=subject, author="Ann", at=BEGUN, url=f"https://github.example/{sha}")

    ahead = Comparison(added=3, removed=1, commits=(a_commit(SECOND, "Faster <b>"), a_commit("3" * 40, "Nicer")))
    back = Comparison(added=0, removed=1, commits=(a_commit(FIRST, "Slower"),))
    made = changed(plan(serving_first()), Change(sign=Sign.ADDED, kind="commit", name="what the images tell"))

    assert (
        "\n\n<b>3 commits</b>, 1 of what serves are not in it\n"
        f'• <a href="https://github.example/{SECOND}">2222222</a> Faster &lt;b&gt;, Ann\n'
        f'• <a href="https://github.example/{"3" * 40}">3333333</a> Nicer, Ann\n'
        "… and 1 more\n\n"
    ) in page(made, Known(told=Told(comparison=ahead))).text
    assert (
        f'\n\n<b>1 commit back</b>\n↩️ <a href="https://github.example/{FIRST}">1111111</a> Slower, Ann\n\n'
    ) in page(made, Known(told=Told(comparison=back))).text


def test_a_release_from_which_there_is_no_way_back_is_marked() -> None:
    host = serving_first()
    config = a_config(release={"commands": ["migrate"], "irreversible": "drops <users>"})
    record = replace(host.releases[0], number=2, version=SECOND, irreversible="drops <users>", replaces=1)
    made = plan(replace(host, releases=(*host.releases, record)), config=config)

    assert "\n⚠️ <b>No way back</b> from release 2: drops &lt;users&gt;\n" in page(made).text


def test_a_plan_of_nothing_says_so() -> None:
    made = plan(a_host(*serving_first().containers, releases=serving_first().releases), to=(1, FIRST))

    assert plans.shown(a_request(Verb.PLAN), made, Known()).text == (
        "📋 <b>PRODUCTION</b>: plan\nRelease 1 of 1111111 serves\nAsked for by ann\nThere is nothing to do."
    )


def test_the_largest_plan_fits_a_message() -> None:
    hosts = [f"host-{number}.example" for number in range(60)]
    roles = {f"role-{number}": {"hosts": hosts} for number in range(5)}
    names = [Change(sign=Sign.ADDED, kind="env", name=f"A_RATHER_LONG_NAME_{number}" * 3) for number in range(50)]
    subjects = [Change(sign=Sign.ADDED, kind="commit", name="&<>" * 500) for _ in range(50)]
    made = changed(plan(*(a_host(host_name=name) for name in hosts), config=a_config(roles=roles)), *names, *subjects)
    known = Known(told=Told(problem="&" * 5000), disks={name: shipper.Disk(free=1, used_percent=99) for name in hosts})

    forced = a_deploy(force_reason="<" * 5000)
    approvers = [f"approver {number}" for number in range(9)]

    shown = page(made, known, *approvers, request=forced)

    assert "more</blockquote>" in shown.text
    assert "role-4 on host-0.example, host-1.example, host-2.example and 57 more: nothing of it serves" in shown.text


def test_a_red_commit_is_refused_with_how_it_is_forced() -> None:
    refused = refusals.red(a_deploy(), Checks(verdict=Verdict.RED, failed=(TESTS,)))

    assert refused.text == (
        "❌ <b>PRODUCTION</b>: deploy of 2222222\n"
        'CI is red: <a href="https://ci.example/1?a=b&amp;c">tests</a>.\n'
        "Nothing was done. Who may force it gives the reason: <code>/deploy production 2222222 force REASON</code>"
    )
    assert not refused.buttons


def test_a_freeze_is_told_before_anybody_confirms() -> None:
    freeze = shipper.Freeze(performer="bob (Telegram)", reason="rolled back from <2>", since=BEGUN)
    refused = refusals.frozen(a_deploy(), freeze)

    assert refused.text == (
        "🧊 <b>PRODUCTION</b>: deploy of 2222222\n"
        "Deploys are frozen by bob (Telegram): rolled back from &lt;2&gt;\n"
        "Nothing was done. A rollback is possible all the same."
    )
    assert labels(refused) == [["Lift the freeze", "Try again"]]


def test_a_rollback_from_a_release_that_does_not_serve_says_what_does() -> None:
    request = a_request(Verb.ROLLBACK, command={"leaving": 2})

    assert refusals.left_already(request, {3: "<3333>", 1: "1111111"}).text == (
        "❌ <b>PRODUCTION</b>: rollback from release 2\n"
        "Release 2 does not serve any more: release 3 of &lt;3333&gt;, release 1 of 1111111 does.\n"
        "Nothing was done."
    )


def test_the_proof_of_its_image_is_told_beside_what_ci_says() -> None:
    proof = Proof(
        destination="staging",
        role_names=("web",),
        release_numbers=(12,),
        since=BEGUN - timedelta(hours=3),
        at=BEGUN,
    )
    made = with_proof(plan(serving_first()), proof)

    shown = page(made, Known(told=GREEN)).text

    assert "\n\n✅ CI: green\n✅ proven in staging: healthy there, up for 3 h, release 12\n\n" in shown
    assert shown.count("proven in staging") == 1  # it is none of the steps


def test_what_is_forced_past_staging_says_so_and_why() -> None:
    made = with_proof(plan(serving_first()), Waiver(destination="staging", reason="the site is <down>"))

    shown = page(made, request=a_deploy(force_reason="the site is <down>"))

    assert "\n\n⚠️ Not proven in staging\n⚠️ Forced by ann: the site is &lt;down&gt;\n\n" in shown.text


def test_what_is_not_proven_is_refused_with_how_it_is_forced() -> None:
    error = shipper.Unproven("2222222 is not proven in staging: web on b runs <1111111>.", next="shipper deploy -d …")

    refused = refusals.unproven(a_deploy(), error)

    assert refused.text == (
        "❌ <b>PRODUCTION</b>: deploy of 2222222\n"
        "2222222 is not proven in staging: web on b runs &lt;1111111&gt;.\n"
        "Nothing was done. Deploy it there first; who may force it gives the reason: "
        "<code>/deploy production 2222222 force REASON</code>"
    )
    assert labels(refused) == [["Try again"]]
