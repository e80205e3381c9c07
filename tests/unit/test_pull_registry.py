import asyncio
import base64
import json
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from http.client import HTTPConnection
from pathlib import Path

import pytest

from shipper.images.prefixes import MANIFEST, contents
from shipper.images.pull_registry import Answer, PullRegistry
from shipper.images.saved import Saved, read_saved
from shipper.images.tunnel import progress_of
from shipper.world import ByteReader, Progress
from tests.unit.saving import APP, BASE, CONFIG, LIBRARIES, digest, save_as_oci

MANIFESTS, BLOBS = "/v2/tunnel/shop/manifests", "/v2/tunnel/shop/blobs"
LAYER = f"{BLOBS}/{digest(LIBRARIES)}"


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> Saved:
    return read_saved(save_as_oci(tmp_path_factory.mktemp("saved") / "saved.tar"))


@pytest.fixture
def registry(saved: Saved) -> PullRegistry:
    return PullRegistry("tunnel/shop", contents(saved, (2, 4)), withheld={digest(APP)})


def with_password(registry: PullRegistry, **headers: str) -> dict[str, str]:
    pair = f"{registry.credentials.username}:{registry.credentials.password.reveal()}"
    return {"authorization": f"Basic {base64.b64encode(pair.encode()).decode()}", **headers}


def ask(registry: PullRegistry, path: str, method: str = "GET", **headers: str) -> Answer:
    return registry.answer(method, path, with_password(registry, **headers))


def body(answer: Answer) -> bytes:
    return b"".join(answer.pieces())


# Who may


@pytest.mark.parametrize("path", ["/v2/", f"{MANIFESTS}/4", LAYER, "/nowhere"])
@pytest.mark.parametrize("authorization", ["", "Basic", "Basic c2hpcHBlcjp3cm9uZw==", "Bearer token", "Basic \xe9"])
def test_without_the_password_of_the_run_nothing_is_told(registry: PullRegistry, path: str, authorization: str) -> None:
    answer = registry.answer("GET", path, {"authorization": authorization})
    assert (answer.status, answer.headers["WWW-Authenticate"]) == (401, 'Basic realm="shipper"')


def test_each_run_has_a_password_of_its_own(saved: Saved) -> None:
    passwords = {PullRegistry("a", contents(saved, (4,))).credentials.password.reveal() for _ in range(2)}
    assert len(passwords) == 2


def test_docker_finds_a_registry(registry: PullRegistry) -> None:
    assert (ask(registry, "/v2/").status, body(ask(registry, "/v2/"))) == (200, b"{}")


# What there is


def test_a_manifest_names_the_config_and_the_layers(registry: PullRegistry) -> None:
    answer = ask(registry, f"{MANIFESTS}/4")
    manifest = json.loads(body(answer))
    assert (answer.status, answer.headers["Content-Type"], manifest["mediaType"]) == (200, MANIFEST, MANIFEST)
    assert manifest["config"]["digest"] == digest(CONFIG)
    assert [layer["digest"] for layer in manifest["layers"]] == [*map(digest, (BASE, LIBRARIES, APP, BASE))]


def test_a_manifest_can_be_had_by_its_digest(registry: PullRegistry) -> None:
    by_tag = ask(registry, f"{MANIFESTS}/4")
    by_digest = ask(registry, f"{MANIFESTS}/{by_tag.headers['Docker-Content-Digest']}")
    assert body(by_digest) == body(by_tag)
    assert by_tag.headers["Docker-Content-Digest"] == digest(body(by_tag))


def test_a_prefix_is_an_image_of_the_lowest_layers(registry: PullRegistry) -> None:
    manifest = json.loads(body(ask(registry, f"{MANIFESTS}/2")))
    config = json.loads(body(ask(registry, f"{BLOBS}/{manifest['config']['digest']}")))
    layers = [digest(BASE), digest(LIBRARIES)]
    assert ([layer["digest"] for layer in manifest["layers"]], config["rootfs"]["diff_ids"]) == (layers, layers)
    assert (config["os"], config["architecture"]) == ("linux", "amd64")


def test_a_prefix_says_when_it_was_made_and_always_the_same(registry: PullRegistry) -> None:
    manifest = json.loads(body(ask(registry, f"{MANIFESTS}/2")))
    config = json.loads(body(ask(registry, f"{BLOBS}/{manifest['config']['digest']}")))
    assert config["created"] == "1970-01-01T00:00:00Z"


def test_the_config_is_that_of_the_image_so_that_its_id_is_the_same(registry: PullRegistry) -> None:
    assert body(ask(registry, f"{BLOBS}/{digest(CONFIG)}")) == CONFIG


@pytest.mark.parametrize(
    ("path", "code"),
    [
        (f"{MANIFESTS}/3", "MANIFEST_UNKNOWN"),
        (f"{MANIFESTS}/{digest(b'')}", "MANIFEST_UNKNOWN"),
        (f"{BLOBS}/{digest(b'')}", "BLOB_UNKNOWN"),
        ("/v2/tunnel/other/manifests/4", "NAME_UNKNOWN"),
        ("/v2/tunnel/shop/tags/list", "NAME_UNKNOWN"),
        (f"{LAYER}/", "NAME_UNKNOWN"),
        ("/", "NAME_UNKNOWN"),
    ],
)
def test_what_is_not_there_is_told_as_registries_do(registry: PullRegistry, path: str, code: str) -> None:
    answer = ask(registry, path)
    assert (answer.status, json.loads(body(answer))["errors"][0]["code"]) == (404, code)


