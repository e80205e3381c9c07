"""Whether a recording may wait to be transcribed. Pure: what is known before a byte of it is downloaded."""

from dataclasses import dataclass, field

from voicebot.settings import Settings
from voicebot.storage.queue import Usage


@dataclass(frozen=True, kw_only=True)
class Refusal:
    """A key of the catalogue, and what its text names."""

    key: str
    values: dict[str, str] = field(default_factory=dict)


def refusal(settings: Settings, usage: Usage, *, seconds: float, size: int) -> Refusal | None:
    """`seconds` and `size` (bytes) are what the sender says; 0 where nothing is said."""
    if size > settings.max_megabytes * 1024 * 1024:
        return too_large(settings)
    if seconds > settings.max_minutes * 60:
        return too_long(settings)
    if usage.waiting_of_user >= settings.max_queued_per_user:
        return Refusal(key="user_queue_full", values={"count": str(usage.waiting_of_user)})
    if usage.seconds_of_user + seconds > settings.max_minutes_per_day * 60:
        left = max(0, int(settings.max_minutes_per_day - usage.seconds_of_user / 60))
        return Refusal(key="daily_limit", values={"minutes": f"{settings.max_minutes_per_day:g}", "left": str(left)})
    if usage.waiting >= settings.max_queued:
        return Refusal(key="queue_full", values={"count": str(usage.waiting)})
    return None


def told(settings: Settings) -> dict[str, str]:
    """What /help names."""
    return {
        "megabytes": f"{settings.max_megabytes:g}",
        "minutes": f"{settings.max_minutes:g}",
        "minutes_per_day": f"{settings.max_minutes_per_day:g}",
    }


def too_large(settings: Settings) -> Refusal:
    return Refusal(key="too_large", values={"megabytes": f"{settings.max_megabytes:g}"})


def too_long(settings: Settings) -> Refusal:
    return Refusal(key="too_long", values={"minutes": f"{settings.max_minutes:g}"})
