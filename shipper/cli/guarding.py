"""Who may deploy, and to which server: freezes and host keys."""

import json
import sys

import click

import shipper
from shipper.cli.shared import opened, options, plain_reporter, project_options, run


@click.command()
@click.argument("reason", required=False)
@click.option("--for", "duration", help="For how long: 30m, 2h. Without it, until `shipper unlock`.")
@click.option("--status", "only_status", is_flag=True, help="Only tell whether deploys are frozen.")
@project_options
def lock(
    reason: str | None,
    duration: str | None,
    only_status: bool,
    config_file: str,
    destination: str | None,
    as_json: bool,
    verbose: bool,
) -> None:
    """Freeze deploys on all hosts, giving a REASON. Rollbacks stay possible."""
    project = opened(config_file, destination)
    if not only_status:
        if not reason:
            raise click.UsageError("a freeze needs a REASON; or use --status")
        seconds = shipper.seconds_of(duration) if duration else None
        run(shipper.freeze(project, reason, seconds=seconds, tell=plain_reporter(verbose)))
    found = run(shipper.freezes(project, tell=plain_reporter(verbose)))
    if as_json:
        print(json.dumps(shipper.as_json(found)))
        return
    for host_name, freeze in found.items():
        print(f"{host_name}: frozen{freeze.until_text} by {freeze.performer}: {freeze.reason}")
    if not found:
        print("deploys are not frozen")


@click.command()
@project_options
def unlock(config_file: str, destination: str | None, as_json: bool, verbose: bool) -> None:
    """Lift the freeze on all hosts."""
    run(shipper.unfreeze(opened(config_file, destination), tell=plain_reporter(verbose)))
    print("{}" if as_json else "deploys are not frozen")


@click.command()
@click.argument("host")
@click.option("--fingerprint", help="Accept the key only if it has this fingerprint (SHA256:…); asks nothing.")
@click.option("--yes", is_flag=True, help="Accept whatever key it shows; asks nothing.")
@options("file", "destination")
def trust(host: str, fingerprint: str | None, yes: bool, config_file: str, destination: str | None) -> None:
    """Pin the host key of HOST, after you have compared its fingerprint."""
    project = opened(config_file, destination)
    key = run(shipper.shown_key(project, host))
    print(f"{key.name} shows the host key {key.algorithm} {key.fingerprint}")
    if key.is_pinned:
        print("It is pinned already.")
        return
    if key.is_changed:
        print("ANOTHER KEY IS PINNED for this host: accept this one only if you know why it changed.")
    if fingerprint and fingerprint != key.fingerprint:
        raise shipper.HostKeyError(f"{host}: that is not {fingerprint}.", now="Nothing was pinned.")
    if not (fingerprint or yes):
        print("On the server's console: ssh-keygen -lf /etc/ssh/ssh_host_ed25519_key.pub")
        if not sys.stdin.isatty() or not click.confirm("Is it the same?"):
            raise shipper.HostKeyError(f"{host}: the key was not accepted.", now="Nothing was pinned.")
    shipper.pin_key(project, key)
    print(f"Pinned in {project.config.ssh.known_hosts}; commit it.")
