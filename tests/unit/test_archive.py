import gzip
import io
import json
import tarfile
from pathlib import Path

import pytest

from shipper.images.archive import Archive, known_layers
from shipper.images.saved import read_saved
from tests.unit.saving import APP, BASE, CONFIG, LIBRARIES, Save, blob, save_as_oci, save_as_older_dockers_do


def sent(archive: Archive) -> bytes:
    return b"".join(archive.chunks(lambda: None))


def members(archive: Archive) -> dict[str, bytes]:
    with tarfile.open(fileobj=io.BytesIO(sent(archive)), mode="r:gz") as tar:
        contents = {name: tar.extractfile(name) for name in tar.getnames()}
        return {name: file.read() for name, file in contents.items() if file}


OLDER = {"base/layer.tar": BASE, "libraries/layer.tar": LIBRARIES, "app/layer.tar": APP, "again/layer.tar": BASE}
OCI = {blob(BASE): BASE, blob(LIBRARIES): LIBRARIES, blob(APP): APP}
LEFT_OUT: list[tuple[Save, int, dict[str, bytes]]] = [
    (save_as_older_dockers_do, 2, {"app/layer.tar": APP, "again/layer.tar": BASE}),
    (save_as_older_dockers_do, 3, {"again/layer.tar": BASE}),
    (save_as_older_dockers_do, 4, {}),
    (save_as_oci, 1, OCI),
    (save_as_oci, 2, {blob(APP): APP, blob(BASE): BASE}),
    (save_as_oci, 4, {}),
]


@pytest.mark.parametrize(("save", "left_out", "expected"), LEFT_OUT)
def test_only_the_layers_that_the_server_lacks_are_sent(
    tmp_path: Path, save: Save, left_out: int, expected: dict[str, bytes]
) -> None:
    archive = Archive(saved=read_saved(save(tmp_path / "saved.tar")), image_name="shop:1", left_out=left_out)
    layers = {path: content for path, content in members(archive).items() if path in {*OLDER, *OCI}}
    assert layers == expected


@pytest.mark.parametrize(("save", "left_out", "expected"), LEFT_OUT)
def test_the_size_is_that_of_the_layers_that_are_sent(
    tmp_path: Path, save: Save, left_out: int, expected: dict[str, bytes]
) -> None:
    archive = Archive(saved=read_saved(save(tmp_path / "saved.tar")), image_name="shop:1", left_out=left_out)
    assert archive.size() == sum(map(len, expected.values()))


@pytest.mark.parametrize("save", [save_as_older_dockers_do, save_as_oci])
def test_where_nothing_is_left_out_all_goes_as_it_was_saved(tmp_path: Path, save: Save) -> None:
    archive = Archive(saved=read_saved(save(tmp_path / "saved.tar")), image_name="shop:1", left_out=0)
    saved = archive.saved.file.read_bytes()
    assert (archive.size(), gzip.decompress(sent(archive)) == saved) == (len(saved), True)


@pytest.fixture(params=[save_as_older_dockers_do, save_as_oci])
def archive(request: pytest.FixtureRequest, tmp_path: Path) -> Archive:
    save: Save = request.param
    return Archive(saved=read_saved(save(tmp_path / "saved.tar")), image_name="registry:5000/shop:1", left_out=2)


def test_the_manifest_still_names_all_layers_and_gives_the_image_its_name(archive: Archive) -> None:
    described = {**archive.saved.manifest, "RepoTags": ["registry:5000/shop:1"]}
    assert (len(described["Layers"]), json.loads(members(archive)["manifest.json"])) == (4, [described])


def test_the_config_of_the_image_is_sent_as_it_is(archive: Archive) -> None:
    found = members(archive)
    assert found[json.loads(found["manifest.json"])[0]["Config"]] == CONFIG


def test_nothing_is_sent_that_docker_does_not_need(archive: Archive) -> None:
    (manifest,) = json.loads(members(archive)["manifest.json"])
    assert members(archive).keys() <= {"manifest.json", manifest["Config"], *manifest["Layers"]}


def test_the_archive_ends_as_a_tar_must(archive: Archive) -> None:
    tar = gzip.decompress(sent(archive))
    assert (len(tar) % 512, tar[-1024:]) == (0, bytes(1024))


def test_what_was_sent_is_counted_as_it_travels(archive: Archive) -> None:
    seen: list[int] = []
    length = sum(len(chunk) for chunk in archive.chunks(lambda: seen.append(archive.sent)))
    assert (archive.sent, seen == sorted(seen), seen != []) == (length, True, True)


def test_one_content_makes_one_archive(archive: Archive) -> None:
    assert sent(archive) == sent(archive)


@pytest.mark.parametrize(
    ("layers", "on_server", "expected"),
    [
        ("abc", [], 0),
        ("abc", ["xyz"], 0),
        ("abc", ["abx", "a"], 2),
        ("abc", ["abc"], 3),
        ("abc", ["abcd"], 3),
        ("abc", ["xbc", "bc"], 0),
        ("aab", ["aa"], 2),
        ("", ["abc"], 0),
    ],
)
def test_a_server_knows_the_layers_that_one_of_its_images_begins_with(
    layers: str, on_server: list[str], expected: int
) -> None:
    assert known_layers(layers, on_server) == expected
