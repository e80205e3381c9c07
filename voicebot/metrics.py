"""What Prometheus is told, on /metrics of METRICS_PORT."""

import time
from collections.abc import Generator
from contextlib import closing

from prometheus_client import Counter, Gauge, Histogram

from botkit.metrics import ProcessMetrics, TelegramMetrics
from voicebot.transcript import Piece

_AUDIO = (1, 3, 10, 30, 60, 180, 600, 1800, 3600)

process = ProcessMetrics("voicebot")
telegram = TelegramMetrics("voicebot")
waiting = Gauge("voicebot_jobs_waiting", "Recordings that wait")
oldest = Gauge("voicebot_oldest_waiting_seconds", "For how long the oldest of them has waited")
running = Gauge("voicebot_jobs_running", "Recordings that this process is at")
jobs = Counter(
    "voicebot_jobs_total", "Recordings that are over: done, known (answered from memory), refused, failed", ["outcome"]
)
for outcome in ("done", "known", "refused", "failed"):
    jobs.labels(outcome)  # what begins at 1 never grew, for Prometheus
audio = Counter("voicebot_audio_seconds_total", "Seconds of audio that were heard")
hearing = Counter("voicebot_hearing_seconds_total", "Seconds that it took to hear them")
work = Histogram("voicebot_transcription_seconds", "Time that a recording took once it was begun", buckets=_AUDIO)
wait = Histogram("voicebot_wait_seconds", "Time from a recording's arrival to its begin", buckets=_AUDIO)


def count_hearing(pieces: Generator[Piece, None, None]) -> Generator[Piece, None, None]:
    """The same pieces."""
    with closing(pieces):
        begun = time.monotonic()
        for piece in pieces:
            hearing.inc(time.monotonic() - begun)
            audio.inc(piece.end - piece.start)
            yield piece
            begun = time.monotonic()
