"""An image as a registry has it: manifests and blobs; and its prefixes, images of its lowest layers only.

On the classic image store Docker keeps nothing of a pull that breaks off. So prefixes are pulled first: the layers of
each one that arrived stay, and the same pull again asks only for what is above them.
https://github.com/opencontainers/image-spec/blob/v1.1.1/manifest.md
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from shipper.images.saved import Layer, Saved

MANIFEST = "application/vnd.oci.image.manifest.v1+json"
_CONFIG = "application/vnd.oci.image.config.v1+json"
_CREATED = "1970-01-01T00:00:00Z"  # a fixed time, so that a prefix has the same digest each time
_LAYER = "application/vnd.oci.image.layer.v1.tar"


@dataclass(frozen=True, kw_only=True)
class Contents:
    """What a registry can be asked for."""

    manifests: Mapping[str, bytes]
    """By tag: how many layers; and by digest."""
    blobs: Mapping[str, Layer | bytes]
    """By digest."""


def prefixes(layers: Sequence[Layer], known: int, at_least: int) -> tuple[int, ...]:
    """Of how many layers each image is that is to be pulled, the whole one last.

    The layers that the server lacks are cut where `at_least` bytes have come together and as many are to follow, since
    each pull costs several round trips.
    """
    cuts, together, to_come = [], 0, sum(layer.size for layer in layers[known:])
    for count, layer in enumerate(layers[known:], start=known + 1):
        together, to_come = together + layer.size, to_come - layer.size
        if together >= at_least <= to_come:
            cuts.append(count)
            together = 0
    return tuple(dict.fromkeys([*cuts, len(layers)]))


def contents(saved: Saved, counts: Sequence[int]) -> Contents:
    """The image, and its prefixes of so many layers each."""
    manifests: dict[str, bytes] = {}
    blobs: dict[str, Layer | bytes] = {layer.digest: layer for layer in saved.layers}
    for count in counts:
        config = saved.config if count == len(saved.layers) else _config(saved, count)
        manifest = _manifest(config, saved.layers[:count])
        manifests[str(count)] = manifests[digest_of(manifest)] = manifest
        blobs[digest_of(config)] = config
    return Contents(manifests=manifests, blobs=blobs)


def digest_of(content: bytes) -> str:
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


def _config(saved: Saved, count: int) -> bytes:
    whole: dict[str, Any] = json.loads(saved.config)
    platform = {key: whole[key] for key in ("architecture", "variant", "os") if key in whole}
    rootfs = {"type": "layers", "diff_ids": whole["rootfs"]["diff_ids"][:count]}
    return json.dumps({**platform, "created": _CREATED, "rootfs": rootfs}).encode()


def _manifest(config: bytes, layers: Sequence[Layer]) -> bytes:
    return json.dumps(
        {
            "schemaVersion": 2,
            "mediaType": MANIFEST,
            "config": {"mediaType": _CONFIG, "size": len(config), "digest": digest_of(config)},
            "layers": [
                {
                    "mediaType": f"{_LAYER}+{layer.compression}" if layer.compression else _LAYER,
                    "size": layer.size,
                    "digest": layer.digest,
                }
                for layer in layers
            ],
        }
    ).encode()
