"""World over the Docker Engine API. https://docs.docker.com/reference/api/engine/version/v1.41/"""

import asyncio
import http
import math
import posixpath
import re
import socket
import struct
import time
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from contextlib import closing, contextmanager, suppress
from datetime import UTC, datetime
from typing import Any, TypeVar, cast

import docker
import docker.errors
import docker.types
import docker.utils
import requests.exceptions
import urllib3.exceptions

from shipper.errors import ConnectError, DiskFull, EngineError, NotThere, RegistryError, ShipperError
from shipper.hosts.docker_api import DockerApi
from shipper.model.container import AccessoryMark, Container, ContainerState, Label
from shipper.model.image import Credentials, Image, ListedImage, Published, image_of, provenance_of
from shipper.model.specification import ContainerSpec, Mount
from shipper.model.words import size_text
from shipper.tarred import tarred, untarred
from shipper.tasks import task_group
from shipper.world import Finished, Progress, Report, Storage

Result = TypeVar("Result")

_GRACE = 2.0  # seconds: Docker has no deadline for a registry, and says nothing while it waits for one


class DockerEngine:
    def __init__(self, api: "asyncio.Task[DockerApi]", service: str, may_act: Callable[[], None]) -> None:
        """Each call waits until `api` is there, and raises what befell it.

        `may_act` is asked before each call, and raises if none is to be made any more.
        """
        self._api = api
        self._service = service
        self._label = f"{Label.SERVICE}={service}"
        self._may_act = may_act

    async def _call(
        self, name: str, call: Callable[[docker.APIClient], Result], *, grace: float | None = None
    ) -> Result:
        api = await asyncio.shield(self._api)
        self._may_act()
        return await api.call(name, call, grace=grace)

    async def platform(self) -> str:
        return (await asyncio.shield(self._api)).platform

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

    async def own_networks(self) -> tuple[str, ...]:
        mine = {"label": self._label}
        found = await self._call("own networks", lambda api: api.networks(filters=mine))
        return tuple(network["Name"] for network in found)

    async def remove_network(self, network_name: str) -> None:
        await self._call(f"network rm {network_name}", lambda api: api.remove_network(network_name))

    async def volumes(self) -> tuple[str, ...]:
        found = await self._call("volumes", lambda api: api.volumes())
        return tuple(volume["Name"] for volume in found["Volumes"] or ())

    async def writers(self, volume_names: Collection[str]) -> dict[str, str]:
        if not volume_names:
            return {}
        mounting = {"volume": [*volume_names]}
        found = await self._call("writers", lambda api: api.containers(filters=mounting))
        return {
            mount["Name"]: container["Names"][0].lstrip("/")
            for container in found
            if (container["Labels"] or {}).get(Label.SERVICE) != self._service
            for mount in container["Mounts"]
            if mount.get("Name") in volume_names and mount["RW"]
        }

    async def remove_volume(self, volume_name: str) -> None:
        await self._call(f"volume rm {volume_name}", lambda api: api.remove_volume(volume_name))

    async def containers(self) -> tuple[Container, ...]:
        return tuple(container for container in await self._all() if not container.accessory)

    async def accessories(self) -> tuple[Container, ...]:
        return tuple(container for container in await self._all() if container.accessory)

    async def _all(self) -> tuple[Container, ...]:
        """Those that were there when somebody last looked are asked for along with the list: most are there still."""
        api = await asyncio.shield(self._api)
        async with task_group() as looking:
            listing = looking.create_task(self._ids())
            seen = looking.create_task(self._inspected(api.container_ids.get(self._label, ())))
        known, ids = seen.result(), listing.result()
        known |= await self._inspected(container_id for container_id in ids if container_id not in known)
        api.container_ids[self._label] = ids
        return tuple(known[container_id] for container_id in ids if container_id in known)

    async def _ids(self) -> tuple[str, ...]:
        mine = {"label": [self._label]}
        listed = await self._call("containers", lambda api: api.containers(all=True, filters=mine))
        return tuple(container["Id"] for container in listed)

    async def _inspected(self, ids: Iterable[str]) -> dict[str, Container]:
        """Without those that have been removed since."""
        found = await asyncio.gather(*map(self._if_there, ids))
        return {container.id: container for container in found if container}

    async def _if_there(self, container_id: str) -> Container | None:
        with suppress(NotThere):
            return await self.container(container_id)
        return None

    async def container(self, container_name: str) -> Container:
        return _container(
            await self._call(f"inspect {container_name[:40]}", lambda api: api.inspect_container(container_name))
        )

    async def create(self, spec: ContainerSpec) -> None:
        await self._call(f"create {spec.name}", lambda api: _create(api, spec))
        if spec.files:
            archive = tarred(spec.files)
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

    async def rename(self, container_name: str, new_name: str) -> None:
        await self._call(f"rename {container_name} {new_name}", lambda api: api.rename(container_name, new_name))

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

        return seconds > 0 and await self._call(f"wait {container_name}", exits, grace=0)

    async def execute(self, container_name: str, command: tuple[str, ...], timeout: float) -> Finished:
        return await self._call(f"exec {container_name}", lambda api: _execute(api, container_name, command, timeout))

    async def logs(self, container_name: str, lines: int) -> tuple[str, ...]:
        raw = await self._call(f"logs {container_name}", lambda api: api.logs(container_name, tail=lines))
        return tuple(raw.decode(errors="replace").splitlines())

    async def follow(self, container_name: str, say: Callable[[str], None]) -> None:
        loop, task = asyncio.get_running_loop(), asyncio.current_task()
        opened: list[docker.types.CancellableStream[bytes]] = []

        def follow(api: docker.APIClient) -> None:
            opened.append(api.logs(container_name, stream=True, follow=True))
            if not (task and task.cancelling()):
                for line in _lines(opened[0]):
                    loop.call_soon_threadsafe(say, line)

        try:
            await self._call(f"logs --follow {container_name}", follow, grace=0)
        except asyncio.CancelledError:
            with suppress(AttributeError, OSError):  # where it had just come to its end
                for stream in opened:
                    stream.close()  # which ends the thread that reads it
            raise

    async def image(self, image_name: str) -> Image | None:
        with suppress(NotThere):
            return image_of(await self._call(f"image {image_name}", lambda api: api.inspect_image(image_name)))  # type: ignore[no-untyped-call]  # as are its stubs
        return None

    async def images(self) -> tuple[Image, ...]:
        ids = await self._call("images", lambda api: api.images(quiet=True))
        found = await asyncio.gather(*(self.image(image_id) for image_id in dict.fromkeys(ids)))
        return tuple(image for image in found if image)

    async def list_images(self) -> tuple[ListedImage, ...]:
        listed = await self._call("list images", lambda api: api.images())
        return tuple(
            ListedImage(
                id=image["Id"],
                names=tuple(
                    name
                    for name in (*(image["RepoTags"] or ()), *(image["RepoDigests"] or ()))
                    if not name.startswith("<none>")  # as Docker before 24 calls what has no name
                ),
                built_for=(image["Labels"] or {}).get(Label.IMAGE, ""),
                size=image["Size"],
                created_at=datetime.fromtimestamp(image["Created"], UTC),
                provenance=provenance_of(image["Labels"]),
            )
            for image in listed
        )

    async def files(self, image_name: str, path: str) -> dict[str, bytes]:
        return await self._call(f"files of {image_name}", lambda api: _files(api, self._service, image_name, path))

    async def load(self, archive: Iterator[bytes]) -> None:
        def load(api: docker.APIClient) -> None:
            for line in api.load_image(archive, quiet=False):  # type: ignore[no-untyped-call]  # as are its stubs
                if "error" in line:
                    raise _refusal(f"Docker did not take the image: {line['error']}")

        await self._call("load", load)

    async def published(self, reference: str, credentials: Credentials | None) -> Published:
        login = _login(credentials)

        def inspect(api: docker.APIClient) -> Any:
            with _login_here():
                return api.inspect_distribution(reference, login)  # type: ignore[no-untyped-call]  # as are its stubs

        found = await self._call(f"distribution {reference}", inspect)
        platforms = tuple(f"{platform['os']}/{platform['architecture']}" for platform in found["Platforms"] or ())
        return Published(digest=found["Descriptor"]["digest"], platforms=platforms)

    async def pull(self, reference: str, credentials: Credentials | None, report: Report) -> None:
        loop, task = asyncio.get_running_loop(), asyncio.current_task()
        login = _login(credentials)

        def pull(api: docker.APIClient) -> None:
            layers: dict[str, tuple[int, int]] = {}
            for line in _pulling(api, reference, login):
                if task and task.cancelling():
                    raise ConnectError("interrupted while the image was on its way")
                if "error" in line:
                    raise _refusal(line["error"])
                if progress := _downloaded(line, layers):
                    loop.call_soon_threadsafe(report, progress)

        await self._call(f"pull {reference}", pull, grace=_GRACE)

    async def tag(self, image_name: str, new_name: str) -> None:
        repository, tag = docker.utils.parse_repository_tag(new_name)
        await self._call(f"tag {new_name}", lambda api: api.tag(image_name, repository, tag))

    async def remove_image(self, image_name: str) -> None:
        await self._call(f"rmi {image_name}", lambda api: api.remove_image(image_name))


