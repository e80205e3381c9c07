"""Whether opsbot could run, and reach all that it is for, as far as it can be told without running it."""

import asyncio
from collections.abc import Iterator, Mapping

import shipper
from botkit.findings import Finding, ill, look_at_database, look_at_telegram, well
from opsbot import metrics
from opsbot.config import FOR_NOBODY, Config, Github
from opsbot.github import GitHub, GitHubUnavailable
from opsbot.projects import Projects, read_key
from opsbot.settings import Settings
from opsbot.storage.schema import MIGRATIONS
from opsbot.watch import look_at


def findings(settings: Settings, config: Config, environ: Mapping[str, str]) -> Iterator[Finding]:
    yield _people(config)
    yield _watch(config)
    yield look_at_database(settings.database_url, MIGRATIONS)
    yield asyncio.run(look_at_telegram(settings.bot_token, settings.telegram_api, metrics.telegram))
    if config.github:
        yield asyncio.run(_github(config.github, settings))
    if settings.ssh_key_file:
        try:
            read_key(settings.ssh_key_file)
        except shipper.ConfigError as error:
            yield ill("SSH key", f"{error.what} {error.next}")
            return  # no server can be reached
        yield well("SSH key", str(settings.ssh_key_file))
    for name in config.environments:
        yield from asyncio.run(_environment(name, settings, config, environ))


def _people(config: Config) -> Finding:
    if not config.people:
        return ill("people", FOR_NOBODY)
    count = len({chat.id for chat in config.chats})
    groups = f" and in {count} group{'s' * (count > 1)}" if count else ""
    return well("people", f"{', '.join(config.people)}; commands are taken from them in private{groups}")


def _watch(config: Config) -> Finding:
    if not config.watch:
        return well("watch", "nobody is told of what is down: `watch` is not set, or its chat is 0")
    told = config.watch.chat
    if told not in {*(chat.id for chat in config.chats), *(person.id for person in config.people.values())}:
        return ill("watch", f"{told} is neither one of `chats` nor of `people`: the buttons of alerts would do nothing")
    return well("watch", f"{told} is told of what is wrong, after looks every {config.watch.every:g} s")


async def _github(meant: Github, settings: Settings) -> Finding:
    token = "with GITHUB_TOKEN" if settings.github_token else "without a token"
    try:
        async with GitHub(meant.repository, settings.github_token, meant.api) as github:
            newest = await github.latest(meant.branch)
    except GitHubUnavailable as error:
        return ill("GitHub", f"{meant.repository}, {token}: {error}")
    return well("GitHub", f"{meant.repository}, {token}: {meant.branch} is at {newest.sha[:7]}")


async def _environment(name: str, settings: Settings, config: Config, environ: Mapping[str, str]) -> list[Finding]:
    """A line for each host, or one that says why none can be looked at."""
    async with shipper.Connections() as connections:
        try:
            project = await Projects(settings, config, environ, connections).base(name)
        except shipper.ShipperError as error:
            return [ill(name, f"{error.what} {error.next}")]
        variable = project.config.ssh.key_env
        if variable and not project.environ.get(variable):
            return [ill(name, f"there is no key to log in with: SSH_KEY_FILE is not set, and neither is {variable}")]
        return [_host(name, project, seen) for seen in await look_at(project)]


def _host(name: str, project: shipper.Project, seen: shipper.HostStatus) -> Finding:
    if seen.problem:
        return ill(name, f"{seen.host_name}: {seen.problem.removeprefix(f'{seen.host_name}: ')} {seen.next}".strip())
    serving = ", ".join(f"{role.role_name} {role.health}" for role in seen.roles if role.container)
    return well(name, f"{project.full_name} on {seen.host_name}: {serving or 'nothing serves yet'}")
