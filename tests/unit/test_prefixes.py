from pathlib import Path

import pytest

from shipper.images.prefixes import prefixes
from shipper.images.saved import Layer


@pytest.mark.parametrize(
    ("sizes", "known", "expected"),
    [
        ([5], 0, (1,)),
        ([50], 0, (1,)),
        ([5, 4, 3], 0, (3,)),
        ([5, 4, 3, 6], 0, (2, 4)),
        ([50, 1, 1], 0, (3,)),
        ([3, 3, 3, 3, 3, 3], 0, (3, 6)),
        ([50, 50, 1], 2, (3,)),
        ([50, 50, 9, 1], 1, (2, 4)),
        ([50, 50], 2, (2,)),
        ([], 0, (0,)),
    ],
)
def test_a_prefix_is_cut_where_enough_has_come_together_that_the_server_lacks(
    sizes: list[int], known: int, expected: tuple[int, ...]
) -> None:
    layers = [Layer(path="", digest="", compression="", file=Path(), offset=0, size=size) for size in sizes]
    assert prefixes(layers, known, at_least=9) == expected
