"""What runs beside the service: databases, monitoring, and whatever else the config names as an accessory."""

import re
import sys
from datetime import UTC, datetime
from pathlib import Path

import click

import shipper
from shipper.cli.inside import log_options, printer, terminal_for
from shipper.cli.keeping import listed, removed_text
from shipper.cli.options import Options, shared_options, wait_option
from shipper.cli.printing import print_json, print_table
from shipper.cli.reporting import beside_result, reporter
from shipper.cli.running import run


@click.group()
def accessory() -> None:
    """Boot and tend what runs beside the service: a database, monitoring.

    No deploy touches it. `accessories` in the config says what there is. Each has one container on each of its
    hosts, which other containers of the service reach by its name. `shipper status` shows how they do.

    \b
      shipper accessory boot                        all of them, in order
      shipper accessory exec postgres -- psql -U voicebot
      shipper accessory backup postgres             into a file here
    """


@accessory.command()
@click.argument("names", nargs=-1, metavar="[NAME]…")
@click.option("--plan", "only_plan", is_flag=True, help="Only print what would be done, and why.")
@click.option("--pull", "newer", is_flag=True, help="Ask registries what tags name now, though the image is there.")
@wait_option
@shared_options
def boot(options: Options, names: tuple[str, ...], only_plan: bool, newer: bool, wait: float) -> None:
    """Make true what the config says of accessories.

    All of them in order, or those named NAME. What runs as the config says is left alone. What changed, be it the
    config, a file or the value of a secret, is stopped and replaced; if the new one does not pass its gate, the old
    one is started again. Accessories that stand in `after` come with it only where they do not run. Data stay in
    their volumes. The same command goes on with what was cut off.

    \b
      shipper accessory boot --plan             what would be done
      shipper accessory boot --pull grafana     the newest image of its tag
    """
    project = options.project()
    if only_plan:
        made = run(shipper.plan_boot(project, names, newer=newer, tell=beside_result(options)))
        if options.as_json:
            print_json({"steps": [_step(step) for step in made.steps], "empty": made.is_empty})
        else:
            print("\n".join(made.lines))
        return
    with reporter(options) as report:
        ends = run(shipper.boot(project, names, newer=newer, wait=wait, tell=report))
    sys.exit(max(end.exit_code for end in ends))


def _step(step: "shipper.Step") -> dict[str, str]:
    return {
        "step": step.name,
        "host": step.host_name,
        "accessory": step.role_name,
        "detail": step.detail,
        "because": step.because,
    }


@accessory.command()
@click.argument("names", nargs=-1, required=True, metavar="NAME…")
@wait_option
@shared_options
def restart(options: Options, names: tuple[str, ...], wait: float) -> None:
    """Stop and start accessories, and wait until they are well.

    They stay the containers that they are, whatever the config says by now: `boot` brings that.
    """
    with reporter(options) as report:
        ends = run(shipper.restart_accessories(options.project(), names, wait=wait, tell=report))
    sys.exit(max(end.exit_code for end in ends))


@accessory.command()
@click.argument("name")
@log_options
@shared_options
def logs(
    options: Options,
    name: str,
    follow: bool,
    since: str | None,
    lines: int | None,
    grep: "re.Pattern[str] | None",
) -> None:
    """Print what an accessory wrote last.

    On all of its hosts, by time; its secrets are masked.

    \b
      shipper accessory logs postgres -f
      shipper accessory logs postgres --since 1h --grep ERROR
    """
    project = options.project()
    call = shipper.accessory_logs(
        project,
        name,
        show=printer(options, project, (name,), follow=follow),
        since=shipper.since_of(since, datetime.now(UTC)) if since is not None else None,
        last=100 if lines is None and since is None else lines,
        grep=grep,
        follow=follow,
        tell=beside_result(options),
    )
    run(call, stopping="")


