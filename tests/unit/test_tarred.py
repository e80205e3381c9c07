"""Archives as Docker gives them."""

import io
import tarfile

import pytest

from shipper.errors import ConfigError, EngineError
from shipper.model.secret import Secret
from shipper.model.specification import FileInContainer
from shipper.tarred import tarred, untarred


def archive(*names: str) -> bytes:
    return tarred(
        [FileInContainer(path=name, content=Secret("text"), mode=0o444, user_id=0, group_id=0) for name in names]
    )


def test_files_are_told_by_their_paths() -> None:
    packed = archive("config/deploy.yaml", "config/more/env.j2")
    assert untarred([packed[:700], packed[700:]], "app", "it") == {
        "app/config/deploy.yaml": b"text",
        "app/config/more/env.j2": b"text",
    }


def test_a_link_is_where_it_leads_and_what_is_neither_file_nor_link_is_left_out() -> None:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        for name, kind in (
            ("config", tarfile.DIRTYPE),
            ("config/link", tarfile.SYMTYPE),
            ("config/pipe", tarfile.FIFOTYPE),
        ):
            member = tarfile.TarInfo(name)
            member.type, member.linkname = kind, "../../etc/passwd" * (kind == tarfile.SYMTYPE)
            tar.addfile(member)
    assert untarred([buffer.getvalue()], "", "it") == {"config/link": b"../../etc/passwd"}


def test_no_more_is_read_than_may_be_there() -> None:
    chunks = iter([bytes(3_000_000)] * 9)
    with pytest.raises(ConfigError, match=r"config in shop:1 takes more than 4\.0 MB"):
        untarred(chunks, "", "config in shop:1")
    assert len(list(chunks)) == 7


@pytest.mark.parametrize("chunks", [[], [b"no archive at all" * 99], [archive("config/deploy.yaml")[:520]]])
def test_what_broke_off_is_told(chunks: list[bytes]) -> None:
    with pytest.raises(EngineError, match="Docker did not give all of config"):
        untarred(chunks, "", "config")
