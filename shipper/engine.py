"""World over the Docker Engine API, on a socket that leads there through SSH. The only module that imports `docker`.

A call of the SDK blocks, and on the event loop's thread it would wait for the forwarder that it keeps from running:
so each call runs on a thread. A call that was begun is waited for even if we are cancelled, since a request that still
travels could act after what we do to undo it.
https://docs.docker.com/reference/api/engine/version/v1.41/
"""

import asyncio
import http
import io
import math
import re
import socket
import struct
import tarfile
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import Any, TypeVar, cast

import docker
import docker.errors
import docker.types
import docker.utils
import requests.exceptions
import urllib3.exceptions
from docker.transport.unixconn import UnixHTTPAdapter, UnixHTTPConnectionPool

from shipper.errors import ConnectError, DiskFull, EngineError, NotThere, ShipperError
from shipper.model import (
    Container,
    ContainerSpec,
    ContainerState,
    Credentials,
    FileInContainer,
    Image,
    Label,
    image_of,
)
from shipper.world import Finished, Progress, Report, Storage

Result = TypeVar("Result")


class DockerEngine:
    def __init__(
        self,
        socket_path: Path,
        *,
        connections: int,
        service: str,
        timeout: float,
        may_act: Callable[[], None],
        on_call: Callable[[str, float], None],
    ) -> None:
        """`connections` is how many may be open at once; further calls wait their turn.

        `may_act` is asked before each call, and raises if none is to be made any more.
        """
        self._service = service
        self._timeout = timeout
        self._may_act = may_act
        self._on_call = on_call
        self._socket_path = socket_path
        self._connections = connections
        # a call uses one connection, and the client keeps no more idle ones than this: none waits for an idle one
        self._threads = ThreadPoolExecutor(connections, thread_name_prefix="docker")
        self._client: docker.APIClient | None = None

    def close(self) -> None:
        if self._client:
            self._client.close()
        self._threads.shutdown(wait=False, cancel_futures=True)

    async def connect(self) -> None:
        """Agrees with the Docker on the API's version, which is never pinned: 20.10 ends where 29 begins."""

        def client() -> docker.APIClient:
            made = docker.APIClient(
                base_url=f"unix://{self._socket_path}",
                version="auto",
                timeout=self._timeout,  # type: ignore[arg-type]  # requests takes fractions
            )
            made.get_adapter(made.base_url).close()
            made.mount(made.base_url, _OnePool(f"http+unix://{self._socket_path}", max_pool_size=self._connections))
            return made

        self._client = await self._in_thread("GET /version", client)

    async def _call(self, name: str, call: Callable[[docker.APIClient], Result]) -> Result:
        client = self._client
        assert client, "connect() comes first"
        self._may_act()
        return await self._in_thread(name, lambda: call(client))

    async def _in_thread(self, name: str, call: Callable[[], Result]) -> Result:
        begun = time.perf_counter()
        future = asyncio.get_running_loop().run_in_executor(self._threads, _translated(call))
        try:
            return await asyncio.shield(future)
        except asyncio.CancelledError:
            await asyncio.wait([future])
            future.exception()  # nobody else will ask for it
            raise
        finally:
            self._on_call(name, time.perf_counter() - begun)

    async def platform(self) -> str:
        version = await self._call("version", lambda api: api.version())
        return f"{version['Os']}/{version['Arch']}"

    async def storage(self) -> Storage:
        info = await self._call("info", lambda api: api.info())
        status = [value for pair in info.get("DriverStatus") or [] for value in pair]
        is_containerd = any("io.containerd.snapshotter" in value for value in status)
        return Storage(folder=info["DockerRootDir"], is_containerd=is_containerd)

    async def has_network(self, network_name: str) -> bool:
        found = await self._call("networks", lambda api: api.networks(names=[network_name]))
        return any(network["Name"] == network_name for network in found)

    async def create_network(self, network_name: str) -> None:
        labels = {Label.SERVICE.value: self._service}
        await self._call(
            f"network create {network_name}",
            lambda api: api.create_network(network_name, driver="bridge", check_duplicate=True, labels=labels),
        )

    async def containers(self) -> tuple[Container, ...]:
        mine = {"label": [f"{Label.SERVICE}={self._service}"]}
        listed = await self._call("containers", lambda api: api.containers(all=True, filters=mine))
        inspected = await asyncio.gather(*(self._inspected(item["Id"]) for item in listed))
        return tuple(container for container in inspected if container)

    async def _inspected(self, container_id: str) -> Container | None:
        with suppress(NotThere):  # it was removed since it was listed
            return await self.container(container_id)
        return None

    async def container(self, container_name: str) -> Container:
        return _container(
            await self._call(f"inspect {container_name[:40]}", lambda api: api.inspect_container(container_name))
        )

    async def create(self, spec: ContainerSpec) -> None:
        await self._call(f"create {spec.name}", lambda api: _create(api, spec))
        if spec.files:
            archive = _tar(spec.files)
            await self._call(f"put files in {spec.name}", lambda api: api.put_archive(spec.name, "/", archive))

    async def start(self, container_name: str) -> None:
        await self._call(f"start {container_name}", lambda api: api.start(container_name))

    async def stop(self, container_name: str, timeout: float) -> None:
        await self._call(f"stop {container_name}", lambda api: api.stop(container_name, timeout=math.ceil(timeout)))

    async def terminate(self, container_name: str) -> None:
        def terminate(api: docker.APIClient) -> None:
            stop_signal = api.inspect_container(container_name)["Config"].get("StopSignal") or "SIGTERM"
            try:
                api.kill(container_name, signal=stop_signal)
            except docker.errors.APIError as error:
                if error.status_code != http.HTTPStatus.CONFLICT:  # it does not run
                    raise

        await self._call(f"kill {container_name}", terminate)

    async def remove(self, container_name: str) -> None:
        await self._call(f"rm {container_name}", lambda api: api.remove_container(container_name, force=True))

    async def set_restart_policy(self, container_name: str, policy: str) -> None:
        await self._call(
            f"update --restart {policy} {container_name}",
            lambda api: api.update_container(container_name, restart_policy={"Name": policy}),  # type: ignore[arg-type]  # its stubs demand a count
        )

    async def exits_within(self, container_name: str, seconds: float) -> bool:
        def exits(api: docker.APIClient) -> bool:
            try:
                api.wait(container_name, timeout=seconds)  # type: ignore[arg-type]  # requests takes fractions
            except requests.exceptions.ReadTimeout:
                return False
            except requests.exceptions.ConnectionError as error:
                if isinstance(error.args[0], urllib3.exceptions.ReadTimeoutError):
                    return False  # the same, when the answer's headers had come already
                raise
            return True

        return seconds > 0 and await self._call(f"wait {container_name}", exits)

    async def execute(self, container_name: str, command: tuple[str, ...], timeout: float) -> Finished:
        return await self._call(f"exec {container_name}", lambda api: _execute(api, container_name, command, timeout))

    async def logs(self, container_name: str, lines: int) -> tuple[str, ...]:
        raw = await self._call(f"logs {container_name}", lambda api: api.logs(container_name, tail=lines))
        return tuple(raw.decode(errors="replace").splitlines())

    async def image(self, image_name: str) -> Image | None:
        with suppress(NotThere):
            return image_of(await self._call(f"image {image_name}", lambda api: api.inspect_image(image_name)))  # type: ignore[no-untyped-call]  # as are its stubs
        return None

    async def images(self) -> tuple[Image, ...]:
        ids = await self._call("images", lambda api: api.images(quiet=True))
        found = await asyncio.gather(*(self.image(image_id) for image_id in dict.fromkeys(ids)))
        return tuple(image for image in found if image)

    async def load(self, archive: Iterator[bytes]) -> None:
        def load(api: docker.APIClient) -> None:
            for line in api.load_image(archive, quiet=False):  # type: ignore[no-untyped-call]  # as are its stubs
                if "error" in line:
                    raise _refusal(line["error"])

        await self._call("load", load)

    async def pull(self, reference: str, credentials: Credentials | None, report: Report) -> None:
        loop, task = asyncio.get_running_loop(), asyncio.current_task()
        login = {"username": credentials.username, "password": credentials.password.reveal()} if credentials else None

        def pull(api: docker.APIClient) -> None:
            # without `tag` the SDK asks for all tags there are
            name, tag = docker.utils.parse_repository_tag(reference)
            layers: dict[str, int] = {}
            for line in api.pull(name, tag=tag or "latest", stream=True, decode=True, auth_config=login):
                if task and task.cancelling():
                    raise ConnectError("interrupted while the image was on its way")
                if "error" in line:
                    raise _refusal(line["error"])
                if line.get("status") == "Downloading" and (count := line["progressDetail"].get("current")):
                    layers[line["id"]] = count
                    loop.call_soon_threadsafe(report, Progress(done=sum(layers.values()), total=0, unit="bytes"))

        await self._call(f"pull {reference}", pull)

    async def tag(self, image_name: str, new_name: str) -> None:
        repository, tag = docker.utils.parse_repository_tag(new_name)
        await self._call(f"tag {new_name}", lambda api: api.tag(image_name, repository, tag))

    async def remove_image(self, image_name: str) -> None:
        await self._call(f"rmi {image_name}", lambda api: api.remove_image(image_name))


