"""The Docker Engine of a server. PURE."""

import re

from shipper.doctor.checks import Verdicts, note, ok, problem, warning
from shipper.doctor.checks.facts import Seen

_OLDEST = (20, 10)
_UPGRADE = "https://docs.docker.com/engine/install/"


def docker(seen: Seen) -> Verdicts:
    if not seen.docker:
        return
    version = seen.docker.version
    match = re.match(r"(\d+)\.(\d+)", version)
    number = (int(match[1]), int(match[2])) if match else _OLDEST
    if number < _OLDEST:
        yield problem(f"Docker {version} is older than 20.10, the oldest that shipper knows", f"Upgrade: {_UPGRADE}")
    elif number == _OLDEST:
        yield note(
            f"Docker {version}: its makers mend 20.10 no more since December 2023; a distribution may",
            f"Upgrade when you can: {_UPGRADE}",
        )
    else:
        yield ok(f"Docker {version}")


def image_store(seen: Seen) -> Verdicts:
    if seen.docker:
        kind = "containerd" if seen.docker.is_containerd else "classic"
        yield ok(f"{seen.docker.driver}, the {kind} image store, in {seen.docker.folder}")


def processor(seen: Seen) -> Verdicts:
    """Whether images are built for it on another one."""
    if not seen.docker:
        return
    platform = seen.docker.platform
    if seen.image and seen.image.platform != platform:
        yield problem(
            f"it is {platform}, but the image there is for {seen.image.platform}",
            "Remove that there (docker rmi), and deploy again.",
        )
    elif seen.here_platform and seen.here_platform != platform:
        yield warning(
            f"it is {platform}, and images are built here on {seen.here_platform}: slowly, by emulation",
            "Here, once: docker run --privileged --rm tonistiigi/binfmt --install all",
        )
    else:
        yield ok(platform)


def limits(seen: Seen) -> Verdicts:
    """Whether the kernel keeps the memory limits that roles have."""
    limited = [name for name in seen.role_names if seen.config.roles[name].memory]
    if seen.docker and limited and not seen.docker.limits_memory:
        yield warning(
            f"the kernel there limits no memory, though roles.{limited[0]}.memory does",
            "On Debian and Raspberry Pi OS: cgroup_enable=memory on the kernel's command line, and reboot",
        )


CHECKS = (docker, image_store, processor, limits)