def _login(credentials: Credentials | None) -> dict[str, str] | None:
    """Without one, the SDK takes what `docker login` left on this machine for the registry."""
    return {"username": credentials.username, "password": credentials.password.reveal()} if credentials else None


def _pulling(api: docker.APIClient, reference: str, login: dict[str, str] | None) -> Iterator[Any]:
    # without `tag` the SDK asks for all tags there are
    name, tag = docker.utils.parse_repository_tag(reference)
    with _login_here():
        lines: Iterator[Any] = api.pull(name, tag=tag or "latest", stream=True, decode=True, auth_config=login)
        return lines


@contextmanager
def _login_here() -> Iterator[None]:
    """Tells an error of the SDK that none of Docker's answers is: it asks the credential helpers of this machine."""
    try:
        yield
    except docker.errors.APIError:
        raise
    except docker.errors.DockerException as error:
        raise RegistryError(
            f"What `docker login` left on this machine cannot be read: {error}",
            next="Mend the credential helper in ~/.docker/config.json, or give `registry` a username and a password.",
        ) from None


def _downloaded(line: Mapping[str, Any], layers: dict[str, tuple[int, int]]) -> Progress | None:
    """Keeps `layers` (bytes that came, and all) up to what a line of a pull says; how far they are together."""
    status, detail = line.get("status"), line.get("progressDetail") or {}
    if status == "Downloading" and "total" in detail:
        layers[line["id"]] = (detail["current"], detail["total"])
    elif status == "Download complete" and line["id"] in layers:
        layers[line["id"]] = (layers[line["id"]][1],) * 2
    else:
        return None
    done, total = map(sum, zip(*layers.values(), strict=True))
    return Progress(done=done, total=total, unit="bytes", detail=f"of {size_text(total)}")


