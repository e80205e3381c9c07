"""This machine and the project. PURE."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from shipper.config.root import Config
from shipper.doctor.checks import Verdicts, note, ok, problem, warning
from shipper.errors import BuildError, ShipperError
from shipper.model.image import Image
from shipper.model.release import Lacking, short

AGENT = "the agent, ~/.ssh/config or ~/.ssh/id_*"


@dataclass(frozen=True, kw_only=True)
class Builder:
    """Docker on this machine, or why it builds nothing."""

    version: int = 0
    has_buildx: bool = False
    platform: str = ""
    error: BuildError | None = None


@dataclass(frozen=True, kw_only=True)
class KeyFile:
    """The key to log in with."""

    name: str
    is_there: bool
    is_open: bool = False
    """Others on this machine may read it."""


@dataclass(frozen=True, kw_only=True)
class PrivateFile:
    name: str
    is_open: bool


@dataclass(frozen=True, kw_only=True)
class Hook:
    """One whose program is not there."""

    name: str
    program: str


@dataclass(frozen=True, kw_only=True)
class Here:
    config: Config
    role_names: tuple[str, ...]
    python: str
    shipper: str
    commit: str
    """Empty where there is none."""
    nameless: Lacking | None = None
    """Why there is none."""
    is_dirty: bool
    version: str
    absent_secrets: tuple[str, ...]
    private_files: tuple[PrivateFile, ...]
    key: KeyFile
    has_pinned: bool
    tracks_pinned: bool
    builder: Builder | None
    """None where nothing can be built anyway."""
    image: Image | None
    """The wanted one, or one that a host has."""
    hooks: tuple[Hook, ...]
    dockerfile: str | None
    """What is wrong with it; None without `build`."""
    dropping: tuple[str, ...]
    """`file:line:text` of what drops pending updates."""
    unread_names: tuple[str, ...] = ()
    """Of the file of secrets, in words: what nothing in the config reads."""
    mute_notifiers: tuple[str, ...] = ()
    """Those whose URL or token has no value here."""
    lacking: tuple[str, ...] = ()
    """Hosts that do not have the wanted image, which is nowhere else either."""
    failures: Mapping[str, ShipperError] = field(default_factory=dict)


_OR_NAMED = "or name a version: shipper deploy VERSION"
_LACKING = {
    Lacking.GIT: ("there is no git on this machine", f"apt-get install git, or brew install git; {_OR_NAMED}"),
    Lacking.REPOSITORY: (
        "this folder is in no Git repository",
        f"git init && git add --all && git commit; {_OR_NAMED}",
    ),
    Lacking.COMMIT: ("this Git repository has no commit yet", "git add --all && git commit"),
}


def python(here: Here) -> Verdicts:
    yield ok(f"Python {here.python}, shipper {here.shipper}")


def checkout(here: Here) -> Verdicts:
    if here.nameless:
        what, next = _LACKING[here.nameless]
        why = f"{what}, so there is no commit to name a release after"
        yield note(what, next) if here.version else problem(why, next)
    elif here.is_dirty:
        yield note("there are uncommitted changes: they are deployed too, and marked as dirty", "git status")
    else:
        yield ok(f"at {short(here.commit)}, nothing uncommitted")


def config(here: Here) -> Verdicts:
    names = ", ".join(here.config.roles)
    yield ok(f"{here.config.service}: {names} on {len(here.config.hosts)} host{'s' * (len(here.config.hosts) > 1)}")


def build(here: Here) -> Verdicts:
    """Only a problem where something must be built."""
    builder = here.builder
    if not builder:
        return
    if builder.error:
        say = problem if here.lacking else note
        why = f"; the image is not on {', '.join(here.lacking)}" if here.lacking else "; no image must be built now"
        yield say(
            f"{builder.error.what.rstrip('.')}{why}",
            builder.error.next or "Start Docker here, or set DOCKER_HOST; or deploy from CI.",
        )
    elif not builder.has_buildx and builder.version >= 23:
        yield note(
            "Docker here has no buildx: the old builder is used, which is slower, and builds for no other processor",
            "Install docker-buildx-plugin: https://docs.docker.com/build/install-buildx/",
        )
    else:
        yield ok(f"Docker {builder.version} here builds for {builder.platform}{' with buildx' * builder.has_buildx}")


def dockerfile(here: Here) -> Verdicts:
    if here.dockerfile is None:
        return
    if here.dockerfile:
        yield problem(
            f"{here.dockerfile}, and only what Git tracks is built",
            "git add it, or set build.dockerfile",
        )
    else:
        yield ok("it is there, and tracked")


def healthcheck(here: Here) -> Verdicts:
    """Where a gate asks the image's HEALTHCHECK, that it has one."""
    gated = [name for name in here.role_names if (gate := here.config.roles[name].gate) and gate.healthcheck]
    if not gated or not here.image:
        return
    if here.image.healthcheck[:1] in ((), ("NONE",)):
        yield problem(
            f"roles.{gated[0]}.gate.healthcheck: the image has no HEALTHCHECK",
            "Give the Dockerfile a HEALTHCHECK, or the role a gate of another kind",
        )
    else:
        yield ok("the image has one")


