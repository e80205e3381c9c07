"""What only looks."""

import json
import sys
from datetime import UTC, datetime

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
    """List the deploys and rollbacks that there were: who, when, from where, what became of them."""
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
@shared_options
def config(options: Options, schema: bool) -> None:
    """Print the config that is in force: with the overlay, all defaults, and no secret."""
    if schema:
        print(json.dumps(shipper.json_schema(), indent=2))
        return
    effective = shipper.effective_config(options.project())
    if options.as_json:
        print_json(effective)
        return
    import yaml

    print(yaml.safe_dump(effective, sort_keys=False, allow_unicode=True), end="")


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
