"""Commands that Docker runs for somebody: what is written to them and read from them, and how they ended."""

import asyncio
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from shipper.errors import CommandNotStarted, ConnectError, EngineError
from shipper.hosts.docker_api import DockerApi
from shipper.hosts.docker_stream import Frames, Stream
from shipper.model.specification import Terminal

_PATIENCE = 5.0  # seconds
_NOT_EXECUTABLE, _NO_COMMAND = 126, 127  # of a shell; of one that is not there older Dockers say 126 as well
_LOOK_THERE = "Is it misspelt, or not in the image? `ls /usr/bin`, say, shows what is there, if it has that."


async def not_started(error: EngineError, end: Stream) -> EngineError:
    """Docker tells in the exit code whether it is for want of the command, and removes the container."""
    with suppress(TimeoutError):
        async with asyncio.timeout(_PATIENCE):
            async for answer in end.json_lines():
                if answer["StatusCode"] in (_NOT_EXECUTABLE, _NO_COMMAND):
                    return CommandNotStarted(error.what, exit_code=answer["StatusCode"], next=_LOOK_THERE)
    return error


class _Connected:
    """The streams of a command."""

    def __init__(self, api: DockerApi, stream: Stream, terminal: Terminal | None) -> None:
        self._api = api
        self._stream = stream
        self._frames = None if terminal else Frames()
        self._unread: list[tuple[bool, bytes]] = []

    async def read(self) -> tuple[bool, bytes] | None:
        while not self._unread:
            if not (chunk := await self._stream.read()):
                return None
            self._unread += self._frames.take(chunk) if self._frames else [(False, chunk)]
        return self._unread.pop(0)

    async def write(self, data: bytes) -> None:
        await self._stream.write(data)

    def write_eof(self) -> None:
        self._stream.write_eof()


class Executed(_Connected):
    """A command in a container that was there before."""

    def __init__(
        self,
        api: DockerApi,
        exec_id: str,
        stream: Stream,
        terminal: Terminal | None,
        container_name: str,
        command_name: str,
    ) -> None:
        super().__init__(api, stream, terminal)
        self._exec_id = exec_id
        self._container_name = container_name
        self._command_name = command_name
        self._is_known_to_run = False

    async def read(self) -> tuple[bool, bytes] | None:
        """What Docker has to say where it cannot start the command comes as if the command had written it."""
        written = await super().read()
        if not self._is_known_to_run:
            self._is_known_to_run = True
            inspected = await self._inspected()
            code = inspected["ExitCode"]
            if not inspected["Pid"] and code:
                why = written[1].decode(errors="replace").strip() if written else f"exit code {code}"
                raise CommandNotStarted(
                    f"{self._command_name} cannot be executed in {self._container_name}: {why}",
                    next=_LOOK_THERE,
                    exit_code=code,
                )
        return written

    async def resize(self, columns: int, rows: int) -> bool:
        try:
            await self._api.call(
                "exec resize", lambda client: client.exec_resize(self._exec_id, height=rows, width=columns)
            )
        except EngineError:
            return False
        return True

    async def exit_code(self) -> int | None:
        inspected = await self._inspected()
        return None if inspected["Running"] else int(inspected["ExitCode"] or 0)

    async def _inspected(self) -> Mapping[str, Any]:
        found: Mapping[str, Any] = await self._api.call(
            "exec inspect", lambda client: client.exec_inspect(self._exec_id)
        )
        return found


class Started(_Connected):
    """The command of a container."""

    def __init__(
        self, api: DockerApi, container_name: str, stream: Stream, terminal: Terminal | None, end: Stream
    ) -> None:
        super().__init__(api, stream, terminal)
        self._container_name = container_name
        self._end = end

    async def resize(self, columns: int, rows: int) -> bool:
        try:
            await self._api.call(
                f"resize {self._container_name}",
                lambda client: client.resize(self._container_name, height=rows, width=columns),
            )
        except EngineError:
            return False
        return True

    async def exit_code(self) -> int | None:
        async for answer in self._end.json_lines():
            return int(answer["StatusCode"])
        raise ConnectError("The connection to Docker broke.")
