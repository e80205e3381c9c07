"""python -m voicebot: runs the bot. `check` tells whether it could run, `migrate` prepares the database."""

import os
import signal

import click

try:
    from botkit import logs, program
    from botkit.database import parse
    from botkit.settings import read
    from voicebot import settings
    from voicebot.settings import DatabaseSettings
    from voicebot.storage.schema import MIGRATIONS
except ModuleNotFoundError as error:
    what = f"voicebot: there is no {error.name} here, on which the bot stands. Install it: pip install '.[voicebot]'"
    raise SystemExit(what) from None


@click.group(invoke_without_command=True)
@click.pass_context
def main(context: click.Context) -> None:
    """A Telegram bot that turns voice into text. Without a command it runs.

    Environment variables set it, or a file .env: docs/voicebot.md lists them. It needs BOT_TOKEN at least.
    """
    os.umask(0o077)  # what people said is in the database
    if context.invoked_subcommand is None:
        run()


def run() -> None:
    signal.signal(signal.SIGINT, signal.SIG_DFL)  # Ctrl-C while all is loaded is no error; then Handover takes it over
    with program.errors_told():
        of_bot, of_whisper = settings.load()
        logs.configure(of_bot.log_level, of_bot.log_format, noisy=("httpx", "httpcore", "faster_whisper"))
        from botkit import lean  # noqa: F401  # before aiogram
        from voicebot import app  # takes seconds: aiogram and the model's libraries
        from voicebot.whisper import ModelError

        program.run(app.run(of_bot, of_whisper), unusable=(ModelError,))
        os._exit(0)  # sys.exit waits for threads: a download of the model, if we were told to stop meanwhile


@main.command()
def migrate() -> None:
    """Prepares the database for this version.

    Needs DATABASE_URL only. SQLite is backed up before; the version that ran until now runs on what this makes.
    """
    with program.errors_told():
        of_database = read(DatabaseSettings)
        MIGRATIONS.migrate(parse(of_database.database_url.get_secret_value()), click.echo)


@main.command()
def check() -> None:
    """Tells whether the bot could run.

    Looks at settings, database, model and token; ends with 0 if all is well, else with 2. It changes nothing, but
    downloads the model if it is not there yet.
    """
    with program.errors_told():
        of_bot, of_whisper = settings.load()
        from voicebot.check import findings

        program.tell(findings(of_bot, of_whisper))


if __name__ == "__main__":
    main(prog_name="python -m voicebot")
