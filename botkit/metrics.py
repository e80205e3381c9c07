"""What Prometheus is told, on /metrics of METRICS_PORT, of what a bot has to do with Telegram."""

from prometheus_client import Counter, Gauge, start_http_server


class TelegramMetrics:
    """`prefix` begins the names; there is one of these for each bot."""

    def __init__(self, prefix: str) -> None:
        self.updates = Counter(
            f"{prefix}_updates_total", "Updates by what became of them: received, handled, dead", ["what"]
        )
        self.polled = Gauge(f"{prefix}_last_poll_timestamp_seconds", "When Telegram last answered a poll")
        self.poll_failures = Counter(
            f"{prefix}_poll_failures_total", "Polls that failed, by the kind of error", ["why"]
        )
        self.calls = Counter(
            f"{prefix}_calls_total",
            "Calls of the Bot API by outcome: ok, TelegramRetryAfter (429) and other kinds of errors",
            ["method", "outcome"],
        )
        self.strangers = Counter(f"{prefix}_strangers_total", "Updates of people who may not use the bot")


def serve(port: int) -> None:
    """In a thread of its own. Raises OSError if the port is taken."""
    try:
        start_http_server(port)
    except OSError as error:
        raise OSError(f"METRICS_PORT: {port} cannot be listened on: {error.strerror}") from error
