"""The rules of who may import and touch what: a rule that nothing holds leaks."""

import ast
import re
from graphlib import TopologicalSorter

import pytest

import shipper
from tests.unit.houses import House, statements

SHIPPER = House(shipper)
CLI = {name for name in SHIPPER.sources if name.startswith("cli/")}
OUTWARD = {"cli/github_job.py", "cli/printing.py", "cli/reporting.py", "cli/running.py"}  # what commands are told by
CHECKS = {name for name in SHIPPER.sources if name.startswith("doctor/checks/")}
NOUNS = {
    "shipper.world",
    "shipper.errors",
    "shipper.events",
    *(name for name in SHIPPER.modules if name.startswith("shipper.model.")),
    *(f"shipper.config.{name}" for name in ("image_names", "parts", "root", "schema", "workloads")),
}
PURE = [
    *(name for name in SHIPPER.sources if re.search(r"^PURE\b|\bPURE\.$", SHIPPER.docstring(name).partition("\n")[0])),
    *(name for name in SHIPPER.sources if name.startswith("model/")),
    "env/mask.py",
    "errors.py",
    "events.py",
]
"""What says so in its first line, and what all the others stand on."""
IN_MEMORY = {"hosts/http_answer.py": {"http.client", "io", "socket"}, "tarred.py": {"io", "tarfile"}}
"""What these work on bytes with, which others read files and connections with."""
STEPS = {name for name in SHIPPER.sources if name.startswith("steps/") and name != "steps/__init__.py"}


@pytest.mark.parametrize(
    ("packages", "files"),
    [
        (
            ("asyncssh",),
            {"hosts/conversation.py", "hosts/deploy_key.py", "hosts/host.py", "hosts/known_hosts.py", "hosts/login.py"},
        ),
        (
            ("docker",),
            {
                "hosts/docker_api.py",
                "hosts/docker_containers.py",
                "hosts/docker_exec.py",
                "hosts/docker_images.py",
                "hosts/engine.py",
            },
        ),
        (("urllib3",), {"hosts/docker_api.py", "hosts/engine.py"}),
        (("requests",), {"hosts/docker_api.py", "hosts/engine.py", "notify/senders.py"}),
        (("apprise",), {"notify/senders.py"}),
        (("h11",), {"hosts/docker_stream.py", "images/pull_registry.py"}),
        (("jinja2",), {"env/template.py"}),
        (("yaml",), {"operations/composing.py", "config/yaml_values.py", "cli/looking.py"}),
        (("rich",), {"cli/printing.py", "cli/reporting.py", "cli/status.py", "reporters/terminal.py"}),
        (("click",), CLI - OUTWARD - {"cli/console.py"}),
        (
            ("pydantic", "pydantic_core"),
            {
                "config/complaints.py",
                "config/parts.py",
                "config/root.py",
                "config/workloads.py",
                "config/documents.py",
                "hosts/records.py",
                "config/schema.py",
            },
        ),
        (("subprocess",), {"git.py"}),
        (
            ("os",),
            {
                "accessories/dumps.py",
                "cli/completing.py",
                "cli/console.py",
                "cli/github_job.py",
                "cli/options.py",
                "cli/printing.py",
                "cli/setting_up.py",
                "handover.py",
                "local.py",
                "hosts/login.py",
            },
        ),
        (("signal",), {"cli/console.py", "cli/running.py", "handover.py", "local.py"}),
        (("termios", "tty"), {"cli/console.py"}),
        (
            ("sys",),
            {
                "cli/__init__.py",
                "cli/accessory.py",
                "cli/carrying.py",
                "cli/console.py",
                "cli/deploying.py",
                "cli/diagnosing.py",
                "cli/guarding.py",
                "cli/inside.py",
                "cli/keeping.py",
                "cli/looking.py",
                "cli/options.py",
                "cli/printing.py",
                "cli/reporting.py",
                "cli/running.py",
                "cli/setting_up.py",
                "cli/status.py",
            },
        ),
        (
            ("secrets",),
            {
                "accessories/looking.py",
                "operations/execution.py",
                "operations/wanted.py",
                "images/pull_registry.py",
                "setup/here.py",
                "hosts/shell.py",
            },
        ),
        (("random", "uuid"), set()),
        (("logging", "warnings"), set()),
    ],
)
def test_a_library_is_imported_only_where_it_belongs(packages: tuple[str, ...], files: set[str]) -> None:
    assert SHIPPER.importers_of(*packages) == files


