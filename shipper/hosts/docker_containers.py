"""Containers, as Docker's Engine API has them: what one is created from, and what is told of it.

https://docs.docker.com/reference/api/engine/version/v1.41/#tag/Container
"""

import math
import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any

import docker
import docker.types

from shipper.model.container import AccessoryMark, Container, ContainerState, Label
from shipper.model.specification import ContainerSpec, Mount


def create_container(api: docker.APIClient, spec: ContainerSpec) -> None:
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
        host_config=_host_config(api, spec),
        networking_config=api.create_networking_config(
            {spec.network_name: api.create_endpoint_config(aliases=list(spec.aliases))}  # type: ignore[arg-type]  # stubs
        ),
    )


def _host_config(api: docker.APIClient, spec: ContainerSpec) -> dict[str, Any]:
    mounts = [
        docker.types.Mount(
            m.target,
            m.source,
            type="bind" if m.source.startswith("/") else "volume",
            read_only=m.read_only,
        )
        for m in spec.mounts
    ]
    made: dict[str, Any] = api.create_host_config(
        auto_remove=spec.for_client,
        network_mode=spec.network_name,
        restart_policy={"Name": "no"},
        mounts=mounts,
        port_bindings=_bindings(spec),
        mem_limit=spec.memory,
        nano_cpus=round(spec.cpus * 1e9) if spec.cpus else None,
        init=spec.init,
        log_config=docker.types.LogConfig(type=spec.logging.driver, config=dict(spec.logging.effective_options)),
    )
    if spec.terminal:
        made["ConsoleSize"] = [spec.terminal.rows, spec.terminal.columns]
    return made


def _bindings(spec: ContainerSpec) -> dict[int | str, Any]:
    bindings: dict[int | str, list[tuple[str, int]]] = {}
    for port in spec.ports:
        bindings.setdefault(f"{port.container_port}/{port.protocol}", []).append((port.address, port.host_port))
    return bindings


def container_of(inspected: Mapping[str, Any]) -> Container:
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
