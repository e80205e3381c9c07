"""For all tests."""

import gc


def pytest_collection_finish() -> None:
    """All that was imported and collected stays to the end: no collection of garbage need look at it again."""
    gc.collect()
    gc.freeze()
