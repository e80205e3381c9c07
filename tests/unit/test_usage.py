"""What a container uses, from the counters of the kernel."""

import pytest

from shipper.hosts.usage import Sample, cpu_percent, samples_of

MIB = 1024**2


def a_sample(at: float, cpu_seconds: float) -> Sample:
    return Sample(at=at, cpu_seconds=cpu_seconds, memory=MIB, memory_limit=None)


@pytest.mark.parametrize(
    ("line", "memory", "limit"),
    [
        (f"7 1000000000 500000000 {5 * MIB} {2 * MIB} {64 * MIB}", 3 * MIB, 64 * MIB),
        (f"7 1000000000 500000000 {5 * MIB} {2 * MIB} max", 3 * MIB, None),
        (f"7 1000000000 500000000 {5 * MIB} {2 * MIB} 9223372036854771712", 3 * MIB, None),
        (f"7 1000000000 500000000 {5 * MIB} {6 * MIB} max", 5 * MIB, None),
    ],
    ids=["a limit", "no limit, cgroup v2", "no limit, cgroup v1", "more cache than memory, in a race"],
)
def test_memory_is_counted_without_the_page_cache(line: str, memory: int, limit: int | None) -> None:
    assert samples_of(line) == {7: Sample(at=1.0, cpu_seconds=0.5, memory=memory, memory_limit=limit)}


@pytest.mark.parametrize("line", ["", "7 1000000000   000   ", "7 1000000000%N 5 5 5 max", "sh: 1: nonsense"])
def test_what_is_not_told_whole_is_left_out(line: str) -> None:
    assert samples_of(f"{line}\n8 2000000000 5 5 1 max\n").keys() == {8}


@pytest.mark.parametrize(
    ("first", "second", "percent"),
    [
        (a_sample(10.0, 1.0), a_sample(10.5, 1.25), 50.0),
        (a_sample(10.0, 1.0), a_sample(10.5, 3.0), 400.0),
        (a_sample(10.0, 1.0), a_sample(10.5, 1.0), 0.0),
        (a_sample(10.0, 1.0), a_sample(10.0, 1.0), None),
        (a_sample(10.0, 1.0), a_sample(10.5, 0.1), None),
    ],
    ids=["half of one", "four of them", "idle", "no time between", "another container by now"],
)
def test_a_share_of_the_processor_takes_two_looks(first: Sample, second: Sample, percent: float | None) -> None:
    assert cpu_percent(first, second) == percent
