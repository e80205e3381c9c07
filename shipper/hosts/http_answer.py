"""PURE: the bytes that an HTTP server sent → what a probe got. https://www.rfc-editor.org/rfc/rfc9112"""

import http.client
import io
import re
import socket
from typing import cast

from shipper.errors import ConnectError
from shipper.world import Answer

LONGEST_ANSWER = 65536  # bytes of a probe's answer that are read: enough for its status and the start of its body


class _Received(io.BytesIO):
    """What http.client takes for a socket."""

    def makefile(self, mode: str) -> "_Received":
        return self


def is_whole(received: bytes) -> bool:
    """Whether the answer has ended, for servers that do not close. https://www.rfc-editor.org/rfc/rfc9112#section-6.3"""
    headers, end, body = received.partition(b"\r\n\r\n")
    if not end or len(received) > LONGEST_ANSWER:
        return bool(end)
    if length := re.search(rb"(?i)\r\ncontent-length: *(\d+)", headers):
        return len(body) >= int(length[1])
    if re.search(rb"(?i)\r\ntransfer-encoding: *chunked", headers):
        return body.endswith(b"0\r\n\r\n")
    return re.match(rb"HTTP/1\.\d (204|304) ", headers) is not None


def answer_of(received: bytes) -> Answer:
    response = http.client.HTTPResponse(cast(socket.socket, _Received(received)))
    try:
        response.begin()
        body = response.read(LONGEST_ANSWER)
    except http.client.IncompleteRead as error:
        body = error.partial
    except http.client.HTTPException:
        raise ConnectError("the answer is not HTTP") from None
    return Answer(status=response.status, body=body.decode(errors="replace"))