class _OnePool(UnixHTTPAdapter):
    """Keeps as many connections as there are threads; the SDK's own keeps some for each URL that was ever asked for.

    https://github.com/docker/docker-py/blob/7.1.0/docker/transport/unixconn.py
    """

    def get_connection(self, url: bytes | str, proxies: object = None) -> UnixHTTPConnectionPool:
        return super().get_connection("", proxies)


def _translated(call: Callable[[], Result]) -> Callable[[], Result]:
    def translated() -> Result:
        try:
            return call()
        except docker.errors.NotFound as error:
            raise NotThere(_explanation(error)) from None
        except docker.errors.APIError as error:
            raise EngineError(_explanation(error)) from None
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


def _refusal(error: str) -> ShipperError:
    """Of an image; the kernel's words for ENOSPC are all that tells a full disk from other errors."""
    if "no space left on device" in error:
        return DiskFull(f"Docker did not take the image: {error}", next="Free some disk there (docker system df).")
    return EngineError(f"Docker did not take the image: {error}")


def _create(api: docker.APIClient, spec: ContainerSpec) -> None:
    host_config = api.create_host_config(
        network_mode=spec.network_name,
        restart_policy={"Name": "no"},
        mounts=[
            docker.types.Mount(
                m.target,
                m.source,
                type="bind" if m.source.startswith("/") else "volume",
                read_only=m.read_only,
            )
            for m in spec.mounts
        ],
        port_bindings=_bindings(spec),
        mem_limit=spec.memory,
        nano_cpus=round(spec.cpus * 1e9) if spec.cpus else None,
        init=spec.init,
        log_config=docker.types.LogConfig(type=spec.logging.driver, config=dict(spec.logging.effective_options)),
    )
    api.create_container(
        spec.image,
        name=spec.name,
        command=list(spec.command) if spec.command else None,
        environment={name: value.reveal() for name, value in spec.env.items()},
        labels=dict(spec.labels),
        ports=[(port.container_port, port.protocol) for port in spec.ports],
        stop_timeout=math.ceil(spec.stop_timeout),
        host_config=host_config,
        networking_config=api.create_networking_config(
            {spec.network_name: api.create_endpoint_config(aliases=list(spec.aliases))}  # type: ignore[arg-type]  # stubs
        ),
    )


