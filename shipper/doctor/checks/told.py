"""What a server prints, and what its Docker answers → facts. PURE."""

import json
import re
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any

from shipper.doctor.checks.facts import Disk, Docker, Folder, Listening, Machine
from shipper.model.container import Label


def sections(output: str) -> dict[str, list[str]]:
    """Lines under `@name` → name: lines."""
    found: dict[str, list[str]] = {}
    name = ""
    for line in output.splitlines():
        if line.startswith("@"):
            name = line[1:]
            found[name] = []
        elif name:
            found[name].append(line)
    return found


def machine_of(output: str) -> Machine:
    """From what `look_there.LOOK` prints."""
    told = sections(output)

    def first(name: str) -> str:
        return next(iter(told.get(name, ())), "")

    memory = {line.split(":")[0]: int(line.split()[1]) * 1024 for line in told.get("memory", ())}
    return Machine(
        user=first("user"),
        missing=tuple(told.get("missing", ())),
        root=_folder(first("root")),
        may_make_root=bool(told.get("parent")),
        state=_folder(first("state")),
        closed=tuple(told.get("closed", ())),
        memory=memory.get("MemTotal", 0),
        available_memory=memory.get("MemAvailable", 0),
        boot=" ".join(told.get("boot", ())),
        last_entry=_json(first("journal")),
        listening=listening_of(told.get("listening", ())),
    )


def _folder(line: str) -> Folder | None:
    """`2770 root docker yes`."""
    fields = line.split()
    if len(fields) < 3:
        return None
    return Folder(mode=fields[0], owner=fields[1], group=fields[2], is_usable=fields[3:] == ["yes"])


def _json(line: str) -> Mapping[str, Any]:
    with suppress(ValueError):
        value = json.loads(line)
        if isinstance(value, dict):
            return value
    return {}


def listening_of(lines: Sequence[str]) -> tuple[Listening, ...]:
    """Lines of /proc/net/tcp, tcp6, udp and udp6, each after the name of its file.

    https://docs.kernel.org/networking/proc_net_tcp.html
    """
    found = []
    for line in lines:
        if match := re.match(r"\S*/(tcp|udp)6?:\s*\d+: ([0-9A-F]+):([0-9A-F]{4}) ", line):
            found.append(Listening(address=_address(match[2]), port=int(match[3], 16), protocol=match[1]))
    return tuple(dict.fromkeys(found))


def _address(digits: str) -> str:
    """Each four bytes stand in the order of the processor, which is little-endian wherever Docker runs in earnest."""
    words = [bytes.fromhex(digits[at : at + 8])[::-1] for at in range(0, len(digits), 8)]
    if not any(any(word) for word in words):
        return ""
    if len(words) == 1:
        return ".".join(map(str, words[0]))
    if words[:2] == [bytes(4)] * 2 and words[2] == b"\0\0\xff\xff":
        return ".".join(map(str, words[3]))
    whole = b"".join(words).hex()
    return "[" + ":".join(whole[at : at + 4] for at in range(0, 32, 4)) + "]"


def disk_of(folder: str, output: str) -> Disk | None:
    """From `df -Pk` and then `df -Pi`, each with its head; None where it says nothing."""
    rows = [line.split() for line in output.splitlines() if "%" in line and not line.startswith("Filesystem")]
    if not rows or len(rows[0]) < 6 or not rows[0][1].isdigit():
        return None
    inodes = rows[1] if len(rows) > 1 else []
    has_inodes = len(inodes) >= 6 and inodes[1].isdigit() and inodes[3].isdigit()
    return Disk(
        folder=folder,
        size=int(rows[0][1]) * 1024,
        free=int(rows[0][3]) * 1024,
        inodes=int(inodes[1]) if has_inodes else 0,
        free_inodes=int(inodes[3]) if has_inodes else 0,
    )


def docker_of(version: Mapping[str, Any], info: Mapping[str, Any], containers: Sequence[Any], ours: str) -> Docker:
    """From the Engine API's /version, /info and /containers/json; `ours` is the value of our label."""
    status = [value for pair in info.get("DriverStatus") or () for value in pair]
    return Docker(
        version=version["Version"],
        platform=f"{version['Os']}/{version['Arch']}",
        driver=info["Driver"],
        is_containerd=any("io.containerd.snapshotter" in value for value in status),
        folder=info["DockerRootDir"],
        limits_memory=info["MemoryLimit"],
        published=tuple(
            Listening(
                address={"0.0.0.0": "", "::": ""}.get(port.get("IP", ""), port.get("IP", "")),
                port=port["PublicPort"],
                protocol=port["Type"],
                container_name=container["Names"][0].lstrip("/"),
                is_ours=(container.get("Labels") or {}).get(Label.SERVICE) == ours,
            )
            for container in containers
            for port in container.get("Ports") or ()
            if "PublicPort" in port
        ),
    )
