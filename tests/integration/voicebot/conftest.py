"""A Telegram and a bot for the session; tests use people and chats of their own."""

from collections.abc import Iterator

import pytest

from tests.fakes.telegram import Telegram
from tests.voicebots import VoiceBot, voicebot


@pytest.fixture(scope="session")
def telegram() -> Iterator[Telegram]:
    with Telegram() as made:
        yield made


@pytest.fixture(scope="session")
def bot(telegram: Telegram, tmp_path_factory: pytest.TempPathFactory) -> Iterator[VoiceBot]:
    folder = tmp_path_factory.mktemp("voicebot")
    with voicebot(telegram, f"sqlite:///{folder}/voicebot.db", folder) as made:
        made.becomes("active")
        yield made
