"""What only looks."""

import json
import sys
from datetime import UTC, datetime

import click

import shipper
from shipper.cli.shared import opened, options, plain_reporter, print_table, project_options, run


@click.command()
@project_options
def status(config_file: str, destination: str | None, as_json: bool, verbose: bool) -> None:
    """Show what serves on each host."""
    rows = run(shipper.status(opened(config_file, destination), tell=plain_reporter(verbose)))
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
    print_table(lines)


@click.command()
@project_options
def releases(config_file: str, destination: str | None, as_json: bool, verbose: bool) -> None:
    """List the releases that the hosts know: where a rollback can go."""
    hosts = run(shipper.list_releases(opened(config_file, destination), tell=plain_reporter(verbose)))
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
    print_table(lines)


@click.command()
@click.option("--role", "role_name", help="Only this role.")
@click.option("--release", "release_number", type=int, help="Of this release, though it serves no more or never did.")
@click.option("-n", "--lines", default=100, show_default=True, help="How many lines of each container.")
@project_options
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
    project = opened(config_file, destination)
    call = shipper.logs(
        project, role_name=role_name, release_number=release_number, lines=lines, tell=plain_reporter(verbose)
    )
    found = run(call)
    for log in found:
        place = {"host": log.host_name, "container": log.container.name}
        for line in log.lines:
            print(json.dumps({**place, "line": line}) if as_json else f"{log.container.name}  {line}")


@click.command()
@project_options
def history(config_file: str, destination: str | None, as_json: bool, verbose: bool) -> None:
    """List the deploys and rollbacks that there were: who, when, from where, what became of them."""
    past = run(shipper.history(opened(config_file, destination), tell=plain_reporter(verbose)))
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
    print_table(lines)


@click.command()
@click.option("--schema", is_flag=True, help="Print the JSON Schema of the config instead, for editors.")
@options("file", "destination")
def config(schema: bool, config_file: str, destination: str | None) -> None:
    """Print the config that is in force: with the overlay, all defaults, and no secret."""
    if schema:
        print(json.dumps(shipper.json_schema(), indent=2))
        return
    import yaml

    project = opened(config_file, destination)
    print(yaml.safe_dump(shipper.effective_config(project), sort_keys=False, allow_unicode=True), end="")


@click.command()
def version() -> None:
    """Print the versions of shipper and of what it stands on."""
    from importlib import metadata

    parts = [f"{name} {metadata.version(name)}" for name in ("asyncssh", "docker", "jinja2")]
    print(f"shipper {shipper.__version__} (Python {sys.version.split()[0]}, {', '.join(parts)})")
