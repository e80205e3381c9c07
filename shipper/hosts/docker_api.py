"""Docker's Engine API at the end of a local socket, by Docker's SDK; answers that have no end by `docker_stream`.

A call of the SDK blocks, and on the event loop's thread it would wait for the forwarder that it keeps from running:
so each call runs on a thread. A call that was begun is waited for even if we are cancelled, since a request that still
travels could act after what we do to undo it. A pull alone is left behind, since a registry can hold it up for ever.
"""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, contextmanager, suppress
from pathlib import Path
from typing import Any, TypeVar

import docker
import docker.errors
import requests
import requests.exceptions
import urllib3.exceptions
from docker.transport.unixconn import UnixHTTPAdapter, UnixHTTPConnectionPool

from shipper.errors import ConnectError, EngineError, NotThere, RegistryError
from shipper.hosts.docker_stream import Stream, asked
from shipper.tasks import task_group

Result = TypeVar("Result")

_URL = "http+docker://localhost"  # as the SDK names what is behind a local socket
_FOR_CALLS = 2  # connections that streams, which may stay for hours, leave to calls


class DockerApi:
    def __init__(
        self, socket_path: Path, *, connections: int, timeout: float, on_call: Callable[[str, float], None]
    ) -> None:
        """`connections` is how many may be open at once; further calls and streams wait their turn."""
        self._socket_path = socket_path
        self._timeout = timeout
        self._on_call = on_call
        # a call uses one connection, and the pool keeps no more idle ones than this: none waits for an idle one
        self._pool = _OnePool(f"http+unix://{socket_path}", max_pool_size=connections)
        self._threads = ThreadPoolExecutor(connections, thread_name_prefix="docker")
        self.streams = connections - _FOR_CALLS
        """How many there can be at once."""
        self._connections = asyncio.Semaphore(connections)
        self._streams = asyncio.Semaphore(self.streams)
        self._version = ""
        self._client: docker.APIClient | None = None
        self.platform = ""
        """os/architecture."""
        self.container_ids: dict[str, tuple[str, ...]] = {}
        """By their label, as they were last: a guess at what is to be asked for in the same round trip as the list."""

    def close(self) -> None:
        self._pool.close()
        self._threads.shutdown(wait=False, cancel_futures=True)

    async def open(self, label: str, *, ready: int) -> None:
        """Agrees with the Docker on the API's version, which is never pinned: 20.10 ends where 29 begins.

        `label` marks the containers that will be asked for. `ready` connections are opened at once: through SSH each
        takes a round trip before its first call.
        """
        self._pool.open(ready)
        async with task_group() as greeting:
            asking = greeting.create_task(self._in_thread("GET /version", lambda: self._get("/version")))
            guessing = greeting.create_task(self._guess(label))
        version, self.container_ids[label] = asking.result(), guessing.result()
        self.platform = f"{version['Os']}/{version['Arch']}"
        self._version = version["ApiVersion"]
        with _config_of_docker():
            self._client = docker.APIClient(
                base_url=f"unix://{self._socket_path}",
                version=self._version,
                timeout=self._timeout,  # type: ignore[arg-type]  # requests takes fractions
            )
        self._client.get_adapter(_URL).close()
        self._client.mount(_URL, self._pool)

    async def _guess(self, label: str) -> tuple[str, ...]:
        filters = json.dumps({"label": [label]})
        with suppress(EngineError):  # it will be asked for again, in the version that is agreed upon
            there = await self._in_thread(
                "GET /containers", lambda: self._get("/containers/json", all="true", filters=filters)
            )
            return tuple(container["Id"] for container in there)
        return ()

    def _get(self, path: str, **query: str) -> Any:
        """Without a version, which is not known yet. https://docs.docker.com/reference/api/engine/version/v1.41/"""
        with requests.Session() as session:
            session.trust_env = False
            session.mount(_URL, self._pool)
            answer = session.get(f"{_URL}{path}", params=query, timeout=self._timeout)
            session.adapters.clear()  # it would close the pool, which lives on
        answer.raise_for_status()
        return answer.json()

    async def call(
        self, name: str, call: Callable[[docker.APIClient], Result], *, grace: float | None = None
    ) -> Result:
        """Raises EngineError, NotThere and ConnectError.

        With `grace`, it is waited for no longer than so many seconds once we are cancelled: for a call that may never
        end and undoes nothing. What is left of it ends with the connection.
        """
        client = self._client
        assert client, "open() comes first"
        return await self._in_thread(name, lambda: call(client), grace)

    @asynccontextmanager
    async def stream(
        self,
        name: str,
        method: str,
        path: str,
        query: Mapping[str, str] | None = None,
        *,
        body: Any = None,
        upgrade: bool = False,
    ) -> AsyncIterator[Stream]:
        """A call whose answer has no end, as long as the block lasts. Raises EngineError, NotThere and ConnectError."""
        async with self._streams, self._connections:
            self._pool.drop_idle()
            begun, versioned = time.perf_counter(), f"/v{self._version}{path}"
            asking = asked(
                self._socket_path,
                method,
                versioned,
                query=query or {},
                body=body,
                upgrade=upgrade,
                timeout=self._timeout,
            )
            async with asking as stream:
                self._on_call(name, time.perf_counter() - begun)
                yield stream

    async def _in_thread(self, name: str, call: Callable[[], Result], grace: float | None = None) -> Result:
        async with self._connections:
            return await self._called(name, call, grace)

    async def _called(self, name: str, call: Callable[[], Result], grace: float | None) -> Result:
        begun = time.perf_counter()
        future = asyncio.get_running_loop().run_in_executor(self._threads, _translated(call))
        try:
            return await asyncio.shield(future)
        except asyncio.CancelledError:
            await asyncio.wait([future], timeout=grace)
            if not future.cancel():
                future.exception()  # nobody else will ask for it
            raise
        finally:
            self._on_call(name, time.perf_counter() - begun)


