"""PURE: the steps that one accessory may need on one host."""

from shipper.accessories.wanted import Placed, Wanted
from shipper.planning.plan import Lane
from shipper.steps.check import Check
from shipper.steps.clear import Clear
from shipper.steps.create import Create
from shipper.steps.rename import Rename
from shipper.steps.start import Start
from shipper.steps.stop import Stop
from shipper.steps.swap import Swap


def made_anew(wanted: Wanted, because: str, old_names: tuple[str, ...] = ()) -> Lane:
    create = Create(host_name=wanted.host_name, role_name=wanted.name, spec=wanted.spec, because=because)
    return (create, *started(wanted, because="", old_names=old_names))


def started(placed: Placed, because: str, old_names: tuple[str, ...] = ()) -> Lane:
    place = {"host_name": placed.host_name, "role_name": placed.name, "container_name": placed.container_name}
    return (
        Start(**place, stop_timeout=placed.config.stop_timeout, because=because),
        check_of(placed),
        Swap(**place, old_names=old_names),
    )


def check_of(placed: Placed) -> Check:
    return Check(
        host_name=placed.host_name,
        role_name=placed.name,
        section="accessories",
        container_name=placed.container_name,
        image_name=placed.config.image,
        gate=placed.config.gate,
    )


def stop(placed: Placed, because: str) -> Stop:
    return Stop(
        host_name=placed.host_name,
        role_name=placed.name,
        container_name=placed.container_name,
        timeout=placed.config.stop_timeout,
        was_serving=True,
        because=because,
    )


def clear(placed: Placed, container_name: str, because: str) -> Clear:
    return Clear(
        host_name=placed.host_name,
        role_name=placed.name,
        container_name=container_name,
        stop_timeout=placed.config.stop_timeout,
        because=because,
    )


def rename(placed: Placed, container_name: str, new_name: str, because: str) -> Rename:
    return Rename(
        host_name=placed.host_name,
        role_name=placed.name,
        container_name=container_name,
        new_name=new_name,
        makes_room=False,
        because=because,
    )
