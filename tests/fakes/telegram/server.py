"""The Bot API over HTTP, from a thread of its own: https://core.telegram.org/bots/api#making-requests"""

import asyncio
import select
import threading
import time
from collections.abc import Awaitable, Callable
from concurrent.futures import Future
from typing import Any, Self

from aiohttp import web

from tests.fakes.telegram.bots import Bot
from tests.fakes.telegram.cloud import Cloud
from tests.fakes.telegram.downloads import send
from tests.fakes.telegram.faults import DOWNLOAD, Call, Faults
from tests.fakes.telegram.mailbox import LARGEST_BATCH, Poll
from tests.fakes.telegram.methods import METHODS
from tests.fakes.telegram.parameters import Parameters, read
from tests.fakes.telegram.refusal import Refusal

_LARGEST_REQUEST = 60 << 20


class Telegram(Cloud):
    """Serves as long as the block lasts. `url` is for TELEGRAM_API; with /as/NAME added, a poller has that name."""

    def __init__(self, *, address: str = "127.0.0.1", port: int = 0) -> None:
        super().__init__()
        self.faults = Faults()
        self.calls: list[Call] = []
        """Refused ones too; getUpdates is in `bot.mailbox.polls`."""
        self.address = address
        self.port = port
        self._runner: web.AppRunner
        self._loop: asyncio.AbstractEventLoop
        self._thread = threading.Thread(target=self._run, name="telegram", daemon=True)
        self._is_up = Future[None]()
        self._ends: asyncio.Event

    @property
    def url(self) -> str:
        return f"http://{self.address}:{self.port}"

    def __enter__(self) -> Self:
        """Raises OSError where it can not listen."""
        self._thread.start()
        self._is_up.result()
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.faults.release()
        self._loop.call_soon_threadsafe(self._ends.set)
        self._thread.join()

    def goes_down(self) -> None:
        """Open connections break and new ones are refused."""
        asyncio.run_coroutine_threadsafe(self._stop_listening(), self._loop).result()

    def comes_back(self) -> None:
        """At the same address."""
        asyncio.run_coroutine_threadsafe(self._listen(), self._loop).result()

    def routes(self) -> list[web.RouteDef]:
        api = [
            web.route("*", f"{prefix}/bot{{token}}/{{method}}", self._answer_call) for prefix in ("", "/as/{poller}")
        ]
        downloads = [
            web.get(f"{prefix}/file/bot{{token}}/{{path:.+}}", self._answer_download) for prefix in ("", "/as/{poller}")
        ]
        return [*api, *downloads]

    def _run(self) -> None:
        try:
            asyncio.run(self._serve())
        except OSError as error:
            self._is_up.set_exception(error)

    async def _serve(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._ends = asyncio.Event()
        app = web.Application(client_max_size=_LARGEST_REQUEST)
        app.add_routes(self.routes())
        # polls and pages that are open do not end by themselves; 0 would let them hold us up for ever
        self._runner = web.AppRunner(app, access_log=None, handler_cancellation=True, shutdown_timeout=0.01)
        await self._runner.setup()
        await self._listen()
        self._is_up.set_result(None)
        await self._ends.wait()
        await self._runner.cleanup()

    async def _listen(self) -> None:
        await web.TCPSite(self._runner, self.address, self.port).start()
        self.port = self._runner.addresses[0][1]

    async def _stop_listening(self) -> None:
        for site in list(self._runner.sites):
            await site.stop()
        assert self._runner.server
        for connection in self._runner.server.connections:
            if connection.transport:
                connection.transport.abort()

    async def _answer_call(self, request: web.Request) -> web.StreamResponse:
        return await _answering(self._carry_out, request)

    async def _answer_download(self, request: web.Request) -> web.StreamResponse:
        return await _answering(self._download, request)

    async def _carry_out(self, request: web.Request) -> web.StreamResponse:
        bot, name = self._bot(request), request.match_info["method"]
        parameters = await read(request)
        call = Call(bot_id=bot.id, method=name, parameters=parameters, at=time.monotonic())
        if name.lower() != "getupdates":
            self.calls.append(call)
        await self.faults.meet("before", call)
        if _is_gone(request):  # was killed meanwhile: it depended on chance whether that was heard of before the effect
            raise web.HTTPClientError
        result = await self._result(bot, call, request)
        await self.faults.meet("after", call)
        return web.json_response({"ok": True, "result": result})

    async def _result(self, bot: Bot, call: Call, request: web.Request) -> Any:
        name = call.method.lower()
        if name == "getupdates":
            return [update.as_json() for update in await bot.mailbox.poll(_poll(request, call.parameters))]
        if name not in METHODS:
            raise Refusal(404, "Not Found: method not found")
        return METHODS[name](bot, call.parameters, self.files)

    async def _download(self, request: web.Request) -> web.StreamResponse:
        bot = self._bot(request)
        parameters = Parameters(values={"path": request.match_info["path"]})
        call = Call(bot_id=bot.id, method=DOWNLOAD, parameters=parameters, at=time.monotonic())
        await self.faults.meet("before", call)
        return await send(self.files.follow(request.match_info["path"]), request, self.faults.next_damage())

    def _bot(self, request: web.Request) -> Bot:
        for bot in self.bots:
            if bot.token == request.match_info["token"] and not bot.is_revoked:
                return bot
        raise Refusal(401, "Unauthorized")


async def _answering(
    answer: Callable[[web.Request], Awaitable[web.StreamResponse]], request: web.Request
) -> web.StreamResponse:
    try:
        return await answer(request)
    except Refusal as refusal:
        body: dict[str, Any] = {"ok": False, "error_code": refusal.status, "description": refusal.description}
        headers = {}
        if refusal.retry_after is not None:
            body["parameters"] = {"retry_after": refusal.retry_after}
            headers["Retry-After"] = str(refusal.retry_after)
        if refusal.migrate_to_chat_id is not None:
            body["parameters"] = {"migrate_to_chat_id": refusal.migrate_to_chat_id}
        return web.json_response(body, status=refusal.status, headers=headers)


def _poll(request: web.Request, parameters: Parameters) -> Poll:
    return Poll(
        name=request.match_info.get("poller") or str(request.remote),
        offset=parameters.number("offset"),
        limit=parameters.number("limit", LARGEST_BATCH),
        timeout=parameters.number("timeout"),
        allowed=parameters.structure("allowed_updates"),
        is_gone=lambda: _is_gone(request),
    )


def _is_gone(request: web.Request) -> bool:
    """Whether the client has hung up: it has nothing to say after its request."""
    transport = request.transport
    if transport is None or transport.is_closing():
        return True
    return bool(select.select([transport.get_extra_info("socket")], [], [], 0)[0])
