"""Folders for recordings."""

import tempfile
from pathlib import Path

import pytest

from voicebot.files import Scratch


def test_what_the_dead_left_goes_and_what_belongs_to_the_living_and_to_another_bot_stays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    with Scratch(1, 10).folder() as of_dead, Scratch(1, 11).folder() as of_living, Scratch(12, 10).folder() as of_other:
        Scratch.remove_leftovers(1, {11}.__contains__)
        assert [folder.exists() for folder in (of_dead, of_living, of_other)] == [False, True, True]
    assert not list(tmp_path.iterdir())