def _bindings(spec: ContainerSpec) -> dict[int | str, Any]:
    bindings: dict[int | str, list[tuple[str, int]]] = {}
    for port in spec.ports:
        bindings.setdefault(f"{port.container_port}/{port.protocol}", []).append((port.address, port.host_port))
    return bindings


def _tar(files: tuple[FileInContainer, ...]) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        for file in files:
            content = file.content.reveal().encode()
            member = tarfile.TarInfo(file.path.lstrip("/"))
            member.size, member.mode = len(content), file.mode
            member.uid, member.gid = file.user_id, file.group_id
            tar.addfile(member, io.BytesIO(content))
    return buffer.getvalue()


def _execute(api: docker.APIClient, container_name: str, command: tuple[str, ...], timeout: float) -> Finished:
    deadline = time.monotonic() + timeout
    exec_id = api.exec_create(container_name, list(command))["Id"]
    connection = api.exec_start(exec_id, socket=True)
    raw = cast(socket.socket, getattr(connection, "_sock", connection))  # it wraps the socket as a file
    try:
        output = _demultiplexed(_received(raw, deadline))
    finally:
        connection.close()
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


def _container(inspected: Mapping[str, Any]) -> Container:
    labels, state = inspected["Config"]["Labels"] or {}, inspected["State"]
    networks = inspected["NetworkSettings"]["Networks"] or {}
    return Container(
        id=inspected["Id"],
        name=inspected["Name"].lstrip("/"),
        role_name=labels.get(Label.ROLE, ""),
        release_number=int(labels.get(Label.RELEASE, 0)),
        version=labels.get(Label.VERSION, ""),
        deploy_id=labels.get(Label.DEPLOY, ""),
        hands_over=Label.HANDOVER in labels,
        image_id=inspected["Image"],
        state=ContainerState(state["Status"]),
        restart_policy=inspected["HostConfig"]["RestartPolicy"]["Name"] or "no",
        started_at=_time(state["StartedAt"]),
        exit_code=state["ExitCode"],
        out_of_memory=state["OOMKilled"],
        address=next((network["IPAddress"] for network in networks.values() if network["IPAddress"]), ""),
    )


def _time(text: str) -> datetime | None:
    """Docker gives nanoseconds, and the year 1 for never."""
    moment = datetime.fromisoformat(re.sub(r"(\.\d{6})\d+", r"\1", text).replace("Z", "+00:00"))
    return moment if moment.year > 1 else None
