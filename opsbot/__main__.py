"""python -m opsbot: runs the bot. `check` tells whether it could run, `config` what is in force."""

import json
import os
import signal
from typing import TYPE_CHECKING

import click

try:
    from botkit import logs, program
    from botkit.database import parse
    from botkit.settings import SettingsError, read
    from opsbot.settings import ConfigSettings, DatabaseSettings, Settings
    from opsbot.storage.schema import MIGRATIONS
except ModuleNotFoundError as error:
    what = f"opsbot: there is no {error.name} here, on which the bot stands. Install it: pip install '.[opsbot]'"
    raise SystemExit(what) from None

if TYPE_CHECKING:
    from opsbot.config import Config  # which takes long to import: `migrate` need not wait for it


@click.group(invoke_without_command=True)
@click.pass_context
def main(context: click.Context) -> None:
    """A bot for Telegram from which admins see, decide and act on what shipper deploys. Without a command it runs.

    Environment variables set it, or a file .env: docs/opsbot.md lists them. It needs BOT_TOKEN at least.
    """
    os.umask(0o077)
    if context.invoked_subcommand is None:
        run()


def run() -> None:
    signal.signal(signal.SIGINT, signal.SIG_DFL)  # Ctrl-C while all is loaded is no error; then Handover takes it over
    with program.errors_told():
        settings = read(Settings)
        logs.configure(settings.log_level, settings.log_format, noisy=("asyncssh",))
        import shipper

        of_people = _of_people(settings)
        if not of_people.people:  # a deploy from where a variable is missing must not lock everybody out
            from opsbot.config import FOR_NOBODY

            raise SettingsError(f"{settings.opsbot_config}: {FOR_NOBODY}")
        from botkit import lean  # noqa: F401  # before aiogram
        from opsbot import app  # aiogram takes a second, which a mistake in the config need not wait for

        program.run(app.run(settings, of_people, os.environ), unusable=(shipper.ShipperError,))


def _of_people(settings: ConfigSettings) -> "Config":
    """Raises SettingsError, with every mistake."""
    import shipper
    from opsbot import config

    try:
        return config.load(settings.opsbot_config, os.environ)
    except shipper.ConfigError as error:
        raise SettingsError(str(error)) from None


@main.command()
def migrate() -> None:
    """Prepares the database for this version.

    Needs DATABASE_URL only. It is backed up before; the version that ran until now runs on what this makes.
    """
    with program.errors_told():
        MIGRATIONS.migrate(parse(read(DatabaseSettings).database_url.get_secret_value()), click.echo)


@main.command()
def check() -> None:
    """Tells whether the bot could run.

    Looks at settings, config, database and token, at GitHub, and at each server; ends with 0 if all is well, else with
    2. It changes nothing.
    """
    with program.errors_told():
        settings = read(Settings)
        logs.configure("error", "text", noisy=("asyncssh",))
        from opsbot.check import findings

        program.tell(findings(settings, _of_people(settings), os.environ))


@main.command()
@click.option("--schema", is_flag=True, help="Print the JSON Schema of config/opsbot.yaml instead, for editors.")
def config(schema: bool) -> None:
    """Prints who may what, and where, as it is in force: with all defaults, as JSON."""
    if schema:
        from opsbot.config import json_schema

        click.echo(json.dumps(json_schema(), indent=2))
        return
    with program.errors_told():
        click.echo(_of_people(read(ConfigSettings)).model_dump_json(indent=2))


if __name__ == "__main__":
    main(prog_name="python -m opsbot")
