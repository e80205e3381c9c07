"""What `shipper config --compose` writes makes the same containers, by the real docker-compose."""

import os
import stat
import subprocess
from pathlib import Path
from typing import Any

from tests.integration.conftest import Project
from tests.integration.waiting import eventually

_ENV = r"""
PLAIN=1e3
SPACES= a  b # c
DOLLAR=a$b$$c${HOME}d
QUOTES=it's "quoted"
SLASHES=back\\slash\n'\
EMPTY=
UMLAUT=größer
"""
_ROLE = """
command: ["/bin/sh", "-c", "echo $$0 ${HOME:-}; exec httpd -f -p 8080 -h /www", "a b"]
strategy: recreate
volumes: ["DATA:/data:ro"]
files: {"/etc/app/key": {secret: KEY, mode: "0440", owner: "1000:1000"}}
publish: ["127.0.0.1:18080:8080"]
memory: 64m
cpus: 0.5
stop_timeout: 3s
labels: {team: no, price: "5$"}
"""


def what_matters(container: dict[str, Any]) -> dict[str, Any]:
    config, host = container["Config"], container["HostConfig"]
    networks = container["NetworkSettings"]["Networks"]
    return {
        "env": sorted(line for line in config["Env"] if not line.startswith(("SHIPPER_RELEASE=", "SHIPPER_VERSION="))),
        "command": config["Cmd"],
        "entrypoint": config["Entrypoint"],
        "image": container["Image"],
        "stop timeout": config["StopTimeout"],
        "volumes": [(m["Name"], m["Destination"], m["RW"]) for m in container["Mounts"] if m["Type"] == "volume"],
        "labels": {name: value for name, value in config["Labels"].items() if name in ("team", "price")},
        "networks": list(networks),
        "aliases": "web" in next(iter(networks.values()))["Aliases"],
        **{key: host[key] for key in ("Memory", "MemorySwap", "NanoCpus", "Init", "LogConfig", "RestartPolicy")},
        "ports": host["PortBindings"],
    }


def test_docker_compose_makes_of_what_was_written_what_shipper_had_made(project: Project, tmp_path: Path) -> None:
    data = f"{project.service}-data"
    project.write("config/env.j2", _ENV + "TOKEN={{ secrets.KEY }}\n")
    project.configure(_ROLE.replace("DATA", data), secrets="{KEY: }")
    project.commit()
    project.deploy(KEY="s3cr3t-k3y")
    by_shipper = what_matters(project.serving)
    folder = project.folder / "compose"

    written = project.shipper("config", "--compose", "compose")

    assert written.exit_code == 0, written.everything
    assert "s3cr3t" not in written.everything
    assert project.git("status", "--porcelain") == ""
    assert stat.filemode(folder.stat().st_mode) == "drwx------"
    assert stat.filemode((folder / "docker-compose.yml").stat().st_mode) == "-rw-------"
    assert stat.filemode((folder / "web.env").stat().st_mode) == "-rw-------"
    key = folder / "files/web/etc/app/key"
    assert (stat.filemode(key.stat().st_mode), key.stat().st_uid, key.read_text()) == ("-r--r-----", 1000, "s3cr3t-k3y")
    assert project.shipper("config", "--compose", "compose").exit_code == 2
    assert project.shipper("config", "--compose", "config").exit_code == 2
    (tmp_path / "file").touch()
    for nowhere, why in ((tmp_path / "file/below", "Not a directory"), (Path("/proc/nowhere"), "No such file")):
        refused = project.shipper("config", "--compose", str(nowhere))
        assert (refused.exit_code, why in refused.errors) == (2, True)
    project.server.docker("stop", project.serving["Name"])
    environ = {**os.environ, "DOCKER_HOST": project.server.docker_host, "HOME": str(tmp_path)}
    command = ["docker-compose", "--project-name", project.service, "--no-ansi", "up", "--detach"]
    up = subprocess.run(command, cwd=folder, env=environ, capture_output=True, text=True, check=False)
    assert up.returncode == 0, up.stderr
    name = f"{project.service}-web"
    try:
        composed = project.server.engine("GET", f"/containers/{name}/json")
        assert what_matters(composed) == by_shipper
        assert not [label for label in composed["Config"]["Labels"] if label.startswith("shipper.service")]
        assert project.server.docker("exec", name, "/bin/sh", "-c", "cat /etc/app/key").stdout == "s3cr3t-k3y"
        asked = "busybox wget -qO- http://127.0.0.1:18080/"
        eventually(lambda: project.server.run(asked).stdout == "version 1", "the app's answer")
    finally:
        project.server.docker("rm", "--force", name)
        project.server.docker("volume", "rm", "--force", data)
