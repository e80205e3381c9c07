from typing import Any

import pytest

from shipper.images.build_cache import cache_options, wants_cache, why_no_cache
from tests.unit.nouns import a_config

REGISTRY = {"image": "me/shop", "registry": {}, "build": {"cache": "registry"}}


def test_the_cache_is_an_image_of_its_own_and_what_cannot_be_written_fails_no_build() -> None:
    assert cache_options(a_config(**REGISTRY)) == (
        "--cache-from=type=registry,ref=me/shop:cache",
        "--cache-to=type=registry,ref=me/shop:cache,mode=max,image-manifest=true,ignore-error=true",
    )


@pytest.mark.parametrize(
    ("changed", "wanted"), [({}, True), ({"registry": None}, False), ({"build": {}}, False), ({"build": None}, False)]
)
def test_there_is_one_where_the_config_says_so_and_there_is_a_registry(changed: Any, wanted: bool) -> None:
    assert wants_cache(a_config(**{**REGISTRY, **changed})) is wanted


@pytest.mark.parametrize(
    ("builder", "storage", "why"),
    [
        ("Name:   builder-1\nDriver: docker-container\n", "[[Backing Filesystem extfs]]", ""),
        ("Name:   default\nDriver: docker\n", "[[driver-type io.containerd.snapshotter.v1]]", ""),
        (
            "Name:   default\nDriver: docker\n",
            "[[Backing Filesystem extfs]]",
            "Docker's own builder needs the containerd image store for one; `docker buildx create` makes others",
        ),
    ],
)
def test_which_builders_can_have_one(builder: str, storage: str, why: str) -> None:
    assert why_no_cache(has_buildx=True, builder=builder, storage=storage) == why


def test_without_buildx_there_is_none() -> None:
    assert why_no_cache(has_buildx=False, builder="", storage="") == "Docker has no buildx here"
