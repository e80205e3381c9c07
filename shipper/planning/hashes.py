"""PURE: what tells one content of a release from another, without telling what it is."""

import hashlib
import json
from collections.abc import Mapping

from shipper.config.root import Config
from shipper.model.release import Payload
from shipper.model.secret import Secret


def config_hash(config: Config) -> str:
    """Of what makes containers, those of `release` too; how servers are reached, say, is no part of a release."""
    shown = config.model_dump(mode="json", include={"service", "image", "roles"})
    for role in shown["roles"].values():
        del role["hosts"]
    if config.release:
        shown["release"] = config.release.model_dump(mode="json", exclude={"deadline"})
    return _digest(json.dumps(shown, sort_keys=True))


def env_hash(payload: Payload, salt: str) -> str:
    """Salted, so that a value that can be guessed cannot be found out from the hash."""

    def revealed(values: Mapping[str, Mapping[str, Secret]]) -> object:
        return {role: {name: value.reveal() for name, value in env.items()} for role, env in values.items()}

    return _digest(salt + json.dumps([revealed(payload.env), revealed(payload.files)], sort_keys=True))


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:16]
