"""argv → call → exit code. The only place that prints or exits; it uses nothing but the door, `import shipper`."""

import asyncio
import contextlib
import functools
import gc
import json
import os
import signal
import sys
import traceback
from collections.abc import Callable, Coroutine, Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

import shipper

if TYPE_CHECKING:
    from shipper import Event, Outcome, Project

Result = TypeVar("Result")
Command = TypeVar("Command", bound=Callable[..., Any])

_EPILOG = (
    "Exit codes: 0 done; 2 bad arguments or config; 10-14 no way to a server; 20 refused by a gate; 21 failed, and "
    "what served before does not serve; after any other code it does. All of them: README.md."
)


class _Main(click.Group):
    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except shipper.ShipperError as error:
            _print_error(error)
            ctx.exit(error.exit_code)
        except asyncio.CancelledError:
            ctx.exit(130)
        except (click.ClickException, click.Abort, click.exceptions.Exit, BrokenPipeError):
            raise  # click's own way to end
        except Exception as error:  # its text may hold a secret
            place = traceback.extract_tb(error.__traceback__)[-1]
            print(f"error: {type(error).__name__} in {place.filename}:{place.lineno}", file=sys.stderr)
            print("This is a bug in shipper. `shipper status` shows what is true now.", file=sys.stderr)
            ctx.exit(1)

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(self.commands)  # in the order of the day's work, not of the alphabet


@click.group(
    cls=_Main, epilog=_EPILOG, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110}
)
@click.version_option(shipper.__version__, message="shipper %(version)s")
def main() -> None:
    """Ships containers to your own servers over SSH: gated, swapped, rolled back."""
    gc.disable()  # until all is imported: to look through what imports make, where nothing is garbage, takes 0.1 s


def _options(*wanted: str) -> Callable[[Command], Command]:
    known = {
        "file": click.option(
            "-c", "--config-file", default="config/deploy.yaml", show_default=True, help="The config."
        ),
        "destination": click.option(
            "-d", "--destination", metavar="NAME", help="Lay deploy.NAME.yaml over the config."
        ),
        "json": click.option("--json", "as_json", is_flag=True, help="Print JSON, for machines."),
        "verbose": click.option("-v", "--verbose", is_flag=True, help="Print every call with its milliseconds."),
    }

    def decorated(command: Command) -> Command:
        return functools.reduce(lambda wrapped, name: known[name](wrapped), reversed(wanted), command)

    return decorated


_project_options = _options("file", "destination", "json", "verbose")


_wait_option = click.option(
    "--wait",
    type=float,
    is_flag=False,
    flag_value=900.0,
    default=0.0,
    metavar="[SECONDS]",
    help="Wait for another deploy that is under way, 15 minutes if no number is given.",
)


@main.command()
@click.argument("revision", required=False)
@_wait_option
@_project_options
def deploy(
    revision: str | None, wait: float, config_file: str, destination: str | None, as_json: bool, verbose: bool
) -> None:
    """Make REVISION serve: a commit, branch or tag of Git. Without it, the working folder as it is.

    Config and template are those of the commit. What serves is not touched before the new containers have passed
    their gate; the same command again goes on from what is true then.
    """
    project = _project(config_file, destination, revision)
    _run_reported(functools.partial(shipper.deploy, project, wait=wait), as_json, verbose)


@main.command()
@click.argument("release", type=int, required=False)
@click.option("--current-env", is_flag=True, help="Take today's env instead of the one that it had.")
@_wait_option
@_project_options
def rollback(
    release: int | None,
    current_env: bool,
    wait: float,
    config_file: str,
    destination: str | None,
    as_json: bool,
    verbose: bool,
) -> None:
    """Make an earlier RELEASE serve again, with the image, config and env that it had.

    Without a number, the one that served before; a second rollback goes one further back.
    """
    project = _project(config_file, destination)
    call = functools.partial(shipper.rollback, project, release, current_env=current_env, wait=wait)
    _run_reported(call, as_json, verbose)


@main.command()
@click.argument("revision", required=False)
@_project_options
def plan(revision: str | None, config_file: str, destination: str | None, as_json: bool, verbose: bool) -> None:
    """Print what `deploy` would do, and why. Changes nothing."""
    project = _project(config_file, destination, revision)
    made = _run(shipper.plan_deploy(project, tell=_plain(verbose)))
    if as_json:
        release = shipper.as_json(made.release)
        print(json.dumps({"title": made.title, "release": release, "steps": made.lines[1:], "empty": made.is_empty}))
    else:
        print("\n".join(made.lines))


