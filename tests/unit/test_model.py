from typing import Any

import pytest

from shipper.model.image import image_of
from tests.unit.nouns import an_image

INSPECTED = {"Id": "sha256:image", "RootFS": {"Layers": []}, "Os": "linux", "Architecture": "amd64", "Size": 1}


@pytest.mark.parametrize("said", [{}, {"Created": None}, {"Created": ""}])
def test_an_image_need_not_say_when_it_was_made(said: dict[str, Any]) -> None:
    assert image_of({**INSPECTED, **said}).created == ""


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        ({}, True),
        ({"layers": ("sha256:base",)}, False),
        ({"created": "2026-03-02T12:00:00Z"}, False),
        ({"id": "sha256:image", "created": ""}, True),
    ],
)
def test_an_image_is_the_same_by_its_id_or_by_its_layers_and_time(changed: dict[str, Any], expected: bool) -> None:
    assert an_image(**{"id": "sha256:in-another-store", **changed}).same_as(an_image()) is expected


def test_layers_alone_do_not_prove_that_images_are_the_same() -> None:
    assert not an_image(id="sha256:one", created="").same_as(an_image(id="sha256:other", created=""))
