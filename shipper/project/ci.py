"""PURE: what a run of CI tells of itself: who began it, its URL, and which commit it is about.

https://docs.github.com/en/actions/reference/workflows-and-actions/variables
https://docs.gitlab.com/ci/variables/predefined_variables/
"""

from collections.abc import Mapping

from shipper.errors import UsageError

_COMMITS = ("GITHUB_SHA", "CI_COMMIT_SHA")
_GITHUB = ("GITHUB_SHA", "GITHUB_ACTOR", "GITHUB_SERVER_URL", "GITHUB_REPOSITORY", "GITHUB_RUN_ID")
_GITLAB = ("CI_COMMIT_SHA", "GITLAB_USER_LOGIN", "CI_JOB_URL")


def revision_of_run(environ: Mapping[str, str], asked: str | None) -> str:
    """What was asked for, else the commit that the run is about. Raises UsageError if the run does not tell all."""
    names = next((names for names in (_GITHUB, _GITLAB) if any(environ.get(name) for name in names)), None)
    if not names:
        raise UsageError(
            "This is no run of GitHub Actions or GitLab CI: neither GITHUB_SHA nor CI_COMMIT_SHA is set.",
            now="Nothing was done.",
            next="Leave --from-ci out: the working folder counts then, or the revision that you name.",
        )
    missing = [name for name in names if not environ.get(name) and not (asked and name in _COMMITS)]
    if missing:
        raise UsageError(
            f"The run of CI does not tell all that --from-ci needs: {', '.join(missing)} "
            f"{'are' if len(missing) > 1 else 'is'} not set.",
            now="Nothing was done.",
            next="Pass them on to where shipper runs; a container gets only what it is given (docker run --env NAME).",
        )
    return asked or environ[names[0]]


def performer_of_run(environ: Mapping[str, str]) -> str:
    """The user of GitHub or GitLab; empty where it is no run of these."""
    return environ.get("GITHUB_ACTOR") or environ.get("GITLAB_USER_LOGIN") or ""


def url_of_run(environ: Mapping[str, str]) -> str:
    """As GitHub (in parts) and GitLab (whole) tell it; empty where it is no run of these."""
    parts = [environ.get(f"GITHUB_{name}") for name in ("SERVER_URL", "REPOSITORY", "RUN_ID")]
    if all(parts):
        return "{}/{}/actions/runs/{}".format(*parts)
    return environ.get("CI_JOB_URL") or ""
