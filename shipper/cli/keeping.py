"""What takes away: what need not be kept, or the whole service."""

import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING

import click

import shipper
from shipper.cli.options import Options, shared_options, wait_option
from shipper.cli.printing import print_json, print_table
from shipper.cli.reporting import beside_result
from shipper.cli.running import run

if TYPE_CHECKING:
    from shipper import Belongings, Pruned, Removed


@click.command()
@click.option(
    "--keep", type=int, metavar="N", help="Releases to keep, instead of the config's `retain`; 1: only what serves."
)
@click.option("--dry-run", is_flag=True, help="Only tell what would go.")
@wait_option
@shared_options
def prune(options: Options, keep: int | None, dry_run: bool, wait: float) -> None:
    """Remove what need not be kept, as each deploy does in its end.

    Releases beyond `retain` with their images and containers, and what deploys that were cut off left, on the servers
    and among the images here. It asks nothing: what serves stays, and so does where a rollback goes. But --keep 1
    leaves only what serves, so that no record there has a secret that leaked; then there is no way back.
    """
    project = options.project()
    pruned = run(shipper.prune(project, keep=keep, dry_run=dry_run, wait=wait, tell=beside_result(options)))
    if options.as_json:
        print_json(pruned)
        return
    if lines := [line for one in pruned for line in _gone(one)]:
        print_table([("HOST", "WHAT", "NAME"), *lines], titles=3)
    for one in pruned:
        print(f"{one.host_name}: {_pruned_text(one, dry_run)}")
    if keep == 1 and not (dry_run or project.role_names):
        print("No way back is kept: a rollback has nowhere to go until another release was deployed.")


def _gone(pruned: "Pruned") -> Iterator[tuple[str, ...]]:
    for kind, names in (
        ("container", pruned.container_names),
        ("image", map(shipper.short_image, pruned.image_names)),
        ("release", map(str, pruned.release_numbers)),
    ):
        yield from ((pruned.host_name, kind, name) for name in names)
    if pruned.cache_limit is not None:
        yield pruned.host_name, "build cache", f"above {shipper.size_text(pruned.cache_limit)}"


def _pruned_text(pruned: "Pruned", dry_run: bool) -> str:
    if pruned.is_empty:
        return "nothing to remove"
    if dry_run:
        return "nothing was removed, since this was a dry run"
    return "removed" + (f", and {shipper.size_text(pruned.freed)} freed" if pruned.freed is not None else "")


@click.command()
@click.option("--volumes", is_flag=True, help="Remove its volumes too: ALL THEIR DATA IS LOST.")
@wait_option
@shared_options
def remove(options: Options, volumes: bool, wait: float) -> None:
    """Take the service away from its hosts: containers, network, images, releases. Volumes stay, unless --volumes.

    Shows what there is, and asks. Containers are stopped with their stop timeout first. Nothing is touched that was not
    made for this service, nor any folder of the server that is mounted. With --role, only containers of that role go.

    \b
    shipper remove --host 203.0.113.7     away from that server only
    shipper remove -d staging --volumes   all of staging, with its data
    """
    project, tell = options.project(), beside_result(options)
    found = run(shipper.find_belongings(project, tell=tell))
    name = project.full_name
    if all(there.is_empty and not (volumes and there.volume_names) for there in found):
        if options.as_json:
            print_json([])
        else:
            print(f"{name}: nothing of it is there; nothing was done.")
        return
    lines = [line for there in found for line in listed(there, volumes)]
    print_table([("HOST", "WHAT", "NAME", "NOTE"), *lines], titles=3, file=sys.stderr)
    options.confirm(f"Remove {name}{' WITH ITS DATA' * volumes}?")
    removed = run(shipper.remove(project, volumes=volumes, confirmed=found, wait=wait, tell=tell))
    if options.as_json:
        print_json(removed)
        return
    for one in removed:
        print(f"{one.host_name}: {removed_text(', '.join(project.role_names) or name, one)}")


def listed(there: "Belongings", volumes: bool) -> Iterator[tuple[str, ...]]:
    fate = "goes, with its data" if volumes else "STAYS: --volumes removes it"
    if there.is_empty:
        yield there.host_name, "nothing", "", ""
    for container in there.containers:
        yield there.host_name, "container", container.name, container.state.value
    for name in there.network_names:
        yield there.host_name, "network", name, ""
    for image in there.images:
        for name in image.names or (image.id,):
            yield there.host_name, "image", shipper.short_image(name), shipper.size_text(image.size)
    for name in there.lease_names:
        yield there.host_name, "volume", name, "a lease, which holds nothing"
    for name in there.volume_names:
        yield there.host_name, "volume", name, fate
    if there.has_state:
        count = there.release_count
        yield there.host_name, "state", f"{count} release{'s' * (count != 1)}", "with their env and the journal"


def removed_text(what: str, removed: "Removed") -> str:
    kept = [f"volume {volume} stays, with its data" for volume in removed.kept_volumes]
    refused = [f"{thing} stays: {why}" for thing, why in removed.refused.items()]
    return "; ".join([f"{what} is gone", *kept, *refused])
