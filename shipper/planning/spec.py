"""PURE: a role of the config and its payload → everything that makes its container what it is."""

from collections.abc import Mapping
from dataclasses import replace

from shipper.config.workloads import MountedFile, Role, Workload
from shipper.model.container import Label
from shipper.model.release import Payload
from shipper.model.secret import Env, Secret
from shipper.model.specification import ContainerSpec, FileInContainer, Mount, PublishedPort

_LEASE = "/run/shipper-lease"
_TOLD = {"SHIPPER_RELEASE": Label.RELEASE, "SHIPPER_VERSION": Label.VERSION}
"""What a container is told of itself, as its labels say it."""


def container_spec(
    role_name: str,
    payload: Payload,
    *,
    name: str,
    image_name: str,
    network_name: str,
    labels: Mapping[str, str],
    aliases: tuple[str, ...],
) -> ContainerSpec:
    role = payload.config.roles[role_name]
    lease = Mount(source=lease_volume(network_name, role_name), target=_LEASE)
    made = workload_spec(
        role,
        name=name,
        image_name=image_name,
        network_name=network_name,
        labels=labels,
        aliases=aliases,
        env={**container_env(role, payload.env[role_name]), **_told(labels)},
        files=tuple(file_of(path, file, payload.files[role_name][path]) for path, file in role.files.items()),
    )
    return replace(made, mounts=(*made.mounts, lease)) if role.handover else made


def workload_spec(
    workload: Workload,
    *,
    name: str,
    image_name: str,
    network_name: str,
    labels: Mapping[str, str],
    aliases: tuple[str, ...],
    env: Env,
    files: tuple[FileInContainer, ...],
) -> ContainerSpec:
    return ContainerSpec(
        name=name,
        image=image_name,
        network_name=network_name,
        aliases=aliases,
        labels={**workload.labels, **labels},
        command=workload.command,
        env=env,
        files=files,
        mounts=tuple(map(_mount, workload.volumes)),
        ports=tuple(map(port_of, workload.publish)),
        memory=workload.memory,
        cpus=workload.cpus,
        stop_timeout=workload.stop_timeout,
        init=workload.init,
        logging=workload.logging,
    )


def metrics_alias(role_name: str) -> str:
    """What all running containers of a role answer to, gated, standing by and draining ones too: to watch them only.

    `.internal` is a name of no public DNS, which Docker asks where no container has the name.
    """
    return f"{role_name}.metrics.internal"


def lease_volume(full_name: str, role_name: str) -> str:
    return f"{full_name}-{role_name}-lease"


def run_spec(
    role_name: str,
    payload: Payload,
    *,
    name: str,
    image_name: str,
    network_name: str,
    labels: Mapping[str, str],
    command: tuple[str, ...],
) -> ContainerSpec:
    """A container that runs one command with what a role has, and serves nobody: without its ports and its lease."""
    own = container_spec(
        role_name, payload, name=name, image_name=image_name, network_name=network_name, labels=labels, aliases=()
    )
    without_lease = tuple(mount for mount in own.mounts if mount.target != _LEASE)
    return replace(own, command=command, ports=(), mounts=without_lease, env=payload.env[role_name])


def container_env(role: Role, env: Env) -> Env:
    """With where the app finds its lease, and where it tells its state, if it hands over: docs/handover.md."""
    if not role.handover:
        return env
    return {**env, "SHIPPER_LEASE": Secret(_LEASE), "SHIPPER_HEALTH_PORT": Secret(str(role.handover.port))}


def _told(labels: Mapping[str, str]) -> Env:
    return {name: Secret(labels[label]) for name, label in _TOLD.items() if label in labels}


def _mount(volume: str) -> Mount:
    source, target, *mode = volume.split(":")
    return Mount(source=source, target=target, read_only=mode == ["ro"])


def port_of(mapping: str) -> PublishedPort:
    ports, _, protocol = mapping.partition("/")
    outside, _, container_port = ports.rpartition(":")
    address, _, host_port = outside.rpartition(":")
    return PublishedPort(
        address=address.strip("[]"),
        host_port=int(host_port),
        container_port=int(container_port),
        protocol=protocol or "tcp",
    )


def file_of(path: str, file: MountedFile, content: Secret) -> FileInContainer:
    user_id, group_id = file.owner.split(":")
    return FileInContainer(
        path=path, content=content, mode=int(file.mode, 8), user_id=int(user_id), group_id=int(group_id)
    )
