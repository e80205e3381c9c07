"""What a run of GitHub Actions is told: annotations, groups, and the summary of the job."""

import re
from dataclasses import replace
from typing import Any

import pytest

from shipper.errors import BuildError, ConfigError
from shipper.events import Ended, Event, Planned, StepFinished, StepProgressed, StepStarted, Warned
from shipper.model.observed import Serving
from shipper.model.outcome import Deployed, Unchanged
from shipper.reporters.github import GithubReporter, command, error_commands, harmless
from shipper.reporters.summary import summary
from shipper.reporters.timeline import Span
from tests.unit.nouns import FIRST, SECOND, A, a_container, a_facts, a_failure, a_release

WEB: dict[str, Any] = {"host_name": A, "role_name": "web"}
HERE: dict[str, Any] = {"host_name": "here", "role_name": ""}
PLANNED = Planned(service="shop", lines=("shop: release 2", "here  build    shop"), facts=a_facts())


def written(*events: Event, quiet: bool = False) -> tuple[list[str], str]:
    """The lines of the log, and the summary."""
    lines: list[str] = []
    summaries: list[str] = []
    with GithubReporter(lines.append, summaries.append, verbose=False, quiet=quiet) as report:
        for event in events:
            report(event)
    return lines, "".join(summaries)


def test_the_plan_and_each_part_of_the_work_have_a_group_that_ends_before_the_outcome() -> None:
    lines, _ = written(
        PLANNED,
        StepStarted(step="build", because="", **HERE),
        StepProgressed(step="build", done=0, total=0, unit="line", detail="Step 1/2", **HERE),
        StepFinished(step="build", seconds=1, **HERE),
        StepStarted(step="start", because="", **WEB),
        StepFinished(step="start", seconds=1, **WEB),
        StepStarted(step="check", because="", **WEB),
        Ended(service="shop", outcome=Deployed(release=a_release(2), seconds=1.5)),
    )

    assert [line for line in lines if line.startswith("::")] == [
        *("::group::shop: release 2", "::endgroup::"),
        *("::group::build", "::endgroup::"),
        *("::group::on the servers", "::endgroup::"),
    ]
    assert lines[-1] == "shop: release 2 of 1111111 serves, after 1.5 s."


def test_a_group_is_closed_though_an_error_comes_between() -> None:
    lines, _ = written(StepStarted(step="build", because="", **HERE))

    assert lines[-1] == "::endgroup::"


def test_a_failure_is_an_annotation_with_its_reason_and_its_last_lines() -> None:
    failure = a_failure(logs=("100% sure", "FATAL"))

    lines, _ = written(PLANNED, Ended(service="shop", outcome=failure), quiet=True)

    assert lines[-1].startswith(
        "::error title=shop%3A failed at check web on a.example.::Reason: shop-web-r2-0bbb did not"
    )
    assert "%0A  | 100%25 sure%0A  | FATAL%0A" in lines[-1]
    assert lines[0] == "shop: failed at check web on a.example."


def test_a_warning_is_an_annotation() -> None:
    assert written(Warned(text="one\ntwo"))[0] == ["::warning title=shipper::one%0Atwo"]


def test_a_command_carries_any_text() -> None:
    assert command("error", "50%: a,b\r\nc", file="a,b:c%.yaml") == "::error file=a%2Cb%3Ac%25.yaml::50%25: a,b%0D%0Ac"


def test_each_mistake_of_a_config_is_shown_at_its_line() -> None:
    error = ConfigError(
        "config/deploy.yaml:8: roles.web: one\nconfig/deploy.staging.yaml:1: two", now="Nothing was done."
    )

    assert list(error_commands(error, "shop/")) == [
        "::error title=shipper,file=shop/config/deploy.yaml,line=8::config/deploy.yaml:8: roles.web: one",
        "::error title=shipper,file=shop/config/deploy.staging.yaml,line=1::config/deploy.staging.yaml:1: two",
    ]


