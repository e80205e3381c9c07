"""Reads deploy.yaml, with the overlay of a destination laid over it."""

from collections.abc import Mapping

from shipper.config.documents import parse_document, read_document
from shipper.config.root import Config
from shipper.config.yaml_values import Beside, nothing_beside


def parse(texts: Mapping[str, str], environ: Mapping[str, str], *, beside: Beside = nothing_beside) -> Config:
    """The Config of these files ({name: text}). Raises ConfigError with every mistake that is in them."""
    return parse_document(Config, texts, environ, beside=beside)


def roles(
    texts: Mapping[str, str], environ: Mapping[str, str], *, beside: Beside = nothing_beside
) -> dict[str, list[str]]:
    """The names of the roles, each with its hosts: what can be read of these files, whatever else is wrong in them."""
    document = read_document(texts, environ, beside=beside)
    found: dict[str, list[str]] = {}
    written = document.values.get("roles")
    for name, role in written.items() if isinstance(written, dict) else ():
        hosts = role.get("hosts") if isinstance(role, dict) else None
        known = enumerate(hosts if isinstance(hosts, list) else ())
        found[name] = [str(host) for index, host in known if ("roles", name, "hosts", index) not in document.hollow]
    return found
