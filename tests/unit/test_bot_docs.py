"""docs/voicebot.md and docs/opsbot.md tell of every setting, metric and command. These tests make their tables.

And what any page names as a proof, or tells to type, is there.
"""

import re
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import click
import pytest
from prometheus_client import Counter, Gauge, Histogram
from pydantic.fields import FieldInfo
from pydantic_settings import BaseSettings

from botkit.metrics import ProcessMetrics, TelegramMetrics
from opsbot import metrics as of_opsbot, settings as opsbot
from opsbot.arguments import USAGE
from opsbot.verbs import VERBS
from shipper.cli import main
from voicebot import catalogue, menu, metrics as of_voicebot, settings as voicebot

ROOT = Path(__file__).parents[2]
PAGES = {name: (ROOT / f"docs/{name}.md").read_text() for name in ("voicebot", "opsbot")}
ALL_PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]


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


def rows_beneath(page: str, heading: str) -> list[str]:
    section = PAGES[page].partition(f"\n### {heading}\n")[2].partition("\n#")[0]
    return [line for line in section.splitlines() if line.startswith("| `")]


@pytest.mark.parametrize(
    ("page", "settings", "of_database"),
    [
        ("voicebot", voicebot.Settings, voicebot.DatabaseSettings),
        ("opsbot", opsbot.Settings, opsbot.DatabaseSettings),
    ],
)
def test_the_table_of_a_bots_settings_is_true(
    page: str, settings: type[BaseSettings], of_database: type[BaseSettings]
) -> None:
    own, shared = [*settings_rows(settings)], {*settings_rows(of_database)}
    assert rows_beneath(page, "The bot") == [row for row in own if row not in shared]
    assert rows_beneath(page, "Database and logs") == [row for row in own if row in shared]


def test_the_table_of_hearing_is_true() -> None:
    assert rows_beneath("voicebot", "Hearing") == [*settings_rows(voicebot.WhisperSettings)]


@pytest.mark.parametrize(("page", "module"), [("voicebot", of_voicebot), ("opsbot", of_opsbot)])
def test_the_table_of_metrics_is_true(page: str, module: ModuleType) -> None:
    process: ProcessMetrics = module.process
    telegram: TelegramMetrics = module.telegram
    collectors = [
        each
        for each in (*vars(process).values(), *vars(telegram).values(), *vars(module).values())
        if isinstance(each, (Counter, Gauge, Histogram))
    ]
    ours = [metric for collector in collectors for metric in collector.collect()]
    names = {metric.name: f"{metric.name}_total" if metric.type == "counter" else metric.name for metric in ours}
    assert rows_beneath(page, "Metrics") == [
        f"| `{names[metric.name]}` | {metric.type} | {metric.documentation} |" for metric in ours
    ]


def test_the_table_of_commands_is_true() -> None:
    texts = catalogue.texts("en")
    commands = dict.fromkeys((*menu.PRIVATE, *menu.OWNER))
    assert rows_beneath("voicebot", "Commands") == [f"| `/{name}` | {texts(f'command_{name}')} |" for name in commands]


def command_rows() -> Iterator[str]:
    for verb, usage in USAGE.items():
        ranks = ", ".join(rank for rank, verbs in VERBS.items() if verb in verbs)
        yield f"| `{usage}` | {ranks} |".replace("SHA|latest", r"SHA\|latest")


def test_the_table_of_what_is_for_whom_is_true() -> None:
    assert rows_beneath("opsbot", "Usage") == [*command_rows()]


def test_every_test_that_is_named_as_a_proof_is_there() -> None:
    named = re.findall(r"`(test_\w+)`", "".join(page.read_text() for page in ALL_PAGES))
    code = "".join(file.read_text() for file in (ROOT / "tests").rglob("test_*.py"))
    assert [name for name in named if f"def {name}(" not in code] == []


def test_every_module_that_is_named_is_there() -> None:
    named = re.findall(
        r"`((?:botkit|opsbot|shipper|tests|voicebot)/[\w/]+\.py)`", "".join(page.read_text() for page in ALL_PAGES)
    )
    assert [name for name in named if not (ROOT / name).exists()] == []


def code_of(page: Path) -> Iterator[str]:
    """Lines of its blocks, and its spans."""
    prose, *blocks = re.split(r"^ *```.*\n", page.read_text(), flags=re.MULTILINE)
    for number, part in enumerate((prose, *blocks)):
        yield from part.splitlines() if number % 2 else re.findall(r"`([^`]+)`", part)


def options_of(command: click.Command) -> set[str]:
    parameters = command.get_params(click.Context(command))
    return {option for one in parameters for option in (*one.opts, *one.secondary_opts)}


def every_option(command: click.Command) -> set[str]:
    beneath = command.commands.values() if isinstance(command, click.Group) else ()
    return options_of(command).union(*map(every_option, beneath))


def unknown_in(words: list[str]) -> Iterator[str]:
    """Of what follows `shipper`, up to what is for a command in a container."""
    command: click.Command = main
    for word in words[: words.index("--")] if "--" in words else words:
        if word.startswith("-"):
            yield from {*word.split("/")} - options_of(command)
        elif isinstance(command, click.Group):
            if word not in command.commands:
                yield word
                return
            command = command.commands[word]


@pytest.mark.parametrize("page", ALL_PAGES, ids=lambda page: page.name)
def test_what_a_page_tells_to_type_is_a_command_with_that_option(page: Path) -> None:
    unknown = set[str]()
    for code in code_of(page):
        for typed in re.findall(r"(?:^|exec |[$:;&|(] )\s*shipper ([^#;&|\n]*)", code):
            unknown |= {f"shipper {typed}: {word}" for word in unknown_in([w.strip("[](),.") for w in typed.split()])}
        if re.match("--[a-z]", code):  # by itself, of a command that was named before
            unknown |= {code.split()[0]} - every_option(main)
    assert unknown == set()
