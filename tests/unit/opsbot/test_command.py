"""When two ask for the same."""

from dataclasses import replace

import pytest

from opsbot.command import LATEST, Command
from opsbot.verbs import Verb

SHA = "133c5e1" + "0" * 33
DEPLOY = Command(verb=Verb.DEPLOY, environment="production", version=SHA)


@pytest.mark.parametrize("version", [SHA, SHA[:7], SHA[:20]])
def test_a_commit_is_the_same_by_a_part_of_its_sha(version: str) -> None:
    other = replace(DEPLOY, version=version)

    assert DEPLOY.is_same(other)
    assert other.is_same(DEPLOY)


@pytest.mark.parametrize(
    "other",
    [
        replace(DEPLOY, version="133c5e2"),
        replace(DEPLOY, version=LATEST),
        replace(DEPLOY, version=""),
        replace(DEPLOY, environment="staging"),
        replace(DEPLOY, verb=Verb.PLAN),
        replace(DEPLOY, force_reason="the site is down"),
    ],
)
def test_another_one_is_not(other: Command) -> None:
    assert not DEPLOY.is_same(other)
