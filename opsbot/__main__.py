"""python -m opsbot: runs the bot. `check` tells whether it could run, `migrate` prepares the database."""

import os
import signal

import click

from botkit import logs, program
from botkit.database import parse
from botkit.settings import SettingsError, read
from opsbot.settings import DatabaseSettings, Settings
from opsbot.storage.schema import MIGRATIONS


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
        from opsbot import app, config

        try:
            of_people = config.load(settings.opsbot_config, os.environ)
        except shipper.ConfigError as error:
            raise SettingsError(str(error)) from None
        program.run(app.run(settings, of_people, os.environ), unusable=(shipper.ShipperError,))


@main.command()
def migrate() -> None:
    """Prepares the database for this version.

    Needs DATABASE_URL only. It is backed up before; the version that ran until now runs on what this makes.
    """
    with program.errors_told():
        MIGRATIONS.migrate(parse(read(DatabaseSettings).database_url.get_secret_value()), click.echo)


if __name__ == "__main__":
    main(prog_name="python -m opsbot")
