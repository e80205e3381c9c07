"""Images, as Docker's Engine API pulls them, and gives files of them.

https://docs.docker.com/reference/api/engine/version/v1.41/#tag/Image
"""

import posixpath
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from typing import Any

import docker
import docker.errors
import docker.utils

from shipper.errors import DiskFull, EngineError, RegistryError, ShipperError
from shipper.model.container import Label
from shipper.model.image import Credentials
from shipper.model.words import size_text
from shipper.tarred import untarred
from shipper.world import Progress


def login_of(credentials: Credentials | None) -> dict[str, str] | None:
    """Without one, the SDK takes what `docker login` left on this machine for the registry."""
    return {"username": credentials.username, "password": credentials.password.reveal()} if credentials else None


def pulling(api: docker.APIClient, reference: str, login: dict[str, str] | None) -> Iterator[Any]:
    # without `tag` the SDK asks for all tags there are
    name, tag = docker.utils.parse_repository_tag(reference)
    with login_here():
        lines: Iterator[Any] = api.pull(name, tag=tag or "latest", stream=True, decode=True, auth_config=login)
        return lines


@contextmanager
def login_here() -> Iterator[None]:
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


def downloaded(line: Mapping[str, Any], layers: dict[str, tuple[int, int]]) -> Progress | None:
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


def refusal(error: str) -> ShipperError:
    """Of an image; the kernel's words for ENOSPC are all that tells a full disk from other errors."""
    if "no space left on device" in error:
        return DiskFull("The disk was full before all of the image was there.")
    return EngineError(error)


def files_in(api: docker.APIClient, service: str, image_name: str, path: str) -> dict[str, bytes]:
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
