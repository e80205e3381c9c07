"""What changes what serves, or tells what would change."""

import functools
import json

import click

import shipper
from shipper.cli.shared import opened, plain_reporter, project_options, reporter, run, run_reported, wait_option


@click.command()
@click.argument("revision", required=False)
@wait_option
@project_options
def deploy(
    revision: str | None, wait: float, config_file: str, destination: str | None, as_json: bool, verbose: bool
) -> None:
    """Make REVISION serve: a commit, branch or tag of Git. Without it, the working folder as it is.

    Config and template are those of the commit. What serves is not touched before the new containers have passed
    their gate; the same command again goes on from what is true then.
    """
    project = opened(config_file, destination, revision)
    run_reported(functools.partial(shipper.deploy, project, wait=wait), as_json, verbose)


@click.command()
@click.argument("release", type=int, required=False)
@click.option("--current-env", is_flag=True, help="Take today's env instead of the one that it had.")
@wait_option
@project_options
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
    project = opened(config_file, destination)
    call = functools.partial(shipper.rollback, project, release, current_env=current_env, wait=wait)
    run_reported(call, as_json, verbose)


@click.command()
@click.argument("revision", required=False)
@project_options
def plan(revision: str | None, config_file: str, destination: str | None, as_json: bool, verbose: bool) -> None:
    """Print what `deploy` would do, and why. Changes nothing."""
    project = opened(config_file, destination, revision)
    made = run(shipper.plan_deploy(project, tell=plain_reporter(verbose)))
    if as_json:
        release = shipper.as_json(made.release)
        print(json.dumps({"title": made.title, "release": release, "steps": made.lines[1:], "empty": made.is_empty}))
    else:
        print("\n".join(made.lines))


@click.command()
@click.argument("revision", required=False)
@click.option("--platform", help="os/architecture, as in linux/arm64; that of the hosts if absent.")
@project_options
def build(
    revision: str | None,
    platform: str | None,
    config_file: str,
    destination: str | None,
    as_json: bool,
    verbose: bool,
) -> None:
    """Build the image of REVISION on this machine, unless it exists."""
    project = opened(config_file, destination, revision)
    image = run(shipper.build(project, platform=platform, tell=plain_reporter(verbose)))
    print(json.dumps(shipper.as_json(image)) if as_json else f"{project.image} for {image.platform}: {image.id}")


@click.command()
@click.argument("revision", required=False)
@wait_option
@project_options
def push(
    revision: str | None, wait: float, config_file: str, destination: str | None, as_json: bool, verbose: bool
) -> None:
    """Put the image of REVISION into the registry, or on all hosts if the config has none. Deploys nothing."""
    project = opened(config_file, destination, revision)
    with reporter(as_json, verbose) as report:
        run(shipper.push(project, wait=wait, tell=report))
