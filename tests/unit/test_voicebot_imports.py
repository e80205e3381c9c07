"""The rules of who may import and touch what in voicebot."""

from graphlib import TopologicalSorter

import pytest

import voicebot
from tests.unit.houses import House

VOICEBOT = House(voicebot)


@pytest.mark.parametrize(
    ("packages", "files"),
    [
        (("faster_whisper", "ctranslate2", "huggingface_hub"), {"whisper.py"}),
        (("av",), {"audio.py"}),
        (("psycopg",), {"presence.py"}),
        (("prometheus_client",), {"metrics.py"}),
        (("pydantic_settings",), {"settings.py"}),
        (("click",), {"__main__.py"}),
        (("aiohttp",), {"files.py"}),
    ],
)
def test_a_library_is_imported_only_where_it_belongs(packages: tuple[str, ...], files: set[str]) -> None:
    assert VOICEBOT.importers_of(*packages) == files


@pytest.mark.parametrize(
    ("names", "files"),
    [
        (("print", "eval", "exec", "breakpoint"), set()),
        (("os.environ", "os.getenv"), {"__init__.py"}),  # sets what a library must find; settings.py reads by pydantic
        (("sys.exit",), {"__main__.py"}),
        (("asyncio.create_task", "asyncio.ensure_future"), set()),
    ],
)
def test_the_edges_of_the_world_are_touched_only_where_they_are_named(names: tuple[str, ...], files: set[str]) -> None:
    assert VOICEBOT.users_of(*names) == files


def test_of_shipper_only_the_half_of_a_handover_is_known() -> None:
    known = {name for file in VOICEBOT.sources for name in VOICEBOT.imports(file) if name.startswith("shipper")}
    assert known == {"shipper.handover"}


def test_storage_knows_nothing_of_telegram_and_nothing_that_uses_it() -> None:
    storage = {file for file in VOICEBOT.sources if file.startswith("storage/")}
    assert not storage & VOICEBOT.importers_of("aiogram")
    nouns = {"voicebot.transcript", "voicebot.storage"}
    assert {
        name for file in storage for name in VOICEBOT.within(file) if not name.startswith("voicebot.storage.")
    } <= nouns


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


def test_imports_go_one_way() -> None:
    graph = {module: VOICEBOT.within(file) - {module} for module, file in VOICEBOT.modules.items()}
    assert len(list(TopologicalSorter(graph).static_order())) == len(VOICEBOT.modules)
