"""A Git repository with the sample app, as a user of shipper has one."""

import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

_APP = Path(__file__).parent / "app"


@dataclass
class Repository:
    folder: Path
    service: str
    host_name: str
    """As the config names the server."""

    def create(self) -> None:
        shutil.copytree(_APP, self.folder, dirs_exist_ok=True)
        shutil.copy(str(shutil.which("busybox")), self.folder)
        self.git("init", "--quiet", "--initial-branch=main")
        self.git("config", "user.name", "Tester")
        self.git("config", "user.email", "tester@example.org")

    def write(self, path: str, text: str) -> None:
        file = self.folder / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)

    def configure(self, role: str = "", **top: str) -> None:
        """Writes config/deploy.yaml: `role` is YAML for the role `web`, `top` for keys of the whole."""
        gate = "gate: {http: {port: 8080, path: /up}, deadline: 3s, interval: 50ms, settle: 50ms}"
        role = role if "gate:" in role else f"{gate}\n{role}"
        lines = [
            f"service: {self.service}",
            f"image: {self.service}",
            "build: {}",
            "ssh: {user: deploy, key_env: SAMPLE_KEY}",
            *(f"{key}: {value}" for key, value in top.items()),
            "roles:",
            "  web:",
            f"    hosts: [{self.host_name}]",
            *([] if "stop_timeout:" in role else ["    stop_timeout: 2s"]),
            *(f"    {line}" for line in role.splitlines()),
        ]
        self.write("config/deploy.yaml", "\n".join(lines) + "\n")

    def commit(self, message: str = "change") -> str:
        self.git("-c", "core.compression=0", "add", "--all")  # 2 MB of busybox
        self.git("commit", "--quiet", "--allow-empty", "--message", message)
        return self.git("rev-parse", "HEAD")

    def git(self, *arguments: str) -> str:
        done = subprocess.run(["git", *arguments], cwd=self.folder, capture_output=True, text=True, check=True)
        return done.stdout.strip()

    def version(self, text: str) -> str:
        """Commits a version of the app that says `text`; returns its SHA."""
        self.write("www/index.html", text)
        return self.commit(text)
