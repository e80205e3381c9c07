"""The rules of who may import and touch what in opsbot."""

from graphlib import TopologicalSorter

import pytest

import opsbot
from tests.unit.houses import House

OPSBOT = House(opsbot)


@pytest.mark.parametrize(
    ("packages", "files"),
    [
        (("pydantic_settings",), {"settings.py"}),
        (("prometheus_client",), {"metrics.py"}),
        (("click",), {"__main__.py"}),
        (("voicebot",), set()),
        (("yaml",), set()),
    ],
)
def test_a_library_is_imported_only_where_it_belongs(packages: tuple[str, ...], files: set[str]) -> None:
    assert OPSBOT.importers_of(*packages) == files


@pytest.mark.parametrize(
    ("names", "files"),
    [
        (("print", "eval", "exec", "breakpoint"), set()),
        (("asyncio.create_task", "asyncio.ensure_future"), set()),
    ],
)
def test_the_edges_of_the_world_are_touched_only_where_they_are_named(names: tuple[str, ...], files: set[str]) -> None:
    assert OPSBOT.users_of(*names) == files


def test_of_shipper_only_its_door_and_the_half_of_a_handover_are_known() -> None:
    known = {name for file in OPSBOT.sources for name in OPSBOT.imports(file) if name.partition(".")[0] == "shipper"}
    assert known <= {"shipper", "shipper.handover"}


@pytest.mark.parametrize(
    "file",
    [
        "verbs.py",
        "access.py",
        "command.py",
        "commits.py",
        "fields.py",
        "arguments.py",
        "turns.py",
        "aftermath.py",
        "watching.py",
        "alerts.py",
        "views/watch.py",
    ],
)
def test_what_is_pure_reads_no_clock_and_waits_for_nothing(file: str) -> None:
    assert not {"time", "asyncio", "random", "os"} & OPSBOT.imports(file)


def test_imports_go_one_way() -> None:
    graph = {module: OPSBOT.within(file) - {module} for module, file in OPSBOT.modules.items()}
    assert len(list(TopologicalSorter(graph).static_order())) == len(OPSBOT.modules)
