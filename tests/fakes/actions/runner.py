"""Runs of GitHub Actions, carried out here from the workflow files of a pushed commit: the stand-in for GitHub, and for
nothing else. What `run:` says is run as it stands, with what a runner of GitHub has around it.

github = GitHub(bare_repository, folder, environ={"PATH": …, "HOME": …})
(run,) = github.push("main")          # each workflow that the branch triggers; the commit must be there already
run = github.dispatch("deploy.yml", "main", environment="staging")
run.jobs["deploy"].result, run.log

What a workflow says beyond what is known here is an error. One run goes on at a time, and its jobs one after the other.
"""

import json
import re
import subprocess
import sys
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from graphlib import TopologicalSorter
from itertools import count, product
from pathlib import Path
from types import MappingProxyType
from typing import Any

import yaml

from tests.fakes.actions.expressions import NotSupported, Scope, shown
from tests.fakes.actions.jobs import Job, Machine, StandIn, only_known

_ROOT = Path(__file__).parents[3]
_WORKFLOW_KEYS = {"name", "on", "permissions", "concurrency", "env", "jobs"}
_JOB_KEYS = {"name", "if", "needs", "runs-on", "timeout-minutes", "outputs", "env", "steps", "uses", "permissions"}
_JOB_KEYS |= {"strategy", "environment", "concurrency"}
_GH = '#!/bin/sh\nPYTHONPATH={root} exec {python} -m tests.fakes.actions.gh {store} "$@"\n'


@dataclass(kw_only=True)
class Run:
    """Of one workflow; `jobs` are named as GitHub shows them: `test / sim` is that of a workflow that `test` calls."""

    workflow: str
    github: Mapping[str, Any]
    inputs: Mapping[str, str]
    folder: Path
    jobs: dict[str, Job] = field(default_factory=dict)

    @property
    def contexts(self) -> dict[str, Any]:
        """What may be named everywhere."""
        return {"github": self.github, "inputs": self.inputs, "vars": {}}

    @property
    def result(self) -> str:
        return "failure" if any(job.result == "failure" for job in self.jobs.values()) else "success"

    @property
    def log(self) -> str:
        return "".join(f"=== {name}: {job.result}\n{job.log}" for name, job in self.jobs.items())


