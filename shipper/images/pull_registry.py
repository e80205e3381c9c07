"""A registry that can only be pulled from, over any stream of bytes: it serves one run, which alone has its password.

https://github.com/opencontainers/distribution-spec/blob/v1.1.1/spec.md#pull
"""

import base64
import json
import re
import secrets
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field
from http import HTTPStatus

import h11

from shipper.images.prefixes import MANIFEST, Contents, digest_of
from shipper.images.saved import Layer
from shipper.model.image import Credentials
from shipper.model.secret import Secret
from shipper.world import ByteReader, ByteWriter

_USER = "shipper"
_REQUEST = 65536  # bytes that are read at a time: a request has some hundred
_LAST = [("Content-Length", "0"), ("Connection", "close")]
_BLOB = "application/octet-stream"


@dataclass(frozen=True, kw_only=True)
class Answer:
    """A status, and a part of some content."""

    status: HTTPStatus
    headers: Mapping[str, str] = field(default_factory=dict)
    content: Layer | bytes
    begin: int = 0
    end: int

    def pieces(self) -> Iterator[bytes]:
        if isinstance(self.content, Layer):
            return self.content.read(self.begin, self.end)
        return iter([self.content[self.begin : self.end]])


class PullRegistry:
    """Has one image and its prefixes, as `repository`; counts what goes."""

    def __init__(
        self,
        repository: str,
        contents: Contents,
        *,
        withheld: Collection[str] = (),
        on_sent: Callable[[], None] = lambda: None,
    ) -> None:
        """`withheld` are digests of layers that are refused; `on_sent` is called after each piece of content."""
        self.credentials = Credentials(username=_USER, password=Secret(secrets.token_urlsafe(32)))
        self.sent = 0
        """Bytes of content that went."""
        self.layers_sent: set[str] = set()
        """Digests of those that were asked for, and not refused."""
        self.has_refused = False
        """Whether a layer that is withheld was asked for."""
        self._path = re.compile(rf"/v2/{re.escape(repository)}/(manifests|blobs)/([\w:.-]+)")
        self._contents = contents
        self._withheld = withheld
        self._on_sent = on_sent

    async def serve(self, reader: ByteReader, writer: ByteWriter) -> None:
        """Answers until the other side hangs up, or speaks no HTTP."""
        connection = h11.Connection(h11.SERVER)
        request: h11.Request | None = None
        try:
            while (event := connection.next_event()) != h11.ConnectionClosed():
                if event is h11.NEED_DATA:
                    connection.receive_data(await reader.read(_REQUEST))
                elif isinstance(event, h11.Request):
                    request = event
                elif isinstance(event, h11.EndOfMessage) and request:
                    await self._reply(connection, writer, request)
                    if connection.our_state is not h11.DONE:  # it wants no further answer
                        return
                    connection.start_next_cycle()
        except h11.RemoteProtocolError:
            # newer Dockers try TLS first, and then plain HTTP only where the answer to that was HTTP
            refused = h11.Response(status_code=HTTPStatus.BAD_REQUEST, headers=_LAST)
            for event in (refused, h11.EndOfMessage()):
                writer.write(connection.send(event) or b"")
            await writer.drain()

    async def _reply(self, connection: h11.Connection, writer: ByteWriter, request: h11.Request) -> None:
        headers = {name.decode(): value.decode("latin-1") for name, value in request.headers}
        answer = self.answer(request.method.decode(), request.target.decode(), headers)
        response = h11.Response(status_code=answer.status, headers=[*answer.headers.items()])
        writer.write(connection.send(response) or b"")
        if request.method != b"HEAD":
            for piece in answer.pieces():
                for data in connection.send_with_data_passthrough(h11.Data(data=piece)) or ():
                    writer.write(data)
                await writer.drain()
                self.sent += len(piece)
                self._on_sent()
        writer.write(connection.send(h11.EndOfMessage()) or b"")
        await writer.drain()

    def answer(self, method: str, path: str, headers: Mapping[str, str]) -> Answer:
        """What a request gets, without the doing; the names of `headers` are in lower case."""
        if not self._admits(headers.get("authorization", "")):
            challenge = {"WWW-Authenticate": 'Basic realm="shipper"'}
            return _error(HTTPStatus.UNAUTHORIZED, "UNAUTHORIZED", "wrong or no password", challenge)
        if method not in ("GET", "HEAD"):
            allowed = {"Allow": "GET, HEAD"}
            return _error(HTTPStatus.METHOD_NOT_ALLOWED, "UNSUPPORTED", "this registry is for pulls", allowed)
        if path == "/v2/":
            return _whole(b"{}", {"Content-Type": "application/json"})
        if not (asked := self._path.fullmatch(path)):
            return _error(HTTPStatus.NOT_FOUND, "NAME_UNKNOWN", "this registry has one repository")
        kind, name = asked.groups()
        return self._manifest(name) if kind == "manifests" else self._blob(name, headers.get("range", ""))

    def _admits(self, authorization: str) -> bool:
        wanted = f"{self.credentials.username}:{self.credentials.password.reveal()}"
        basic = f"Basic {base64.b64encode(wanted.encode()).decode()}"
        return secrets.compare_digest(authorization.encode(), basic.encode())

    def _manifest(self, name: str) -> Answer:
        if not (manifest := self._contents.manifests.get(name)):
            return _error(HTTPStatus.NOT_FOUND, "MANIFEST_UNKNOWN", f"no manifest {name}")
        return _whole(manifest, {"Content-Type": MANIFEST, "Docker-Content-Digest": digest_of(manifest)})

    def _blob(self, digest: str, wanted: str) -> Answer:
        if not (blob := self._contents.blobs.get(digest)):
            return _error(HTTPStatus.NOT_FOUND, "BLOB_UNKNOWN", f"no blob {digest}")
        if digest in self._withheld:
            self.has_refused = True
            return _error(
                HTTPStatus.FORBIDDEN, "DENIED", f"the server has layer {digest}"
            )  # Docker asks no second time
        if isinstance(blob, Layer):
            self.layers_sent.add(digest)
        headers = {"Content-Type": _BLOB, "Docker-Content-Digest": digest, "Accept-Ranges": "bytes"}
        return _part(blob, headers, wanted)