@pytest.mark.parametrize(
    ("names", "files"),
    [
        (("print",), CLI - {"cli/console.py", "cli/github_job.py", "cli/options.py"}),
        (
            ("sys.exit", "exit", "quit", "os._exit"),
            {"cli/accessory.py", "cli/diagnosing.py", "cli/running.py", "cli/status.py"},
        ),
        (
            ("os.environ", "os.getenv"),
            {
                "cli/completing.py",
                "cli/console.py",
                "cli/github_job.py",
                "cli/options.py",
                "cli/printing.py",
                "cli/setting_up.py",
                "handover.py",
            },
        ),
        (("asyncio.run",), {"cli/running.py"}),
        (("breakpoint", "eval", "exec"), set()),
        (
            ("datetime.now", "datetime.utcnow", "datetime.today"),
            {
                "cli/accessory.py",
                "cli/inside.py",
                "cli/looking.py",
                "cli/status.py",
                "reporters/jsonlines.py",
                "hosts/session.py",
            },
        ),
        (
            ("time.time", "time.monotonic", "time.perf_counter"),
            {
                "hosts/docker_api.py",
                "hosts/docker_exec.py",
                "handover.py",
                "hosts/host.py",
                "hosts/links.py",
                "reporters/plain.py",
                "reporters/terminal.py",
                "reporters/timeline.py",
                "hosts/session.py",
            },
        ),
        (("asyncio.sleep", "time.sleep"), {"handover.py", "hosts/session.py"}),
        (("asyncio.create_task", "asyncio.ensure_future"), set()),
        (("asyncio.create_subprocess_exec", "asyncio.create_subprocess_shell"), {"local.py"}),
    ],
)
def test_the_edges_of_the_world_are_touched_only_where_they_are_named(names: tuple[str, ...], files: set[str]) -> None:
    assert SHIPPER.users_of(*names) == files


def test_the_command_line_is_imported_by_nothing_but_its_own_entrance() -> None:
    users = {file for file in SHIPPER.sources if any(name.startswith("shipper.cli") for name in SHIPPER.imports(file))}
    assert users - CLI == {"__main__.py"}


@pytest.mark.parametrize("file", sorted(CLI))
def test_the_command_line_knows_the_door_and_the_reporters_and_nothing_behind_them(file: str) -> None:
    own = ("shipper.cli.", "shipper.reporters.")
    assert {name for name in SHIPPER.within(file) if not name.startswith(own)} <= {"shipper"}


@pytest.mark.parametrize("file", sorted(STEPS))
def test_a_step_knows_nouns_and_verbs_but_no_other_step(file: str) -> None:
    assert SHIPPER.within(file) <= {*NOUNS, "shipper.steps", "shipper.tasks"}


def test_the_half_of_a_handover_inside_an_app_knows_nothing_of_shipper_and_nothing_of_shipper_knows_it() -> None:
    assert SHIPPER.within("handover.py") == set()
    assert {file for file in SHIPPER.sources if "shipper.handover" in SHIPPER.imports(file)} == set()


def test_what_all_steps_share_knows_none_of_them() -> None:
    assert SHIPPER.within("steps/__init__.py") == {
        "shipper.world",
        "shipper.errors",
        "shipper.model.container",
    }


@pytest.mark.parametrize(
    ("file", "own"),
    [
        ("hosts/login.py", {"shipper.hosts.known_hosts"}),
        ("hosts/known_hosts.py", set()),
        ("hosts/conversation.py", {"shipper.hosts.login"}),
        ("hosts/http_answer.py", set()),
        (
            "hosts/host.py",
            {
                "shipper.hosts.conversation",
                "shipper.hosts.http_answer",
                "shipper.hosts.login",
                "shipper.hosts.pace",
                "shipper.hosts.shell",
                "shipper.tasks",
                "shipper.hosts.usage",
            },
        ),
        (
            "hosts/engine.py",
            {
                "shipper.hosts.docker_api",
                "shipper.hosts.docker_containers",
                "shipper.hosts.docker_exec",
                "shipper.hosts.docker_images",
                "shipper.tarred",
                "shipper.tasks",
            },
        ),
        ("hosts/docker_containers.py", set()),
        ("hosts/docker_exec.py", set()),
        ("hosts/docker_images.py", {"shipper.tarred"}),
        (
            "hosts/streams.py",
            {"shipper.hosts.docker_api", "shipper.hosts.docker_sessions", "shipper.hosts.docker_stream"},
        ),
        ("hosts/docker_sessions.py", {"shipper.hosts.docker_api", "shipper.hosts.docker_stream"}),
    ],
)
def test_an_adapter_knows_nouns_but_no_other_adapter_and_no_decision(file: str, own: set[str]) -> None:
    assert SHIPPER.within(file) <= NOUNS | own