class GitHub:
    def __init__(
        self,
        repository: Path,
        folder: Path,
        *,
        environ: Mapping[str, str],
        name: str = "octo/shop",
        stand_ins: Mapping[str, StandIn] = MappingProxyType({}),
    ) -> None:
        """`environ` is what a runner's machine has by itself: PATH, HOME, where its Docker is.

        `stand_ins` are for actions that cannot be had here, or need not be, by what stands before their version.
        """
        self.repository = repository
        self.name = name
        self.stand_ins = stand_ins
        self._folder = folder
        self._numbers = count(1)
        self._programs = folder / "programs"
        self._programs.mkdir(parents=True)
        self._environ = {**environ, "PATH": f"{environ['PATH']}:{self._programs}"}
        self._add_program("sudo", '#!/bin/sh\nexec "$@"\n')  # runners of GitHub may be root without a password
        self.secrets_file = folder / "secrets.json"
        gh = _GH.format(root=_ROOT, python=sys.executable, store=self.secrets_file)
        self.gh = self._add_program("gh", gh)
        """The program of that name, which sets the secrets of this repository."""

    def secrets(self, environment: str = "") -> dict[str, str]:
        """What a job gets: those of its environment win over those of the repository."""
        known = json.loads(self.secrets_file.read_text()) if self.secrets_file.exists() else {}
        return {**known.get("", {}), **known.get(environment, {})}

    def push(self, branch: str) -> list[Run]:
        commit = self._git("rev-parse", f"refs/heads/{branch}")
        listed = self._git("ls-tree", "--name-only", commit, ".github/workflows/").splitlines()
        files = {path.rpartition("/")[2]: self._workflow(commit, f"./{path}") for path in listed}
        wanted = [
            file for file, read in files.items() if branch in ((read["on"].get("push") or {}).get("branches", ()))
        ]
        return [self._run(file, "push", branch, commit, {}) for file in wanted]

    def dispatch(self, file: str, branch: str, **given: str) -> Run:
        """What somebody chose under "Run workflow"."""
        commit = self._git("rev-parse", f"refs/heads/{branch}")
        known = self._workflow(commit, f"./.github/workflows/{file}")["on"]["workflow_dispatch"]["inputs"]
        if unknown := given.keys() - known:
            raise NotSupported(f"{file} has no input {unknown}")
        inputs = {}
        for name, described in known.items():
            options = described.get("options", [""])
            inputs[name] = given.get(name, described.get("default", options[0]))
            if described["type"] == "choice" and inputs[name] not in options:
                raise NotSupported(f"{file}: {inputs[name]} is none of {options}")
        return self._run(file, "workflow_dispatch", branch, commit, inputs)

    def _run(self, file: str, event: str, branch: str, commit: str, inputs: Mapping[str, str]) -> Run:
        number = str(next(self._numbers))
        github = {
            "workflow": file,
            "event_name": event,
            "event": inputs,
            "sha": commit,
            "ref": f"refs/heads/{branch}",
            "ref_name": branch,
            "ref_type": "branch",
            "repository": self.name,
            "repository_owner": self.name.partition("/")[0],
            "run_id": f"90{number}",
            "run_number": number,
            "run_attempt": "1",
            "actor": "octo",
            "triggering_actor": "octo",
            "server_url": "https://github.com",
            "api_url": "https://api.github.com",
        }
        run = Run(workflow=file, github=github, inputs=inputs, folder=self._folder / f"run{number}")
        self._carry_out(run, f"./.github/workflows/{file}")
        return run

    def _carry_out(self, run: Run, path: str, called_by: str = "") -> str:
        """A workflow, or one that it calls, which gets no secrets. How it ended."""
        workflow = self._workflow(run.github["sha"], path)
        ended: dict[str, dict[str, Any]] = {}
        needs = {name: _listed(job.get("needs", [])) for name, job in workflow["jobs"].items()}
        for name in TopologicalSorter(needs).static_order():
            job = workflow["jobs"][name]
            only_known(job, _JOB_KEYS, f"{path}: {name}")
            contexts = {**run.contexts, "needs": {other: ended[other] for other in needs[name]}}
            before = [ended[other]["result"] for other in _ancestors(name, needs)]
            title = f"{called_by}{name}"
            if not Scope(contexts=contexts, results=before).holds(job.get("if")):
                ended[name] = {"result": "skipped", "outputs": {}}
                run.jobs[title] = Job(result="skipped")
            elif "uses" in job:
                result = self._carry_out(run, job["uses"], f"{title} / ")
                ended[name] = {"result": result, "outputs": {}}
            else:
                done = [*self._matrix(run, title, job, contexts, workflow.get("env", {}))]
                ended[name] = {"result": _together(job.result for job in done), "outputs": done[-1].outputs}
        return _together(each["result"] for each in ended.values())

    def _matrix(
        self, run: Run, title: str, job: Mapping[str, Any], contexts: Mapping[str, Any], env: Mapping[str, str]
    ) -> Iterator[Job]:
        strategy = job.get("strategy", {})
        only_known(strategy, {"fail-fast", "matrix"}, title)
        matrix = strategy.get("matrix", {})
        for values in product(*matrix.values()):
            own = f" ({', '.join(values)})" if values else ""
            yield self._job(
                run, f"{title}{own}", job, {**contexts, "matrix": dict(zip(matrix, values, strict=True))}, env
            )

    def _job(
        self, run: Run, title: str, job: Mapping[str, Any], contexts: Mapping[str, Any], env: Mapping[str, str]
    ) -> Job:
        environment = shown(Scope(contexts=contexts).fill(job.get("environment", "")))
        # without `secrets:` a workflow that is called gets none
        contexts = {**contexts, "secrets": {} if " / " in title else self.secrets(environment)}
        scope = Scope(contexts=contexts)
        machine = Machine(
            run.folder / re.sub(r"\W+", "-", title),
            self.repository,
            environ=self._environ,
            env={name: shown(scope.fill(text)) for name, text in {**env, **job.get("env", {})}.items()},
            github={**run.github, "job": title},
            secrets=contexts["secrets"],
            stand_ins=self.stand_ins,
            minutes=float(job.get("timeout-minutes", "360")),
        )
        made = Job(result="failure", environment=environment)
        run.jobs[title] = made
        at_end = machine.carry_out(job["steps"], contexts)
        made.result = "failure" if "failure" in at_end.results else "success"
        made.steps = at_end.contexts["steps"]
        made.log, made.summary = "".join(machine.log), machine.summary
        for name, text in job.get("outputs", {}).items():
            value = shown(at_end.fill(text))
            if machine.masked(value) == value:
                made.outputs[name] = value
            else:  # as GitHub does, to whoever's surprise
                made.log += f"Skip output '{name}' since it may contain secret.\n"
        return made

    def _workflow(self, commit: str, path: str) -> dict[str, Any]:
        # BaseLoader: `on` stays a word, and every scalar the text that it is, as 3.10 needs it
        read = yaml.load(self._git("show", f"{commit}:{path.removeprefix('./')}"), yaml.BaseLoader)
        only_known(read, _WORKFLOW_KEYS, path)
        if not isinstance(read["on"], dict):
            raise NotSupported(f"{path}: on: {read['on']}")
        only_known(read["on"], {"push", "pull_request", "workflow_dispatch", "workflow_call"}, path)
        if push := read["on"].get("push"):
            only_known(push, {"branches"}, f"{path}: on.push")
            only_known(dict.fromkeys(re.findall(r"[^\w/.-]", "".join(push["branches"]))), set(), f"{path}: branches")
        return read  # type: ignore[no-any-return]  # of yaml

    def _git(self, *arguments: str) -> str:
        done = subprocess.run(["git", *arguments], cwd=self.repository, capture_output=True, text=True, check=True)
        return done.stdout.strip()

    def _add_program(self, name: str, text: str) -> Path:
        program = self._programs / name
        program.write_text(text)
        program.chmod(0o755)
        return program


def _listed(given: str | list[str]) -> list[str]:
    return [given] if isinstance(given, str) else given


def _ancestors(name: str, needs: Mapping[str, list[str]]) -> set[str]:
    """All that a job waits for, at whatever distance: success() asks for each of them."""
    return {*needs[name], *(each for other in needs[name] for each in _ancestors(other, needs))}


def _together(results: Iterable[str]) -> str:
    told = {*results}
    return next((each for each in ("failure", "success") if each in told), "skipped")
