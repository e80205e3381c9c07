import gzip
import tarfile
from pathlib import Path

import pytest

from shipper.images.saved import read_saved
from tests.unit.saving import (
    APP,
    BASE,
    CONFIG,
    LAYERS,
    LIBRARIES,
    Save,
    add,
    digest,
    save_as_oci,
    save_as_older_dockers_do,
)

SAVES = [save_as_older_dockers_do, save_as_oci]


@pytest.mark.parametrize("save", SAVES)
def test_each_layer_is_read_where_it_lies(tmp_path: Path, save: Save) -> None:
    saved = read_saved(save(tmp_path / "saved.tar"))
    assert [b"".join(layer.read()) for layer in saved.layers] == [*LAYERS]


@pytest.mark.parametrize("save", SAVES)
def test_layers_that_are_not_compressed_go_by_their_diff_ids(tmp_path: Path, save: Save) -> None:
    saved = read_saved(save(tmp_path / "saved.tar"))
    found = [(layer.digest, layer.compression, layer.size) for layer in saved.layers]
    assert found == [(digest(content), "", len(content)) for content in LAYERS]


def test_compressed_layers_go_by_the_digests_of_what_is_there(tmp_path: Path) -> None:
    packed = (gzip.compress(BASE), b"\x28\xb5\x2f\xfd and so on", LIBRARIES, APP)
    saved = read_saved(save_as_oci(tmp_path / "saved.tar", packed))
    found = [(layer.digest, layer.compression) for layer in saved.layers]
    assert found == [*zip(map(digest, packed), ("gzip", "zstd", "", ""), strict=True)]


@pytest.mark.parametrize("save", SAVES)
def test_a_part_of_a_layer_can_be_read(tmp_path: Path, save: Save) -> None:
    layer = read_saved(save(tmp_path / "saved.tar")).layers[1]
    assert (b"".join(layer.read(5, 9)), b"".join(layer.read(899_998))) == (LIBRARIES[5:9], LIBRARIES[899_998:])


@pytest.mark.parametrize("save", SAVES)
def test_the_config_is_there_as_it_was(tmp_path: Path, save: Save) -> None:
    assert read_saved(save(tmp_path / "saved.tar")).config == CONFIG


@pytest.mark.parametrize(("member", "content"), [("index.json", b"{}"), ("manifest.json", b"[]")])
def test_what_is_not_described_as_one_image_has_no_layers_to_tell_apart(
    tmp_path: Path, member: str, content: bytes
) -> None:
    with tarfile.open(tmp_path / "saved.tar", "w") as tar:
        add(tar, member, content)
    saved = read_saved(tmp_path / "saved.tar")
    assert (saved.manifest, saved.layers) == ({}, ())