@main.command()
@_project_options
def status(config_file: str, destination: str | None, as_json: bool, verbose: bool) -> None:
    """Show what serves on each host."""
    rows = _run(shipper.status(_project(config_file, destination), tell=_plain(verbose)))
    if as_json:
        print(json.dumps(shipper.as_json(rows)))
        return
    from shipper.reporters.words import ago

    now = datetime.now(UTC)
    lines = [("HOST", "ROLE", "RELEASE", "VERSION", "STATE", "SINCE", "CONTAINER")]
    for row in rows:
        container = row.container
        if container:
            since = ago(container.started_at, now)
            number = str(container.release_number)
            version = container.short_version
            lines.append((row.host_name, row.role_name, number, version, container.state.value, since, container.name))
        else:
            lines.append((row.host_name, row.role_name, "-", "-", "nothing serves", "-", "-"))
    _print_table(lines)


@main.command()
@_project_options
def releases(config_file: str, destination: str | None, as_json: bool, verbose: bool) -> None:
    """List the releases that the hosts know: where a rollback can go."""
    hosts = _run(shipper.list_releases(_project(config_file, destination), tell=_plain(verbose)))
    serving = {
        name: {container.release_number for container in host.serving_all().values()} for name, host in hosts.items()
    }
    if as_json:
        found = {
            name: [{**shipper.as_json(r), "serves": r.number in serving[name]} for r in host.releases]
            for name, host in hosts.items()
        }
        print(json.dumps(found))
        return
    from shipper.reporters.words import ago

    now = datetime.now(UTC)
    lines = [("HOST", "RELEASE", "VERSION", "OUTCOME", "WHEN", "BY", "")]
    for name, host in hosts.items():
        for release in sorted(host.releases, key=lambda release: -release.number):
            mark = "serves" if release.number in serving[name] else ""
            when = ago(release.begun_at, now)
            outcome = release.outcome.value
            lines.append((name, str(release.number), release.short_version, outcome, when, release.performer, mark))
    _print_table(lines)


@main.command()
@click.option("--role", "role_name", help="Only this role.")
@click.option("--release", "release_number", type=int, help="Of this release, though it serves no more or never did.")
@click.option("-n", "--lines", default=100, show_default=True, help="How many lines of each container.")
@_project_options
def logs(
    role_name: str | None,
    release_number: int | None,
    lines: int,
    config_file: str,
    destination: str | None,
    as_json: bool,
    verbose: bool,
) -> None:
    """Print the last lines of the newest container of each role, on all hosts."""
    project = _project(config_file, destination)
    call = shipper.logs(project, role_name=role_name, release_number=release_number, lines=lines, tell=_plain(verbose))
    found = _run(call)
    for log in found:
        place = {"host": log.host_name, "container": log.container.name}
        for line in log.lines:
            print(json.dumps({**place, "line": line}) if as_json else f"{log.container.name}  {line}")


@main.command()
@_project_options
def history(config_file: str, destination: str | None, as_json: bool, verbose: bool) -> None:
    """List the deploys and rollbacks that there were: who, when, from where, what became of them."""
    past = _run(shipper.history(_project(config_file, destination), tell=_plain(verbose)))
    if as_json:
        print(json.dumps(shipper.as_json(past)))
        return
    from shipper.reporters.words import ago

    now = datetime.now(UTC)
    lines = [("WHEN", "HOST", "BY", "FROM", "OUTCOME", "VERSION", "WHAT")]
    for deploy in past:
        who = (deploy.performer, deploy.origin or "-")
        what = (deploy.outcome, deploy.short_version or "-", deploy.title)
        lines.append((ago(deploy.begun_at, now), deploy.host_name, *who, *what))
    _print_table(lines)


