"""What `shipper setup` makes on this machine: the deploy key, and values in the file of secrets."""

import asyncio
import subprocess
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from shipper import Project, build, deploy, open_project, plan_deploy, push
from shipper.doctor.look_here import look_here
from shipper.env import secrets_file
from shipper.env.mask import Mask
from shipper.errors import ConfigError, SecretError
from shipper.hosts import deploy_key
from shipper.setup.here import HerePlan, do_here, plan_here

CONFIG = """
service: shop
image: shop:1
roles: {web: {hosts: ["deploy@${VPS_HOST:-203.0.113.7}"]}}
ssh: {key: config/deploy_key, key_env: VPS_SSH_KEY}
secrets:
  TOKEN:
  PASSWORD: {generate: true}
  OTHER_PASSWORD: {env: OF_OTHER, generate: true, optional: true}
  KNOWN_PASSWORD: {generate: true}
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "config").mkdir()
    (tmp_path / "config/deploy.yaml").write_text(CONFIG)
    (tmp_path / ".gitignore").write_text("config/deploy_key*\nconfig/secrets*.env\n")
    for arguments in (
        ("init", "--quiet"),
        ("add", "."),
        ("-c", "user.name=A", "-c", "user.email=a@b", "commit", "-qm1"),
    ):
        subprocess.run(["git", *arguments], cwd=tmp_path, check=True)
    return tmp_path


def project(folder: Path, **environ: str) -> Project:
    return open_project(folder, environ=environ)


def test_a_key_is_made_once_and_for_its_owner_alone(folder: Path) -> None:
    made = deploy_key.make(project(folder))

    file = folder / "config/deploy_key"
    shown = subprocess.run(["ssh-keygen", "-y", "-f", file], capture_output=True, text=True, check=True)
    assert " ".join(shown.stdout.split()[:2]) == made
    assert made.startswith("ssh-ed25519 ")
    assert file.stat().st_mode & 0o777 == 0o600
    assert deploy_key.make(project(folder)) == made
    assert [path.name for path in file.parent.iterdir() if "key" in path.name] == ["deploy_key"]


def test_the_variable_counts_where_it_is_set(folder: Path) -> None:
    assert deploy_key.public_half(project(folder)) == ""
    made = deploy_key.make(project(folder))
    text = (folder / "config/deploy_key").read_text()
    (folder / "config/deploy_key").unlink()

    assert deploy_key.public_half(project(folder, VPS_SSH_KEY=text)) == made


def test_a_key_that_git_would_take_is_refused(folder: Path) -> None:
    (folder / ".gitignore").write_text("")

    with pytest.raises(SecretError, match="config/deploy_key is not ignored by Git"):
        deploy_key.make(project(folder))
    assert not (folder / "config/deploy_key").exists()


def test_a_file_that_is_no_key_is_told_and_left(folder: Path) -> None:
    (folder / "config/deploy_key").write_text("secret, but no key")

    with pytest.raises(ConfigError, match=r"config/deploy_key holds no private key without a passphrase\.") as raised:
        deploy_key.make(project(folder))
    assert "secret, but" not in str(raised.value)


def test_a_config_that_names_no_key_is_told_what_to_write(folder: Path) -> None:
    (folder / "config/deploy.yaml").write_text(CONFIG.replace("key: config/deploy_key, ", ""))

    with pytest.raises(ConfigError) as raised:
        deploy_key.make(project(folder))
    assert "ssh: { key: config/deploy_key }" in raised.value.next


async def test_what_nobody_has_to_choose_is_written_once(folder: Path) -> None:
    opened = project(folder, KNOWN_PASSWORD="set by hand")

    steps = (await plan_here(opened, {"VPS_HOST": "203.0.113.9"}, {})).steps
    for step in steps:
        do_here(opened, step)

    assert [f"{step.name}: {step.detail}" for step in steps] == [
        "deploy key: config/deploy_key",
        "address: VPS_HOST=203.0.113.9 into config/secrets.env",
        "password: a random PASSWORD into config/secrets.env",
        "password: a random OF_OTHER into config/secrets.env",
    ]
    written = secrets_file.read(folder, "config/secrets.env")
    assert written.keys() == {"VPS_HOST", "PASSWORD", "OF_OTHER"}
    assert written["VPS_HOST"] == "203.0.113.9"
    assert {len(written["PASSWORD"]), len(written["OF_OTHER"])} == {32}
    assert written["PASSWORD"] != written["OF_OTHER"]
    again = await plan_here(project(folder, KNOWN_PASSWORD="set by hand"), {}, {"PASSWORD": "db has one"})
    assert again == HerePlan(steps=(), notes=())


async def test_what_a_server_was_set_up_with_is_not_made_up_anew(folder: Path) -> None:
    made = await plan_here(
        project(folder), {}, {"PASSWORD": "db on a.example was made with one", "OTHER_PASSWORD": "so was web"}
    )

    assert [step.name for step in made.steps if step.name == "password"] == ["password"]
    assert made.notes == (
        "no PASSWORD is made up: db on a.example was made with one. It belongs into config/secrets.env",
        "no OF_OTHER is made up: so was web. It belongs into config/secrets.env",
    )


async def test_the_address_of_staging_stands_where_production_finds_it_too(folder: Path) -> None:
    overlay = 'secrets_file: config/secrets.staging.env\nroles: {web: {hosts: ["deploy@${STAGING_HOST}"]}}\n'
    (folder / "config/deploy.staging.yaml").write_text(overlay)
    opened = open_project(folder, destination="staging", environ={"STAGING_HOST": "203.0.113.8"})

    steps = (await plan_here(opened, {"STAGING_HOST": "203.0.113.8"}, {})).steps

    assert [step.detail for step in steps if step.name == "address"] == [
        "STAGING_HOST=203.0.113.8 into config/secrets.env"
    ]
    assert "a random PASSWORD into config/secrets.staging.env" in [step.detail for step in steps]


@pytest.mark.parametrize("act", [deploy, plan_deploy, push, build])
async def test_a_key_that_git_tracks_is_refused_before_anything_goes_to_a_server(
    folder: Path, act: Callable[[Project], Awaitable[object]]
) -> None:
    deploy_key.make(project(folder))
    await asyncio.to_thread(subprocess.run, ["git", "add", "--force", "config/deploy_key"], cwd=folder, check=True)

    with pytest.raises(SecretError) as raised:
        await act(project(folder, VPS_SSH_KEY="another one, as in CI"))

    assert raised.value.what.startswith("config/deploy_key is tracked by Git, so its secrets are in the history")
    assert "git rm --cached config/deploy_key" in raised.value.next
    seen = await look_here(project(folder), Mask())
    assert seen.failures["ssh key"].what == raised.value.what


@pytest.mark.parametrize("place", ["inside", "outside"])
async def test_a_key_that_git_would_add_is_refused_and_one_elsewhere_is_none_of_its_business(
    folder: Path, tmp_path_factory: pytest.TempPathFactory, place: str
) -> None:
    elsewhere = tmp_path_factory.mktemp("home") / "key"
    key = "config/own_key" if place == "inside" else str(elsewhere)
    (folder / "config/deploy.yaml").write_text(CONFIG.replace("config/deploy_key", key))
    (folder / key).write_text("a key\n")

    failures = (await look_here(project(folder), Mask())).failures

    told = {name: error.what for name, error in failures.items()}
    assert ("ssh key" in told) == (place == "inside"), told
    assert place == "outside" or "config/own_key is not ignored by Git" in told["ssh key"]
