"""The job of GitHub Actions that a command may be a step of: what it is told beside the log."""

import contextlib
import os
from pathlib import Path

import shipper


def in_github() -> bool:
    """Whether this is a step of a job of GitHub Actions, whose runner reads what is printed."""
    return os.environ.get("GITHUB_ACTIONS") == "true"


def folder_in_checkout() -> str:
    """The folder that we are in, from that of the repository on, with a slash at its end; empty where they are one."""
    here, checkout = Path.cwd(), Path(os.environ.get("GITHUB_WORKSPACE", "."))
    return f"{here.relative_to(checkout)}/" if here.is_relative_to(checkout) and here != checkout else ""


def summarize(markdown: str) -> None:
    if file := os.environ.get("GITHUB_STEP_SUMMARY"):
        with (
            contextlib.suppress(OSError),
            Path(file).open("a", encoding="utf-8", errors="replace") as summary,
        ):  # it is said in the log as well
            summary.write(markdown)


def give_to_later_steps(**values: str) -> None:
    """Of the job in GitHub Actions, as outputs of this one; nothing elsewhere. Raises UsageError."""
    if file := os.environ.get("GITHUB_OUTPUT"):
        try:
            with Path(file).open("a", encoding="utf-8") as output:
                output.writelines(f"{name}={value}\n" for name, value in values.items())
        except OSError as error:
            raise shipper.UsageError(f"GITHUB_OUTPUT cannot be written: {file}: {error.strerror}") from None