class _OnePool(UnixHTTPAdapter):
    """Keeps as many connections as there are threads; the SDK's own keeps some for each URL that was ever asked for.

    https://github.com/docker/docker-py/blob/7.1.0/docker/transport/unixconn.py
    """

    def get_connection(self, url: bytes | str, proxies: object = None) -> UnixHTTPConnectionPool:
        return super().get_connection("", proxies)

    def open(self, count: int) -> None:
        pool = self.get_connection("")
        opened = [pool._get_conn() for _ in range(count)]
        for connection in opened:
            connection.connect()
            pool._put_conn(connection)

    def drop_idle(self) -> None:
        """Closes one that is idle, if there is any, since another connection takes its place."""
        self.get_connection("")._get_conn().close()  # not put back: the pool makes a new one where it has none


@contextmanager
def _config_of_docker() -> Iterator[None]:
    """The SDK reads that of this machine, and trips over what is wrong in it."""
    try:
        yield
    except (docker.errors.DockerException, AttributeError, TypeError, ValueError) as error:  # its text may hold a login
        raise RegistryError(
            f"Docker's config.json on this machine (~/.docker, or $DOCKER_CONFIG) is wrong: {type(error).__name__}",
            now="Nothing was done.",
            next="Mend it; `docker logout` takes a login out of it that cannot be read.",
        ) from None


def _translated(call: Callable[[], Result]) -> Callable[[], Result]:
    def translated() -> Result:
        try:
            return call()
        except docker.errors.NotFound as error:
            raise NotThere(_explanation(error)) from None
        except docker.errors.APIError as error:
            raise EngineError(_explanation(error)) from None
        except requests.exceptions.HTTPError as error:
            raise EngineError(f"Docker answered: {error.response.status_code} {error.response.reason}") from None
        except requests.exceptions.Timeout:
            raise ConnectError("Docker did not answer in time.") from None
        except (
            docker.errors.DockerException,
            requests.exceptions.RequestException,
            urllib3.exceptions.HTTPError,
            OSError,
        ) as error:
            if isinstance(error, TimeoutError):
                raise
            raise ConnectError(f"The connection to Docker broke: {type(error).__name__}.") from None

    return translated


def _explanation(error: docker.errors.APIError) -> str:
    return str(error.explanation or error).strip()
