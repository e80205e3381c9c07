"""PURE: the variables and files that the containers of a role would get, or do get now. Values are never told."""

from dataclasses import dataclass

from shipper.model.release import Payload
from shipper.model.secret import Env, Secret
from shipper.planning.changes import Sign, signs
from shipper.planning.spec import container_env


@dataclass(frozen=True, kw_only=True)
class Given:
    """A variable, or a file, that the containers of a role would get, or do get now."""

    kind: str
    """env or file."""
    name: str
    sign: Sign | None
    """What becomes of it; None if it stays as it is."""
    absent_secrets: tuple[str, ...] = ()
    """Secrets in it that are not set here: their values are those of the release that serves."""


@dataclass(frozen=True, kw_only=True)
class RoleEnv:
    """What a deploy now would give a role, on those hosts where it is the same."""

    role_name: str
    host_names: tuple[str, ...]
    release_number: int | None
    """Of what serves, which it is compared with."""
    given: tuple[Given, ...]


def given(role_name: str, before: Payload | None, after: Payload, absent: Env) -> tuple[Given, ...]:
    """All that a role would get, or does get now. `absent` are the secrets that are not set here."""

    def of(payload: Payload | None, kind: str) -> Env:
        if not payload or role_name not in payload.env:
            return {}
        if kind == "file":
            return payload.files[role_name]
        return container_env(payload.config.roles[role_name], payload.env[role_name])

    return tuple(
        Given(kind=kind, name=name, sign=sign, absent_secrets=_within(of(after, kind).get(name), absent))
        for kind in ("env", "file")
        for name, sign in signs(of(before, kind), of(after, kind))
    )


def _within(value: Secret | None, absent: Env) -> tuple[str, ...]:
    """Of a template it cannot be told what a value is made of; that it holds a secret can be seen."""
    if value is None:
        return ()
    text = value.reveal()
    return tuple(name for name, secret in absent.items() if secret.reveal() and secret.reveal() in text)
