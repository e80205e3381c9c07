import os
import subprocess
import sys
from pathlib import Path

import pytest

from shipper.operations.ci_secrets import CiSecret, CiVariable, ci_secrets, ci_variables, out_of_reach
from shipper.operations.unread import unread_names
from shipper.project import Project
from shipper.project.opening import open_project
from tests.unit.godotenv import read

ROOT = Path(__file__).parents[2]
CONFIG = """\
# ${IN_A_COMMENT}
service: shop
image: me/shop
registry: { username: "${REGISTRY_USER}", password: { env: REGISTRY_PASSWORD } }
x-place: &place
  hosts: ["deploy@${SHOP_HOST:-a.example}"]
roles:
  web: { <<: *place, env: { RUN: "${GITHUB_RUN_ID:-}", PLAIN: "$${NOT_A_VARIABLE}", FLAG: "${FLAG:+on}" } }
ssh: { key: config/key, key_env: SSH_KEY }
secrets:
  TOKEN:
  CACHE_URL: { env: SHOP_CACHE_URL, optional: true }
  SIGNING_KEY: { env: SHOP_SIGNING_KEY, file: config/signing }
  LICENCE: { file: config/licence }
  PRINTED: { command: [sh, -c, "echo from a command"], env: PRINTED }
notify: { chat: { telegram: { chat: -1, token: { env: TOKEN } } } }
"""
STAGING = "secrets_file: config/staging.env\nsecrets: { TRIAL: { optional: true } }\nx-more: ${STAGING_HOST:-}\n"
KEY = '-----BEGIN KEY-----\nab$c\\n"\n-----END KEY-----\n'


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "config").mkdir()
    (tmp_path / "config/deploy.yaml").write_text(CONFIG)
    (tmp_path / "config/deploy.staging.yaml").write_text(STAGING)
    (tmp_path / "config/key").write_text(KEY)
    (tmp_path / "config/secrets.env").write_text("REGISTRY_USER=ann\nTOKEN=of the file\nSHOP_CACHE_URL=\n")
    (tmp_path / "config/staging.env").write_text("REGISTRY_USER=bob\nTRIAL=yes\n")
    return tmp_path


def opened(folder: Path, destination: str | None = None, **environ: str) -> Project:
    return open_project(folder, destination=destination, environ={"PATH": os.environ["PATH"], **environ})


def by_name(found: tuple[CiSecret, ...]) -> dict[str, tuple[str, str]]:
    return {s.variable.name: (s.value.reveal(), s.origin) for s in found if s.value}


def test_all_variables_that_the_config_reads_are_needed_in_ci(folder: Path) -> None:
    found = {variable.name: variable for variable in ci_variables(opened(folder))}

    assert [*found] == [
        "REGISTRY_USER",
        "SHOP_HOST",
        "FLAG",
        "SSH_KEY",
        "TOKEN",
        "SHOP_CACHE_URL",
        "SHOP_SIGNING_KEY",
        "PRINTED",
        "REGISTRY_PASSWORD",
    ]
    assert [name for name, variable in found.items() if variable.is_optional] == ["SHOP_HOST", "FLAG", "SHOP_CACHE_URL"]
    assert found["TOKEN"] == CiVariable(
        name="TOKEN",
        purposes=("secrets.TOKEN", "notify.chat"),
        places=("config/secrets.env",),
        is_optional=False,
    )
    assert found["SHOP_SIGNING_KEY"].places == ("config/secrets.env", "config/signing")
    assert found["SSH_KEY"].places == ("config/key",)


def test_those_of_a_destination_are_those_of_its_overlay_too(folder: Path) -> None:
    names = {variable.name for variable in ci_variables(opened(folder, "staging"))}

    assert {"STAGING_HOST", "TRIAL", "REGISTRY_USER"} <= names


async def test_their_values_are_those_that_a_deploy_here_takes(folder: Path) -> None:
    (folder / "config/signing").write_text("signed\n")

    found = by_name(await ci_secrets(opened(folder, SHOP_HOST="b.example", TOKEN="of the environment")))

    assert found == {
        "REGISTRY_USER": ("ann", "config/secrets.env"),
        "SHOP_HOST": ("b.example", "the environment"),
        "SSH_KEY": (KEY, "config/key"),
        "TOKEN": ("of the environment", "the environment"),
        "SHOP_SIGNING_KEY": ("signed\n", "config/signing"),
        "PRINTED": ("from a command", "its command"),
    }


