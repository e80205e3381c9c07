"""World over the Docker Engine API. https://docs.docker.com/reference/api/engine/version/v1.41/"""

import asyncio
import http
import math
import struct
from collections.abc import Callable, Collection, Iterable, Iterator
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any, TypeVar

import docker
import docker.errors
import docker.types
import docker.utils
import requests.exceptions
import urllib3.exceptions

from shipper.errors import ConnectError, NotThere
from shipper.hosts.docker_api import DockerApi
from shipper.hosts.docker_containers import container_of, create_container
from shipper.hosts.docker_exec import run_to_end
from shipper.hosts.docker_images import downloaded, files_in, login_here, login_of, pulling, refusal
from shipper.model.container import Container, Label
from shipper.model.image import Credentials, Image, ListedImage, Published, image_of, provenance_of
from shipper.model.specification import ContainerSpec
from shipper.tarred import tarred
from shipper.tasks import task_group
from shipper.world import Finished, Report, Storage

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

    async def accessories(self) -> tuple[Container, ...]:
        return tuple(container for container in await self.containers() if container.accessory)

    async def containers(self) -> tuple[Container, ...]:
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
        return container_of(
            await self._call(f"inspect {container_name[:40]}", lambda api: api.inspect_container(container_name))
        )

    async def create(self, spec: ContainerSpec) -> None:
        await self._call(f"create {spec.name}", lambda api: create_container(api, spec))
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
        return await self._call(f"exec {container_name}", lambda api: run_to_end(api, container_name, command, timeout))

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
        return await self._call(f"files of {image_name}", lambda api: files_in(api, self._service, image_name, path))

    async def load(self, archive: Iterator[bytes]) -> None:
        def load(api: docker.APIClient) -> None:
            for line in api.load_image(archive, quiet=False):  # type: ignore[no-untyped-call]  # as are its stubs
                if "error" in line:
                    raise refusal(f"Docker did not take the image: {line['error']}")

        await self._call("load", load)

    async def published(self, reference: str, credentials: Credentials | None) -> Published:
        login = login_of(credentials)

        def inspect(api: docker.APIClient) -> Any:
            with login_here():
                return api.inspect_distribution(reference, login)  # type: ignore[no-untyped-call]  # as are its stubs

        found = await self._call(f"distribution {reference}", inspect)
        platforms = tuple(f"{platform['os']}/{platform['architecture']}" for platform in found["Platforms"] or ())
        return Published(digest=found["Descriptor"]["digest"], platforms=platforms)

    async def pull(self, reference: str, credentials: Credentials | None, report: Report) -> None:
        loop, task = asyncio.get_running_loop(), asyncio.current_task()
        login = login_of(credentials)

        def pull(api: docker.APIClient) -> None:
            layers: dict[str, tuple[int, int]] = {}
            for line in pulling(api, reference, login):
                if task and task.cancelling():
                    raise ConnectError("interrupted while the image was on its way")
                if "error" in line:
                    raise refusal(line["error"])
                if progress := downloaded(line, layers):
                    loop.call_soon_threadsafe(report, progress)

        await self._call(f"pull {reference}", pull, grace=_GRACE)

    async def tag(self, image_name: str, new_name: str) -> None:
        repository, tag = docker.utils.parse_repository_tag(new_name)
        await self._call(f"tag {new_name}", lambda api: api.tag(image_name, repository, tag))

    async def remove_image(self, image_name: str) -> None:
        await self._call(f"rmi {image_name}", lambda api: api.remove_image(image_name))


def _lines(stream: Iterable[bytes]) -> Iterator[str]:
    """Of what is written while it is read. A stream that breaks off or is closed has ended."""
    rest = b""
    with suppress(struct.error, ValueError):  # of the SDK, in the middle of a frame, or of a stream that was closed
        for chunk in stream:
            *lines, rest = (rest + chunk).split(b"\n")
            yield from (line.decode(errors="replace").rstrip("\r") for line in lines)
    if rest:
        yield rest.decode(errors="replace")
