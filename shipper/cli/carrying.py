"""What a project here gives to its runs in CI."""

import sys
from typing import TYPE_CHECKING

import click

import shipper
from shipper.cli.options import Options, shared_options
from shipper.cli.printing import harmless_on, print_json, print_table
from shipper.cli.running import run

if TYPE_CHECKING:
    from shipper import CiSecret, Project


@click.command()
@click.option("--names", is_flag=True, help="List them, and what each is found in, without any value.")
@shared_options
def secrets(options: Options, names: bool) -> None:
    """Print what the workflow of GitHub needs as secrets, for `gh secret set`: NAME="value" lines.

    Those are all variables that the config reads, with the values that a deploy here would take: from the environment,
    the secrets file, a file or a command. Not shown on a terminal. What has no value is told beside it.

    \b
      shipper secrets | gh secret set -f -                       all at once
      shipper secrets -d staging | gh secret set -f - -e staging of an environment, with deploy.staging.yaml
      shipper secrets --names                                    which there are, and which are missing
    """
    if not (names or options.as_json) and sys.stdout.isatty():
        raise shipper.UsageError(
            "The values of secrets would be seen on this terminal.",
            now="Nothing was printed.",
            next="shipper secrets | gh secret set -f -  gives them to GitHub; shipper secrets --names lists them.",
        )
    project = options.project()
    found = run(shipper.ci_secrets(project))
    if options.as_json:
        print_json([_as_json(secret) for secret in found])
    elif names:
        print_table([("NAME", "VALUE", "FROM", "FOR"), *map(_row, found)])
    else:
        print(shipper.dotenv({secret.variable.name: secret.value for secret in found if secret.value}), end="")
    if not options.quiet:
        _tell_of_missing(project, found)


def _as_json(secret: "CiSecret") -> dict[str, object]:
    told = shipper.as_json(secret.variable)
    return {**told, "is_there": secret.value is not None, "origin": secret.origin}


def _row(secret: "CiSecret") -> tuple[str, ...]:
    variable = secret.variable
    state = "present" if secret.value else "optional" if variable.is_optional else "MISSING"
    return variable.name, state, secret.origin, ", ".join(variable.purposes)


def _tell_of_missing(project: "Project", found: "tuple[CiSecret, ...]") -> None:
    harmless = harmless_on(sys.stderr)
    lacking = [secret.variable for secret in found if not secret.value]
    for variable in lacking:
        if not variable.is_optional:
            places = " or ".join(("the environment", *variable.places))
            text = f"missing: {variable.name}, for {', '.join(variable.purposes)}: put it into {places}"
            print(harmless(text), file=sys.stderr)
    for sentence in shipper.out_of_reach(project.config):
        print(harmless(f"missing: {sentence}"), file=sys.stderr)
    if optional := ", ".join(variable.name for variable in lacking if variable.is_optional):
        print(harmless(f"not set, which is all right: {optional}"), file=sys.stderr)
