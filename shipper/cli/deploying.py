"""What changes what serves, or tells what would change."""

import functools
from typing import TYPE_CHECKING

import click

import shipper
from shipper.cli.shared import (
    Options,
    beside_result,
    print_json,
    print_styled,
    reporter,
    run,
    run_reported,
    shared_options,
    wait_option,
)

if TYPE_CHECKING:
    from shipper import Plan


@click.command()
@click.argument("revision", required=False)
@wait_option
@shared_options
def deploy(options: Options, revision: str | None, wait: float) -> None:
    """Make REVISION serve: a commit, branch or tag of Git. Without it, the working folder as it is.

    Config and template are those of the commit. What serves is not touched before the new containers have passed
    their gate; the same command again goes on from what is true then.
    """
    run_reported(functools.partial(shipper.deploy, options.project(revision), wait=wait), options)


@click.command()
@click.argument("release", type=int, required=False)
@click.option("--current-env", is_flag=True, help="Take today's env instead of the one that it had.")
@wait_option
@shared_options
def rollback(options: Options, release: int | None, current_env: bool, wait: float) -> None:
    """Make an earlier RELEASE serve again, with the image, config and env that it had.

    Without a number, the one that served before; a second rollback goes one further back.
    """
    call = functools.partial(shipper.rollback, options.project(), release, current_env=current_env, wait=wait)
    run_reported(call, options)


@click.command()
@click.argument("revision", required=False)
@shared_options
def plan(options: Options, revision: str | None) -> None:
    """Print what `deploy` would change of what serves, what it would do for that, and why. Changes nothing itself."""
    made = run(shipper.plan_deploy(options.project(revision), tell=beside_result(options)))
    if options.as_json:
        shown = ("title", "release", "changes")
        print_json({**{name: getattr(made, name) for name in shown}, "steps": _steps(made), "empty": made.is_empty})
        return
    from shipper.reporters.diffs import change_lines

    title, *lines = made.lines
    print(title)
    print_styled([("", ""), *change_lines(made.changes), ("", "")] if made.changes else [])
    print("\n".join(lines))


def _steps(made: "Plan") -> list[dict[str, str]]:
    return [
        {"step": s.name, "host": s.host_name, "role": s.role_name, "detail": s.detail, "because": s.because}
        for s in made.steps
    ]


@click.command()
@click.argument("revision", required=False)
@click.option("--platform", help="os/architecture, as in linux/arm64; that of the hosts if absent.")
@shared_options
def build(options: Options, revision: str | None, platform: str | None) -> None:
    """Build the image of REVISION on this machine, unless it exists."""
    project = options.project(revision)
    image = run(shipper.build(project, platform=platform, tell=beside_result(options)))
    if options.as_json:
        print_json(image)
    else:
        print(f"{project.image} for {image.platform}: {image.id}")


@click.command()
@click.argument("revision", required=False)
@wait_option
@shared_options
def push(options: Options, revision: str | None, wait: float) -> None:
    """Put the image of REVISION into the registry, or on all hosts if the config has none. Deploys nothing."""
    project = options.project(revision)
    with reporter(options) as report:
        run(shipper.push(project, wait=wait, tell=report))
