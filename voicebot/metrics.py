"""What Prometheus is told, on /metrics of METRICS_PORT."""

from prometheus_client import Counter, Gauge, Histogram, start_http_server

_AUDIO = (1, 3, 10, 30, 60, 180, 600, 1800, 3600)

updates = Counter("voicebot_updates_total", "Updates received", ["what"])
polled = Gauge("voicebot_last_poll_timestamp_seconds", "When Telegram last answered a poll")
poll_failures = Counter("voicebot_poll_failures_total", "Polls that failed", ["why"])
sent = Counter("voicebot_calls_total", "Calls of the Bot API", ["method", "outcome"])
waiting = Gauge("voicebot_jobs_waiting", "Recordings that wait")
running = Gauge("voicebot_jobs_running", "Recordings that this process is at")
jobs = Counter("voicebot_jobs_total", "Recordings that are over", ["outcome"])
audio = Counter("voicebot_audio_seconds_total", "Seconds of audio that were transcribed")
work = Histogram("voicebot_transcription_seconds", "Time that a recording took once it was begun", buckets=_AUDIO)
wait = Histogram("voicebot_wait_seconds", "Time from a recording's arrival to its begin", buckets=_AUDIO)
strangers = Counter("voicebot_strangers_total", "Updates of people who may not use the bot")


def serve(port: int) -> None:
    """In a thread of its own. Raises OSError if the port is taken."""
    start_http_server(port)
