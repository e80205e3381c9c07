"""What config/monitoring says is understood by real programs, and every metric that it asks for is there."""

import json
import re
import shutil
import subprocess
import urllib.parse
import urllib.request
from collections.abc import Collection, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.fakes.telegram import Telegram
from tests.hub import hub, packages
from tests.images import ROOT
from tests.integration.conftest import Project
from tests.integration.waiting import eventually
from tests.opsbots import opsbot
from tests.singletons import free_port
from tests.voicebots import voicebot

MONITORING = ROOT / "config/monitoring"
DASHBOARD = json.loads((MONITORING / "grafana/dashboards/voicebot.json").read_text())
PANELS = [panel for panel in DASHBOARD["panels"] if panel["type"] != "row"]
RULES = [rule for group in yaml.safe_load((MONITORING / "alerts.yml").read_text())["groups"] for rule in group["rules"]]
DASHBOARD_QUERIES = [target["expr"] for panel in PANELS for target in panel["targets"]]
MADE_BY_PROMETHEUS = {"up", "ALERTS"}
NOTHING_TO_SHOW = {"voicebot_poll_failures_total", "opsbot_poll_failures_total", "opsbot_requests_total", "ALERTS"}
"""What has no series as long as all is well and nobody wants anything."""

_NAME = re.compile(r"\b[a-zA-Z_:][\w:]*\b(?!\s*\()")
_NO_NAMES = re.compile(r'"[^"]*"|\{[^}]*\}|\[[^]]*\]|\b(by|on|group_left|group_right)\s*\([^)]*\)|\b\d\w*|\boffset\b')
_OPERATORS = {"and", "or", "unless"}


def promtool(*arguments: str) -> str:
    done = subprocess.run(
        [packages() / "usr/bin/promtool", *arguments], cwd=MONITORING, capture_output=True, text=True, check=False
    )
    return f"{done.stdout}{done.stderr}exit code {done.returncode}"


@pytest.mark.parametrize(
    "command",
    [("check", "config", "prometheus.yml"), ("check", "rules", "alerts.yml"), ("test", "rules", "alerts_test.yml")],
)
def test_promtool_finds_nothing_wrong(command: tuple[str, ...]) -> None:
    assert promtool(*command).endswith("exit code 0")


def test_each_alert_is_tested_and_stands_in_the_docs() -> None:
    tests = yaml.safe_load((MONITORING / "alerts_test.yml").read_text())["tests"]
    told = {case["alertname"] for test in tests for case in test["alert_rule_test"] if case.get("exp_alerts")}
    documented = re.findall(r"^\| `(\w+)` \| (\w+) \|", (ROOT / "docs/monitoring.md").read_text(), re.MULTILINE)
    assert told == {rule["alert"] for rule in RULES}
    assert documented == [(rule["alert"], rule["labels"]["severity"]) for rule in RULES]


def names_in(expression: str) -> set[str]:
    """Of the metrics that it asks for."""
    return {*_NAME.findall(re.sub(_NO_NAMES, " ", expression))} - _OPERATORS


@dataclass(frozen=True, kw_only=True)
class Prometheus:
    url: str

    def get(self, path: str, **parameters: str) -> Any:
        with urllib.request.urlopen(f"{self.url}/api/v1/{path}?{urllib.parse.urlencode(parameters)}") as answer:
            return json.load(answer)["data"]

    def result(self, expression: str) -> list[Any]:
        """The series that it gives now, for a dashboard of the last minutes."""
        found: list[Any] = self.get("query", query=expression.replace("$__rate_interval", "1m"))["result"]
        return found

    def names(self) -> Iterator[str]:
        """Of all metrics that are told of, with or without series."""
        for told in self.get("targets/metadata"):
            name, suffix = told["metric"], {"counter": "_total", "histogram": "_bucket"}.get(told["type"], "")
            yield name if name.endswith(suffix) else name + suffix

    def empty_in_the_end(self, queries: Collection[str]) -> set[str]:
        """Those that show nothing after a while."""
        empty = {*queries}

        def are_all_shown() -> bool:
            with suppress(OSError):  # it starts
                empty.difference_update([query for query in empty if self.result(query)])
            return not empty

        with suppress(AssertionError):  # who asks tells which
            eventually(are_all_shown, "a series for each", within=30, every=0.5)
        return empty


@contextmanager
def running(command: list[str | Path], log: Path) -> Iterator[None]:
    with log.open("w") as output:
        process = subprocess.Popen(["setpriv", "--pdeathsig=KILL", *command], stdout=output, stderr=output)
    try:
        yield
    finally:
        process.kill()
        process.wait()


