"""What events and outcomes are called in plain English. PURE."""

from collections.abc import Iterator
from datetime import datetime, timedelta

from shipper.events import AccessoriesEnded, Pushed, StepProgressed
from shipper.model.image import short_image
from shipper.model.observed import Serving
from shipper.model.outcome import AccessoryEnd, Deployed, Failed, Outcome, Restarted, Started, Stopped, Unchanged
from shipper.model.release import Release, short
from shipper.model.words import size_text
from shipper.planning.facts import Facts


def outcome_lines(service: str, outcome: Outcome) -> Iterator[str]:
    match outcome:
        case Deployed(release=release, seconds=seconds):
            yield f"{service}: release {release.number} of {release.short_version} serves, after {seconds:.1f} s."
        case Unchanged(release=release):
            yield f"{service}: release {release.number} of {release.short_version} serves already; nothing was done."
        case Restarted(role_names=names, releases=releases, seconds=seconds):
            yield f"{service}: {_listed(names)} restarted: {_serving(releases)}, after {seconds:.1f} s."
        case Started(role_names=names, releases=releases, seconds=seconds):
            yield f"{service}: {_listed(names)} started: {_serving(releases)}, after {seconds:.1f} s."
        case Stopped(role_names=(), seconds=_):
            yield f"{service}: nothing runs that could be stopped; nothing was done."
        case Stopped(role_names=names, seconds=seconds):
            yield f"{service}: {_listed(names)} stopped, after {seconds:.1f} s. `shipper start` starts it again."
        case Failed():
            yield f"{service}: {'interrupted' if outcome.interrupted else 'failed'} at {outcome.step}."
            if not outcome.interrupted:
                yield f"Reason: {outcome.reason}"
            if outcome.logs:
                yield "Its last lines:"
                yield from (f"  | {line}" for line in outcome.logs)
            yield restored_line(outcome)
            yield from (f"  {line}" for line in map(serving_line, outcome.serving))
            yield f"Next: {outcome.next}"


def _listed(names: tuple[str, ...]) -> str:
    *others, last = names
    return f"{', '.join(others)} and {last}" if others else last


def _serving(releases: tuple[Release, ...]) -> str:
    named = _listed(tuple(f"release {release.number} of {release.short_version}" for release in releases))
    return f"{named} serve{'s' * (len(releases) == 1)}"


def restored_line(outcome: Failed) -> str:
    if outcome.restored is None:
        return "What serves now is not known."
    if not outcome.restored:
        return "WHAT SERVED BEFORE DOES NOT SERVE NOW!"
    serves = any(row.container for row in outcome.serving)
    return "What served before serves now." if serves else "Nothing served before, and nothing does now."


def work_text(facts: Facts) -> str:
    """As in "deploy of 2222222" and "rollback to 1111111"."""
    return f"{facts.command} {'to' if facts.command == 'rollback' else 'of'} {short(facts.version)}"


def pushed_line(event: Pushed) -> str:
    there, image_name = ", ".join(event.places), short_image(event.image_name)
    if not event.reached:
        return f"{image_name} is there already: {there}; nothing was done. Its digest: {event.digest}"
    return f"{image_name} is there: {there}. Its digest: {event.digest}"


def accessories_lines(event: AccessoriesEnded) -> Iterator[str]:
    failed = [end for end in event.ends if end.exit_code]
    names = tuple(dict.fromkeys(end.name for end in failed or event.ends))
    listed, is_one = _listed(names), len(names) == 1
    if failed:
        yield f"{event.service}: {event.command} of {listed} failed, after {event.seconds:.1f} s."
    elif all(end.verb == "unchanged" for end in event.ends):
        yield f"{event.service}: {listed} run{'s' * is_one} as the config says; nothing was done."
    else:
        yield f"{event.service}: {listed} {'is' if is_one else 'are'} well, after {event.seconds:.1f} s."
    for end in event.ends:
        verb = "left as it was" if end.verb == "left" else end.verb
        yield f"  {end.name} on {end.host_name}: {verb}{':' if end.exit_code else ', because'} {end.because}"
    for end in failed:
        yield from _failure(end)


def _failure(end: AccessoryEnd) -> Iterator[str]:
    if end.logs:
        yield f"The last lines of {end.name}:"
        yield from (f"  | {line}" for line in end.logs)
    match end.runs:
        case None:
            yield f"Whether {end.name} runs on {end.host_name} is not known."
        case True:
            yield f"The container of {end.name} that was there runs on {end.host_name}."
        case False:
            yield f"Nothing of {end.name} runs on {end.host_name}."
    yield f"Next: {end.next}"


def bytes_text(event: StepProgressed) -> str:
    """For progress that is counted in bytes."""
    way = {"pull": "pulled", "backup": "received"}.get(event.step, "sent")
    return f"{size_text(event.done)} {way} {event.detail}".rstrip()


def serving_line(row: Serving) -> str:
    container = row.container
    if not container:
        return f"{row.role_name} on {row.host_name}: {'stopped' if row.stopped else 'nothing serves'}"
    return f"{row.role_name} on {row.host_name}: release {container.release_number} of {container.short_version}"


def ago(moment: datetime | None, now: datetime) -> str:
    """As in "2 h ago"."""
    return "never" if moment is None else f"{span(now - moment)} ago"


def span(passed: timedelta) -> str:
    """As in "2 h"."""
    for unit, length in (("d", timedelta(days=1)), ("h", timedelta(hours=1)), ("min", timedelta(minutes=1))):
        if passed >= length:
            return f"{passed // length} {unit}"
    return f"{max(int(passed.total_seconds()), 0)} s"
