"""What only looks."""

import json
import sys
from datetime import UTC, datetime
from pathlib import Path

import click

import shipper
from shipper.cli.shared import Options, beside_result, print_json, print_table, run, shared_options


@click.command()
@shared_options
def status(options: Options) -> None:
    """Show what serves on each host."""
    rows = run(shipper.status(options.project(), tell=beside_result(options)))
    if options.as_json:
        print_json(rows)
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
        elif stopped := row.stopped:
            number, version, since = str(stopped.release_number), stopped.short_version, ago(stopped.ended_at, now)
            lines.append((row.host_name, row.role_name, number, version, "stopped", since, stopped.name))
        else:
            lines.append((row.host_name, row.role_name, "-", "-", "nothing serves", "-", "-"))
    print_table(lines)


@click.command()
@shared_options
def releases(options: Options) -> None:
    """List the releases that the hosts know: where a rollback can go."""
    hosts = run(shipper.list_releases(options.project(), tell=beside_result(options)))
    serving = {
        name: {container.release_number for container in host.serving_all().values()} for name, host in hosts.items()
    }
    if options.as_json:
        print_json(
            {
                name: [{**shipper.as_json(r), "serves": r.number in serving[name]} for r in host.releases]
                for name, host in hosts.items()
            }
        )
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
    print_table(lines)


@click.command()
@shared_options
def history(options: Options) -> None:
    """List what changed what serves: deploys, rollbacks, restarts, stops; who, when, from where, how it ended."""
    past = run(shipper.history(options.project(), tell=beside_result(options)))
    if options.as_json:
        print_json(past)
        return
    from shipper.reporters.words import ago

    now = datetime.now(UTC)
    lines = [("WHEN", "HOST", "BY", "FROM", "OUTCOME", "VERSION", "WHAT")]
    for deploy in past:
        who = (deploy.performer, deploy.origin or "-")
        what = (deploy.outcome, deploy.short_version or "-", deploy.title)
        lines.append((ago(deploy.begun_at, now), deploy.host_name, *who, *what))
    print_table(lines)


@click.command()
@click.option("--schema", is_flag=True, help="Print the JSON Schema of the config instead, for editors.")
@click.option(
    "--compose",
    "folder",
    type=click.Path(path_type=Path),
    metavar="FOLDER",
    help="Write for Docker Compose what serves on a host.",
)
@shared_options
def config(options: Options, schema: bool, folder: Path | None) -> None:
    """Print the config that is in force: with the overlay, all defaults, and no secret.

    Asks no server, and finds each mistake in the config and in the template of the env: `shipper config -q` prints
    nothing else, for a check in CI.

    With --compose, write what serves on a host into FOLDER, to run it without shipper: docker-compose.yml, env, and
    mounted files. They hold the values of secrets.
    """
    if schema:
        print(json.dumps(shipper.json_schema(), indent=2))
        return
    if folder:
        _write_compose(options, folder)
        return
    project = options.project()
    shipper.check_template(project)
    effective = shipper.effective_config(project)
    if options.as_json:
        print_json(effective)
        return
    if options.quiet:
        return
    import yaml

    print(yaml.safe_dump(effective, sort_keys=False, allow_unicode=True), end="")


def _write_compose(options: Options, folder: Path) -> None:
    composed = run(shipper.write_compose(options.project(), folder, tell=beside_result(options)))
    if options.as_json:
        print_json(composed)
        return
    for name in composed.file_names:
        print(f"wrote {folder / name}")
    print(
        f"What serves on {composed.host_name}, with the values of its secrets. docker-compose.yml says how to run it."
    )


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Print JSON, for machines.")
def version(as_json: bool) -> None:
    """Print the versions of shipper and of what it stands on."""
    from importlib import metadata

    own = {"shipper": shipper.__version__, "python": sys.version.split()[0]}
    parts = {name: metadata.version(name) for name in ("asyncssh", "docker", "jinja2")}
    if as_json:
        print_json({**own, **parts})
        return
    stands_on = ", ".join(f"{name} {number}" for name, number in parts.items())
    print(f"shipper {own['shipper']} (Python {own['python']}, {stands_on})")