def test_another_error_is_told_with_what_is_true_now_and_what_to_do() -> None:
    assert list(error_commands(BuildError("It failed:\nline 2", now="Nothing was done.", next="Mend it."))) == [
        "::error title=shipper::It failed:%0Aline 2%0ANothing was done.%0AMend it."
    ]


@pytest.mark.parametrize(
    "text",
    [
        "::error::x",
        " \t::set-output name=a::b",
        "\u2003::stop-commands::x",
        "Reason: x\n::add-mask::e",
        "one\r::error::two",
        "x ##[add-mask]e",
        "##[group]x",
    ],
)
def test_what_others_wrote_is_no_command(text: str) -> None:
    lines = re.split(r"\r\n|\r|\n", harmless(text))

    assert not any(line.lstrip().startswith("::") or "##[" in line for line in lines)


def test_what_is_no_command_stays_as_it_is() -> None:
    text = "std::vector<int> is fine\n  | ::error:: too\n#[derive] ##"

    assert harmless(text) == text


def test_the_summary_of_a_failure_tells_the_reason_what_serves_and_the_last_lines() -> None:
    failure = a_failure(
        reason="<b> | `no` _database_",
        logs=("```", "</details>"),
        serving=(Serving(host_name=A, role_name="web", container=a_container()),),
    )
    spans = [Span(what=f"{A} web check", begun=2, seconds=30.5), Span(what="here build", begun=0, seconds=1.25)]

    text = summary(Ended(service="shop", outcome=failure), PLANNED, spans)

    assert text.splitlines()[0] == "### ❌ shop: failed at check web on a.example."
    assert r"**Reason:** \<b\> \| \`no\` \_database\_" in text
    assert "- web on a.example: release 1 of 1111111" in text
    assert "````text\n```\n</details>\n````" in text
    assert "| here build | 0.00 s | 1.25 s |\n| a.example web check | 2.00 s | 30.50 s |" in text
    assert "deploy of 2222222, instead of release 1 of 1111111, by ann@laptop" in text


def test_the_summary_of_a_success_tells_what_serves() -> None:
    text = summary(Ended(service="shop", outcome=Deployed(release=a_release(2), seconds=1.5)), PLANNED, [])

    assert "Serves now: release 2 of 1111111 on a.example, b.example" in text


@pytest.mark.parametrize(
    ("facts", "links"),
    [
        ({}, f"[commit](C/commit/{SECOND}) · [what is new](C/compare/{FIRST}...{SECOND})"),
        ({"command": "rollback"}, f"[commit](C/commit/{SECOND}) · [what is taken back](C/compare/{SECOND}...{FIRST})"),
        ({"replaces_version": "", "replaces": None}, f"[commit](C/commit/{SECOND})"),
        ({"commit": ""}, ""),
        ({"origin": "https://gitlab.com/ann/shop/-/jobs/7"}, ""),
    ],
)
def test_the_summary_links_to_what_github_shows(facts: dict[str, Any], links: str) -> None:
    planned = replace(PLANNED, facts=a_facts(**{"origin": "https://github.com/ann/shop/actions/runs/42", **facts}))

    text = summary(Ended(service="shop", outcome=Deployed(release=a_release(2), seconds=1.5)), planned, [])

    found = [line for line in text.splitlines() if line.startswith("[")]
    assert found == ([links.replace("C/", "https://github.com/ann/shop/")] if links else [])


def test_the_summary_says_that_nothing_was_done() -> None:
    text = summary(Ended(service="shop", outcome=Unchanged(release=a_release(2))), None, [])

    assert text == "### ✅ shop: release 2 of 1111111 serves already; nothing was done.\n\n"


def test_a_summary_stays_below_the_limit_of_github() -> None:
    many = tuple("é" * 1000 for _ in range(5000))
    planned = Planned(service="shop", lines=many, facts=a_facts())
    spans = [Span(what="é" * 1000, begun=0, seconds=1)] * 5000

    text = summary(Ended(service="shop", outcome=a_failure(logs=many)), planned, spans)

    assert len(text.encode()) < 1024 * 1024
    assert text.count("…\n") == 3
