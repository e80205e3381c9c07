"""PURE: what a container uses of its server, from the kernel's own counters.

Docker's `stats` are the same counters, but Docker 20.10 looks at them once a second, and a share of the processor takes
two looks. Anybody may read them. https://docs.kernel.org/admin-guide/cgroup-v2.html
"""

from dataclasses import dataclass

SAMPLE = """
cd /sys/fs/cgroup || exit 0
number_of() { while read -r name value; do [ "$name" != "$1" ] || echo "$value"; done <"$2"; }
for pid; do
  cpu='' memory='' unified=''
  while IFS=: read -r _ controllers path; do
    case ",$controllers," in
      *,cpuacct,*) cpu=cpuacct$path ;;
      *,memory,*) memory=memory$path ;;
      ,,) unified=.$path ;;
    esac
  done 2>/dev/null <"/proc/$pid/cgroup" || continue
  if [ -n "$memory" ]; then
    echo "$pid" "$(date +%s%N)" "$(cat "$cpu/cpuacct.usage")" "$(cat "$memory/memory.usage_in_bytes")" \
      "$(number_of total_inactive_file "$memory/memory.stat")" "$(cat "$memory/memory.limit_in_bytes")"
  else
    echo "$pid" "$(date +%s%N)" "$(number_of usage_usec "$unified/cpu.stat")000" "$(cat "$unified/memory.current")" \
      "$(number_of inactive_file "$unified/memory.stat")" "$(cat "$unified/memory.max")"
  fi
done 2>/dev/null; :
"""
"""Of /bin/sh, for the first processes of containers: one line each, as `samples_of` reads it."""

_NO_LIMIT = 2**60  # bytes; cgroup v1 writes the largest number of pages that there is, v2 the word max


@dataclass(frozen=True, kw_only=True)
class Sample:
    """What the counters of a container say at one moment."""

    at: float
    """Seconds of the server's clock."""
    cpu_seconds: float
    """Used since it started, on all processors together."""
    memory: int
    """Bytes, without the page cache, which the kernel gives back when it must: as `docker stats` counts it.

    https://docs.docker.com/reference/cli/docker/container/stats/#description
    """
    memory_limit: int | None
    """Bytes."""


def samples_of(text: str) -> dict[int, Sample]:
    """From lines of process, nanoseconds, nanoseconds of processor, bytes, bytes of cache, limit; by the process.

    Without those that the server does not tell whole: a container that has just ended, say.
    """
    found = {}
    for line in text.splitlines():
        *numbers, limit = line.split() or [""]
        if len(numbers) == 5 and all(number.isdigit() for number in numbers):
            process_id, at, cpu, used, cache = map(int, numbers)
            found[process_id] = Sample(
                at=at / 1e9,
                cpu_seconds=cpu / 1e9,
                memory=used - cache if cache < used else used,
                memory_limit=int(limit) if limit.isdigit() and int(limit) < _NO_LIMIT else None,
            )
    return found


def cpu_percent(first: Sample, second: Sample) -> float | None:
    """Of one processor, so that four busy ones are 400; None where no time has passed, or the counters began anew."""
    passed, used = second.at - first.at, second.cpu_seconds - first.cpu_seconds
    return round(100 * used / passed, 1) if passed > 0 and used >= 0 else None