def _refusal(error: str) -> ShipperError:
    """Of an image; the kernel's words for ENOSPC are all that tells a full disk from other errors."""
    if "no space left on device" in error:
        return DiskFull("The disk was full before all of the image was there.")
    return EngineError(error)


def _create(api: docker.APIClient, spec: ContainerSpec) -> None:
    host_config = api.create_host_config(
        auto_remove=spec.for_client,
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
    if spec.terminal:
        host_config["ConsoleSize"] = [spec.terminal.rows, spec.terminal.columns]
    api.create_container(
        spec.image,
        name=spec.name,
        command=list(spec.command) if spec.command else None,
        environment={name: value.reveal() for name, value in spec.env.items()},
        labels=dict(spec.labels),
        ports=[(port.container_port, port.protocol) for port in spec.ports],
        stop_timeout=math.ceil(spec.stop_timeout),
        user=spec.user,
        stdin_open=spec.for_client,  # it ends with the client's, unless there is a terminal
        tty=spec.terminal is not None,
        healthcheck=docker.types.Healthcheck(test=["NONE"]) if spec.for_client else None,
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


def _files(api: docker.APIClient, service: str, image_name: str, path: str) -> dict[str, bytes]:
    """Docker gives files of containers only: of one that is never started, has no network, and is gone in the end."""
    folder = api.inspect_image(image_name)["Config"].get("WorkingDir") or "/"  # type: ignore[no-untyped-call]  # as are its stubs
    created = api.create_container(
        image_name,
        command=["never-started"],  # an image need not have one of its own
        labels={Label.SERVICE.value: service, Label.RUN.value: "files"},
        host_config=api.create_host_config(network_mode="none"),
    )
    try:
        chunks, _ = api.get_archive(created["Id"], posixpath.join(folder, path))
        with closing(chunks):
            return untarred(chunks, posixpath.dirname(path), f"{path} in {image_name}")
    except docker.errors.NotFound:
        return {}
    finally:
        api.remove_container(created["Id"], v=True, force=True)


def _execute(api: docker.APIClient, container_name: str, command: tuple[str, ...], timeout: float) -> Finished:
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


def _lines(stream: Iterable[bytes]) -> Iterator[str]:
    """Of what is written while it is read. A stream that breaks off or is closed has ended."""
    rest = b""
    with suppress(struct.error, ValueError):  # of the SDK, in the middle of a frame, or of a stream that was closed
        for chunk in stream:
            *lines, rest = (rest + chunk).split(b"\n")
            yield from (line.decode(errors="replace").rstrip("\r") for line in lines)
    if rest:
        yield rest.decode(errors="replace")


def _container(inspected: Mapping[str, Any]) -> Container:
    labels, state = inspected["Config"]["Labels"] or {}, inspected["State"]
    networks = inspected["NetworkSettings"]["Networks"] or {}
    return Container(
        id=inspected["Id"],
        name=inspected["Name"].lstrip("/"),
        role_name=labels.get(Label.ROLE) or labels.get(Label.ACCESSORY, ""),
        accessory=_accessory_mark(inspected["Config"]["Image"], labels),
        release_number=int(labels.get(Label.RELEASE, 0)),
        version=labels.get(Label.VERSION, ""),
        deploy_id=labels.get(Label.DEPLOY, ""),
        hands_over=Label.HANDOVER in labels,
        run=labels.get(Label.RUN, ""),
        image_id=inspected["Image"],
        state=ContainerState(state["Status"]),
        restart_policy=inspected["HostConfig"]["RestartPolicy"]["Name"] or "no",
        created_at=_time(inspected["Created"]),
        started_at=_time(state["StartedAt"]),
        ended_at=_time(state["FinishedAt"]),
        exit_code=state["ExitCode"],
        out_of_memory=state["OOMKilled"],
        health=(state.get("Health") or {}).get("Status", ""),
        restarts=inspected["RestartCount"],
        process_id=state["Pid"],
        volumes=tuple(mount["Name"] for mount in inspected["Mounts"] if mount["Type"] == "volume"),
        unnamed=tuple(
            Mount(source=mount["Name"], target=mount["Destination"])
            for mount in inspected["Mounts"]
            if mount["Type"] == "volume" and re.fullmatch("[0-9a-f]{64}", mount["Name"])
        ),
        address=next((network["IPAddress"] for network in networks.values() if network["IPAddress"]), ""),
    )


def _accessory_mark(image_name: str, labels: Mapping[str, str]) -> AccessoryMark | None:
    if Label.ACCESSORY not in labels:
        return None
    return AccessoryMark(
        config_hash=labels.get(Label.CONFIG, ""), content_hash=labels.get(Label.CONTENT, ""), image=image_name
    )


def _time(text: str) -> datetime | None:
    """Docker gives nanoseconds, and the year 1 for never."""
    moment = datetime.fromisoformat(re.sub(r"(\.\d{6})\d+", r"\1", text).replace("Z", "+00:00"))
    return moment if moment.year > 1 else None
