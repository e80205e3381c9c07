"""What only looks."""

import json
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

import shipper
from shipper.cli.options import Options, shared_options
from shipper.cli.printing import print_json, print_styled, print_table
from shipper.cli.reporting import beside_result
from shipper.cli.running import run

if TYPE_CHECKING:
    from shipper import Observed, Project


_number_option = click.option(
    "-n", "--number", type=click.IntRange(min=1), default=20, show_default=True, help="How many, the newest."
)


@click.command()
@_number_option
@shared_options
def releases(options: Options, number: int) -> None:
    """List the releases that the hosts know, the newest first, and where a rollback goes."""
    project = options.project()
    hosts = run(shipper.list_releases(project, tell=beside_result(options)))
    newest = sorted({release.number for host in hosts.values() for release in host.releases})[-number:]
    oldest = newest[0] if newest else 0
    if options.as_json:
        print_json({name: _releases_as_json(host, project, oldest) for name, host in hosts.items()})
        return
    if not newest:
        print("no release yet: shipper deploy makes the first")
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
@_number_option
@shared_options
def history(options: Options, number: int) -> None:
    """List who changed what serves, when, from where, and what became of it.

    Deploys, rollbacks, restarts, stops and starts, the newest first. With --role, what did something for that role.
    """
    project = options.project()
    past = run(shipper.history(project, tell=beside_result(options)))
    newest = list(dict.fromkeys(deploy.deploy_id for deploy in past))[-number:]
    past = tuple(deploy for deploy in past if deploy.deploy_id in newest)
    if options.as_json:
        print_json(past)
        return
    if not past:
        print("nothing was changed yet: shipper deploy begins")
        return
    from shipper.reporters.listings import history_rows

    print_table(history_rows(past, project.hosts, datetime.now(UTC)))


@click.command()
@shared_options
def env(options: Options) -> None:
    """List the names of variables and files that a deploy would give, and which change.

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
    nothing else, for a check in CI. It also names what stands in the file of secrets and nothing reads.

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
    tell = beside_result(options)
    for name in shipper.unread_names(project):
        tell(shipper.Warned(text=f"{project.config.secrets_file}: nothing in the config reads {name}"))
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