def secrets(here: Here) -> Verdicts:
    """Each host is asked whether the release that serves there has what is absent here."""
    count = len(here.config.secrets)
    if "secrets" not in here.failures and count and not here.absent_secrets:
        yield ok(f"all of {count} have a value here")


def secrets_files(here: Here) -> Verdicts:
    """That nobody else on this machine reads them. That Git does not have them is checked where they are read."""
    opened = [file.name for file in here.private_files if file.is_open]
    if opened:
        yield warning(f"others on this machine may read {', '.join(opened)}", f"chmod 600 {' '.join(opened)}")
    elif here.private_files:
        yield ok(f"{', '.join(file.name for file in here.private_files)}: yours alone")


def names_of_secrets(here: Here) -> Verdicts:
    """A misspelt one would be as good as absent."""
    for name in here.unread_names:
        yield note(
            f"nothing in the config reads {name}", f"Mend the name in {here.config.secrets_file}, or take its line out"
        )


def env(here: Here) -> Verdicts:
    if not {"env", "secrets"} & here.failures.keys():
        yield ok("renders for each role and host")


def ssh_key(here: Here) -> Verdicts:
    key = here.key
    if not key.is_there:
        mend = (
            "shipper setup makes one, at ssh.key of the config; or ssh-keygen -t ed25519, and ssh-copy-id to each host"
        )
        if key.name.startswith("$"):
            mend = f"Set {key.name[1:]} to the whole text of a private key, as in CI"
        yield problem(f"no key to log in with: nothing is in {key.name}", mend)
    elif key.is_open:
        yield warning(f"others on this machine may read {key.name}", f"chmod 600 {key.name}")
    elif "ssh key" not in here.failures:
        yield ok(f"from {key.name}")


def known_hosts(here: Here) -> Verdicts:
    """Pinned for all who deploy."""
    name = here.config.ssh.known_hosts
    if not here.has_pinned:
        yield note(
            f"no keys of hosts are pinned in {name}: what ~/.ssh/known_hosts has is not there in CI",
            f"shipper trust {here.config.hosts[0]}, and commit {name}",
        )
    elif here.commit and not here.tracks_pinned:
        yield note(f"{name} is not tracked by Git: CI and others do not have it", f"git add {name}")
    else:
        yield ok(f"{name} is there, and tracked" if here.commit else f"{name} is there")


def notify(here: Here) -> Verdicts:
    for name in here.mute_notifiers:
        source = here.config.notify[name].secret
        where = f"Set {source.env} here or in {here.config.secrets_file}" if source.env else "Where does it come from?"
        yield warning(f"the notifier {name} is told nothing: its URL or token is not known here", where)
    if here.config.notify and not here.mute_notifiers:
        yield ok(f"{', '.join(here.config.notify)}: told")


def registry(here: Here) -> Verdicts:
    configured = here.config.registry
    if not configured or "registry password" in here.failures:
        return
    name = here.config.registry_name
    if configured.username:
        yield ok(f"{name}: as {configured.username}, whose password is here")
    else:
        yield ok(f"{name}: with what `docker login` left here, if anything")


def hooks(here: Here) -> Verdicts:
    for hook in here.hooks:
        yield problem(
            f"hooks.{hook.name}: there is no program {hook.program} here",
            f"chmod +x {hook.program}, or is it misspelt?" if "/" in hook.program else f"Install {hook.program}",
        )
    if here.config.hooks and not here.hooks:
        yield ok(f"the programs of {', '.join(here.config.hooks)} are there")


def pending_updates(here: Here) -> Verdicts:
    """A bot that drops pending updates at its start loses what users sent while it was replaced."""
    found = list(_dropping(here))
    for place in found:
        yield warning(
            f"{place} drops pending updates: what users send during a deploy is thrown away",
            "Leave drop_pending_updates out: Telegram keeps updates for 24 hours, until they are confirmed",
        )
    if not found:
        yield ok("no code throws away what users send during a deploy")


def _dropping(here: Here) -> Iterator[str]:
    """Not in comments, and not in tests."""
    for line in here.dropping:
        file, number, text = line.split(":", 2)
        is_test = file.startswith(("test", "spec")) or "/test" in file
        if not is_test and not text.lstrip().startswith(("#", "//", "*")):
            yield f"{file}:{number}"


CHECKS = (
    python,
    checkout,
    config,
    dockerfile,
    build,
    healthcheck,
    secrets,
    secrets_files,
    names_of_secrets,
    env,
    ssh_key,
    known_hosts,
    registry,
    notify,
    hooks,
    pending_updates,
)
