"""What changes what serves, or tells what would change."""

import functools
import sys
from typing import TYPE_CHECKING

import click

import shipper
from shipper.cli.github_job import give_to_later_steps
from shipper.cli.options import Options, from_ci_option, shared_options, wait_option
from shipper.cli.printing import harmless_on, print_json, print_styled
from shipper.cli.reporting import beside_result, reporter
from shipper.cli.running import run, run_reported

if TYPE_CHECKING:
    from collections.abc import Callable

    from shipper import Event, Outcome, Plan, Project


_unproven_option = click.option(
    "--unproven",
    metavar="REASON",
    default="",
    help="Though it may not be healthy where the config promotes from; the reason goes on record.",
)

_digest_option = click.option(
    "--digest",
    metavar="sha256:…",
    help="Only with the image of this digest, as `shipper push` tells it, whatever has its name by now.",
)


@click.command()
@click.argument("revision", required=False)
@click.option(
    "--expect",
    "expected",
    metavar="FINGERPRINT",
    help="Only carry out the plan that has it (shipper plan --json); another one is refused.",
)
@_unproven_option
@_digest_option
@wait_option
@from_ci_option
@shared_options
def deploy(
    options: Options,
    revision: str | None,
    expected: str | None,
    digest: str | None,
    unproven: str,
    wait: float,
    from_ci: bool,
) -> None:
    """Make REVISION serve: a commit, branch or tag of Git. Without it, the working folder as it is.

    Config and template are those of the commit. Where there is no Git, they are read from the image of REVISION on the
    hosts or in the registry: a commit, its first characters, or `latest`. What serves is not touched before the new
    containers have passed their gate; the same command again goes on from what is true then.

    \b
      shipper deploy                               all roles on all hosts
      shipper deploy --role web                    one role; the others stay as they are
      shipper deploy --host b.example              one host; the others, a dead one say, are not even asked
      shipper deploy --unproven "site is down"     without asking staging, where the config has promote_from
      shipper deploy --from-ci --digest sha256:…   the commit of a run of CI, with the image that this run has pushed
    """
    project = options.project(revision, from_ci=from_ci, digest=digest)

    async def deploy_meant(tell: "Callable[[Event], None]") -> "Outcome":
        meant = await _with_its_files(project, revision, tell)
        return await shipper.deploy(meant, expected=expected, unproven=unproven, wait=wait, tell=tell)

    run_reported(deploy_meant, options)


async def _with_its_files(project: "Project", revision: str | None, tell: "Callable[[Event], None]") -> "Project":
    """Where there is no Git, config and template come from the image of the version that was named."""
    if revision and project.lacks_its_files:
        return await shipper.project_of(project, revision, tell=tell)
    return project


@click.command()
@click.argument("release", type=int, required=False)
@click.option("--current-env", is_flag=True, help="Take today's env instead of the one that it had.")
@click.option("--force", is_flag=True, help="Go back even over a release that is marked irreversible.")
@wait_option
@from_ci_option
@shared_options
def rollback(options: Options, release: int | None, current_env: bool, force: bool, wait: float, from_ci: bool) -> None:
    """Make an earlier RELEASE serve again, with the image, config and env that it had.

    Without a number, the one that served before; a second rollback goes one further back. With --role or --host, only
    there.
    """
    project = options.project(from_ci=from_ci)
    call = functools.partial(shipper.rollback, project, release, current_env=current_env, force=force, wait=wait)
    run_reported(call, options)


@click.command()
@click.argument("revision", required=False)
@_digest_option
@_unproven_option
@from_ci_option
@shared_options
def plan(options: Options, revision: str | None, digest: str | None, unproven: str, from_ci: bool) -> None:
    """Print what `deploy` would change and do, and why; change nothing."""
    project, tell = options.project(revision, from_ci=from_ci, digest=digest), beside_result(options)

    async def plan_meant() -> "Plan":
        return await shipper.plan_deploy(await _with_its_files(project, revision, tell), unproven=unproven, tell=tell)

    made = run(plan_meant())
    if options.as_json:
        shown = ("title", "fingerprint", "release", "proof", "changes")
        print_json({**{name: getattr(made, name) for name in shown}, "steps": _steps(made), "empty": made.is_empty})
        return
    from shipper.reporters.diffs import change_lines

    title, *lines = map(harmless_on(sys.stdout), made.lines)
    print(title)
    print_styled([("", ""), *change_lines(made.changes), ("", "")] if made.changes else [])
    print("\n".join(lines))


def _steps(made: "Plan") -> list[dict[str, str]]:
    return [
        {"step": s.name, "host": s.host_name, "role": s.role_name, "detail": s.detail, "because": s.because}
        for s in made.steps
    ]


@click.command()
@wait_option
@shared_options
def restart(options: Options, wait: float) -> None:
    """Replace what serves by new containers of the same release.

    They have the image, config and env that it has, and must pass the same gate: a role that may run twice has no gap.
    A role that was stopped is started.

    \b
      shipper restart --role worker                one role, on all of its hosts
      shipper restart --host 203.0.113.7           all roles of one host
    """
    run_reported(functools.partial(shipper.restart, options.project(), wait=wait), options)


@click.command()
@wait_option
@shared_options
def stop(options: Options, wait: float) -> None:
    """Stop roles, so that they come back neither by themselves nor when the server boots.

    Their image, release and env stay. `shipper start` makes them serve again, and so does a restart, a rollback or a
    deploy of them. Asks first, since users lose them.

    \b
      shipper stop --role worker                   one role, on all of its hosts
      shipper stop --yes                           the whole service
    """
    project = options.project()
    what = f"role {', '.join(project.role_names)} of {project.full_name}" if project.role_names else project.full_name
    where = ", ".join(project.host_names) or "all hosts"
    options.confirm(f"Stop {what} on {where}? Its users lose it until it is started again.")
    run_reported(functools.partial(shipper.stop, project, wait=wait), options)


@click.command()
@wait_option
@shared_options
def start(options: Options, wait: float) -> None:
    """Make roles serve that were stopped, with the release, image, config and env that they had.

    New containers pass the gate, as in a deploy. What serves is left alone.
    """
    run_reported(functools.partial(shipper.start, options.project(), wait=wait), options)


@click.command()
@click.argument("revision", required=False)
@click.option("--platform", help="os/architecture, as in linux/arm64; that of the hosts if absent.")
@from_ci_option
@shared_options
def build(options: Options, revision: str | None, platform: str | None, from_ci: bool) -> None:
    """Build the image of REVISION on this machine, unless it exists."""
    project = options.project(revision, from_ci=from_ci)
    image = run(shipper.build(project, platform=platform, tell=beside_result(options)))
    if options.as_json:
        print_json(image)
    else:
        print(f"{project.image} for {image.platform}: {image.id}")


@click.command()
@click.argument("revision", required=False)
@wait_option
@from_ci_option
@shared_options
def push(options: Options, revision: str | None, wait: float, from_ci: bool) -> None:
    """Put the image of REVISION into the registry, or on all hosts if the config has none. Deploys nothing.

    The digest in its last line is what `shipper deploy --digest` takes. In GitHub Actions the step has the outputs
    `image` and `digest`.
    """
    project = options.project(revision, from_ci=from_ci)
    with reporter(options) as report:
        pushed = run(shipper.push(project, wait=wait, tell=report))
    give_to_later_steps(image=pushed.image_name, digest=pushed.digest)
