"""A command that is run in a container to its end, and what it wrote."""

import socket
import struct
import time
from typing import Any, cast

import docker

from shipper.world import Finished


def run_to_end(api: docker.APIClient, container_name: str, command: tuple[str, ...], timeout: float) -> Finished:
    deadline = time.monotonic() + timeout
    exec_id = api.exec_create(container_name, list(command))["Id"]
    connection = cast(Any, api.exec_start(exec_id, socket=True))  # wraps the socket as a file, and keeps the response
    raw = cast(socket.socket, connection._sock)
    try:
        output = _demultiplexed(_received(raw, deadline))
    finally:
        connection._response.close()  # closes the file, too; else Python 3.13 says that it finds it closed
        raw.close()
    return Finished(exit_code=api.exec_inspect(exec_id)["ExitCode"] or 0, output=output)


def _received(raw: socket.socket, deadline: float) -> bytes:
    received = bytearray()
    while True:
        left = deadline - time.monotonic()
        if left <= 0:
            raise TimeoutError
        raw.settimeout(left)
        chunk = raw.recv(65536)
        if not chunk:
            return bytes(received)
        received += chunk


def _demultiplexed(stream: bytes) -> str:
    """Output and errors come in frames: 1 byte of kind, 3 of nothing, 4 of length, then the text.

    https://docs.docker.com/reference/api/engine/version/v1.41/#tag/Container/operation/ContainerAttach
    """
    text, position = b"", 0
    while position + 8 <= len(stream):
        (length,) = struct.unpack(">L", stream[position + 4 : position + 8])
        text += stream[position + 8 : position + 8 + length]
        position += 8 + length
    return text.decode(errors="replace")
