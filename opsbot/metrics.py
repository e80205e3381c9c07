"""What Prometheus is told, on /metrics of METRICS_PORT."""

from prometheus_client import Counter, Gauge

from botkit.metrics import TelegramMetrics

telegram = TelegramMetrics("opsbot")
refused = Counter(
    "opsbot_refused_total",
    "What known people wanted and were not given, by why: not_allowed, too_often, old_button",
    ["why"],
)
requests = Counter(
    "opsbot_requests_total",
    "Requests that are over, by verb and outcome: done, failed, aborted, dismissed, expired",
    ["verb", "outcome"],
)
under_way = Gauge("opsbot_requests_under_way", "Requests that are not over, by phase", ["phase"])
alerts = Gauge("opsbot_alerts", "Alerts that have not ended, by environment", ["environment"])
looked = Gauge(
    "opsbot_last_look_timestamp_seconds", "When the servers of an environment were last looked at", ["environment"]
)
look_seconds = Gauge("opsbot_look_seconds", "Time that the last look at an environment took", ["environment"])
