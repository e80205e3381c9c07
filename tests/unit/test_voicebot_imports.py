"""The rules of who may import and touch what in voicebot, and in botkit, on which it stands."""

from graphlib import TopologicalSorter

import pytest

import botkit
import voicebot
from tests.unit.houses import House

BOTKIT, VOICEBOT = House(botkit), House(voicebot)
PACKAGES = ("botkit", "opsbot", "shipper", "voicebot")


@pytest.mark.parametrize(
    ("house", "packages", "files"),
    [
        (VOICEBOT, ("faster_whisper", "ctranslate2", "huggingface_hub"), {"whisper.py"}),
        (VOICEBOT, ("av",), {"audio.py"}),
        (VOICEBOT, ("prometheus_client",), {"metrics.py"}),
        (VOICEBOT, ("pydantic_settings",), {"settings.py"}),
        (VOICEBOT, ("click",), {"__main__.py"}),
        (VOICEBOT, ("aiohttp",), {"files.py"}),
        (VOICEBOT, ("psycopg",), set()),
        (BOTKIT, ("psycopg",), {"presence.py"}),
        (BOTKIT, ("alembic",), {"schema.py"}),
        (BOTKIT, ("prometheus_client",), {"metrics.py"}),
        (BOTKIT, ("pydantic_settings",), {"settings.py"}),
        (BOTKIT, ("aiogram",), {"dispatch.py", "findings.py", "intake.py", "lean.py", "telegram.py"}),
        (BOTKIT, ("click",), {"program.py"}),
        (BOTKIT, ("aiohttp",), set()),
    ],
)
def test_a_library_is_imported_only_where_it_belongs(house: House, packages: tuple[str, ...], files: set[str]) -> None:
    assert house.importers_of(*packages) == files


@pytest.mark.parametrize(
    ("house", "names", "files"),
    [
        (VOICEBOT, ("print", "eval", "exec", "breakpoint", "sys.exit"), set()),
        (VOICEBOT, ("os.environ", "os.getenv"), {"__init__.py"}),  # sets what a library must find; pydantic reads
        (VOICEBOT, ("asyncio.create_task", "asyncio.ensure_future"), set()),
        (BOTKIT, ("print", "eval", "exec", "breakpoint", "os.environ", "os.getenv"), set()),
        (BOTKIT, ("sys.exit",), {"program.py"}),
        (BOTKIT, ("asyncio.create_task", "asyncio.ensure_future"), set()),
    ],
)
def test_the_edges_of_the_world_are_touched_only_where_they_are_named(
    house: House, names: tuple[str, ...], files: set[str]
) -> None:
    assert house.users_of(*names) == files


@pytest.mark.parametrize(
    ("house", "packages"), [(BOTKIT, {"shipper"}), (VOICEBOT, {"botkit", "shipper"})], ids=["botkit", "voicebot"]
)
def test_of_our_packages_only_those_beneath_are_known_and_of_shipper_the_half_of_a_handover(
    house: House, packages: set[str]
) -> None:
    known = {name for file in house.sources for name in house.imports(file)} - house.modules.keys()
    ours = {name for name in known if name.partition(".")[0] in PACKAGES}
    assert {name.partition(".")[0] for name in ours} == packages
    assert {name for name in ours if name.startswith("shipper")} == {"shipper.handover"}


def test_storage_knows_nothing_of_telegram_and_nothing_that_uses_it() -> None:
    storage = {file for file in VOICEBOT.sources if file.startswith("storage/")}
    assert not storage & VOICEBOT.importers_of("aiogram")
    nouns = {"voicebot.transcript", "voicebot.storage"}
    assert {
        name for file in storage for name in VOICEBOT.within(file) if not name.startswith("voicebot.storage.")
    } <= nouns
    beneath = {"botkit.dialects", "botkit.inbox", "botkit.schema"}
    assert {name for file in storage for name in VOICEBOT.imports(file) if name.startswith("botkit")} == beneath


@pytest.mark.parametrize(
    "file",
    [
        "views.py",
        "limits.py",
        "catalogue.py",
        "languages.py",
        "menu.py",
        "parts.py",
        "transcript.py",
        "cutting.py",
        "invented.py",
    ],
)
def test_what_is_pure_reads_no_clock_and_waits_for_nothing(file: str) -> None:
    assert not {"time", "asyncio", "random", "os"} & VOICEBOT.imports(file)


@pytest.mark.parametrize("house", [BOTKIT, VOICEBOT], ids=["botkit", "voicebot"])
def test_imports_go_one_way(house: House) -> None:
    graph = {module: house.within(file) - {module} for module, file in house.modules.items()}
    assert len(list(TopologicalSorter(graph).static_order())) == len(house.modules)
