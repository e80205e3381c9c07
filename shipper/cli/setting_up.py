"""From a bare server to one that is deployed to."""

import contextlib
import functools
import os
import sys
from collections.abc import Callable

import click

import shipper
from shipper.cli.guarding import accept_key, refuse_other_fingerprint
from shipper.cli.options import Options, shared_options
from shipper.cli.printing import harmless_on, print_json
from shipper.cli.reporting import beside_result
from shipper.cli.running import run


@click.command()
@click.argument("hosts", metavar="[HOST]...", nargs=-1)
@click.option("--plan", "only_plan", is_flag=True, help="Only tell what it would do, and why; changes nothing.")
@click.option("--fingerprint", help="Accept the host's key only if it has this fingerprint (SHA256:…); asks nothing.")
@shared_options
def setup(options: Options, hosts: tuple[str, ...], only_plan: bool, fingerprint: str | None) -> None:
    """Make servers ready, from bare Debian or Ubuntu: Docker, the user who deploys, its key, folders.

    HOST is [user@]name[:port], where you can log in as root, or as a user whose sudo asks for no password; without one,
    all hosts of the config are meant, as root. Pins host keys, makes the deploy key here, and writes what it knows and
    passwords that nobody needs to choose into config/secrets.env. Shows all that it will do, and asks. What is well is
    left alone; the same command goes on where one was interrupted. What would make a server safer is said, not done.

    \b
    shipper setup root@203.0.113.7             the one server of the config
    shipper setup --plan admin@203.0.113.7     only look, by sudo
    shipper setup -d staging root@203.0.113.8  that of staging
    """
    addresses = shipper.setup_addresses(
        config_file=options.config_file, destination=options.destination, environ=os.environ, logins=hosts
    )
    project, tell = options.project(variables=addresses), beside_result(options)
    targets = shipper.setup_targets(project, hosts)
    say = functools.partial(print, file=sys.stderr if options.as_json else sys.stdout)
    with contextlib.ExitStack() as stack:
        if only_plan:
            project = stack.enter_context(shipper.trying(project))
        _trust(options, project, targets, fingerprint, say, only_plan=only_plan)
        made = run(shipper.plan_setup(project, targets, addresses=addresses, tell=tell))
    if not options.as_json:
        _print(made)
    if not only_plan:
        if not made.is_empty:
            options.confirm("Do this?")
        run(shipper.set_up(project, made, tell=tell))
    if only_plan:
        if options.as_json:
            print_json(made)
        return
    secrets = run(shipper.ci_secrets(project))
    if options.as_json:
        print_json({**shipper.as_json(made), "secrets": [_secret_as_json(secret) for secret in secrets]})
        return
    print(f"{', '.join(target.host_name for target in made.targets)}: ready.")
    if not options.quiet:
        _print_advice(made)
        _print_secrets(options, project, secrets)


def _trust(
    options: Options,
    project: "shipper.Project",
    targets: "tuple[shipper.Target, ...]",
    fingerprint: str | None,
    say: Callable[[str], None],
    *,
    only_plan: bool,
) -> None:
    if fingerprint and len(targets) > 1:
        raise click.UsageError("--fingerprint is of one host's key: name that host alone")
    for target in targets:
        key = run(shipper.shown_key(project, target.login_name, own_keys=True))
        if key.is_pinned:
            refuse_other_fingerprint(target.login_name, key, fingerprint)
            continue
        say(f"{key.name} shows the host key {key.algorithm} {key.fingerprint}")
        accept_key(options, target.login_name, key, fingerprint, say)
        shipper.pin_key(project, key)
        say(
            "It is not pinned, since this only looks."
            if only_plan
            else f"Pinned in {project.config.ssh.known_hosts}; commit it."
        )


def _print(made: "shipper.Setup") -> None:
    shown = harmless_on(sys.stdout)
    for line in made.lines:
        print(shown(line))
    if made.is_empty:
        print("Nothing to do.")


def _print_advice(made: "shipper.Setup") -> None:
    for name, advised in made.advice.items():
        if advised:
            print(f"\nWhat would make {name} safer, and is for you to do:")
        for text in advised:
            print(f"  - {text}")


def _secret_as_json(secret: "shipper.CiSecret") -> dict[str, object]:
    return {"name": secret.variable.name, "is_there": secret.value is not None, "optional": secret.variable.is_optional}


def _print_secrets(options: Options, project: "shipper.Project", secrets: "tuple[shipper.CiSecret, ...]") -> None:
    """Which secrets GitHub needs for deploys, and the commands that set them; no value."""
    file = project.config.secrets_file
    there = [secret for secret in secrets if secret.value]
    lacking = [secret.variable.name for secret in secrets if not secret.value and not secret.variable.is_optional]
    left_out = [secret.variable.name for secret in secrets if not secret.value and secret.variable.is_optional]
    print("\nFor deploys from GitHub, the repository there needs secrets.")
    if lacking:
        print(f"  no value yet, put them into {file}: {', '.join(lacking)}")
    if left_out:
        print(f"  no value, and none needed: {', '.join(left_out)}")
    ours, theirs = (f" -d {options.destination}", f" -e {options.destination}") if options.destination else ("", "")
    if options.destination:
        environment = f"repos/{{owner}}/{{repo}}/environments/{options.destination}"
        print(f"  once, before: gh api -X PUT {environment}")
    print(f"  all at once:  shipper secrets{ours} | gh secret set -f -{theirs}")
    for number, name in enumerate([*(secret.variable.name for secret in there), *lacking]):
        print(
            f"  {'one by one:' if not number else '':<12}  gh secret set {name}{theirs}{_input(project, secrets, name)}"
        )
    print(f"\nNext: shipper doctor{ours}")


def _input(project: "shipper.Project", secrets: "tuple[shipper.CiSecret, ...]", name: str) -> str:
    """Of `gh secret set`, which asks for a value without one."""
    origin = next(secret.origin for secret in secrets if secret.variable.name == name)
    is_file = origin != project.config.secrets_file and (project.root / origin).is_file()
    return f" <{origin}" if origin and is_file else ""