@main.command()
@click.argument("reason", required=False)
@click.option("--for", "duration", help="For how long: 30m, 2h. Without it, until `shipper unlock`.")
@click.option("--status", "only_status", is_flag=True, help="Only tell whether deploys are frozen.")
@_project_options
def lock(
    reason: str | None,
    duration: str | None,
    only_status: bool,
    config_file: str,
    destination: str | None,
    as_json: bool,
    verbose: bool,
) -> None:
    """Freeze deploys on all hosts, giving a REASON. Rollbacks stay possible."""
    project = _project(config_file, destination)
    if not only_status:
        if not reason:
            raise click.UsageError("a freeze needs a REASON; or use --status")
        seconds = shipper.seconds_of(duration) if duration else None
        _run(shipper.freeze(project, reason, seconds=seconds, tell=_plain(verbose)))
    found = _run(shipper.freezes(project, tell=_plain(verbose)))
    if as_json:
        print(json.dumps(shipper.as_json(found)))
        return
    for host_name, freeze in found.items():
        until = f" until {freeze.until:%Y-%m-%d %H:%M} UTC" if freeze.until else ""
        print(f"{host_name}: frozen{until} by {freeze.performer}: {freeze.reason}")
    if not found:
        print("deploys are not frozen")


@main.command()
@_project_options
def unlock(config_file: str, destination: str | None, as_json: bool, verbose: bool) -> None:
    """Lift the freeze on all hosts."""
    _run(shipper.unfreeze(_project(config_file, destination), tell=_plain(verbose)))
    print("{}" if as_json else "deploys are not frozen")


@main.command()
@click.argument("revision", required=False)
@click.option("--platform", help="os/architecture, as in linux/arm64; that of the hosts if absent.")
@_project_options
def build(
    revision: str | None,
    platform: str | None,
    config_file: str,
    destination: str | None,
    as_json: bool,
    verbose: bool,
) -> None:
    """Build the image of REVISION on this machine, unless it exists."""
    project = _project(config_file, destination, revision)
    image = _run(shipper.build(project, platform=platform, tell=_plain(verbose)))
    print(json.dumps(shipper.as_json(image)) if as_json else f"{project.image} for {image.platform}: {image.id}")


@main.command()
@click.argument("host")
@click.option("--fingerprint", help="Accept the key only if it has this fingerprint (SHA256:…); asks nothing.")
@click.option("--yes", is_flag=True, help="Accept whatever key it shows; asks nothing.")
@_options("file", "destination")
def trust(host: str, fingerprint: str | None, yes: bool, config_file: str, destination: str | None) -> None:
    """Pin the host key of HOST, after you have compared its fingerprint."""
    project = _project(config_file, destination)
    key = _run(shipper.shown_key(project, host))
    print(f"{key.name} shows the host key {key.algorithm} {key.fingerprint}")
    if key.is_pinned:
        print("It is pinned already.")
        return
    if key.is_changed:
        print("ANOTHER KEY IS PINNED for this host: accept this one only if you know why it changed.")
    if fingerprint and fingerprint != key.fingerprint:
        raise shipper.HostKeyError(f"{host}: that is not {fingerprint}.", now="Nothing was pinned.")
    if not (fingerprint or yes):
        print("On the server's console: ssh-keygen -lf /etc/ssh/ssh_host_ed25519_key.pub")
        if not sys.stdin.isatty() or not click.confirm("Is it the same?"):
            raise shipper.HostKeyError(f"{host}: the key was not accepted.", now="Nothing was pinned.")
    shipper.pin_key(project, key)
    print(f"Pinned in {project.config.ssh.known_hosts}; commit it.")


@main.command()
@click.option("--schema", is_flag=True, help="Print the JSON Schema of the config instead, for editors.")
@_options("file", "destination")
def config(schema: bool, config_file: str, destination: str | None) -> None:
    """Print the config that is in force: with the overlay, all defaults, and no secret."""
    if schema:
        print(json.dumps(shipper.json_schema(), indent=2))
        return
    import yaml

    project = _project(config_file, destination)
    print(yaml.safe_dump(shipper.effective_config(project), sort_keys=False, allow_unicode=True), end="")


@main.command()
def init() -> None:
    """Write a first config/deploy.yaml and config/env.j2 into this folder."""
    name = "".join(c if c.isascii() and c.isalnum() else "-" for c in Path.cwd().name.lower()).strip("-")[:40] or "app"
    templates = Path(shipper.__file__).parent / "templates"
    targets = {templates / "deploy.yaml": Path("config/deploy.yaml"), templates / "env.j2": Path("config/env.j2")}
    if existing := [str(target) for target in targets.values() if target.exists()]:
        raise shipper.UsageError(f"{', '.join(existing)} exists already.", now="Nothing was written.")
    Path("config").mkdir(exist_ok=True)
    for template, target in targets.items():
        target.write_text(template.read_text().replace("my-service", name))
        print(f"wrote {target}")
    ignored = Path(".gitignore")
    rules = ignored.read_text() if ignored.exists() else ""
    if "config/secrets.env" not in rules.splitlines():
        with ignored.open("a") as file:
            file.write("\n" * (rules != "" and not rules.endswith("\n")) + "config/secrets.env\n")
        print("added config/secrets.env to .gitignore")
    print("Next: put your server into config/deploy.yaml, then: shipper trust HOST && shipper plan")


