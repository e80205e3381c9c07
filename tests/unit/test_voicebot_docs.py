"""docs/voicebot.md tells of every setting, metric and command. Its tables are what these tests make of the code."""

import re
from collections.abc import Iterator
from pathlib import Path

from prometheus_client import Counter, Gauge, Histogram
from pydantic.fields import FieldInfo
from pydantic_settings import BaseSettings

from voicebot import catalogue, menu, metrics
from voicebot.settings import DatabaseSettings, Settings, WhisperSettings

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs/voicebot.md").read_text()


def settings_rows(kind: type[BaseSettings]) -> Iterator[str]:
    prefix = str(kind.model_config.get("env_prefix") or "")
    for name, field in kind.model_fields.items():
        assert field.description, f"{kind.__name__}.{name} has no docstring"
        description = " ".join(field.description.split())
        yield f"| `{(prefix + name).upper()}` | {default_of(field)} | {description} |"


def default_of(field: FieldInfo) -> str:
    if field.is_required():
        return "needed"
    value = field.default.get_secret_value() if hasattr(field.default, "get_secret_value") else field.default
    if value is None or value in ("", frozenset()):
        return ""
    return f"`{value:g}`" if isinstance(value, float) else f"`{value}`"


def rows_beneath(heading: str) -> list[str]:
    section = PAGE.partition(f"\n### {heading}\n")[2].partition("\n#")[0]
    return [line for line in section.splitlines() if line.startswith("| `")]


def test_the_table_of_the_bots_settings_is_true() -> None:
    own = [*settings_rows(Settings)]
    of_database = {row for row in settings_rows(DatabaseSettings)}
    assert rows_beneath("The bot") == [row for row in own if row not in of_database]
    assert rows_beneath("Database and logs") == [row for row in own if row in of_database]


def test_the_table_of_hearing_is_true() -> None:
    assert rows_beneath("Hearing") == [*settings_rows(WhisperSettings)]


def test_the_table_of_metrics_is_true() -> None:
    collectors = [
        each
        for each in (*vars(metrics.telegram).values(), *vars(metrics).values())
        if isinstance(each, (Counter, Gauge, Histogram))
    ]
    ours = [metric for collector in collectors for metric in collector.collect()]
    names = {metric.name: f"{metric.name}_total" if metric.type == "counter" else metric.name for metric in ours}
    assert rows_beneath("Metrics") == [
        f"| `{names[metric.name]}` | {metric.type} | {metric.documentation} |" for metric in ours
    ]


def test_the_table_of_commands_is_true() -> None:
    texts = catalogue.texts("en")
    commands = dict.fromkeys((*menu.PRIVATE, *menu.OWNER))
    assert rows_beneath("Commands") == [f"| `/{name}` | {texts(f'command_{name}')} |" for name in commands]


def test_every_test_that_is_named_as_a_proof_is_there() -> None:
    named = re.findall(r"`(test_\w+)`", (ROOT / "README.md").read_text() + PAGE)
    code = "".join(file.read_text() for file in (ROOT / "tests").rglob("test_*.py"))
    assert [name for name in named if f"def {name}(" not in code] == []
