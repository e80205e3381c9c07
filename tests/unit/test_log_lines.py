"""Lines of logs: from Docker's frames to what is printed."""

import random
import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from shipper.errors import EngineError, UsageError
from shipper.hosts.docker_stream import Frames
from shipper.hosts.streams import entries, nanoseconds
from shipper.model.container import Container
from shipper.model.records import LogLine
from shipper.operations.host_logs import chosen
from shipper.operations.logs import merged, since_of
from shipper.reporters.log_lines import LogPrefixes, log_line_json
from tests.unit.nouns import BEGUN, A, B, a_container, a_stopped


def a_line(text: str, seconds: float = 0.0, *, host_name: str = A, container: Container | None = None) -> LogLine:
    at = BEGUN + timedelta(seconds=seconds)
    return LogLine(at=at, host_name=host_name, container=container or a_container(), is_error=False, text=text)


def a_run(run: str) -> Container:
    """Of a release command, or of a session."""
    return a_stopped(deploy="", run=run, name=f"shop-web-{run}")


# Frames


def framed(kind: int, data: bytes) -> bytes:
    return bytes((kind, 0, 0, 0)) + len(data).to_bytes(4, "big") + data


def test_frames_are_told_apart_however_they_are_cut_into_chunks() -> None:
    wanted = [(False, b"out"), (True, b"err"), (False, b""), (False, b"x" * 70_000), (True, b"\x01\x00\x00\x00end")]
    stream = b"".join(framed(2 if is_error else 1, data) for is_error, data in wanted)
    for seed in range(50):
        frames, chosen_sizes = Frames(), random.Random(seed)

        def chunks(sizes: random.Random = chosen_sizes) -> Iterator[bytes]:
            begin = 0
            while begin < len(stream):
                end = begin + sizes.choice((1, 2, 7, 9, 30_000))
                yield stream[begin:end]
                begin = end

        assert [frame for chunk in chunks() for frame in frames.take(chunk)] == wanted


def test_a_frame_is_given_no_sooner_than_it_is_whole() -> None:
    frames = Frames()

    assert list(frames.take(framed(1, b"line\n")[:-1])) == []
    assert list(frames.take(b"\n")) == [(False, b"line\n")]


class Pieces:
    """What comes over a connection."""

    def __init__(self, *pieces: bytes) -> None:
        self._pieces = list(pieces)

    async def read(self) -> bytes:
        return self._pieces.pop(0) if self._pieces else b""


TIME = b"2026-03-01T12:00:00.1Z "


async def test_a_long_line_is_put_together_though_a_piece_ends_within_a_character() -> None:
    first, second = "größer".encode()[:3], "größer".encode()[3:]
    pieces = framed(1, TIME + first) + framed(2, TIME + b"other\n") + framed(1, TIME + second + b"\r\n")

    found = [entry async for entry in entries(Pieces(pieces, framed(1, TIME + b"last")))]

    assert [(entry.is_error, entry.text) for entry in found] == [(True, "other"), (False, "größer"), (False, "last")]


async def test_what_docker_says_amid_the_lines_of_a_broken_log_is_an_error_after_them() -> None:
    complaint = b"Error grabbing logs: invalid character '\\x00' looking for beginning of value\n"
    found = entries(Pieces(framed(1, TIME + b"before\n"), framed(3, complaint)))

    assert (await anext(found)).text == "before"
    with pytest.raises(EngineError, match="Error grabbing logs: invalid character"):
        await anext(found)


# Times


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("1970-01-01T00:00:01.000000002Z", 1_000_000_002),
        ("1970-01-01T00:00:01Z", 1_000_000_000),
        ("1970-01-01T00:00:01.5Z", 1_500_000_000),
        ("1970-01-01T02:00:01.000000002+02:00", 1_000_000_002),
        ("2026-03-01T12:00:00.123456789Z", 1_772_366_400_123_456_789),
    ],
)
def test_times_of_docker_are_read_to_the_nanosecond(text: str, wanted: int) -> None:
    assert nanoseconds(text) == wanted


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("10m", BEGUN - timedelta(minutes=10)),
        ("1.5h", BEGUN - timedelta(hours=1.5)),
        ("2026-02-28T23:00Z", datetime(2026, 2, 28, 23, tzinfo=UTC)),
        ("2026-02-28 23:00:01+01:00", datetime(2026, 2, 28, 22, 0, 1, tzinfo=UTC)),
        ("2026-02-28", datetime(2026, 2, 28).astimezone(UTC)),
    ],
)
def test_since_is_a_duration_or_a_time(text: str, wanted: datetime) -> None:
    assert since_of(text, BEGUN) == wanted


