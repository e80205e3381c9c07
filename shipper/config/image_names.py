"""What images are called."""

from typing import Annotated

from shipper.config.schema import (
    matching,
)

ImageName = Annotated[str, matching(r"[\w./:-]+(@sha256:[0-9a-f]{64})?", "is not the name of an image")]


def registry_of(image_name: str) -> str:
    """The server that the name of an image names, by Docker's rule: `docker.io` or `registry.example.org:5000`."""
    first, slash, _ = image_name.partition("/")
    return first if slash and (first == "localhost" or "." in first or ":" in first) else "docker.io"


def repository_of(image_name: str) -> str:
    """Without tag and digest; a colon before the last slash belongs to the server's port."""
    folder, slash, last = image_name.partition("@")[0].rpartition("/")
    return f"{folder}{slash}{last.partition(':')[0]}"
