"""Sending a file's contents, whole or damaged."""

import asyncio

from aiohttp import web

from tests.fakes.telegram.chats import File
from tests.fakes.telegram.faults import Damage


async def send(file: File, request: web.Request, damage: Damage | None) -> web.StreamResponse:
    half = file.data[: len(file.data) // 2]
    if damage is None or damage is Damage.ENDS_EARLY:
        body = half if damage else file.data
        return web.Response(body=body, content_type="application/octet-stream")
    response = web.StreamResponse()
    response.content_length = len(file.data)
    await response.prepare(request)
    await response.write(half)
    if damage is Damage.STALLS:
        await asyncio.Event().wait()  # until the client has had enough
    assert request.transport
    request.transport.abort()
    return response
