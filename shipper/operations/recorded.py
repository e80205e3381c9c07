"""A release that was, as a host has it: all that its containers can be made of anew."""

from dataclasses import dataclass, replace

from shipper.env.mask import Mask
from shipper.errors import ImageError, ReleaseNotFound
from shipper.model.image import Image
from shipper.model.observed import Observed
from shipper.model.release import Payload, Release
from shipper.tasks import task_group
from shipper.world import World


@dataclass(frozen=True, kw_only=True)
class Recorded:
    release: Release
    payload: Payload
    image: Image | None
    """None if the host has it no more."""


async def recorded(world: World, host: Observed, number: int, mask: Mask) -> Recorded:
    """Raises ReleaseNotFound, and ImageError where its image cannot be told from another one."""
    record = _record(host, number)
    async with task_group() as reading:
        asked = reading.create_task(_payload(world, number, mask))
        looked = reading.create_task(_with_its_image(world, record))
    payload, (release, image) = asked.result(), looked.result()
    _refuse_unproven(world.host_name, release, image, payload)
    return Recorded(release=release, payload=payload, image=image)


async def _with_its_image(world: World, record: Release) -> tuple[Release, Image | None]:
    """By its id where the tag names another image by now, as tags such as `stable` do, or none."""
    tagged = await world.engine.image(record.image)
    if not record.image_id or (tagged and tagged.id == record.image_id):
        return record, tagged
    if image := await world.engine.image(record.image_id):
        return replace(record, image=record.image_id), image
    if tagged:
        raise ImageError(
            f"{world.host_name}: {record.image} is another image now, and that of release {record.number} is gone.",
            now="Nothing was done.",
        )
    return record, None


def _refuse_unproven(host_name: str, record: Release, image: Image | None, payload: Payload) -> None:
    """A tag that someone else moves names what it names today; a commit's or a digest's image stays what it was."""
    if image or not payload.config.fixed_version or "@" in record.image:
        return
    raise ImageError(
        f"{host_name} no longer has the image of release {record.number}, and {record.image} may be another one now.",
        now="Nothing was done.",
        next=f"Give {record.image} the image of then again (docker pull, docker tag on {host_name}), or deploy.",
    )


def _record(host: Observed, number: int) -> Release:
    record = host.release(number)
    if record is None:
        had = ", ".join(str(release.number) for release in host.releases) or "none"
        raise ReleaseNotFound(
            f"{host.host_name} has no record of release {number}.",
            now=f"It has: {had}. Nothing was done.",
            next="shipper releases lists them; `shipper deploy` of its commit makes that version serve on all hosts.",
        )
    return record


async def _payload(world: World, number: int, mask: Mask) -> Payload:
    payload = await world.state.payload(number)
    if payload is None:
        raise ReleaseNotFound(f"{world.host_name} has no config and env of release {number}.", now="Nothing was done.")
    mask.add(payload.secrets.values())
    return payload
