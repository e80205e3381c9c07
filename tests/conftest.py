"""For all tests."""

import gc

gc.disable()  # while hundreds of modules are imported, which stay to the end


def pytest_collection_finish() -> None:
    """No collection of garbage need look at them again."""
    gc.collect()
    gc.freeze()
    gc.enable()
