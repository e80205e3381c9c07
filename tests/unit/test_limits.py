import pytest
from pydantic import SecretStr

from voicebot import limits
from voicebot.settings import Settings
from voicebot.storage.queue import Usage

SETTINGS = Settings(
    bot_token=SecretStr("1:a"),
    max_megabytes=20,
    max_minutes=60,
    max_minutes_per_day=90,
    max_queued=10,
    max_queued_per_user=3,
)
MEGABYTE = 1024 * 1024


def usage(*, waiting: int = 0, waiting_of_user: int = 0, minutes_of_user: float = 0) -> Usage:
    return Usage(waiting=waiting, waiting_of_user=waiting_of_user, seconds_of_user=minutes_of_user * 60)


@pytest.mark.parametrize(
    ("used", "minutes", "size"),
    [
        (usage(), 60, 20 * MEGABYTE),
        (usage(), 0, 0),
        (usage(waiting=9, waiting_of_user=2), 1, 1),
        (usage(minutes_of_user=60), 30, 1),
    ],
)
def test_what_is_within_all_limits_is_taken(used: Usage, minutes: float, size: int) -> None:
    assert limits.refusal(SETTINGS, used, seconds=minutes * 60, size=size) is None


@pytest.mark.parametrize(
    ("used", "minutes", "size", "key", "values"),
    [
        (usage(), 1, 20 * MEGABYTE + 1, "too_large", {"megabytes": "20"}),
        (usage(), 60.1, 1, "too_long", {"minutes": "60"}),
        (usage(waiting_of_user=3), 1, 1, "user_queue_full", {"count": "3"}),
        (usage(minutes_of_user=61.5), 30, 1, "daily_limit", {"minutes": "90", "left": "28"}),
        (usage(minutes_of_user=95), 0, 1, "daily_limit", {"minutes": "90", "left": "0"}),
        (usage(waiting=10), 1, 1, "queue_full", {"count": "10"}),
    ],
)
def test_what_is_beyond_one_is_refused_with_its_number(
    used: Usage, minutes: float, size: int, key: str, values: dict[str, str]
) -> None:
    refusal = limits.refusal(SETTINGS, used, seconds=minutes * 60, size=size)
    assert refusal == limits.Refusal(key=key, values=values)
