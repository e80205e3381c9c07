"""What Prometheus is told, on /metrics of METRICS_PORT."""

import time
from collections.abc import Generator
from contextlib import closing

from prometheus_client import Counter, Gauge, Histogram, start_http_server

from voicebot.transcript import Piece

_AUDIO = (1, 3, 10, 30, 60, 180, 600, 1800, 3600)

updates = Counter("voicebot_updates_total", "Updates by what became of them: received, handled, dead", ["what"])
polled = Gauge("voicebot_last_poll_timestamp_seconds", "When Telegram last answered a poll")
poll_failures = Counter("voicebot_poll_failures_total", "Polls that failed, by the kind of error", ["why"])
calls = Counter(
    "voicebot_calls_total",
    "Calls of the Bot API by outcome: ok, TelegramRetryAfter (429) and other kinds of errors",
    ["method", "outcome"],
)
waiting = Gauge("voicebot_jobs_waiting", "Recordings that wait")
oldest = Gauge("voicebot_oldest_waiting_seconds", "For how long the oldest of them has waited")
running = Gauge("voicebot_jobs_running", "Recordings that this process is at")
jobs = Counter(
    "voicebot_jobs_total", "Recordings that are over: done, known (answered from memory), refused, failed", ["outcome"]
)
audio = Counter("voicebot_audio_seconds_total", "Seconds of audio that were heard")
hearing = Counter("voicebot_hearing_seconds_total", "Seconds that it took to hear them")
work = Histogram("voicebot_transcription_seconds", "Time that a recording took once it was begun", buckets=_AUDIO)
wait = Histogram("voicebot_wait_seconds", "Time from a recording's arrival to its begin", buckets=_AUDIO)
strangers = Counter("voicebot_strangers_total", "Updates of people who may not use the bot")


def serve(port: int) -> None:
    """In a thread of its own. Raises OSError if the port is taken."""
    try:
        start_http_server(port)
    except OSError as error:
        raise OSError(f"METRICS_PORT: {port} cannot be listened on: {error.strerror}") from error


def count_hearing(pieces: Generator[Piece, None, None]) -> Generator[Piece, None, None]:
    """The same pieces."""
    with closing(pieces):
        begun = time.monotonic()
        for piece in pieces:
            hearing.inc(time.monotonic() - begun)
            audio.inc(piece.end - piece.start)
            yield piece
            begun = time.monotonic()
