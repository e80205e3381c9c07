import gzip
import io
import json
import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest

from shipper.images.archive import Archive, can_leave_out, known_layers

LAYERS = {"base": b"base" * 5000, "libraries": b"lib" * 300_000, "app": b"app"}
CONFIG = json.dumps({"architecture": "amd64"}).encode()
Save = Callable[[Path], Path]


def add(tar: tarfile.TarFile, path: str, content: bytes) -> None:
    member = tarfile.TarInfo(path)
    member.size = len(content)
    tar.addfile(member, io.BytesIO(content))


def manifest_of(config: str, layers: list[str]) -> bytes:
    return json.dumps([{"Config": config, "RepoTags": ["old:name"], "Layers": layers, "Kept": "as it is"}]).encode()


def save_as_older_dockers_do(path: Path) -> Path:
    """The lowest layer is there a second time: as a link, since its content is saved already."""
    with tarfile.open(path, "w") as tar:
        for name, content in LAYERS.items():
            add(tar, f"{name}/VERSION", b"1.0")
            add(tar, f"{name}/layer.tar", content)
        link = tarfile.TarInfo("again/layer.tar")
        link.type, link.linkname = tarfile.SYMTYPE, "../base/layer.tar"
        tar.addfile(link)
        add(tar, "config.json", CONFIG)
        add(tar, "manifest.json", manifest_of("config.json", [f"{name}/layer.tar" for name in (*LAYERS, "again")]))
        add(tar, "repositories", b"{}")
    return path


def save_as_oci(path: Path) -> Path:
    """The lowest layer is named twice, and there once."""
    with tarfile.open(path, "w") as tar:
        add(tar, "oci-layout", b"{}")
        for name, content in {**LAYERS, "config": CONFIG}.items():
            add(tar, f"blobs/sha256/{name}", content)
        layers = [f"blobs/sha256/{name}" for name in (*LAYERS, "base")]
        add(tar, "manifest.json", manifest_of("blobs/sha256/config", layers))
        add(tar, "index.json", b"{}")
    return path


def sent(archive: Archive) -> bytes:
    return b"".join(archive.chunks(lambda: None))


def members(archive: Archive) -> dict[str, bytes]:
    with tarfile.open(fileobj=io.BytesIO(sent(archive)), mode="r:gz") as tar:
        contents = {name: tar.extractfile(name) for name in tar.getnames()}
        return {name: file.read() for name, file in contents.items() if file}


BASE, LIBRARIES, APP = LAYERS.values()
OLDER = {"base/layer.tar": BASE, "libraries/layer.tar": LIBRARIES, "app/layer.tar": APP, "again/layer.tar": BASE}
OCI = {"blobs/sha256/base": BASE, "blobs/sha256/libraries": LIBRARIES, "blobs/sha256/app": APP}
LEFT_OUT: list[tuple[Save, int, dict[str, bytes]]] = [
    (save_as_older_dockers_do, 2, {"app/layer.tar": APP, "again/layer.tar": BASE}),
    (save_as_older_dockers_do, 3, {"again/layer.tar": BASE}),
    (save_as_older_dockers_do, 4, {}),
    (save_as_oci, 1, OCI),
    (save_as_oci, 2, {"blobs/sha256/app": APP, "blobs/sha256/base": BASE}),
    (save_as_oci, 4, {}),
]


@pytest.mark.parametrize(("save", "left_out", "expected"), LEFT_OUT)
def test_only_the_layers_that_the_server_lacks_are_sent(
    tmp_path: Path, save: Save, left_out: int, expected: dict[str, bytes]
) -> None:
    archive = Archive(saved=save(tmp_path / "saved.tar"), image_name="shop:1", left_out=left_out)
    layers = {path: content for path, content in members(archive).items() if path in {*OLDER, *OCI}}
    assert layers == expected


@pytest.mark.parametrize(("save", "left_out", "expected"), LEFT_OUT)
def test_the_size_is_that_of_the_layers_that_are_sent(
    tmp_path: Path, save: Save, left_out: int, expected: dict[str, bytes]
) -> None:
    archive = Archive(saved=save(tmp_path / "saved.tar"), image_name="shop:1", left_out=left_out)
    assert archive.size() == sum(map(len, expected.values()))


@pytest.mark.parametrize("save", [save_as_older_dockers_do, save_as_oci])
def test_where_nothing_is_left_out_all_goes_as_it_was_saved(tmp_path: Path, save: Save) -> None:
    archive = Archive(saved=save(tmp_path / "saved.tar"), image_name="shop:1", left_out=0)
    saved = archive.saved.read_bytes()
    assert (archive.size(), gzip.decompress(sent(archive)) == saved) == (len(saved), True)


@pytest.mark.parametrize(("member", "expected"), [("manifest.json", True), ("index.json", False)])
def test_layers_can_be_left_out_only_where_a_manifest_names_them(tmp_path: Path, member: str, expected: bool) -> None:
    saved = tmp_path / "saved.tar"
    with tarfile.open(saved, "w") as tar:
        add(tar, member, b"[]")
    assert can_leave_out(saved) is expected


@pytest.fixture(params=[save_as_older_dockers_do, save_as_oci])
def archive(request: pytest.FixtureRequest, tmp_path: Path) -> Archive:
    save: Save = request.param
    return Archive(saved=save(tmp_path / "saved.tar"), image_name="registry:5000/shop:1", left_out=2)


def test_the_manifest_still_names_all_layers_and_gives_the_image_its_name(archive: Archive) -> None:
    with tarfile.open(archive.saved) as tar:
        file = tar.extractfile("manifest.json")
        assert file
        (as_saved,) = json.load(file)
    assert json.loads(members(archive)["manifest.json"]) == [{**as_saved, "RepoTags": ["registry:5000/shop:1"]}]


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
