"""One job: a workspace of its own, and its steps one after the other, as a runner of GitHub carries them out.

https://docs.github.com/en/actions/reference/workflows-and-actions/variables
"""

import json
import re
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any

import yaml

from tests.fakes.actions.expressions import NotSupported, Scope, shown

_STEP_KEYS = {"name", "id", "if", "uses", "with", "run", "shell", "env", "working-directory"}
_ACTION_KEYS = {"name", "description", "inputs", "runs"}
_FILES = ("ENV", "PATH", "OUTPUT", "STEP_SUMMARY")
_SHELLS = {None: ["bash", "-e"], "bash": ["bash", "--noprofile", "--norc", "-eo", "pipefail"]}

StandIn = Callable[["Machine", Mapping[str, str]], Mapping[str, str]]
"""Given what stands under `with`, does what an action does; its outputs."""


@dataclass(kw_only=True)
class Job:
    """What became of one. Values of secrets are *** in the log and the summary."""

    result: str
    environment: str = ""
    outputs: dict[str, str] = field(default_factory=dict)
    steps: Mapping[str, Any] = field(default_factory=dict)
    """Their outputs and their outcome, by their ids."""
    log: str = ""
    summary: str = ""


class Machine:
    """Where one job runs. `environ` is what the next step finds in its environment."""

    def __init__(
        self,
        folder: Path,
        repository: Path,
        *,
        environ: Mapping[str, str],
        env: Mapping[str, str],
        github: Mapping[str, Any],
        secrets: Mapping[str, str],
        stand_ins: Mapping[str, StandIn],
        minutes: float,
    ) -> None:
        self.workspace = folder / "workspace"
        self.temp = folder / "temp"
        for made in (self.workspace, self.temp):
            made.mkdir(parents=True)
        self.repository = repository
        self.github = github
        self.environ = {**environ, **self._standard(folder), **env}
        self.env = {**env}
        self.log: list[str] = []
        self.summary = ""
        self.secrets = secrets
        self._stand_ins = {**_STAND_INS, **stand_ins}
        self._minutes = minutes

    def carry_out(
        self, steps: list[dict[str, Any]], contexts: Mapping[str, Any], env: Mapping[str, str] = MappingProxyType({})
    ) -> Scope:
        """What can be named in the end, by the job's outputs say. `env` is what all of these steps get besides."""
        told: dict[str, Any] = {}
        known = {**contexts, "steps": told, "env": self.env, "runner": {"temp": str(self.temp), "os": "Linux"}}
        status = ["success"]
        for number, step in enumerate(steps):
            only_known(step, _STEP_KEYS, f"step {number}")
            scope = Scope(contexts=known, results=status)
            without_secrets = {name: value for name, value in known.items() if name != "secrets"}
            if not Scope(contexts=without_secrets, results=status).holds(step.get("if")):
                continue
            own = {**env, **{name: shown(scope.fill(text)) for name, text in step.get("env", {}).items()}}
            succeeded, outputs = self._step(step, scope, own)
            told[step.get("id", f"#{number}")] = {"outputs": outputs, "outcome": "success" if succeeded else "failure"}
            if not succeeded:
                status.append("failure")
        return Scope(contexts=known, results=status)

    def run(
        self, command: list[str], env: Mapping[str, str], folder: Path | None = None
    ) -> tuple[bool, dict[str, str]]:
        """Whether it ended well, and its outputs."""
        files = {name: self.temp / f"_{name.lower()}" for name in _FILES}
        for file in files.values():
            file.write_text("")
        environ = {**self.environ, **env, **{f"GITHUB_{name}": str(file) for name, file in files.items()}}
        done = subprocess.run(
            command,
            cwd=folder or self.workspace,
            env=environ,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=self._minutes * 60,
            check=False,
        )
        self.say(done.stdout)
        set_for_later = _assignments(files["ENV"].read_text())
        self.env |= set_for_later
        self.environ |= set_for_later
        for path in files["PATH"].read_text().splitlines():
            self.environ["PATH"] = f"{path}:{self.environ['PATH']}"
        self.summary += self.masked(files["STEP_SUMMARY"].read_text())
        return done.returncode == 0, _assignments(files["OUTPUT"].read_text())

    def say(self, text: str) -> None:
        self.log.append(self.masked(text))

    def masked(self, text: str) -> str:
        lines = {line for value in self.secrets.values() for line in (value, *value.splitlines()) if line.strip()}
        for line in sorted(lines, key=len, reverse=True):
            text = text.replace(line, "***")
        return text

    def _step(self, step: Mapping[str, Any], scope: Scope, env: Mapping[str, str]) -> tuple[bool, dict[str, str]]:
        self.say(f"$ {step.get('run', step.get('uses'))}\n")
        if "run" in step:
            script = self.temp / "script.sh"
            script.write_text(shown(scope.fill(step["run"])))
            folder = self.workspace / shown(scope.fill(step.get("working-directory", ".")))
            return self.run([*_SHELLS[step.get("shell")], str(script)], env, folder)
        given = {name: shown(scope.fill(text)) for name, text in step.get("with", {}).items()}
        name, _, version = step["uses"].partition("@")
        if name in self._stand_ins:
            return True, {**self._stand_ins[name](self, given)}
        if not name.startswith("./") or version:
            raise NotSupported(f"uses: {step['uses']}")
        return self._composite(self.workspace / name, given, env)

    def _composite(self, folder: Path, given: Mapping[str, str], env: Mapping[str, str]) -> tuple[bool, dict[str, str]]:
        action = yaml.load((folder / "action.yml").read_text(), yaml.BaseLoader)
        only_known(action, _ACTION_KEYS, str(folder))
        only_known(given, set(action.get("inputs", ())), str(folder))
        if action["runs"]["using"] != "composite":
            raise NotSupported(f"{folder}: {action['runs']['using']}")
        inputs = {
            name: given.get(name, described.get("default", "")) for name, described in action.get("inputs", {}).items()
        }
        place = {"GITHUB_ACTION_PATH": str(folder)}
        contexts = {"github": {**self.github, "action_path": str(folder)}, "inputs": inputs}  # and no secrets
        ended = self.carry_out(action["runs"]["steps"], contexts, {**env, **place})
        return "failure" not in ended.results, {}

    def _standard(self, folder: Path) -> dict[str, str]:
        event = folder / "event.json"
        event.write_text(json.dumps({"ref": self.github["ref"], "inputs": self.github["event"]}))
        told = {f"GITHUB_{name.upper()}": text for name, text in self.github.items() if isinstance(text, str)}
        return {
            **told,
            "CI": "true",
            "GITHUB_ACTIONS": "true",
            "GITHUB_WORKSPACE": str(self.workspace),
            "GITHUB_EVENT_PATH": str(event),
            "RUNNER_TEMP": str(self.temp),
            "RUNNER_OS": "Linux",
            "RUNNER_ARCH": "X64",
        }