async def test_an_overlay_shares_what_its_config_takes_from_the_file_below_but_no_secret(folder: Path) -> None:
    values = "REGISTRY_USER=ann\nREGISTRY_PASSWORD=hush\nSTAGING_HOST=b.example\nTOKEN=production's\n"
    (folder / "config/secrets.env").write_text(values)

    found = by_name(await ci_secrets(opened(folder, "staging")))

    shared = ("REGISTRY_USER", "REGISTRY_PASSWORD", "STAGING_HOST")
    assert [found[name][0] for name in shared] == ["bob", "hush", "b.example"]
    assert "TOKEN" not in found


async def test_a_key_in_the_environment_counts_before_its_file(folder: Path) -> None:
    assert by_name(await ci_secrets(opened(folder, SSH_KEY="other")))["SSH_KEY"] == ("other", "the environment")


def test_what_nothing_reads_in_the_file_of_secrets_is_told_by_its_name(folder: Path) -> None:
    lines = (
        "REGISTRY_USER=ann\nTOEKN=hush\nSTAGING_HOST=b.example\nGITHUB_RUN_ID=1\nLICENCE_OF_OLD=x\nc2VjcmV0=\nOPEN=\n"
    )
    (folder / "config/secrets.env").write_text(lines)
    (folder / "config/staging.env").write_text("TRAIL=yes\nREGISTRY_USER=bob\n")
    (folder / "config/deploy.broken.yaml").write_text("nonsense: 1")

    assert unread_names(opened(folder)) == ('TOEKN; did you mean "TOKEN"?', "LICENCE_OF_OLD")
    assert unread_names(opened(folder, "staging")) == ('TRAIL; did you mean "TRIAL"?',)


def test_shipper_config_says_so_and_is_no_less_content_with_the_config(folder: Path) -> None:
    (folder / "config/secrets.env").write_text("REGISTRY_USER=ann\nTOEKN=hush\n")

    result = of_shipper(folder, "config", "-q")

    warning = 'warning: config/secrets.env: nothing in the config reads TOEKN; did you mean "TOKEN"?\n'
    assert (result.returncode, result.stdout, result.stderr) == (0, "", warning)


def test_what_no_variable_can_give_to_ci_is_told(folder: Path) -> None:
    assert out_of_reach(opened(folder).config) == (
        "secrets.LICENCE is the file config/licence, which CI may not have: name a variable beside it, by `env`.",
    )


def shipper_secrets(folder: Path, *arguments: str) -> "subprocess.CompletedProcess[str]":
    return of_shipper(folder, "secrets", *arguments)


def of_shipper(folder: Path, *arguments: str) -> "subprocess.CompletedProcess[str]":
    environ = {"PATH": os.environ["PATH"], "HOME": str(folder), "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-m", "shipper", *arguments]
    return subprocess.run(command, cwd=folder, env=environ, capture_output=True, text=True, check=False)


def test_the_command_prints_them_for_gh_and_tells_what_is_missing(folder: Path) -> None:
    result = shipper_secrets(folder)

    assert result.returncode == 0, result.stderr
    assert read(result.stdout) == {
        "REGISTRY_USER": "ann",
        "SSH_KEY": KEY,
        "TOKEN": "of the file",
        "PRINTED": "from a command",
    }
    assert result.stderr.splitlines() == [
        "missing: SHOP_SIGNING_KEY, for secrets.SIGNING_KEY: "
        "put it into the environment or config/secrets.env or config/signing",
        "missing: REGISTRY_PASSWORD, for registry.password: put it into the environment or config/secrets.env",
        "missing: secrets.LICENCE is the file config/licence, which CI may not have: "
        "name a variable beside it, by `env`.",
        "not set, which is all right: SHOP_HOST, FLAG, SHOP_CACHE_URL",
    ]


@pytest.mark.parametrize("how", ["--names", "--json"])
def test_the_names_alone_show_no_value(folder: Path, how: str) -> None:
    result = shipper_secrets(folder, how, "-q")

    assert result.returncode == 0, result.stderr
    assert "TOKEN" in result.stdout
    assert not [value for value in ("ann", "of the file", "BEGIN", "from a command") if value in result.stdout]
    assert result.stderr == ""


def test_values_are_not_shown_on_a_terminal(folder: Path) -> None:
    command = f"{sys.executable} -m shipper secrets"
    environ = {"PATH": os.environ["PATH"], "HOME": str(folder), "PYTHONPATH": str(ROOT)}
    script = ["script", "--quiet", "--return", "--command", command, os.devnull]

    result = subprocess.run(script, cwd=folder, env=environ, capture_output=True, text=True, check=False)

    assert result.returncode == 2, result.stdout
    assert "The values of secrets would be seen on this terminal." in result.stdout
    assert "of the file" not in result.stdout
