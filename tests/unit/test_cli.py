"""The command line itself: help, bad arguments, first files. What commands do is tested against real servers."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

CONFIG = """
service: shop
image: shop
roles: {web: {hosts: ["${SHOP_HOST}"], env: {TOKEN: "${TOKEN}"}}}
secrets: {TOKEN: }
"""


def shipper(folder: Path, *arguments: str, **environ: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-m", "shipper", *arguments],
        cwd=folder,
        env={"PATH": os.environ["PATH"], "HOME": str(folder), **environ},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )


def test_help_lists_the_commands_and_succeeds(tmp_path: Path) -> None:
    result = shipper(tmp_path, "--help")

    assert result.returncode == 0
    first, *_ = result.stdout.partition("Change what serves:\n")[2].split("\n\n")
    assert re.findall(r"^  (\w+)", first, re.MULTILINE)[:3] == ["deploy", "rollback", "restart"]
    assert shipper(tmp_path, "deploy", "--help").returncode == 0


@pytest.mark.parametrize("arguments", [["deploy", "--nope"], ["nope"], ["rollback", "x"], ["deploy", "a", "b"], []])
def test_bad_arguments_are_exit_code_2_with_a_word_on_usage(tmp_path: Path, arguments: list[str]) -> None:
    result = shipper(tmp_path, *arguments)

    assert result.returncode == 2
    assert "Usage: " in result.stderr


def test_a_folder_without_config_is_told_of_init(tmp_path: Path) -> None:
    result = shipper(tmp_path, "status")

    assert result.returncode == 2
    assert "config/deploy.yaml: there is no such file" in result.stderr
    assert "next: `shipper init` writes a first one." in result.stderr


def test_a_destination_without_an_overlay_is_told_which_file_it_takes(tmp_path: Path) -> None:
    (tmp_path / "config").mkdir()
    (tmp_path / "config/deploy.yaml").write_text(CONFIG)

    result = shipper(tmp_path, "config", "-d", "staging")

    assert result.returncode == 2
    assert "config/deploy.staging.yaml: there is no such file" in result.stderr
    assert "next: -d takes the NAME of a deploy.NAME.yaml beside config/deploy.yaml." in result.stderr


def test_init_writes_a_config_that_is_valid_and_named_after_the_folder(tmp_path: Path) -> None:
    folder = tmp_path / "My Shop"
    folder.mkdir()

    result = shipper(folder, "init")

    assert result.returncode == 0, result.stderr
    assert "service: my-shop\n" in shipper(folder, "config").stdout
    assert (folder / ".gitignore").read_text() == "config/secrets*.env\nconfig/deploy_key*\n*.dump\n"


def test_init_leaves_the_rules_of_gitignore_whole(tmp_path: Path) -> None:
    (tmp_path / ".gitignore").write_text("config/secrets*.env\nnode_modules")

    shipper(tmp_path, "init")

    rules = (tmp_path / ".gitignore").read_text()
    assert rules == "config/secrets*.env\nnode_modules\nconfig/deploy_key*\n*.dump\n"


def test_init_overwrites_nothing(tmp_path: Path) -> None:
    (tmp_path / "config").mkdir()
    (tmp_path / "config/deploy.yaml").write_text("mine")

    result = shipper(tmp_path, "init")

    assert result.returncode == 2
    assert "config/deploy.yaml exists already" in result.stderr
    assert "next: shipper config shows what is in force" in result.stderr
    assert (tmp_path / "config/deploy.yaml").read_text() == "mine"


def test_config_prints_what_is_in_force_without_secrets(tmp_path: Path) -> None:
    (tmp_path / "config").mkdir()
    (tmp_path / "config/deploy.yaml").write_text(CONFIG)

    result = shipper(tmp_path, "config", SHOP_HOST="shop.example.org", TOKEN="hush-hush")

    assert "- shop.example.org" in result.stdout
    assert "stop_timeout: 30s" in result.stdout
    assert "TOKEN: •••" in result.stdout
    assert "hush" not in result.stdout


@pytest.mark.parametrize(
    ("arguments", "what", "next"),
    [
        (["setup"], "config/deploy.yaml: there is no such file in {folder}.", "`shipper init` writes a first one."),
        (["status", "-c", "/etc/x.yaml"], "/etc/x.yaml: there is no such file.", "-c takes the path of a config"),
        (["status", "-c", "x.yaml"], "x.yaml: there is no such file in {folder}.", "-c takes the path of a config"),
        (["config", "-d", "../x"], "'../x' is not the name of a destination.", "Use a-z, digits and -"),
    ],
)
def test_a_config_that_is_not_there_is_told_with_its_place_and_what_to_do(
    tmp_path: Path, arguments: list[str], what: str, next: str
) -> None:
    result = shipper(tmp_path, *arguments)

    assert result.returncode == 2
    assert f"error: {what.format(folder=tmp_path)}\nNothing was done.\nnext: {next}" in result.stderr


def test_in_a_folder_of_a_project_the_way_to_its_config_is_told(tmp_path: Path) -> None:
    (tmp_path / "config").mkdir()
    (tmp_path / "config/deploy.yaml").write_text(CONFIG)
    (tmp_path / "app").mkdir()

    assert f"next: It is in {tmp_path}: go there.\n" in shipper(tmp_path / "app", "status").stderr


def test_a_destination_must_be_a_plain_name(tmp_path: Path) -> None:
    result = shipper(tmp_path, "config", "-d", "../x")

    assert result.returncode == 2
    assert "is not the name of a destination" in result.stderr


def test_deploy_without_git_says_what_is_missing(tmp_path: Path) -> None:
    (tmp_path / "config").mkdir()
    (tmp_path / "config/deploy.yaml").write_text(CONFIG)

    result = shipper(tmp_path, "deploy", SHOP_HOST="shop.example.org", TOKEN="hush-hush")

    assert result.returncode == 4
    assert "no Git repository" in result.stderr


def test_only_what_names_a_release_needs_a_commit(tmp_path: Path) -> None:
    (tmp_path / "config").mkdir()
    (tmp_path / "config/deploy.yaml").write_text(CONFIG)
    subprocess.run(["git", "init", "--quiet"], cwd=tmp_path, check=True)
    environ = {"SHOP_HOST": "shop.example.org", "TOKEN": "hush-hush"}

    looked = shipper(tmp_path, "config", "-q", **environ)
    deployed = shipper(tmp_path, "deploy", **environ)

    assert (looked.returncode, deployed.returncode) == (0, 4), looked.stderr
    assert deployed.stderr == (
        "error: This Git repository has no commit yet, and a release is named after its commit.\n"
        "Nothing was done.\n"
        "next: Commit first: git add --all && git commit\n"
    )


def test_without_git_on_this_machine_that_is_what_is_said(tmp_path: Path) -> None:
    (tmp_path / "config").mkdir()
    (tmp_path / "config/deploy.yaml").write_text(CONFIG)
    subprocess.run(["git", "init", "--quiet"], cwd=tmp_path, check=True)

    result = shipper(tmp_path, "deploy", PATH="/nowhere", SHOP_HOST="shop.example.org", TOKEN="hush-hush")

    assert result.returncode == 4
    assert result.stderr.startswith("error: There is no git on this machine, so no commit names the release.\n")


@pytest.mark.parametrize("arguments", [["--help"], ["config", "--schema"]])
def test_a_reader_who_has_enough_ends_it_as_any_program_in_a_pipe(tmp_path: Path, arguments: list[str]) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    with os.fdopen(writing, "wb") as closed:
        result = subprocess.run(
            [sys.executable, "-m", "shipper", *arguments],
            cwd=tmp_path,
            stdout=closed,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )

    assert (result.returncode, result.stderr) == (141, "")


@pytest.mark.parametrize("bot", ["opsbot", "voicebot"])
def test_a_bot_without_what_it_stands_on_says_how_to_install_it(bot: str) -> None:
    plain = "import runpy, sys; sys.modules['structlog'] = None; runpy.run_module(sys.argv[1], run_name='__main__')"

    result = subprocess.run([sys.executable, "-c", plain, bot], capture_output=True, text=True, check=False)

    assert result.returncode == 1
    assert result.stderr == (
        f"{bot}: there is no structlog here, on which the bot stands. Install it: pip install '.[{bot}]'\n"
    )


def test_an_error_is_a_json_event_too_where_json_is_asked_for(tmp_path: Path) -> None:
    (tmp_path / "config").mkdir()
    (tmp_path / "config/deploy.yaml").write_text(CONFIG)

    result = shipper(tmp_path, "deploy", "v1", "--json", SHOP_HOST="shop.example.org")

    event = json.loads(result.stdout)
    assert (event["event"], event["exit_code"]) == ("error", result.returncode)


def test_in_a_run_of_github_an_error_is_an_annotation(tmp_path: Path) -> None:
    (tmp_path / "config").mkdir()
    (tmp_path / "config/deploy.yaml").write_text("service: shop\nimage: [a]\nroles: {web: {hosts: [a.example]}}\n")

    result = shipper(tmp_path, "status", GITHUB_ACTIONS="true", GITHUB_WORKSPACE=str(tmp_path.parent))

    assert result.returncode == 2
    assert result.stderr.startswith(
        f"::error title=shipper,file={tmp_path.name}/config/deploy.yaml,line=2::config/deploy.yaml:2: image: "
    )


def test_from_ci_outside_of_ci_is_a_bad_argument(tmp_path: Path) -> None:
    result = shipper(tmp_path, "deploy", "--from-ci")

    assert result.returncode == 2
    assert "error: This is no run of GitHub Actions or GitLab CI" in result.stderr


def test_the_schema_in_the_repository_is_that_of_the_code(tmp_path: Path) -> None:
    committed = Path(__file__).parents[2] / "config/deploy.schema.json"

    assert json.loads(committed.read_text()) == json.loads(shipper(tmp_path, "config", "--schema").stdout)


@pytest.mark.parametrize("destination", [[], ["-d", "staging"]])
def test_the_manual_is_a_config_that_loads(destination: list[str]) -> None:
    repository = Path(__file__).parents[2]

    result = shipper(repository, "config", *destination)

    assert result.returncode == 0, result.stderr
    assert "service: voicebot" in result.stdout


def test_what_a_locale_cannot_write_is_written_in_another_way(tmp_path: Path) -> None:
    (tmp_path / "config").mkdir()
    (tmp_path / "config/deploy.yaml").write_text(CONFIG)

    result = shipper(tmp_path, "config", SHOP_HOST="a.example", TOKEN="hush-hush", PYTHONIOENCODING="latin-1")

    assert result.returncode == 0, result.stderr
    assert r"TOKEN: \u2022\u2022\u2022" in result.stdout


@pytest.mark.parametrize("closed", ["<&-", ">&-"])
def test_a_stream_that_is_closed_is_no_bug(tmp_path: Path, closed: str) -> None:
    (tmp_path / "config").mkdir()
    (tmp_path / "config/deploy.yaml").write_text(CONFIG)
    command = ["/bin/sh", "-c", f'exec "$@" {closed}', "sh", sys.executable, "-m", "shipper", "stop"]

    result = subprocess.run(
        command,
        cwd=tmp_path,
        env={"PATH": os.environ["PATH"], "SHOP_HOST": "a.example", "TOKEN": "hush-hush"},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )

    assert (result.returncode, "there is no terminal to ask on" in result.stderr) == (2, True)