@pytest.mark.parametrize("text", ["", "yesterday", "10", "-5m", "2026-13-01", "99999999999h"])
def test_since_may_be_nothing_else(text: str) -> None:
    with pytest.raises(UsageError, match=re.escape(f'--since: "{text}" is neither a duration')):
        since_of(text, BEGUN)


# Which lines


def test_lines_of_several_hosts_and_containers_are_merged_by_their_times() -> None:
    web, worker = [a_line("1", 1), a_line("3", 3), a_line("3 too", 3)], [a_line("2", 2), a_line("5", 5)]
    elsewhere = [a_line("0", 0, host_name=B), a_line("4", 4, host_name=B)]

    lines = merged([[web, worker], [elsewhere]])

    assert [line.text for line in lines] == ["0", "1", "2", "3", "3 too", "4", "5"]


def test_lines_of_one_container_stay_in_its_order_though_its_clock_was_set_back() -> None:
    assert [line.text for line in merged([[[a_line("first", 9), a_line("second", 1)]]])] == ["first", "second"]


def test_the_newest_container_of_each_role_is_shown_be_it_that_it_failed_and_what_serves_beside_it() -> None:
    serving, failed, ended = a_container(1, deploy="0bbb"), a_stopped(2, deploy="0ccc"), a_stopped(1, deploy="0aaa")
    worker = a_stopped(1, role="worker")

    found = chosen([ended, serving, failed, worker, a_run("release"), a_run("exec")], runs=False)

    assert found == [serving, failed, worker]


def test_release_commands_are_shown_where_a_release_is_asked_for_and_sessions_never() -> None:
    migration = a_run("release")

    assert chosen([migration, a_run("exec")], runs=True) == [migration]


# Prefixes


def prefixes(*roles: str, hosts: tuple[str, ...] = (A,), coloured: bool = False) -> LogPrefixes:
    return LogPrefixes(roles, hosts, coloured=coloured)


def test_a_line_says_no_more_than_tells_it_apart() -> None:
    line, worker = a_line("hello"), a_line("hello", container=a_container(role="worker"), host_name=B)

    assert prefixes("web")(line) == "web r1 | hello"
    assert prefixes("web", "worker")(line) == "web    r1 | hello"
    assert prefixes("web", "worker", hosts=(A, "host.b.example"))(worker) == "b.example      worker r1 | hello"
    assert prefixes("web")(a_line("hello", container=a_run("release"))) == "web r1 (release command) | hello"


def test_the_second_container_of_the_same_release_is_told_by_its_name() -> None:
    shown, again = prefixes("web"), a_container(1, deploy="0bbb")

    assert shown(a_line("hello")) == "web r1 | hello"
    assert shown(a_line("hello", container=again)) == "web r1 shop-web-r1-0bbb | hello"
    assert shown(a_line("hello")) == "web r1 | hello"


def test_each_role_has_a_colour_that_does_not_change() -> None:
    line, worker = a_line("hello"), a_line("hello", container=a_container(role="worker"))

    assert prefixes("web", "worker", coloured=True)(line) == "\x1b[36mweb    r1 | \x1b[0mhello"
    assert prefixes("web", "worker", coloured=True)(worker) == "\x1b[33mworker r1 | \x1b[0mhello"
    assert "\x1b" in prefixes("web", coloured=True)(worker)  # of a role that left the config


def test_a_line_as_json_has_all_of_it() -> None:
    assert log_line_json(a_line("hello")) == {
        "at": "2026-03-01T12:00:00.000+00:00",
        "host": A,
        "role": "web",
        "release": 1,
        "container": "shop-web-r1-0aaa",
        "stream": "stdout",
        "line": "hello",
    }