def only_known(given: Mapping[str, Any], known: set[str], where: str) -> None:
    if unknown := given.keys() - known:
        raise NotSupported(f"{where}: {', '.join(sorted(unknown))}")


def _assignments(text: str) -> dict[str, str]:
    """NAME=value lines, or NAME<<END … END."""
    made = {}
    lines = iter(text.splitlines())
    for line in lines:
        if many := re.fullmatch(r"([^=]+?)<<(.+)", line):
            made[many[1]] = "\n".join(iter(lambda end=many[2]: _unless(next(lines), end), None))  # type: ignore[misc]
        elif line:
            name, equals, value = line.partition("=")
            if not equals:
                raise NotSupported(f"a command file has {line!r}")
            made[name] = value
    return made


def _unless(line: str, end: str) -> str | None:
    return None if line == end else line


def _checkout(machine: Machine, given: Mapping[str, str]) -> Mapping[str, str]:
    only_known(given, {"fetch-depth", "persist-credentials"}, "actions/checkout")
    depth = int(given.get("fetch-depth", "1"))
    commit, branch = machine.github["sha"], machine.github["ref_name"]
    whole = ["--prune", "--tags", "origin", "+refs/heads/*:refs/remotes/origin/*"]
    shallow = ["--no-tags", f"--depth={depth}", "origin", f"+{commit}:refs/remotes/origin/{branch}"]
    for arguments in (
        ["init", "--quiet", "."],
        ["remote", "add", "origin", f"file://{machine.repository}"],
        ["fetch", "--quiet", *(shallow if depth else whole)],
        ["checkout", "--quiet", "--force", "-B", branch, commit],
    ):
        subprocess.run(["git", *arguments], cwd=machine.workspace, env=machine.environ, check=True)
    return {}


def _setup_python(machine: Machine, given: Mapping[str, str]) -> Mapping[str, str]:
    """Whatever version is asked for: the one of this process."""
    only_known(given, {"python-version", "update-environment"}, "actions/setup-python")
    python = Path(sys.base_prefix, "bin", "python3").resolve()
    if given.get("update-environment") != "false":
        programs = machine.temp / "python"
        programs.mkdir(exist_ok=True)
        for name in ("python", "python3"):
            (programs / name).unlink(missing_ok=True)
            (programs / name).symlink_to(python)
        machine.environ["PATH"] = f"{programs}:{machine.environ['PATH']}"
    return {"python-path": str(python)}


def _setup_buildx(_: Machine, given: Mapping[str, str]) -> Mapping[str, str]:
    """The machine's Docker builds, as it is."""
    only_known(given, set(), "docker/setup-buildx-action")
    return {}


_STAND_INS: Mapping[str, StandIn] = {
    "actions/checkout": _checkout,
    "actions/setup-python": _setup_python,
    "docker/setup-buildx-action": _setup_buildx,
}
