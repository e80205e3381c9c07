"""What Prometheus is told, on /metrics of METRICS_PORT."""

from collections import Counter as Count
from collections.abc import Iterable
from itertools import product
from typing import Literal, get_args

from prometheus_client import Counter, Gauge

from botkit.metrics import ProcessMetrics, TelegramMetrics
from opsbot.storage.requests import UNDER_WAY, Request
from opsbot.verbs import Verb

Outcome = Literal["done", "failed", "aborted", "dismissed", "expired"]

process = ProcessMetrics("opsbot")
telegram = TelegramMetrics("opsbot")
refused = Counter(
    "opsbot_refused_total",
    "What known people wanted and were not given, by why: not_allowed, too_often, old_button",
    ["why"],
)
for why in ("not_allowed", "too_often", "old_button"):
    refused.labels(why)  # what begins at 1 never grew, for Prometheus
requests = Counter(
    "opsbot_requests_total",
    "Requests that are over, by verb and outcome: done, failed, aborted, dismissed, expired",
    ["verb", "outcome"],
)
for verb, outcome in product((Verb.DEPLOY, Verb.ROLLBACK, Verb.RESTART), get_args(Outcome)):
    requests.labels(verb, outcome)
under_way = Gauge("opsbot_requests_under_way", "Requests that are not over, by phase", ["phase"])
alerts = Gauge("opsbot_alerts", "Alerts that have not ended, by environment", ["environment"])
looked = Gauge(
    "opsbot_last_look_timestamp_seconds", "When the servers of an environment were last looked at", ["environment"]
)
look_seconds = Gauge("opsbot_look_seconds", "Time that the last look at an environment took", ["environment"])


def count(request: Request, outcome: Outcome) -> None:
    """It is over."""
    requests.labels(request.verb, outcome).inc()


def tell_under_way(found: Iterable[Request]) -> None:
    """`found` are all that are."""
    phases = Count(request.phase for request in found)
    for phase in UNDER_WAY:
        under_way.labels(phase).set(phases[phase])
