"""The nouns with good defaults, so that a test says only what it is about."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from shipper.config.root import Config
from shipper.model.container import Container, ContainerState
from shipper.model.image import Image, ListedImage
from shipper.model.observed import Observed
from shipper.model.outcome import Failed
from shipper.model.release import Payload, Release, ReleaseOutcome
from shipper.model.secret import Secret
from shipper.planning.facts import Facts

A, B = "a.example", "b.example"
FIRST, SECOND, THIRD = "1" * 40, "2" * 40, "3" * 40
"""Commits; the title of a plan shows their first seven digits."""
BEGUN = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


def a_config(**changed: Any) -> Config:
    return Config.model_validate({"service": "shop", "image": "shop", "roles": {"web": {"hosts": [A]}}, **changed})


def a_role(**changed: Any) -> Config:
    return a_config(roles={"web": {"hosts": [A], **changed}})


def env(**values: str) -> dict[str, Secret]:
    return {name: Secret(value) for name, value in values.items()}


def a_payload(config: Config | None = None, host_name: str = A, **changed: Any) -> Payload:
    config = config or a_config()
    roles = [name for name, role in config.roles.items() if host_name in role.hosts]
    values: dict[str, Any] = {"env": {name: {} for name in roles}, "files": {name: {} for name in roles}, "secrets": {}}
    return Payload(config=config, **{**values, **changed})


def a_release(number: int = 1, version: str = FIRST, **changed: Any) -> Release:
    values: dict[str, Any] = {
        "image": f"shop:{version}",
        "image_id": f"sha256:{version}",
        "config_hash": "c0ffee",
        "env_hash": "e0",
        "env_salt": "salt",
        "replaces": None,
        "performer": "ann@laptop",
        "begun_at": BEGUN,
        "outcome": ReleaseOutcome.DEPLOYED,
    }
    return Release(number=number, version=version, **{**values, **changed})


def a_facts(**changed: Any) -> Facts:
    values: dict[str, Any] = {
        "command": "deploy",
        "service": "shop",
        "destination": "",
        "version": SECOND,
        "commit": SECOND,
        "image": f"shop:{SECOND}",
        "release": 2,
        "replaces": 1,
        "replaces_version": FIRST,
        "hosts": (A, B),
        "roles": ("web",),
        "performer": "ann@laptop",
        "origin": "terminal",
    }
    return Facts(**{**values, **changed})


def a_container(
    number: int = 1, version: str = FIRST, *, role: str = "web", deploy: str = "0aaa", **changed: Any
) -> Container:
    """It runs and serves."""
    name = changed.pop("name", f"shop-{role}-r{number}-{deploy}")
    values: dict[str, Any] = {
        "id": f"id-of-{name}",
        "name": name,
        "image_id": f"sha256:{version}",
        "state": ContainerState.RUNNING,
        "restart_policy": "always",
        "started_at": BEGUN,
        "address": "172.18.0.2",
    }
    return Container(role_name=role, release_number=number, version=version, deploy_id=deploy, **{**values, **changed})


def an_uncommitted(number: int = 1, version: str = FIRST, **changed: Any) -> Container:
    """It runs, but no deploy has come to its swap."""
    return a_container(number, version, **{"restart_policy": "no", **changed})


def a_stopped(number: int = 1, version: str = FIRST, **changed: Any) -> Container:
    return a_container(
        number, version, **{"restart_policy": "no", "state": ContainerState.EXITED, "address": "", **changed}
    )


def a_run(number: int = 1, version: str = FIRST, command: int = 1, **changed: Any) -> Container:
    """Of a command of `release`; it ended well."""
    values = {"run": "release", "name": f"shop-release-r{number}-{command}", "deploy": "", **changed}
    return a_stopped(number, version, **values)


def an_image(**changed: Any) -> Image:
    values: dict[str, Any] = {
        "id": "sha256:image",
        "layers": ("sha256:base", "sha256:app"),
        "platform": "linux/amd64",
        "created": "2026-03-01T12:00:00Z",
        "size": 42_000_000,
    }
    return Image(**{**values, **changed})


def a_host(*containers: Container, host_name: str = A, releases: tuple[Release, ...] = (), **changed: Any) -> Observed:
    """It has the wanted image and the network, and the images of its releases."""
    there = tuple(ListedImage(id=release.image_id, names=(release.image,)) for release in releases)
    values: dict[str, Any] = {"platform": "linux/amd64", "image": an_image(), "images": there}
    return Observed(host_name=host_name, containers=containers, releases=releases, **{**values, **changed})


def by_name(*hosts: Observed) -> Mapping[str, Observed]:
    return {host.host_name: host for host in hosts}


def a_failure(**changed: Any) -> Failed:
    """A gate that was not passed; what served before serves."""
    values: dict[str, Any] = {
        "step": "check web on a.example",
        "reason": "shop-web-r2-0bbb did not pass its gate",
        "logs": (),
        "serving": (),
        "restored": True,
        "next": "shipper logs --role web --release 2 shows all that it wrote.",
        "error_code": 20,
    }
    return Failed(**{**values, **changed})
