import os
import subprocess
from collections.abc import Mapping
from pathlib import Path

import pytest

from shipper.env import secrets_file
from shipper.env.environment import (
    available_secrets,
    changed_names,
    complete,
    effective_config,
    payload,
    registry_credentials,
    secrets_in_environ,
)
from shipper.env.mask import Mask
from shipper.errors import ConfigError, SecretError, ShipperError
from shipper.model.image import Credentials
from shipper.model.secret import Secret
from shipper.project import Project
from shipper.project.opening import open_project
from tests.unit.nouns import A, B, env

SERVICE = "service: shop\nimage: shop\nroles:\n  web:\n    hosts: [a.example]\n"


class Folder:
    """A project in a real folder; `git` makes it a repository."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def write(self, path: str, content: str) -> None:
        (self.root / path).parent.mkdir(parents=True, exist_ok=True)
        (self.root / path).write_text(content, newline="")

    def git(self, *arguments: str) -> str:
        identity = ["-c", "user.name=Ann", "-c", "user.email=ann@example.org"]
        finished = subprocess.run(
            ["git", *identity, *arguments], cwd=self.root, check=True, capture_output=True, text=True
        )
        return finished.stdout.strip()

    def project(
        self,
        added: str = "",
        *,
        destination: str | None = None,
        revision: str | None = None,
        environ: Mapping[str, str] | None = None,
    ) -> Project:
        self.write("config/deploy.yaml", SERVICE + added)
        return open_project(self.root, destination=destination, revision=revision, environ=environ or {})


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    return Folder(tmp_path)


def rendered(project: Project, host_name: str = A, role_name: str = "web", **secrets: str) -> dict[str, str]:
    values = payload(project, host_name, env(**secrets)).env[role_name]
    return {name: secret.reveal() for name, secret in values.items()}


def refused(project: Project, **secrets: str) -> ShipperError:
    with pytest.raises(ShipperError) as caught:
        payload(project, A, env(**secrets))
    return caught.value


def revealed(secrets: Mapping[str, Secret]) -> dict[str, str]:
    return {name: secret.reveal() for name, secret in secrets.items()}


# The template


def test_the_template_knows_the_release_the_role_the_host_and_the_secrets(folder: Folder) -> None:
    folder.write(
        "config/env.j2",
        "SERVICE={{ service }}\nDESTINATION={{ destination }}\nVERSION={{ release.version }}\n"
        "COMMIT={{ release.commit }}\nIMAGE={{ release.image }}\nROLE={{ role.name }}\nMEMORY={{ role.memory }}\n"
        "HOST={{ host }}\nHOSTS={{ config.hosts | join(' ') }}\nURL=postgres://app:{{ secrets.TOKEN }}@db/app\n",
    )
    folder.write("config/deploy.staging.yaml", "roles: {web: {hosts: [a.example, b.example], memory: 6m}}")
    project = folder.project("secrets: {TOKEN: }", destination="staging", revision="v7")
    assert rendered(project, B, TOKEN="t0ken") == {
        "SERVICE": "shop",
        "DESTINATION": "staging",
        "VERSION": "v7",
        "COMMIT": "None",
        "IMAGE": "shop:v7",
        "ROLE": "web",
        "MEMORY": "6291456",
        "HOST": "b.example",
        "HOSTS": "a.example b.example",
        "URL": "postgres://app:t0ken@db/app",
    }


def test_a_project_without_a_template_has_only_the_env_of_its_roles(folder: Folder) -> None:
    assert rendered(folder.project("    env: {LEVEL: debug}")) == {"LEVEL": "debug"}


def test_the_env_of_a_role_wins_over_the_template(folder: Folder) -> None:
    folder.write("config/env.j2", "LEVEL=info\nMODE=fast\n")
    assert rendered(folder.project("    env: {LEVEL: debug}")) == {"LEVEL": "debug", "MODE": "fast"}


def test_a_host_gets_only_its_own_roles(folder: Folder) -> None:
    project = folder.project("  bot: {hosts: [b.example]}")
    assert list(payload(project, B, {}).env) == ["bot"]


def test_comments_and_blank_lines_are_no_variables(folder: Folder) -> None:
    folder.write("config/env.j2", "# comment=1\n\n   \n  # another\nA=1\n{# of the template #}\nB=2")
    assert rendered(folder.project()) == {"A": "1", "B": "2"}


@pytest.mark.parametrize(
    "value", ["", "a=b", "'quoted'", '"x"', "# no comment", "  led by blanks", "ended by one ", "ü"]
)
def test_a_value_stays_as_it_stands(folder: Folder, value: str) -> None:
    folder.write("config/env.j2", "BEFORE=1\nVALUE={{ secrets.VALUE }}\nAFTER=1\n")
    assert rendered(folder.project(), VALUE=value) == {"BEFORE": "1", "VALUE": value, "AFTER": "1"}


@pytest.mark.parametrize("separator", ["\v", "\f", "\x1c", "\x85", "\u2028", "\u2029"])
def test_only_a_line_feed_ends_a_line(folder: Folder, separator: str) -> None:
    folder.write("config/env.j2", "VALUE={{ secrets.VALUE }}\n")
    assert rendered(folder.project(), VALUE=f"a{separator}B=1") == {"VALUE": f"a{separator}B=1"}


def test_a_template_with_the_line_ends_of_windows_gives_the_same_values(folder: Folder) -> None:
    folder.write("config/env.j2", "A=1\r\nB=2\r\n")
    assert rendered(folder.project()) == {"A": "1", "B": "2"}


@pytest.mark.parametrize(
    ("template", "expected"),
    [
        ("A=1\nB={{ realease.version }}\n", 'config/env.j2:2: "realease" is not defined'),
        ("A=1\n\nB={{ secrets.TOKEM }}\n", 'config/env.j2:3: "TOKEM" is not defined'),
        ("{% if debug %}\nA=1\n{% endif %}\n", 'config/env.j2:1: "debug" is not defined'),
        ("A={{ role.colour }}\n", 'config/env.j2:1: "colour" is not defined'),
    ],
)
def test_an_undefined_name_is_an_error_that_tells_its_line_and_what_is_known(
    folder: Folder, template: str, expected: str
) -> None:
    folder.write("config/env.j2", template)
    error = refused(folder.project(), TOKEN="t0ken", KEY="k3y-of-it")
    known = "Known: config, service, destination, release, role, host, secrets; secrets: TOKEN, KEY."
    assert (error.what, error.next, error.exit_code) == (expected, known, 2)


@pytest.mark.parametrize(
    ("template", "expected"),
    [
        ("A=1\nB={{ service }\n", "config/env.j2:2: unexpected '}'"),
        ("A=1\nB=2\n{% fi %}\n", "config/env.j2:3: Encountered unknown tag 'fi'."),
        ("A={{ service | shout }}\n", "config/env.j2:1: No filter named 'shout'."),
    ],
)
def test_a_template_that_jinja_cannot_read_is_an_error_with_its_line(
    folder: Folder, template: str, expected: str
) -> None:
    folder.write("config/env.j2", template)
    assert refused(folder.project()).what == expected


@pytest.mark.parametrize("line_break", ["\n", "\r", "\0"])
def test_a_line_break_in_a_secret_is_refused_where_it_is_used(folder: Folder, line_break: str) -> None:
    folder.write("config/env.j2", "A=1\nKEY={{ secrets.KEY }}\n")
    error = refused(folder.project(), KEY=f"first-half{line_break}ADMIN=yes")
    assert (str(error), error.exit_code) == (
        "config/env.j2:2: a value has a line break, which would add a variable of its own.\n"
        "Nothing was done.\n"
        "Give such a secret to the container as a file: `files: {/path: {secret: NAME}}`.",
        3,
    )


def test_a_secret_with_a_line_break_that_no_line_uses_is_fine(folder: Folder) -> None:
    folder.write("config/env.j2", "A=1\n")
    assert rendered(folder.project(), KEY="two\nlines") == {"A": "1"}


def test_a_line_break_that_a_filter_takes_away_is_fine(folder: Folder) -> None:
    folder.write("config/env.j2", "KEY={{ secrets.KEY | replace('\\n', ' ') }}\n")
    assert rendered(folder.project(), KEY="two\nlines") == {"KEY": "two lines"}


def test_an_error_in_a_filter_does_not_show_the_value(folder: Folder) -> None:
    folder.write("config/env.j2", "A=1\nKEY={{ secrets.KEY % () + 1 }}\nNUMBER={{ secrets.KEY | tojson + 1 }}\n")
    assert str(refused(folder.project(), KEY="%d hush-hush")) == "config/env.j2:2: TypeError while rendering"


@pytest.mark.parametrize(
    ("template", "expected"),
    [("A=1\njust words\n", 2), ("export A=1\n", 1), ("A = 1\n", 1), ("1A=1\n", 1), ("=1\n", 1), ("\n\nA-B=1\n", 3)],
)
def test_a_line_that_is_no_variable_is_an_error(folder: Folder, template: str, expected: int) -> None:
    folder.write("config/env.j2", template)
    assert str(refused(folder.project())) == f"config/env.j2:{expected}: is not NAME=value"


def test_a_line_break_in_the_env_of_a_role_is_refused(folder: Folder) -> None:
    error = refused(folder.project('    env: {A: "one\\ntwo"}'))
    assert error.what == "roles.web.env.A has a line break: use `files:` for such a value."


def test_template_and_config_are_those_of_the_commit_that_is_deployed(folder: Folder) -> None:
    folder.write("config/env.j2", "A=old\n")
    folder.write("config/deploy.yaml", SERVICE + "    env: {B: old}")
    folder.git("init", "--quiet")
    folder.git("add", "--all")
    folder.git("commit", "--quiet", "--message", "first")
    folder.write("config/env.j2", "A=new\n")
    assert rendered(folder.project("    env: {B: new}", revision="HEAD")) == {"A": "old", "B": "old"}


def test_without_a_revision_the_working_folder_counts_as_it_is(folder: Folder) -> None:
    folder.write("config/env.j2", "A=old\n")
    folder.git("init", "--quiet")
    folder.git("add", "--all")
    folder.git("commit", "--quiet", "--message", "first")
    folder.write("config/env.j2", "A=new\n")
    assert rendered(folder.project()) == {"A": "new"}


# Where secrets come from


async def test_a_secret_comes_from_the_environment_by_its_name(folder: Folder) -> None:
    project = folder.project("secrets: {TOKEN: }", environ={"TOKEN": "t0ken", "OTHER": "x"})
    assert revealed(await available_secrets(project)) == {"TOKEN": "t0ken"}


async def test_the_environment_wins_over_the_secrets_file(folder: Folder) -> None:
    folder.write("config/secrets.env", "TOKEN=from-file\nKEY=of-file\n")
    project = folder.project("secrets: {TOKEN: , KEY: }", environ={"TOKEN": "from-environment"})
    assert revealed(await available_secrets(project)) == {"TOKEN": "from-environment", "KEY": "of-file"}


async def test_an_empty_variable_counts_as_absent(folder: Folder) -> None:
    project = folder.project("secrets: {TOKEN: }", environ={"TOKEN": ""})
    assert revealed(await available_secrets(project)) == {}


async def test_a_variable_wins_over_the_file_or_the_command_beside_it(folder: Folder) -> None:
    folder.write(".gitignore", "*")
    folder.write("key", "of file")
    sources = "secrets: {KEY: {env: MY_KEY, file: key}, TOKEN: {env: MY_TOKEN, command: echo of command}}"
    assert revealed(await available_secrets(folder.project(sources))) == {"KEY": "of file", "TOKEN": "of command"}
    environ = {"MY_KEY": "mine", "MY_TOKEN": "mine too", "PATH": os.environ["PATH"]}
    project = folder.project(sources, environ=environ)
    assert revealed(await available_secrets(project)) == {"KEY": "mine", "TOKEN": "mine too"}


def test_an_optional_secret_without_a_value_is_empty_in_the_template_and_no_file(folder: Folder) -> None:
    folder.write("config/env.j2", "URL={{ secrets.URL or 'none' }}\n")
    project = folder.project("    files: {/run/url: {secret: URL}}\nsecrets: {URL: {optional: true}}")
    got = payload(project, A, complete(project, {}, {}))
    assert (revealed(got.env["web"]), got.files["web"]) == ({"URL": "none"}, {})
    got = payload(project, A, complete(project, {}, env(URL="of the release that serves")))
    assert revealed(got.files["web"]) == {"/run/url": "of the release that serves"}


async def test_the_config_finds_its_variables_in_the_secrets_file_too(folder: Folder) -> None:
    folder.write(".gitignore", "private.env")
    folder.write("private.env", "LEVEL=debug\nTOKEN=t0ken\n")
    added = "    env: {LEVEL: '${LEVEL}', COPY: '${TOKEN}'}\nsecrets: {TOKEN: }\nsecrets_file: private.env"
    project = folder.project(added)
    assert project.config.roles["web"].env == {"LEVEL": "debug", "COPY": "t0ken"}
    assert effective_config(project)["roles"]["web"]["env"] == {"LEVEL": "debug", "COPY": "•••"}


async def test_an_overlay_has_secrets_of_its_own_and_the_variables_of_what_is_below(folder: Folder) -> None:
    folder.write(".gitignore", "*.env")
    folder.write("config/secrets.env", "TOKEN=of production\nLEVEL=info\nOWNER=ann\n")
    folder.write("staging.env", "TOKEN=of staging\nLEVEL=debug\n")
    folder.write("config/deploy.staging.yaml", "secrets_file: staging.env")
    added = (
        "    env: {LEVEL: '${LEVEL}', OWNER: '${OWNER}'}\nsecrets: {TOKEN: , OWNER: }\nsecrets_file: config/secrets.env"
    )
    project = folder.project(added, destination="staging")
    assert project.config.roles["web"].env == {"LEVEL": "debug", "OWNER": "ann"}
    assert revealed(await available_secrets(project)) == {"TOKEN": "of staging"}


@pytest.mark.parametrize(
    ("named", "production", "own"),
    [
        ("", "config/secrets.env", "config/secrets.staging.env"),
        ("secrets_file: private.env", "private.env", "private.staging.env"),
    ],
)
async def test_an_overlay_that_names_no_file_has_one_of_its_own_and_production_gives_it_no_secret(
    folder: Folder, named: str, production: str, own: str
) -> None:
    folder.write(".gitignore", "*.env")
    folder.write(production, "TOKEN=of production\nLEVEL=info\nOWNER=ann\n")
    folder.write("config/deploy.staging.yaml", "retain: 2")
    added = f"    env: {{LEVEL: '${{LEVEL}}', OWNER: '${{OWNER}}'}}\nsecrets: {{TOKEN: }}\n{named}"
    without = folder.project(added, destination="staging")
    assert without.config.roles["web"].env == {"LEVEL": "info", "OWNER": "ann"}
    with pytest.raises(SecretError) as raised:
        complete(without, await available_secrets(without), {})
    assert f"in {own}" in raised.value.next

    folder.write(own, "TOKEN=of staging\nLEVEL=debug\n")

    project = folder.project(added, destination="staging")
    assert (project.config.secrets_file, project.config.roles["web"].env["LEVEL"]) == (own, "debug")
    assert revealed(await available_secrets(project)) == {"TOKEN": "of staging"}
    folder.write("config/deploy.staging.yaml", f"secrets_file: {production}")
    shared = folder.project(added, destination="staging")
    assert revealed(await available_secrets(shared)) == {"TOKEN": "of production"}


def test_values_are_added_to_the_secrets_file_and_nobody_else_may_read_it(folder: Folder) -> None:
    secrets_file.add(folder.root, "config/secrets.env", {"ONE": "1"})
    folder.write("config/secrets.env", "# mine\nTWO=\nTHREE=3\nONE=1")
    secrets_file.add(folder.root, "config/secrets.env", {"TWO": "two", "FOUR": "four"})
    file = folder.root / "config/secrets.env"
    assert file.read_text() == "# mine\nTWO=two\nTHREE=3\nONE=1\nFOUR=four\n"
    assert file.stat().st_mode & 0o777 == 0o600


def test_adding_values_leaves_those_that_are_there_as_they_are(folder: Folder) -> None:
    there = "ONE=a\u2028b\x0cc\x85d\x1ee\n"
    folder.write("config/secrets.env", f"{there}TWO=\n")
    secrets_file.add(folder.root, "config/secrets.env", {"TWO": "2"})
    assert (folder.root / "config/secrets.env").read_text() == f"{there}TWO=2\n"


async def test_the_secrets_file_may_stand_elsewhere(folder: Folder) -> None:
    folder.write("private.env", "# ours\nTOKEN=a=b\n")
    project = folder.project("secrets: {TOKEN: }\nsecrets_file: private.env")
    assert revealed(await available_secrets(project)) == {"TOKEN": "a=b"}


async def test_a_secret_may_have_another_name_in_the_environment(folder: Folder) -> None:
    project = folder.project("secrets: {TOKEN: {env: CI_TOKEN}}", environ={"CI_TOKEN": "t0ken", "TOKEN": "other"})
    assert revealed(await available_secrets(project)) == {"TOKEN": "t0ken"}


async def test_a_secret_may_be_a_whole_file(folder: Folder) -> None:
    folder.write("keys/id", "-----BEGIN-----\nabc\n-----END-----\n")
    project = folder.project("secrets: {KEY: {file: keys/id}, NONE: {file: keys/none}}")
    assert revealed(await available_secrets(project)) == {"KEY": "-----BEGIN-----\nabc\n-----END-----\n"}


async def test_a_file_that_is_no_text_is_refused_by_the_name_of_its_secret(folder: Folder) -> None:
    (folder.root / "key").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(SecretError, match="KEY"):
        await available_secrets(folder.project("secrets: {KEY: {file: key}}"))


async def test_a_command_prints_a_secret_without_its_last_line_break(folder: Folder) -> None:
    folder.write("token.txt", "a b\n\n")
    project = folder.project("secrets: {TOKEN: {command: [cat, token.txt]}}")
    assert revealed(await available_secrets(project)) == {"TOKEN": "a b"}


async def test_a_command_sees_the_environment_of_the_project(folder: Folder) -> None:
    project = folder.project("secrets: {TOKEN: {command: 'echo $KIND-token'}}", environ={"KIND": "vault"})
    assert revealed(await available_secrets(project)) == {"TOKEN": "vault-token"}


@pytest.mark.parametrize("command", ["[no-such-program-here]", "no-such-program-here --get"])
async def test_a_command_that_is_not_found_counts_as_absent(folder: Folder, command: str) -> None:
    assert revealed(await available_secrets(folder.project(f"secrets: {{TOKEN: {{command: {command}}}}}"))) == {}


async def test_a_failing_command_is_reported_with_what_it_said_but_not_what_it_printed(folder: Folder) -> None:
    project = folder.project("secrets: {TOKEN: {command: echo half; echo locked >&2; exit 9}}")
    with pytest.raises(SecretError) as caught:
        await available_secrets(project)
    assert str(caught.value) == (
        "The command for secret TOKEN failed (9): echo half; echo locked >&2; exit 9\nlocked\n" "Nothing was done."
    )


async def test_a_program_that_may_not_be_executed_is_refused_by_the_name_of_its_secret(folder: Folder) -> None:
    folder.write("print-token", "#!/bin/sh\n")
    with pytest.raises(SecretError, match="TOKEN"):
        await available_secrets(folder.project("secrets: {TOKEN: {command: [./print-token]}}"))


async def test_a_command_that_does_not_end_is_given_up(folder: Folder) -> None:
    project = folder.project("secrets: {TOKEN: {command: [tail, -f, /dev/null]}}\ntimeouts: {call: 20ms}")
    with pytest.raises(SecretError) as caught:
        await available_secrets(project)
    assert caught.value.what == "The command for secret TOKEN did not end in time: tail -f /dev/null"


async def test_a_secrets_file_that_git_tracks_is_refused(folder: Folder) -> None:
    folder.write("config/secrets.env", "TOKEN=t0ken-in-git\n")
    folder.git("init", "--quiet")
    folder.git("add", "--all")
    folder.git("commit", "--quiet", "--message", "oops")
    with pytest.raises(SecretError) as caught:
        await available_secrets(folder.project("secrets: {TOKEN: }"))
    assert (str(caught.value), caught.value.exit_code) == (
        "config/secrets.env is tracked by Git, so its secrets are in the history of the repository.\n"
        "Nothing was done.\n"
        "Run git rm --cached config/secrets.env, list it in .gitignore, and replace every secret that was in it.",
        3,
    )


async def test_a_secrets_file_that_git_ignores_is_read(folder: Folder) -> None:
    folder.write(".gitignore", "config/secrets.env\n")
    folder.write("config/secrets.env", "TOKEN=t0ken\n")
    folder.git("init", "--quiet")
    folder.git("add", "--all")
    folder.git("commit", "--quiet", "--message", "first")
    assert revealed(await available_secrets(folder.project("secrets: {TOKEN: }"))) == {"TOKEN": "t0ken"}


async def test_a_bad_line_in_the_secrets_file_is_reported_without_its_text(folder: Folder) -> None:
    folder.write("config/secrets.env", "TOKEN=t0ken\nhush-hush\n")
    with pytest.raises(ConfigError) as caught:
        await available_secrets(folder.project("secrets: {TOKEN: }"))
    assert str(caught.value) == "config/secrets.env:2: is not NAME=value"


# Completion from what serves


def test_a_secret_that_is_absent_here_is_taken_from_the_release_that_serves(folder: Folder) -> None:
    project = folder.project("secrets: {TOKEN: , KEY: }")
    assert revealed(complete(project, env(KEY="today"), env(TOKEN="recorded", KEY="old", GONE="x"))) == {
        "TOKEN": "recorded",
        "KEY": "today",
    }


@pytest.mark.parametrize(
    ("recorded", "expected", "next"),
    [
        (
            {"KEY": "k", "SSH_KEY": "s"},
            "No value for the secret TOKEN.",
            "Set SHOP_TOKEN in the environment or in config/secrets.env.",
        ),
        ({"KEY": "k", "TOKEN": "t"}, "No value for the secret SSH_KEY.", "Put SSH_KEY into the file config/key."),
        (
            {},
            "No value for the secrets TOKEN, KEY, SSH_KEY.",
            "Set SHOP_TOKEN, KEY in the environment or in config/secrets.env; put SSH_KEY into the file config/key; "
            "`shipper setup` makes up KEY.",
        ),
    ],
)
def test_a_secret_without_a_value_anywhere_is_an_error(
    folder: Folder, recorded: dict[str, str], expected: str, next: str
) -> None:
    with pytest.raises(SecretError) as caught:
        complete(
            folder.project("secrets: {TOKEN: {env: SHOP_TOKEN}, KEY: {generate: true}, SSH_KEY: {file: config/key}}"),
            {},
            env(**recorded),
        )
    assert str(caught.value) == (f"{expected}\nNeither here nor in a release that serves; nothing was done.\n{next}")


# What is shown, files, and what has changed


def test_a_secret_that_came_into_the_config_is_masked_where_the_config_is_shown(folder: Folder) -> None:
    added = "    env: {URL: 'db://${TOKEN}@db', MODE: '${MODE}'}\nsecrets: {TOKEN: , KEY: {env: MODE}}"
    shown = effective_config(folder.project(added, environ={"TOKEN": "t0ken", "MODE": "hush-hush"}))
    assert shown["roles"]["web"]["env"] == {"URL": "db://•••@db", "MODE": "•••"}


@pytest.mark.parametrize("secret", ["true", "null", "1h30", "8080", "web", '":{"'])
def test_the_config_is_shown_whatever_a_secret_looks_like(folder: Folder, secret: str) -> None:
    added = "    env: {URL: '${TOKEN}'}\n    gate: {http: {port: 8080}}\nsecrets: {TOKEN: }"
    shown = effective_config(folder.project(added, environ={"TOKEN": secret}))["roles"]["web"]
    assert shown["env"]["URL"] == "•••" if len(secret) > 3 else secret
    assert shown["gate"]["http"]["port"] == ("•••" if secret == "8080" else 8080)
    assert shown["init"] is True


def test_a_file_holds_a_secret_or_the_text_of_a_file_of_the_commit(folder: Folder) -> None:
    folder.write("app.conf", "level = info\n")
    added = "    files: {/etc/app.conf: {source: app.conf}, /run/key: {secret: KEY}}\nsecrets: {KEY: }"
    made = payload(folder.project(added), A, env(KEY="two\nlines\n"))
    assert revealed(made.files["web"]) == {"/etc/app.conf": "level = info\n", "/run/key": "two\nlines\n"}


def test_a_file_that_is_not_in_the_commit_is_an_error(folder: Folder) -> None:
    error = refused(folder.project("    files: {/etc/app.conf: {source: app.conf}}"))
    assert error.what == "roles.web.files./etc/app.conf.source: there is no file app.conf."


def test_changed_names_are_those_that_differ_or_that_only_one_side_has() -> None:
    assert changed_names(env(A="1", B="1", OLD="1"), env(A="1", B="2", NEW="1")) == ("B", "NEW", "OLD")


# The registry

PASSWORD = "registry: {username: ann, password: {env: REGISTRY_PASSWORD}}"
ANN = Credentials(username="ann", password=Secret("hush-hush"))


async def test_the_password_of_the_registry_is_no_secret_of_the_containers(folder: Folder) -> None:
    project = folder.project(PASSWORD, environ={"REGISTRY_PASSWORD": "hush-hush"})

    assert await registry_credentials(project) == ANN
    assert await available_secrets(project) == {}


async def test_the_line_break_at_the_end_of_a_file_is_no_part_of_the_password(folder: Folder) -> None:
    folder.write("token", "hush-hush\n")
    project = folder.project("registry: {username: ann, password: {file: token}}")

    assert await registry_credentials(project) == ANN


async def test_a_registry_without_a_username_has_no_credentials(folder: Folder) -> None:
    assert await registry_credentials(folder.project("registry: {}")) is None


async def test_a_password_without_a_value_is_told_with_where_it_would_come_from(folder: Folder) -> None:
    with pytest.raises(SecretError) as caught:
        await registry_credentials(folder.project(PASSWORD))
    assert (str(caught.value), caught.value.exit_code) == (
        "No value for the password of ann at docker.io.\n"
        "Nothing was done.\n"
        "Set REGISTRY_PASSWORD in the environment or in config/secrets.env.",
        3,
    )


async def test_the_password_of_the_registry_may_stand_beside_the_username_that_an_overlay_leaves(
    folder: Folder,
) -> None:
    folder.write(".gitignore", "*.env\n")
    folder.write("config/secrets.env", "REGISTRY_USER=ann\nREGISTRY_PASSWORD=hush-hush\nTOKEN=production's\n")
    folder.write("config/deploy.staging.yaml", "secrets_file: config/staging.env\n")
    added = "registry: {username: '${REGISTRY_USER}', password: {env: REGISTRY_PASSWORD}}\nsecrets: {TOKEN: }"

    project = folder.project(added, destination="staging")

    assert await registry_credentials(project) == ANN
    assert await available_secrets(project) == {}


def test_the_password_of_the_registry_is_masked_in_the_config_that_is_in_force(folder: Folder) -> None:
    environ = {"REGISTRY_PASSWORD": "hush-hush"}
    shown = effective_config(
        folder.project(f"    env: {{TOKEN: '${{REGISTRY_PASSWORD}}'}}\n{PASSWORD}", environ=environ)
    )

    assert shown["roles"]["web"]["env"]["TOKEN"] == "•••"


# Bytes that are no text


async def test_a_secrets_file_of_an_editor_that_marks_its_encoding_and_ends_lines_in_its_own_way(
    folder: Folder,
) -> None:
    folder.write("config/secrets.env", "\ufeffTOKEN=hush\r\nKEY=é\r\n")
    assert revealed(await available_secrets(folder.project("secrets: {TOKEN: , KEY: }"))) == {
        "TOKEN": "hush",
        "KEY": "é",
    }


async def test_a_secrets_file_that_is_no_utf_8_is_an_error_without_its_content(folder: Folder) -> None:
    folder.write("config/secrets.env", "")
    (folder.root / "config/secrets.env").write_bytes(b"TOKEN=h\xe9hush")
    with pytest.raises(SecretError) as caught:
        await available_secrets(folder.project("secrets: {TOKEN: }"))
    assert caught.value.what == "config/secrets.env cannot be read: UnicodeDecodeError"


async def test_a_secret_of_the_environment_that_is_no_utf_8_is_masked_and_refused(folder: Folder) -> None:
    value = os.fsdecode(b"h\xe9hush-hush")
    project = folder.project("secrets: {TOKEN: }", environ={"TOKEN": value})
    mask = Mask()
    mask.add(secrets_in_environ(project))
    assert mask(f"<{value}>") == "<•••>"
    with pytest.raises(SecretError) as caught:
        await available_secrets(project)
    assert caught.value.what == "The value of the secret TOKEN is no UTF-8."
