"""Who may deploy, and to which server: freezes and host keys."""

import functools
import sys
from collections.abc import Callable

import click

import shipper
from shipper.cli.options import Options, shared_options
from shipper.cli.printing import harmless_on, print_json
from shipper.cli.reporting import beside_result
from shipper.cli.running import run


@click.command()
@click.argument("reason", required=False)
@click.option("--for", "duration", help="For how long: 30m, 2h. Without it, until `shipper unlock`.")
@click.option("--status", "only_status", is_flag=True, help="Only tell whether deploys are frozen.")
@shared_options
def lock(options: Options, reason: str | None, duration: str | None, only_status: bool) -> None:
    """Freeze deploys on all hosts, giving a REASON.

    It is against new versions: rollback, restart, stop and start stay possible, and `accessory boot` and `restart`.
    What takes away or overwrites is refused, too: remove, `accessory remove` and `accessory restore`.
    """
    project, tell = options.project(), beside_result(options)
    if not only_status:
        if not reason:
            raise click.UsageError("a freeze needs a REASON; or use --status")
        seconds = shipper.seconds_of(duration) if duration is not None else None
        run(shipper.freeze(project, reason, seconds=seconds, tell=tell))
    found = run(shipper.freezes(project, tell=tell))
    if options.as_json:
        print_json(found)
        return
    shown = harmless_on(sys.stdout)
    for host_name, freeze in found.items():
        print(shown(f"{host_name}: frozen{freeze.until_text} by {freeze.performer}: {freeze.reason}"))
    if not found:
        print("deploys are not frozen")


@click.command()
@shared_options
def unlock(options: Options) -> None:
    """Lift the freeze on all hosts."""
    lifted = run(shipper.unfreeze(options.project(), tell=beside_result(options)))
    if options.as_json:
        print("{}")
        return
    shown = harmless_on(sys.stdout)
    for host_name, freeze in lifted.items():
        print(shown(f"{host_name}: lifted the freeze{freeze.until_text} of {freeze.performer}: {freeze.reason}"))
    if not lifted:
        print("deploys are not frozen")


@click.command()
@click.argument("host")
@click.option("--fingerprint", help="Accept the key only if it has this fingerprint (SHA256:…); asks nothing.")
@shared_options
def trust(options: Options, host: str, fingerprint: str | None) -> None:
    """Pin the host key of HOST, after you have compared its fingerprint."""
    project = options.project()
    key = run(shipper.shown_key(project, host))
    if options.as_json:
        print_json(key)
    say = print if not options.as_json else functools.partial(print, file=sys.stderr)
    say(f"{key.name} shows the host key {key.algorithm} {key.fingerprint}")
    if key.is_pinned:
        refuse_other_fingerprint(host, key, fingerprint)
        say("It is pinned already.")
        return
    accept_key(options, host, key, fingerprint, say)
    shipper.pin_key(project, key)
    say(f"Pinned in {project.config.ssh.known_hosts}; commit it.")


def refuse_other_fingerprint(host: str, key: "shipper.HostKey", fingerprint: str | None) -> None:
    """Of a key that is pinned, too: somebody may have pinned the wrong one. Raises HostKeyError."""
    if fingerprint and fingerprint != key.fingerprint:
        raise shipper.HostKeyError(
            f"{host}: its key has another fingerprint than {fingerprint}.",
            now="It was pinned before, and still is." if key.is_pinned else "Nothing was pinned.",
            next="On the server's console: ssh-keygen -lf /etc/ssh/ssh_host_ed25519_key.pub",
        )


def accept_key(
    options: Options, host: str, key: "shipper.HostKey", fingerprint: str | None, say: Callable[[str], None]
) -> None:
    """Returns when the key, which was shown, is the right one: it has the fingerprint, or somebody says so.

    Raises HostKeyError.
    """
    if key.is_changed:
        say("ANOTHER KEY IS PINNED for this host: accept this one only if you know why it changed.")
    refuse_other_fingerprint(host, key, fingerprint)
    if fingerprint or options.yes:
        return
    say("On the server's console: ssh-keygen -lf /etc/ssh/ssh_host_ed25519_key.pub")
    if not sys.stdin.isatty():
        raise shipper.HostKeyError(
            f"{host}: nobody is here to compare the key.",
            now="Nothing was pinned.",
            next=f"If it is the same there: shipper trust {host} --fingerprint {key.fingerprint}",
        )
    if not click.confirm("Is it the same?", err=options.as_json):
        raise shipper.HostKeyError(f"{host}: the key was not accepted.", now="Nothing was pinned.")
