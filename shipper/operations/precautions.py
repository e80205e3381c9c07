"""What is refused, and what is warned of, before anything is begun."""

from shipper.config.root import Config
from shipper.errors import Frozen, SourceError
from shipper.events import Tell, Warned
from shipper.hosts.journal import lacks_outcome
from shipper.model.release import Lacking
from shipper.observe import Hosts, Worlds, freezes_that_hold
from shipper.planning.plan import Plan
from shipper.project import Project, key_file, refuse_in_git
from shipper.steps.migrate import Migrate


async def refuse_if_frozen(worlds: Worlds, *, next: str = "shipper unlock lifts the freeze.") -> None:
    for frozen in await _frozen(worlds):
        raise Frozen(
            frozen,
            now="Nothing was done. A rollback is possible all the same.",
            next=next,
        )


async def warn_if_frozen(worlds: Worlds, tell: Tell) -> None:
    for frozen in await _frozen(worlds):
        tell(Warned(text=f"{frozen}. A deploy is refused until shipper unlock."))


async def _frozen(worlds: Worlds) -> list[str]:
    """Who has frozen deploys, on each host where that holds."""
    return [
        f"{name}: {freeze.performer} has frozen deploys{freeze.until_text}: {freeze.reason}"
        for name, freeze in (await freezes_that_hold(worlds)).items()
    ]


def warn_of_unfinished(worlds: Worlds, tell: Tell) -> None:
    for name, world in worlds.items():
        if lacks_outcome(world.journal.last):
            tell(Warned(text=f"{name}: the deploy before this one did not finish; going on from what is true now."))


def warn_of_dirt(project: Project, tell: Tell) -> None:
    if project.revision.is_dirty:
        tell(Warned(text="The working folder has uncommitted changes: they go with it, marked as dirty."))


def warn_of_left_out(project: Project, config: Config, hosts: Hosts, tell: Tell) -> None:
    """What must not run twice may be on its way here from a host that is not asked."""
    left_out = [name for name in project.config.hosts if name not in project.affected_hosts]
    for role_name, role in config.roles.items():
        arrives = any(name in role.hosts and not host.incumbent(role_name) for name, host in hosts.items())
        if left_out and role.singleton and arrives and project.means_role(role_name):
            others = ", ".join(left_out)
            tell(Warned(text=f"{role_name} must not run twice: see that it does not on {others}, left out by --host."))


def warn_of_accessories(config: Config, hosts: Hosts, tell: Tell) -> None:
    """A migration, say, would only tell that it does not know the host `postgres`."""
    for host_name, host in hosts.items():
        running = {container.role_name for container in host.accessories if container.is_running}
        meant = (name for name in config.accessories if host_name in config.accessory_hosts(name))
        if absent := [name for name in meant if name not in running]:
            what = f"accessories {', '.join(absent)} do" if len(absent) > 1 else f"accessory {absent[0]} does"
            tell(Warned(text=f"{host_name}: the {what} not run: shipper accessory boot {' '.join(absent)}"))


def warn_of_migration_elsewhere(made: Plan, project: Project, tell: Tell) -> None:
    """One may run where the commands of `release` have their place, which `--host` leaves out: nobody asks there."""
    for step in made.steps:
        first = project.config.roles[step.role_name].hosts[0] if isinstance(step, Migrate) else None
        if first and first not in project.affected_hosts:
            others = f"{first}, left out by --host"
            tell(Warned(text=f"The commands of `release` run on {step.host_name}: see that none does on {others}."))


def warn_of_no_way_back(made: Plan, tell: Tell) -> None:
    for reason in made.no_way_back:
        tell(Warned(text=f"From release {made.release.number} there will be no way back: {reason}"))


def refuse_key_in_git(project: Project) -> None:
    """A deploy key that Git has, or would add, is in the repository and gets into the image. Raises SecretError."""
    if (file := key_file(project)) and file.is_file():
        refuse_in_git(project, file)


_UNNAMED = {
    Lacking.GIT: "There is no git on this machine, so no commit names the release.",
    Lacking.REPOSITORY: "{root} is in no Git repository, so there is no commit to name the release after.",
    Lacking.COMMIT: "This Git repository has no commit yet, and a release is named after its commit.",
}
_TO_NAME = {
    Lacking.GIT: "Install it (apt-get install git, or brew install git), or name the version of an image that exists "
    "(shipper deploy VERSION).",
    Lacking.REPOSITORY: "Name the version of an image that exists (shipper deploy VERSION), or give `image` a tag.",
    Lacking.COMMIT: "Commit first: git add --all && git commit",
}


def require_version(project: Project) -> None:
    if not project.version:
        lacking = project.revision.lacking or Lacking.REPOSITORY
        raise SourceError(_UNNAMED[lacking].format(root=project.root), now="Nothing was done.", next=_TO_NAME[lacking])