@pytest.fixture(scope="module")
def prometheus(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Prometheus]:
    """One that looks at real bots and at this machine each second."""
    folder, programs = tmp_path_factory.mktemp("monitoring"), packages() / "usr/bin"
    ports = {job: free_port() for job in ("voicebot", "opsbot", "host", "prometheus")}
    shutil.copytree(MONITORING, folder / "config")
    configured = yaml.safe_load((MONITORING / "prometheus.yml").read_text())
    configured["global"] = {"scrape_interval": "1s", "scrape_timeout": "1s", "evaluation_interval": "1s"}
    for job in configured["scrape_configs"]:
        job.pop("dns_sd_configs", None)
        job["static_configs"] = [{"targets": [f"127.0.0.1:{ports[job['job_name']]}"]}]
    (folder / "config/prometheus.yml").write_text(yaml.safe_dump(configured))
    url = f"127.0.0.1:{ports['prometheus']}"
    command: list[str | Path] = [programs / "prometheus", f"--web.listen-address={url}"]
    command += [f"--config.file={folder}/config/prometheus.yml", f"--storage.tsdb.path={folder}/data"]
    exporter: list[str | Path] = [programs / "prometheus-node-exporter"]
    exporter += [f"--web.listen-address=127.0.0.1:{ports['host']}"]
    with (
        running(command, folder / "prometheus.log"),
        running(exporter, folder / "exporter.log"),
        bots(folder, ports),
    ):
        yield Prometheus(url=f"http://{url}")


@contextmanager
def bots(folder: Path, ports: dict[str, int]) -> Iterator[None]:
    """voicebot, and an opsbot with the repository's config, whose server is away; each is greeted by somebody."""
    (project := folder / "project").mkdir()
    shutil.copytree(ROOT / "config", project / "config")
    with Telegram() as of_voicebot, Telegram() as of_opsbot:
        admin = of_opsbot.add_user()
        environ = {
            "VPS_HOST": "127.0.0.1",
            "VPS_SSH_KEY": "none",
            "OPSBOT_ADMIN_ID": str(admin.id),
            "OPSBOT_CHAT_ID": str(of_opsbot.add_group("Admins").id),
        }
        of_voicebot.add_user().sends_text("/start")
        admin.sends_text("/start")
        with (
            voicebot(of_voicebot, f"sqlite:///{folder}/bot.db", folder, METRICS_PORT=str(ports["voicebot"])) as heard,
            opsbot(of_opsbot, folder, project, METRICS_PORT=str(ports["opsbot"]), **environ) as asked,
        ):
            heard.becomes("active")
            asked.becomes("active")
            yield


def test_every_metric_that_is_asked_for_is_there_and_every_query_shows_something(prometheus: Prometheus) -> None:
    queries = [*DASHBOARD_QUERIES, *(one["expr"] for one in DASHBOARD["annotations"]["list"])]
    names = {query: names_in(query) for query in (*queries, *(rule["expr"] for rule in RULES))}
    to_show = {query for query in queries if names[query].isdisjoint(NOTHING_TO_SHOW)}

    empty = prometheus.empty_in_the_end(to_show)

    assert empty == set()
    assert all(names.values())
    assert {name for asked in names.values() for name in asked} - {*prometheus.names()} == MADE_BY_PROMETHEUS
    for query in names:
        prometheus.result(query)  # raises if it is not understood


def test_monitoring_boots_as_the_config_says_and_finds_the_container_of_a_role(project: Project) -> None:
    server = project.server
    watch(project)
    with hub(server):
        booted = project.shipper("accessory", "boot", GRAFANA_PASSWORD="only-grafana-reads-it")
    assert booted.exit_code == 0, booted.everything

    def found(query: str) -> list[str]:
        asked = f"http://127.0.0.1:9090/api/v1/query?{urllib.parse.urlencode({'query': query})}"
        answer = json.loads(server.run(f"busybox wget -q -O - '{asked}'").stdout)
        return [series["metric"]["instance"] for series in answer["data"]["result"]]

    project.deploy()
    web = next(made for made in project.containers() if made["Config"]["Labels"].get("shipper.role") == "web")
    address = web["NetworkSettings"]["Networks"][project.service]["IPAddress"]
    eventually(lambda: found('up{job="voicebot"} == 1') == [f"{address}:8080"], "the container of the role", within=30)
    assert found('node_filesystem_size_bytes{mountpoint="/"}') == ["node-exporter:9100"]
    assert found("node_memory_MemAvailable_bytes") == ["node-exporter:9100"]


def watch(project: Project) -> None:
    """The accessories of the repository's config, but Prometheus watches `web`, which tells its metrics as a file."""
    shutil.copytree(MONITORING, project.folder / "config/monitoring")
    meant = (MONITORING / "prometheus.yml").read_text()
    meant = meant.replace("bot.metrics.internal.", "web.metrics.internal.").replace("9000", "8080")
    project.write("config/monitoring/prometheus.yml", meant.replace("scrape_interval: 15s", "scrape_interval: 1s"))
    accessories = yaml.safe_load((ROOT / "config/deploy.yaml").read_text())["accessories"]
    wanted = {name: accessories[name] for name in ("prometheus", "grafana", "node-exporter")}
    project.configure(accessories=json.dumps(wanted), secrets="{GRAFANA_PASSWORD: {optional: true}}")
    project.write("www/metrics", 'voicebot_info{release="1"} 1\n')
    project.commit()