@pytest.mark.parametrize("method", ["PUT", "POST", "PATCH", "DELETE"])
def test_nothing_can_be_pushed(registry: PullRegistry, method: str) -> None:
    answer = ask(registry, f"{MANIFESTS}/4", method)
    assert (answer.status, answer.headers["Allow"]) == (405, "GET, HEAD")


def test_a_layer_that_is_withheld_is_refused_and_that_is_remembered(registry: PullRegistry) -> None:
    assert not registry.has_refused
    answer = ask(registry, f"{BLOBS}/{digest(APP)}")
    assert (answer.status, registry.has_refused, registry.layers_sent) == (403, True, set())


# Parts


@pytest.mark.parametrize(
    ("wanted", "expected", "content_range"),
    [
        ("bytes=5-9", LIBRARIES[5:10], "bytes 5-9/900000"),
        ("bytes=0-0", LIBRARIES[:1], "bytes 0-0/900000"),
        ("bytes=899990-", LIBRARIES[-10:], "bytes 899990-899999/900000"),
        ("bytes=899990-2000000", LIBRARIES[-10:], "bytes 899990-899999/900000"),
        ("bytes=-10", LIBRARIES[-10:], "bytes 899990-899999/900000"),
        ("bytes=-2000000", LIBRARIES, "bytes 0-899999/900000"),
    ],
)
def test_a_part_can_be_asked_for(registry: PullRegistry, wanted: str, expected: bytes, content_range: str) -> None:
    answer = ask(registry, LAYER, range=wanted)
    assert (answer.status, answer.headers["Content-Range"]) == (206, content_range)
    assert (answer.headers["Content-Length"], body(answer) == expected) == (str(len(expected)), True)


@pytest.mark.parametrize("wanted", ["bytes=900000-", "bytes=2000000-3000000", "bytes=9-5", "bytes=-0"])
def test_a_part_beyond_the_end_is_refused(registry: PullRegistry, wanted: str) -> None:
    answer = ask(registry, LAYER, range=wanted)
    assert (answer.status, answer.headers["Content-Range"]) == (416, "bytes */900000")


@pytest.mark.parametrize("wanted", ["", "bytes=-", "bytes=0-4,6-9", "layers=1-2"])
def test_where_no_one_part_is_asked_for_all_comes(registry: PullRegistry, wanted: str) -> None:
    answer = ask(registry, LAYER, range=wanted)
    assert (answer.status, body(answer) == LIBRARIES) == (200, True)


# Over a stream


class Connection(HTTPConnection):
    def __init__(self, path: Path) -> None:
        super().__init__("registry")
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.connect(str(self._path))


@pytest.fixture
async def path(registry: PullRegistry, tmp_path: Path) -> AsyncIterator[Path]:
    """A socket on which the registry listens."""

    async def serve(reader: ByteReader, writer: asyncio.StreamWriter) -> None:
        await registry.serve(reader, writer)
        writer.close()

    server = await asyncio.start_unix_server(serve, tmp_path / "socket")
    async with server:
        yield tmp_path / "socket"


@contextmanager
def connection(path: Path) -> Iterator[Connection]:
    made = Connection(path)
    try:
        yield made
    finally:
        made.close()


async def test_one_connection_has_many_answers(registry: PullRegistry, path: Path) -> None:
    def talk() -> list[tuple[int, int]]:
        found = []
        with connection(path) as made:
            for method, target in (("GET", "/v2/"), ("HEAD", LAYER), ("POST", "/v2/"), ("GET", LAYER)):
                made.request(method, target, headers=with_password(registry))
                answer = made.getresponse()
                found.append((answer.status, len(answer.read())))
        return found

    error = len(body(ask(registry, "/v2/", "POST")))
    assert await asyncio.to_thread(talk) == [(200, 2), (200, 0), (405, error), (200, len(LIBRARIES))]
    assert registry.sent == 2 + error + len(LIBRARIES)


async def test_a_tls_hello_is_refused_in_http_so_that_docker_tries_it_without_tls(path: Path) -> None:
    reader, writer = await asyncio.open_unix_connection(path)
    writer.write(b"\x16\x03\x01\x00\xf1")  # how TLS begins
    assert (await reader.read()).startswith(b"HTTP/1.1 400 ")
    writer.close()


async def test_a_password_that_is_not_even_text_is_refused(path: Path) -> None:
    reader, writer = await asyncio.open_unix_connection(path)
    writer.write(b"GET /v2/ HTTP/1.1\r\nHost: registry\r\nAuthorization: \xff\r\nConnection: close\r\n\r\n")
    assert (await reader.read()).startswith(b"HTTP/1.1 401 ")
    writer.close()


async def test_who_wants_one_answer_is_hung_up_on_after_it(registry: PullRegistry, path: Path) -> None:
    reader, writer = await asyncio.open_unix_connection(path)
    writer.write(b"GET /v2/ HTTP/1.1\r\nHost: registry\r\nConnection: close\r\n\r\n")
    assert (await reader.read()).startswith(b"HTTP/1.1 401 ")
    writer.close()


# How far it is


@pytest.mark.parametrize(
    ("sent", "missing", "total", "detail"),
    [
        (1_000_000, 4_000_000, 4_000_000, "of 4.0 MB through the tunnel"),
        (4_100_000, 4_000_000, 4_100_000, "of 4.1 MB through the tunnel"),
        (73, 0, 0, "through the tunnel"),
    ],
    ids=["of layers", "with what goes beside them", "no layer is missing"],
)
def test_progress_says_of_how_much_unless_nobody_knows(sent: int, missing: int, total: int, detail: str) -> None:
    assert progress_of(sent, missing) == Progress(done=sent, total=total, unit="bytes", detail=detail)
