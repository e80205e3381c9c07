"""For all tests."""

import gc

import pytest

gc.disable()  # while hundreds of modules are imported, which stay to the end


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """There is one machine that has the image: who needs it comes first, so that one worker has it, and none waits."""
    items.sort(key=lambda item: "bots" not in getattr(item, "fixturenames", ()))


def pytest_collection_finish() -> None:
    """No collection of garbage need look at them again."""
    gc.collect()
    gc.freeze()
    gc.enable()
