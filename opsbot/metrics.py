"""What Prometheus is told, on /metrics of METRICS_PORT."""

from prometheus_client import Counter, Gauge

from botkit.metrics import TelegramMetrics

telegram = TelegramMetrics("opsbot")
refused = Counter("opsbot_refused_total", "What known people wanted, and were not given, by why", ["why"])
requests = Counter("opsbot_requests_total", "What was asked for, by verb and by how it ended", ["verb", "outcome"])
under_way = Gauge("opsbot_requests_under_way", "Requests by their phase", ["phase"])
alerts = Gauge("opsbot_alerts", "Alerts that have not ended", ["environment"])