@pytest.mark.parametrize(
    ("adapter", "files"),
    [
        ("hosts.engine", {"hosts/session.py"}),
        ("hosts.docker_containers", {"hosts/engine.py"}),
        ("hosts.docker_exec", {"hosts/engine.py"}),
        ("hosts.docker_images", {"hosts/engine.py"}),
        ("hosts.streams", {"hosts/session.py"}),
        ("hosts.docker_sessions", {"hosts/streams.py"}),
        ("hosts.docker_stream", {"hosts/docker_api.py", "hosts/docker_sessions.py", "hosts/streams.py"}),
        ("hosts.docker_socket", {"hosts/links.py"}),
        (
            "hosts.host",
            {
                "hosts/links.py",
                "hosts/docker_socket.py",
                "hosts/records.py",
                "hosts/journal.py",
                "doctor/look_at_way.py",
                "doctor/look_there.py",
                "setup/setting_up.py",
                "setup/do.py",
                "setup/look.py",
                "setup/rights.py",
            },
        ),
        (
            "hosts.login",
            {
                "hosts/links.py",
                "hosts/session.py",
                "setup/setting_up.py",
                "hosts/conversation.py",
                "hosts/host.py",
                "operations/trust.py",
            },
        ),
        ("hosts.known_hosts", {"hosts/login.py", "operations/trust.py"}),
        ("hosts.conversation", {"hosts/docker_socket.py", "hosts/host.py", "hosts/journal.py", "hosts/shell.py"}),
        ("hosts.http_answer", {"hosts/host.py"}),
        ("hosts.records", {"hosts/session.py", "hosts/journal.py", "doctor/look_there.py"}),
        ("local_commands", {"hosts/session.py", "operations/shipping.py"}),
        ("notify.senders", {"notify/notices.py"}),
    ],
)
def test_few_know_which_adapters_are_real(adapter: str, files: set[str]) -> None:
    assert {file for file in SHIPPER.sources if f"shipper.{adapter}" in SHIPPER.imports(file)} == files


@pytest.mark.parametrize("file", PURE)
def test_what_is_pure_reaches_nothing_that_does_input_or_output(file: str) -> None:
    pure = {
        "abc",
        "asyncio",  # by the steps, which do several things at once
        "base64",
        "collections",
        "collections.abc",
        "contextlib",
        "dataclasses",
        "datetime",
        "difflib",
        "enum",
        "functools",  # which remembers what is pure
        "graphlib",
        "hashlib",
        "hmac",
        "html",  # which only works on text
        "itertools",
        "json",
        "math",
        "posixpath",  # which only works on text
        "pydantic",
        "pydantic.fields",
        "pydantic_core",
        "re",
        "shlex",  # which only works on text
        "textwrap",
        "types",
        "typing",
        "urllib.parse",
    }
    foreign = {
        name for reached in SHIPPER.reached_from(file) for name in SHIPPER.imports(reached)
    } - SHIPPER.modules.keys()
    assert foreign <= pure | IN_MEMORY.get(file, set())


@pytest.mark.parametrize("file", PURE)
def test_what_is_pure_is_no_coroutine(file: str) -> None:
    assert not any(isinstance(node, (ast.AsyncFunctionDef, ast.Await)) for node in statements(SHIPPER.tree(file)))


def test_imports_go_one_way() -> None:
    graph = {module: SHIPPER.within(file) - {module} for module, file in SHIPPER.modules.items()}
    assert len(list(TopologicalSorter(graph).static_order())) == len(SHIPPER.modules)
