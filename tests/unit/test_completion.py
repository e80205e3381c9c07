"""Words that a shell completes, asked as bash asks."""

import functools
import os
import subprocess
import sys
from pathlib import Path

import pytest

CONFIG = """
service: shop
nonsense: true
roles:
  web: {hosts: ["deploy@198.51.100.7:2222", "${NOT_SET}"]}
  worker: {hosts: ["deploy@[2001:db8::7]", shop.example.org], env: {TOKEN: "${NOT_SET_EITHER}"}}
"""
BASH = """
source "$1"; shift
COMP_WORDS=("$@")
COMP_CWORD=$(($# - 1))
_shipper_completion shipper
printf '%s\\n' "${COMPREPLY[@]}"
"""


PATH = f"{Path(sys.executable).parent}:{os.environ['PATH']}"


@functools.cache
def script() -> str:
    """What bash sources: the same for all."""
    return subprocess.check_output(["shipper", "completion", "bash"], env={"PATH": PATH}, text=True)


def completed(folder: Path, *words: str) -> tuple[list[str], str]:
    """What bash offers for the last word, and what it prints beside it."""
    (folder / ".completion.bash").write_text(script())
    done = subprocess.run(
        ["bash", "--norc", "-c", BASH, "bash", ".completion.bash", "shipper", *words],
        cwd=folder,
        env={"PATH": PATH, "HOME": str(folder)},
        capture_output=True,
        text=True,
        check=False,
    )
    return done.stdout.split(), done.stderr


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "config").mkdir()
    (tmp_path / "config/deploy.yaml").write_text(CONFIG)
    (tmp_path / "config/deploy.staging.yaml").write_text("roles: {extra: {hosts: [staging.example.org]}}")
    (tmp_path / "config/deploy.schema.json").write_text("{}")
    return tmp_path


@pytest.mark.parametrize(
    ("words", "offered"),
    [
        (["stat"], ["status"]),
        (["status", "--rol"], ["--role"]),
        (["status", "--role", ""], ["web", "worker"]),
        (["plan", "--role", "web", "--role", "wo"], ["worker"]),
        (["deploy", "--host", ""], ["198.51.100.7", "2001:db8::7", "shop.example.org"]),
        (["deploy", "-d", ""], ["staging"]),
        (["deploy", "-d", "staging", "--role", "e"], ["extra"]),
        (["deploy", "-c", "config/absent.yaml", "--role", ""], []),
        (["completion", "f"], ["fish"]),
    ],
    ids=" ".join,
)
def test_bash_completes_what_the_config_has_whatever_is_wrong_with_it(
    folder: Path, words: list[str], offered: list[str]
) -> None:
    assert completed(folder, *words) == (offered, "")


@pytest.mark.parametrize("text", [None, "- not: [a mapping", "roles: [web]", "roles: {web: , worker: {hosts: none}}"])
def test_without_a_config_that_can_be_read_nothing_is_said(tmp_path: Path, text: str | None) -> None:
    if text:
        (tmp_path / "config").mkdir()
        (tmp_path / "config/deploy.yaml").write_text(text)

    assert completed(tmp_path, "status", "--host", "") == ([], "")
    assert completed(tmp_path, "status", "--role", "x") == ([], "")


@pytest.mark.parametrize("shell", ["zsh", "fish"])
def test_other_shells_get_a_script_that_asks_shipper(tmp_path: Path, shell: str) -> None:
    program = [sys.executable, "-m", "shipper", "completion", shell]
    done = subprocess.run(program, cwd=tmp_path, capture_output=True, text=True, check=True)

    assert f"_SHIPPER_COMPLETE={shell}_complete" in done.stdout
