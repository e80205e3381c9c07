"""What Prometheus is told, on /metrics of METRICS_PORT, of a bot's process, and of what it has to do with Telegram."""

from functools import partial

from prometheus_client import Counter, Gauge, start_http_server

from shipper.handover import Handover, State


class ProcessMetrics:
    """`prefix` begins the names; there is one of these for each bot."""

    def __init__(self, prefix: str) -> None:
        self.info = Gauge(f"{prefix}_info", "Which release it is of, in labels: always 1", ["release", "version"])
        self.state = Gauge(f"{prefix}_state", "1 for its state: starting, standby, active or draining", ["state"])

    def tell(self, handover: Handover, *, release: str, version: str) -> None:
        """The state is that of the moment when Prometheus asks."""
        self.info.labels(release, version).set(1)
        for state in State:
            self.state.labels(state).set_function(partial(_is_in, handover, state))


def _is_in(handover: Handover, state: State) -> bool:
    return handover.state is state


class TelegramMetrics:
    """`prefix` begins the names; there is one of these for each bot."""

    def __init__(self, prefix: str) -> None:
        self.updates = Counter(
            f"{prefix}_updates_total", "Updates by what became of them: received, handled, dead", ["what"]
        )
        for what in ("received", "handled", "dead"):
            self.updates.labels(what)  # what begins at 1 never grew, for Prometheus
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