def _part(content: Layer | bytes, headers: Mapping[str, str], wanted: str) -> Answer:
    """Bytes 5-, 5-9 and -5 of it; other forms of Range may be ignored. https://www.rfc-editor.org/rfc/rfc9110#section-14"""
    match = re.fullmatch(r"bytes=(\d*)-(\d*)", wanted)
    if not match or not (match[1] or match[2]):
        return _whole(content, headers)
    size = _size(content)
    begin = int(match[1]) if match[1] else max(size - int(match[2]), 0)
    end = min(int(match[2]) + 1, size) if match[1] and match[2] else size
    if begin >= end:
        beyond = {"Content-Range": f"bytes */{size}"}
        return _error(HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE, "SIZE_INVALID", "there is no such range", beyond)
    return Answer(
        status=HTTPStatus.PARTIAL_CONTENT,
        headers={**headers, "Content-Length": str(end - begin), "Content-Range": f"bytes {begin}-{end - 1}/{size}"},
        content=content,
        begin=begin,
        end=end,
    )


def _whole(content: Layer | bytes, headers: Mapping[str, str], status: HTTPStatus = HTTPStatus.OK) -> Answer:
    size = _size(content)
    return Answer(status=status, headers={**headers, "Content-Length": str(size)}, content=content, end=size)


def _error(status: HTTPStatus, code: str, message: str, headers: Mapping[str, str] | None = None) -> Answer:
    body = json.dumps({"errors": [{"code": code, "message": message}]}).encode()
    return _whole(body, {**(headers or {}), "Content-Type": "application/json"}, status)


def _size(content: Layer | bytes) -> int:
    return content.size if isinstance(content, Layer) else len(content)
