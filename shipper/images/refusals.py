"""What Docker says of a registry → what is to be told. PURE.

Docker hands it on as text, with statuses that differ from version to version: so the codes in it are looked for, or the
HTTP status where a registry gave none. https://github.com/opencontainers/distribution-spec/blob/v1.1.0/spec.md#error-codes
"""

import re
from dataclasses import dataclass

from shipper.errors import AccessDenied, EngineError, ImageError, NotThere, RegistryError, ShipperError


def _answer(codes: str, status: int) -> re.Pattern[str]:
    return re.compile(rf"(?:^|: )(?:{codes})\b|\b(?:HTTP|status)\b.*\b{status}\b", re.MULTILINE)


_LIMITED = _answer("toomanyrequests", 429)
_DENIED = _answer("denied|insufficient_scope", 403)
_UNAUTHORIZED = _answer("unauthorized|no basic auth credentials", 401)
_MISSING = _answer("manifest unknown|name unknown|not found", 404)
_LOG_IN = "give `registry` in the config a username and a password, or run: docker login"


@dataclass(frozen=True, kw_only=True)
class Request:
    """Who asked which registry for what."""

    where: str
    """The server, or this machine."""
    registry_name: str
    image_name: str
    username: str | None
    """None for the login that Docker has on this machine, or for nobody."""

    def refusal(self, error: EngineError) -> ShipperError:
        text = " ".join(error.what.split())
        if _LIMITED.search(error.what):
            return self._limited(text)
        if _DENIED.search(error.what):  # before what follows, since Docker Hub says both
            return self._denied(text)
        if _UNAUTHORIZED.search(error.what):
            return self._unauthorized(text)
        if _MISSING.search(error.what) or isinstance(error, NotThere):
            return self.missing()
        return RegistryError(
            f"{self.where} does not get through to the registry {self.registry_name}: {text}",
            next=f"{self.where} itself must reach {self.registry_name}: its name server, routes and firewall decide.",
        )

    def missing(self) -> ImageError:
        return ImageError(f"{self.registry_name} has no image {self.image_name}.", next="shipper push puts it there.")

    def _limited(self, text: str) -> RegistryError:
        advice = "the account's plan decides how many it may" if self.username else f"{_LOG_IN} {self.registry_name}"
        return RegistryError(
            f"{self.registry_name} limits how often it may be asked: {text}", next=f"Wait; or {advice}."
        )

    def _denied(self, text: str) -> AccessDenied:
        who = self.username or "who is not logged in"
        return AccessDenied(
            f"{self.registry_name} denies {who} the repository of {self.image_name}: {text}",
            next="It must exist, and the account or token must be allowed to pull from it (and to push, from here).",
        )

    def _unauthorized(self, text: str) -> RegistryError:
        if not self.username:
            return RegistryError(
                f"{self.registry_name} wants a login for {self.image_name}: {text}",
                next=f"Please {_LOG_IN} {self.registry_name}",
            )
        return RegistryError(
            f"{self.registry_name} refuses the password of {self.username}: {text}",
            next="`registry.password` in the config says where it comes from. A token may have expired.",
        )