@main.command()
def version() -> None:
    """Print the versions of shipper and of what it stands on."""
    from importlib import metadata

    parts = [f"{name} {metadata.version(name)}" for name in ("asyncssh", "docker", "jinja2")]
    print(f"shipper {shipper.__version__} (Python {sys.version.split()[0]}, {', '.join(parts)})")


@main.command()
@click.argument("revision", required=False)
@_wait_option
@_project_options
def push(
    revision: str | None, wait: float, config_file: str, destination: str | None, as_json: bool, verbose: bool
) -> None:
    """Put the image of REVISION into the registry, or on all hosts if the config has none. Deploys nothing."""
    project = _project(config_file, destination, revision)
    with _reporter(as_json, verbose) as reporter:
        _run(shipper.push(project, wait=wait, tell=reporter))


def _project(config_file: str, destination: str | None, revision: str | None = None) -> "Project":
    return shipper.open_project(config_file=config_file, destination=destination, revision=revision, environ=os.environ)


def _plain(verbose: bool) -> "Callable[[Event], None]":
    """For commands whose result is on standard output: what there is to say beside it goes to standard error."""
    from shipper.reporters.plain import PlainReporter

    reporter = PlainReporter(lambda line: print(line, file=sys.stderr), verbose=verbose)
    return lambda event: None if isinstance(event, shipper.Connected) and not verbose else reporter(event)


@contextlib.contextmanager
def _reporter(as_json: bool, verbose: bool) -> "Iterator[Callable[[Event], None]]":
    def write(line: str) -> None:
        print(line, flush=True)

    if as_json:
        from shipper.reporters.jsonlines import JsonReporter

        yield JsonReporter(write, verbose=verbose)
    elif sys.stdout.isatty():
        from rich.console import Console

        from shipper.reporters.terminal import TerminalReporter

        with TerminalReporter(Console(highlight=False), verbose=verbose) as reporter:
            yield reporter
    else:
        from shipper.reporters.plain import PlainReporter

        yield PlainReporter(write, verbose=verbose)


def _run_reported(call: "Callable[..., Coroutine[Any, Any, Outcome]]", as_json: bool, verbose: bool) -> None:
    """Runs a deploy or a rollback to its outcome, which is told as an event even if it is interrupted."""
    outcomes: list[Outcome] = []

    with _reporter(as_json, verbose) as reporter:

        def tell(event: "Event") -> None:
            if isinstance(event, shipper.Ended):
                outcomes.append(event.outcome)
            reporter(event)

        with contextlib.suppress(asyncio.CancelledError):  # what became of it was told by an Ended event
            _run(call(tell=tell))
    if not outcomes:
        print("interrupted before anything was begun", file=sys.stderr)
    sys.exit(outcomes[0].exit_code if outcomes else 130)


def _run(call: Coroutine[Any, Any, Result]) -> Result:
    """Runs to the end; Ctrl-C, SIGTERM or a lost terminal cancel once: what was begun is taken back or finished."""
    gc.freeze()
    gc.enable()

    async def cancellable() -> Result:
        loop, task = asyncio.get_running_loop(), asyncio.current_task()
        assert task

        def stop() -> None:
            if not task.cancelling():
                task.cancel()
                with contextlib.suppress(OSError):  # the terminal may be gone
                    print("stopping at the next safe point …", file=sys.stderr)

        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            loop.add_signal_handler(number, stop)
        return await call

    return asyncio.run(cancellable())


def _print_error(error: shipper.ShipperError) -> None:
    if "--json" in sys.argv:
        failed = {"what": error.what, "now": error.now, "next": error.next, "exit_code": error.exit_code}
        print(json.dumps({"event": "error", **failed}))
    for label, text in (("error: ", error.what), ("", error.now), ("next: ", error.next)):
        if text:
            print(f"{label}{text}", file=sys.stderr)


def _print_table(lines: Sequence[tuple[str, ...]]) -> None:
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    for line in lines:
        print("  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip())