@accessory.command("exec")
@click.option("-t/-T", "with_terminal", default=None, help="With a terminal or without; else as there is one here.")
@click.argument("name")
@click.argument("command", nargs=-1, type=click.UNPROCESSED)
@shared_options
def execute(options: Options, with_terminal: bool | None, name: str, command: tuple[str, ...]) -> None:
    """Run a COMMAND in an accessory.

    In its container on the first of its hosts; at a terminal, a shell if there is no COMMAND. As with `shipper
    exec` the exit code is the command's, and nothing that it prints is masked. Put -- before a COMMAND that has
    options.

    \b
      shipper accessory exec postgres -- psql -U voicebot
      shipper accessory exec redis -- redis-cli info memory
    """
    from shipper.cli.console import StandardStreams

    terminal = terminal_for(with_terminal, command)
    call = shipper.execute_in_accessory(
        options.project(),
        name,
        command or ("sh",),
        StandardStreams(terminal),
        tell=beside_result(options, end="\r\n" if terminal else "\n"),
    )
    click.get_current_context().exit(run(call, stopping="" if terminal else "stopping it …"))


@accessory.command()
@click.argument("name")
@click.argument("file", required=False, type=click.Path(path_type=Path, dir_okay=False))
@shared_options
def backup(options: Options, name: str, file: Path | None) -> None:
    """Back an accessory up into FILE.

    Into FILE goes what its `backup` command prints; absent, it is one with the time in its name. The file is there
    when all is in it, readable by you alone; if the command fails there is none. It overwrites nothing, and Git
    must ignore it. Restore one elsewhere now and then: that alone shows that it is one.

    \b
      shipper accessory backup postgres
      shipper accessory backup postgres /backups/monday.dump
    """
    project = options.project()
    file = file or Path(f"{project.full_name}-{name}-{datetime.now(UTC):%Y-%m-%dT%H%M%SZ}.dump")
    with reporter(options) as report:
        size = run(shipper.backup(project, name, file, tell=report), stopping="stopping it …")
    if options.as_json:
        print_json({"event": "backed_up", "file": str(file), "bytes": size})
    else:
        print(f"{file}: {shipper.size_text(size)}")


@accessory.command()
@click.argument("name")
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False, exists=True))
@click.option("--force", is_flag=True, help="Restore though deploys are frozen.")
@wait_option
@shared_options
def restore(options: Options, name: str, file: Path, force: bool, wait: float) -> None:
    """Overwrite the data of an accessory with FILE.

    Gives FILE to its `restore` command, after it has asked. Nothing else changes meanwhile: it holds the lock. What
    the service writes while it runs may be lost: `shipper stop` stops it before, `shipper start` starts it
    afterwards. A freeze (`shipper lock`) refuses it, unless --force: yours may be there for just that.
    """
    project, size = options.project(), shipper.size_text(file.stat().st_size)
    options.confirm(f"Overwrite the data of {name} of {project.full_name} with {file} ({size})?")
    with reporter(options) as report:
        call = shipper.restore(project, name, file, force=force, wait=wait, tell=report)
        sent = run(call, stopping="stopping it …")
    if options.as_json:
        print_json({"event": "restored", "file": str(file), "bytes": sent})
    else:
        print(f"{name}: restored from {file}")


@accessory.command()
@click.argument("names", nargs=-1, required=True, metavar="NAME…")
@click.option("--volumes", is_flag=True, help="Remove their volumes too: ALL THEIR DATA IS LOST.")
@wait_option
@shared_options
def remove(options: Options, names: tuple[str, ...], volumes: bool, wait: float) -> None:
    """Take accessories away.

    Also those that the config names no more. Shows what there is, and asks. Volumes stay, unless --volumes. A freeze
    refuses it.
    """
    project, tell = options.project(), beside_result(options)
    found = run(shipper.find_accessories(project, names, tell=tell))
    called = ", ".join(names)
    if all(there.is_empty and not (volumes and there.volume_names) for there in found):
        if options.as_json:
            print_json([])
        else:
            print(f"{called}: nothing of it is there; nothing was done.")
        return
    lines = [line for there in found for line in listed(there, volumes)]
    print_table([("HOST", "WHAT", "NAME", "NOTE"), *lines], titles=3, file=sys.stderr)
    options.confirm(f"Remove {called} of {project.full_name}{' WITH ALL DATA' * volumes}?")
    call = shipper.remove_accessories(project, names, volumes=volumes, confirmed=found, wait=wait, tell=tell)
    removed = run(call)
    if options.as_json:
        print_json(removed)
        return
    for one in removed:
        print(f"{one.host_name}: {removed_text(called, one)}")
