"""The stand-in for GitHub does what GitHub does, as far as our workflows go, and refuses the rest."""

import os
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.fakes.actions.expressions import NotSupported, Scope
from tests.fakes.actions.runner import GitHub, Run

CONTEXTS: dict[str, Any] = {
    "github": {"event_name": "push", "ref_name": "main"},
    "inputs": {},
    "needs": {"test": {"result": "success"}},
}


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        ("github.ref_name", "main"),
        ("inputs.environment", None),
        ("inputs.environment || github.ref_name == 'main' && 'production' || 'staging'", "production"),
        ("(inputs.environment || github.ref_name == 'main' && 'production') != 'production' && 'staging' || ''", ""),
        ("github.ref_name == 'MAIN'", True),
        ("inputs.release == ''", True),
        ("!cancelled() && needs.test.result == 'success'", True),
        ("'it''s'", "it's"),
        ("contains(github.ref_name, 'AI')", True),
        ("contains(fromJSON('[\"a\"]'), 'b')", False),
    ],
)
def test_an_expression_has_the_value_that_it_has_at_github(expression: str, value: Any) -> None:
    assert Scope(contexts=CONTEXTS).evaluate(expression) == value


@pytest.mark.parametrize(
    "expression", ["secrets.TOKEN", "hashFiles('x')", "github.ref_name == ", "github['ref']", "1 < 2", "(true", "true)"]
)
def test_what_it_does_not_know_or_may_not_be_named_there_is_an_error(expression: str) -> None:
    with pytest.raises(NotSupported):
        Scope(contexts=CONTEXTS).evaluate(expression)


@pytest.mark.parametrize(
    ("condition", "results", "holds"),
    [
        (None, ["success"], True),
        (None, ["success", "skipped"], False),
        ("github.event_name == 'push'", ["failure"], False),
        ("failure() && github.event_name == 'push'", ["failure"], True),
        ("${{ always() }}", ["failure"], True),
    ],
)
def test_an_if_that_asks_for_no_status_wants_success_of_all_before(
    condition: str | None, results: list[str], holds: bool
) -> None:
    assert Scope(contexts=CONTEXTS, results=results).holds(condition) is holds


WORKFLOW = """\
on: { push: { branches: [main] }, workflow_dispatch: { inputs: { word: { type: string } } } }
env: { WORD: "${{ inputs.word }}" }
jobs:
  first:
    runs-on: x
    timeout-minutes: 1
    outputs: { plain: "${{ steps.one.outputs.plain }}", secret: "${{ steps.one.outputs.secret }}" }
    steps:
      - uses: actions/checkout@abc
        with: { fetch-depth: 0 }
      - id: one
        env: { TOKEN: "${{ secrets.TOKEN }}" }
        run: |
          echo "plain=$GITHUB_REF_NAME $(git rev-list --count HEAD)" >>"$GITHUB_OUTPUT"
          printf 'secret<<E\\n%s\\nE\\n' "$TOKEN" >>"$GITHUB_OUTPUT"
          echo "WORD=later" >>"$GITHUB_ENV"
          echo "the token is $TOKEN, the word '$WORD', the key '$KEY'"
      - run: echo "$WORD" | tee -a "$GITHUB_STEP_SUMMARY"
  second:
    needs: first
    runs-on: x
    timeout-minutes: 1
    environment: staging
    strategy: { matrix: { of: ["1", "2"] } }
    steps:
      - run: test "${{ matrix.of }}" = 1 && echo "${{ needs.first.outputs.plain }}${{ needs.first.outputs.secret }}"
      - { if: failure(), env: { TOKEN: "${{ secrets.TOKEN }}" }, run: 'test "$TOKEN" = of-staging' }
  third: { needs: second, uses: ./.github/workflows/called.yml }
  fourth: { if: "!cancelled()", needs: third, uses: ./.github/workflows/called.yml }
"""
CALLED = """\
on: { workflow_call: }
jobs:
  only:
    runs-on: x
    timeout-minutes: 1
    steps:
      - { env: { TOKEN: "${{ secrets.TOKEN }}" }, run: 'test -z "$TOKEN" && test ! -e one.yml && false | true' }
      - { shell: bash, run: "false | true" }
"""


def on_github(folder: Path, files: Mapping[str, str]) -> GitHub:
    """With a commit, and one before it."""
    own = ["-c", "user.name=T", "-c", "user.email=t@example.org", "commit", "--quiet", "--allow-empty", "--message=one"]
    workflows = folder / "shop/.github/workflows"
    workflows.mkdir(parents=True)
    for name, text in files.items():
        (workflows / name).write_text(text)
    bare = ["clone", "--quiet", "--bare", ".", str(folder / "shop.git")]
    for arguments in (["init", "--quiet", "--initial-branch=main"], own, ["add", "--all"], own, bare):
        subprocess.run(["git", *arguments], cwd=folder / "shop", check=True)
    made = GitHub(folder / "shop.git", folder / "github", environ={"PATH": os.environ["PATH"], "HOME": str(folder)})
    for options, value in (((), "of-all\nsecond line"), (("--env", "staging"), "of-staging")):
        subprocess.run([made.gh, "secret", "set", "TOKEN", *options], input=value, text=True, check=True)
    return made


def results(run: Run) -> dict[str, str]:
    return {name: job.result for name, job in run.jobs.items()}


def test_jobs_run_in_order_with_what_those_before_them_gave(tmp_path: Path) -> None:
    (run,) = on_github(tmp_path, {"one.yml": WORKFLOW, "called.yml": CALLED}).push("main")

    assert results(run) == {
        "first": "success",
        "second (1)": "success",
        "second (2)": "failure",
        "third": "skipped",
        "fourth / only": "failure",
    }
    first = run.jobs["first"]
    assert first.outputs == {"plain": "main 2"}  # the other one holds a secret
    assert first.log.splitlines()[-4:] == [
        "the token is ***, the word '', the key ''",
        *('$ echo "$WORD" | tee -a "$GITHUB_STEP_SUMMARY"', "later"),
        "Skip output 'secret' since it may contain secret.",
    ]
    assert first.summary == "later\n"
    assert run.jobs["second (1)"].log.endswith("main 2\n")
    assert run.jobs["second (2)"].environment == "staging"


def test_who_starts_a_run_by_hand_gives_what_the_workflow_asks_for(tmp_path: Path) -> None:
    github = on_github(tmp_path, {"one.yml": WORKFLOW, "called.yml": CALLED})

    assert "the word 'hello'" in github.dispatch("one.yml", "main", word="hello").jobs["first"].log
    with pytest.raises(NotSupported):
        github.dispatch("one.yml", "main", other="x")


@pytest.mark.parametrize(
    "changed", [("runs-on: x", "container: x"), ("- run: echo", "- continue-on-error: true\n        run: echo")]
)
def test_a_key_that_it_does_not_know_is_an_error(tmp_path: Path, changed: tuple[str, str]) -> None:
    with pytest.raises(NotSupported):
        on_github(tmp_path, {"one.yml": WORKFLOW.replace(*changed), "called.yml": CALLED}).push("main")
