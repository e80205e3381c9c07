"""The key that deploys log in with: made here once, and kept."""

from pathlib import Path

import asyncssh

from shipper.errors import ConfigError
from shipper.project import Project, key_file, refuse_in_git


def path(project: Project) -> Path:
    """Where it is, or will be. Raises ConfigError where the config does not say it, SecretError where Git has it."""
    found = key_file(project)
    if not found:
        raise ConfigError(
            "ssh.key: the config names no file for the deploy key.",
            now="Nothing was done.",
            next="Write into config/deploy.yaml: ssh: { key: config/deploy_key }",
        )
    refuse_in_git(project, found)
    return found


def public_half(project: Project) -> str:
    """Type and key, as in authorized_keys: of the variable that the config names, else of the file; else nothing.

    Raises ShipperError.
    """
    ssh = project.config.ssh
    given = project.environ.get(ssh.key_env or "")
    if not given and not path(project).is_file():
        return ""
    try:
        text = given.strip() + "\n" if given else path(project).read_text()
        key = asyncssh.import_private_key(text)
    except (asyncssh.KeyImportError, OSError, UnicodeDecodeError):
        where = f"${ssh.key_env}" if given else ssh.key
        raise ConfigError(
            f"{where} holds no private key without a passphrase.",
            now="Nothing was done.",
            next="Take it away, and a new one is made; or a key with a passphrase belongs into ssh-agent: ssh-add",
        ) from None
    return _public(key)


def make(project: Project) -> str:
    """A new ed25519 key, which nobody else here can read, unless there is one; returns its public half."""
    if existing := public_half(project):
        return existing
    key = asyncssh.generate_private_key("ssh-ed25519", comment=f"shipper {project.full_name}")
    target = path(project)
    target.parent.mkdir(parents=True, exist_ok=True)
    temporary = target.with_name(f"{target.name}.new")  # Git ignores it as well, by config/deploy_key*
    temporary.unlink(missing_ok=True)
    temporary.touch(mode=0o600)
    temporary.write_bytes(key.export_private_key())
    temporary.replace(target)
    return _public(key)


def _public(key: asyncssh.SSHKey) -> str:
    kind, data = key.export_public_key().decode().split()[:2]
    return f"{kind} {data}"
