"""The project that each environment is a destination of, as our folder has it: that of our own release."""

import asyncio
import re
from collections.abc import Collection, Mapping
from dataclasses import replace
from pathlib import Path

import shipper
from opsbot.config import Config
from opsbot.settings import Settings
from opsbot.storage.messages import Place

ORIGIN = "telegram"
_MOST_KEPT = 16
_OURS = frozenset(name.upper() for name in Settings.model_fields)
"""What our own process is set by. A secret of the service may have the same name, and is none of these."""


class Projects:
    """`environ` is ours; shipper is told what of it is not about us."""

    def __init__(
        self,
        settings: Settings,
        config: Config,
        environ: Mapping[str, str],
        connections: shipper.Connections,
        inside: shipper.Inside | None = None,
    ) -> None:
        self._settings = settings
        self._config = config
        self._environ = {name: value for name, value in environ.items() if name not in _OURS}
        self._connections = connections
        self._inside = inside
        self._made: dict[tuple[str, str], shipper.Project] = {}

    async def base(
        self, environment_name: str, performer: str = "", *role_names: str, shown_in: Place | None = None
    ) -> shipper.Project:
        """With these roles, or all; `shown_in` is where we show ourselves what happens. Raises ShipperError."""
        # to read a config takes 20 ms, and what Git is asked comes on top: too long to hold up everything else
        return await asyncio.to_thread(self._opened, environment_name, performer, role_names, shown_in)

    def _opened(
        self,
        environment_name: str,
        performer: str = "",
        role_names: Collection[str] = (),
        shown_in: Place | None = None,
    ) -> shipper.Project:
        environment = self._config.environments.get(environment_name)
        if not environment:
            raise shipper.ConfigError(
                f"{environment_name} is no environment of {self._settings.opsbot_config} any more."
            )
        made = shipper.open_project(
            self._settings.project_folder,
            destination=environment.destination,
            roles=role_names,
            environ=self._environ,
            performer=performer or "opsbot",
            origin=ORIGIN,
            shown_in=[(shown_in.chat_id, shown_in.thread_id)] if shown_in else [],
            connections=self._connections,
            inside=self._inside,
        )
        return replace(made, environ=self._environ | self._known_of(made.config))

    async def of(
        self, environment_name: str, version: str, performer: str, shown_in: Place | None = None
    ) -> shipper.Project:
        """With the config of the commit that is meant. Raises ShipperError."""
        base = await self.base(environment_name, performer, shown_in=shown_in)
        made = self._made.get((environment_name, version)) or await shipper.project_of(base, version)
        self._keep(environment_name, made)
        return replace(made, environ=base.environ, performer=base.performer, shown_in=base.shown_in)

    def _keep(self, environment_name: str, made: shipper.Project) -> None:
        """A whole SHA names the same files for ever: what was planned by it is done without reading them again."""
        if re.fullmatch("[0-9a-f]{40}", made.version):
            self._made[environment_name, made.version] = made
        if len(self._made) > _MOST_KEPT:
            del self._made[next(iter(self._made))]

    def full_names(self) -> dict[str, str]:
        """Of the service, by environment. Raises ShipperError where an environment has no config that is of use."""
        return {name: self._opened(name).full_name for name in self._config.environments}

    def _known_of(self, config: shipper.Config) -> dict[str, str]:
        """What the config takes from the environment, and we have otherwise: the key as a file, and our token."""
        known = {}
        if config.ssh.key_env and self._settings.ssh_key_file:
            known[config.ssh.key_env] = read_key(self._settings.ssh_key_file)
        for notifier in config.notify.values():
            if notifier.telegram and notifier.telegram.buttons and notifier.telegram.token.env:  # those that we answer
                known[notifier.telegram.token.env] = self._settings.bot_token.get_secret_value()
        return known


def read_key(file: Path) -> str:
    """Raises ConfigError."""
    try:
        text = file.read_text()
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is no text"
        raise shipper.ConfigError(
            f"SSH_KEY_FILE: {file} cannot be read: {reason}.",
            next="Mount the key there, readable by the user that opsbot runs as.",
        ) from None
    if "PRIVATE KEY-----" not in text:
        raise shipper.ConfigError(
            f"SSH_KEY_FILE: {file} holds no private key.", next="The public half, .pub, is for the servers."
        )
    return text
