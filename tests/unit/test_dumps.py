"""The file of a backup: whole or not there, also on a disk that knows no links; and what a restore takes for one."""

import errno
import os
from pathlib import Path

import pytest

from shipper.accessories.dumps import appearing, restore
from shipper.errors import UsageError
from shipper.project.opening import open_project

CONFIG = """
service: shop
image: shop
roles: {web: {hosts: [a.example]}}
accessories: {database: {image: "postgres:17", restore: psql}}
"""


@pytest.fixture
def no_links(monkeypatch: pytest.MonkeyPatch) -> None:
    """As on a disk with FAT."""

    def link(*_: object, **__: object) -> None:
        raise PermissionError(errno.EPERM, os.strerror(errno.EPERM))

    monkeypatch.setattr(os, "link", link)


@pytest.mark.usefixtures("no_links")
def test_a_backup_is_kept_on_a_disk_that_knows_no_links(tmp_path: Path) -> None:
    with appearing(tmp_path / "monday.dump") as stream:
        stream.write(b"all of it")
    assert [(file.name, file.read_bytes()) for file in tmp_path.iterdir()] == [("monday.dump", b"all of it")]


@pytest.mark.usefixtures("no_links")
def test_a_backup_overwrites_nothing_on_a_disk_that_knows_no_links(tmp_path: Path) -> None:
    file = tmp_path / "monday.dump"
    with pytest.raises(UsageError), appearing(file):
        file.write_bytes(b"earlier")
    assert [(there.name, there.read_bytes()) for there in tmp_path.iterdir()] == [("monday.dump", b"earlier")]


async def test_a_pipe_is_not_restored_from_since_its_end_tells_nothing(tmp_path: Path) -> None:
    (tmp_path / "deploy.yaml").write_text(CONFIG)
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)

    with pytest.raises(UsageError, match="pipe is no file") as raised:
        await restore(open_project(tmp_path, config_file="deploy.yaml", environ={}), "database", pipe)

    assert raised.value.now == "Nothing was done."
