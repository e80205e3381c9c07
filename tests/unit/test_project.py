"""A project at another version, with the files of its image."""

from dataclasses import replace
from pathlib import Path

import pytest

from shipper import ConfigError, Project, UsageError, open_project
from shipper.project.opening import at_destination, with_files_of
from tests.unit.nouns import SECOND

CONFIG = """\
service: shop
image: shop
ssh: {user: deploy}
roles:
  web: {hosts: [a.example]}
"""
NEWER = b"""\
service: shop
image: shop
roles:
  web: {hosts: [b.example], files: {/etc/motd: {source: ./extra/motd}}}
"""
PLACE = "image shop:2222222"


@pytest.fixture
def base(tmp_path: Path) -> Project:
    (tmp_path / "config").mkdir()
    (tmp_path / "config/deploy.yaml").write_text(CONFIG)
    (tmp_path / "config/env.j2").write_text("COLOUR=green")
    return open_project(tmp_path, environ={})


def test_a_project_at_another_version_has_its_config_and_files_and_how_servers_are_reached_now(base: Project) -> None:
    made = with_files_of(base, SECOND, {"config/deploy.yaml": NEWER, "extra/motd": b"two"}, PLACE)

    assert (made.version, made.image, made.revision.commit) == (SECOND, f"shop:{SECOND}", SECOND)
    assert made.hosts == ("b.example",)
    assert made.config.ssh.user == "deploy"
    assert made.paths == ("config/env.j2", "extra/motd")
    assert [made.read(path) for path in ("./extra/motd", "config/env.j2")] == ["two", None]


STAGING = "promote_from:\nroles: {web: {hosts: [staging.example]}}\n"


def promoted(root: Path, overlay: str = STAGING) -> Project:
    (root / "config/deploy.yaml").write_text(CONFIG + "promote_from: {destination: staging}\n")
    (root / "config/deploy.staging.yaml").write_text(overlay)
    return open_project(root, environ={}, hosts=["a.example"])


def test_the_same_version_at_another_destination_is_all_of_it_there(base: Project) -> None:
    there = at_destination(promoted(base.root), "staging")

    assert (there.full_name, there.hosts, there.version) == ("shop-staging", ("staging.example",), base.version)
    assert there.config.promote_from is None


def test_from_an_image_it_is_as_the_image_has_it_and_reached_as_it_is_now(base: Project) -> None:
    now = promoted(base.root, STAGING + "ssh: {port: 2222}\n")
    files = {"config/deploy.yaml": NEWER, "config/deploy.staging.yaml": b"roles: {web: {hosts: [c.example]}}"}

    there = at_destination(with_files_of(replace(now, host_names=()), SECOND, files, PLACE), "staging")

    assert (there.full_name, there.hosts, there.image) == ("shop-staging", ("c.example",), f"shop:{SECOND}")
    assert (there.config.ssh.user, there.config.ssh.port) == ("deploy", 2222)


def test_nothing_is_promoted_from_itself(base: Project) -> None:
    promoted(base.root, "roles: {web: {hosts: [staging.example]}}")

    with pytest.raises(ConfigError) as caught:
        open_project(base.root, environ={}, destination="staging")

    assert str(caught.value) == (
        "config/deploy.staging.yaml: promote_from.destination: staging cannot be promoted from itself.\n"
        "Nothing was done.\n"
        "Take it away there: a line `promote_from:` with nothing behind it."
    )


def test_a_mistake_in_it_names_image_file_and_line(base: Project) -> None:
    with pytest.raises(ConfigError, match=f"^{PLACE}: config/deploy.yaml:5: colour: is not a key here"):
        with_files_of(base, SECOND, {"config/deploy.yaml": NEWER + b"colour: green\n"}, PLACE)


@pytest.mark.parametrize(
    ("files", "complaint"),
    [
        ({}, f"{PLACE}: there is no config/deploy.yaml in its working folder"),
        ({"config/deploy.yaml": b"\xff"}, "config/deploy.yaml cannot be read"),
    ],
)
def test_a_config_that_is_not_there_or_no_text_is_told(base: Project, files: dict[str, bytes], complaint: str) -> None:
    with pytest.raises(ConfigError, match=complaint):
        with_files_of(base, SECOND, files, PLACE)


def test_a_host_that_is_meant_must_be_in_it(base: Project) -> None:
    only_a = open_project(base.root, environ={}, hosts=["a.example"])
    with pytest.raises(UsageError, match="There is no host"):
        with_files_of(only_a, SECOND, {"config/deploy.yaml": NEWER}, PLACE)


def test_a_folder_without_git_lacks_the_files_of_a_version_that_was_named(base: Project) -> None:
    named = open_project(base.root, environ={}, revision=SECOND)
    made = with_files_of(base, SECOND, {"config/deploy.yaml": NEWER}, PLACE)
    assert [project.lacks_its_files for project in (base, named, made)] == [False, True, False]
