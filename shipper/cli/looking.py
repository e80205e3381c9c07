"""What only looks."""

import json
import sys
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import click

import shipper
from shipper.cli.shared import Options, beside_result, print_json, print_styled, print_table, run, shared_options

if TYPE_CHECKING:
    from shipper import Observed, Project


_number_option = click.option(
    "-n", "--number", type=click.IntRange(min=1), default=20, show_default=True, help="How many, the newest."
)


@click.command()
@_number_option
@shared_options
def releases(options: Options, number: int) -> None:
    """List the releases that the hosts know, the newest first: where a rollback can go."""
    project = options.project()
    hosts = run(shipper.list_releases(project, tell=beside_result(options)))
    newest = sorted({release.number for host in hosts.values() for release in host.releases})[-number:]
    oldest = newest[0] if newest else 0
    if options.as_json:
        print_json({name: _releases_as_json(host, project, oldest) for name, host in hosts.items()})
        return
    from shipper.reporters.listings import release_rows

    print_table(release_rows(hosts, project.role_names, oldest, datetime.now(UTC)), titles=2)


def _releases_as_json(host: "Observed", project: "Project", oldest: int) -> list[dict[str, Any]]:
    serving = {name: container.release_number for name, container in host.serving_all().items()}
    found = []
    for release in (release for release in host.releases if release.number >= oldest):
        roles = [name for name, of in serving.items() if of == release.number and project.means_role(name)]
        found.append({**shipper.as_json(release), "serves": bool(roles), "serves_roles": roles})
    return found


@click.command()
@click.option("--release", "release_number", type=int, help="Of this release, though it serves no more or never did.")
@click.option("-n", "--lines", default=100, show_default=True, help="How many lines of each container.")
@shared_options
def logs(options: Options, release_number: int | None, lines: int) -> None:
    """Print the last lines of the newest container of each role, on all hosts."""
    project, tell = options.project(), beside_result(options)
    for log in run(shipper.logs(project, release_number=release_number, lines=lines, tell=tell)):
        place = {"host": log.host_name, "container": log.container.name}
        for line in log.lines:
            print(json.dumps({**place, "line": line}) if options.as_json else f"{log.container.name}  {line}")


@click.command()
@_number_option
@shared_options
def history(options: Options, number: int) -> None:
    """List the deploys and rollbacks that there were, the newest first: who, when, from where, what became of them.

    With --role, those that did something for that role.
    """
    project = options.project()
    past = run(shipper.history(project, tell=beside_result(options)))
    newest = list(dict.fromkeys(deploy.deploy_id for deploy in past))[-number:]
    past = tuple(deploy for deploy in past if deploy.deploy_id in newest)
    if options.as_json:
        print_json(past)
        return
    from shipper.reporters.listings import history_rows

    print_table(history_rows(past, project.hosts, datetime.now(UTC)))


@click.command()
@shared_options
def env(options: Options) -> None:
    """List the names of all variables and files that a deploy now would give, and which would change.

    + is new, - goes away, ~ gets another value than the containers that serve have. No value is shown.
    """
    found = run(shipper.list_env(options.project(), tell=beside_result(options)))
    if options.as_json:
        print_json(found)
        return
    from shipper.reporters.diffs import env_lines

    print_styled(env_lines(found))


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
