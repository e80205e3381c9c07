"""Which versions there are, and which one is meant."""

from datetime import timedelta

import pytest

from shipper.errors import UsageError
from shipper.model.image import ListedImage, Provenance
from shipper.model.observed import Observed
from shipper.planning.versions import LATEST, told_of, unknown, version_meant, versions_of
from tests.unit.nouns import BEGUN, FIRST, SECOND, THIRD, A, B, a_container, a_host, a_release, by_name

LATER = BEGUN + timedelta(days=1)


def an_image(tag: str = FIRST, repository: str = "shop", *, created: str = "", subject: str = "") -> ListedImage:
    provenance = Provenance(created=created, subject=subject)
    return ListedImage(id=f"sha256:{tag}", names=(f"{repository}:{tag}",), created_at=BEGUN, provenance=provenance)


def with_images(*images: ListedImage, host_name: str = A) -> Observed:
    return a_host(host_name=host_name, images=images)


def test_versions_are_the_tags_of_the_repository_on_any_host_the_newest_first() -> None:
    old, new = an_image(FIRST), an_image(SECOND, created=LATER.isoformat(), subject="Faster")
    other, moving = an_image(THIRD, "other/shop"), an_image(LATEST)
    hosts = by_name(with_images(old, other, moving), with_images(new, old, host_name=B))

    newest, oldest = versions_of(hosts, "shop")

    assert (newest.version, newest.created_at, newest.subject) == (SECOND, LATER, "Faster")
    assert (newest.host_names, newest.is_everywhere) == ((B,), False)
    assert (oldest.version, oldest.created_at, oldest.is_everywhere) == (FIRST, BEGUN, True)


def test_a_version_names_the_releases_of_it_that_serve() -> None:
    host = a_host(a_container(2, SECOND), releases=(a_release(1, FIRST), a_release(2, SECOND)))
    serving = {version.version: version.serving for version in versions_of(by_name(host), "shop")}
    assert serving == {FIRST: (), SECOND: (2,)}


def test_a_version_of_which_there_is_but_a_record_is_on_no_host() -> None:
    host = a_host(releases=(a_release(1, FIRST), a_release(2, "1.27", image="nginx:1.27")), images=())
    (version,) = versions_of(by_name(host), "shop")
    assert (version.version, version.created_at, version.host_names, version.is_everywhere) == (FIRST, BEGUN, (), False)


@pytest.mark.parametrize(
    ("asked", "meant"),
    [(FIRST, FIRST), ("1111", FIRST), ("111", None), ("v2", "v2"), ("4444", None), ("", None), (LATEST, SECOND)],
)
def test_a_version_is_meant_by_its_name_by_how_it_begins_or_as_the_newest(asked: str, meant: str | None) -> None:
    images = [an_image(tag) for tag in (FIRST, "v2", THIRD)]
    newest = an_image(SECOND, created=LATER.isoformat())
    found = version_meant(asked, versions_of(by_name(with_images(*images, newest)), "shop"))
    assert (found.version if found else None) == meant


def test_what_may_be_several_versions_is_asked_back() -> None:
    versions = versions_of(by_name(with_images(an_image(FIRST), an_image(f"{FIRST}-dirty-0123abcd"))), "shop")

    assert version_meant(FIRST, versions)
    with pytest.raises(UsageError, match=f"11111 may be any of {FIRST}, {FIRST}-dirty-0123abcd"):
        version_meant("11111", versions)


def test_what_is_nowhere_is_told_with_what_is_near_and_how_to_get_it_there() -> None:
    near, other = an_image(f"{'1' * 39}2", created=LATER.isoformat(), subject="Faster"), an_image(SECOND)

    error = unknown(FIRST, "shop", versions_of(by_name(with_images(near, other)), "shop"), "ghcr.io")

    assert error.what == f"No host has an image of shop whose tag begins with {FIRST}, nor has ghcr.io."
    assert error.now == "Nothing was done. Near it on the hosts: 1111111 (2026-03-02, Faster)."
    assert error.next == f"Bring it there: shipper push {FIRST}, from a checkout or from CI."


@pytest.mark.parametrize(
    ("created", "subject", "told"),
    [
        ("2026-03-02T13:00:00+01:00", "Faster", "2026-03-02, Faster"),
        ("2026-03-02T13:00:00Z", "", "2026-03-02"),
        ("yesterday", "Faster", "Faster"),
        ("", "", ""),
    ],
)
def test_of_a_commit_is_told_what_labels_tell(created: str, subject: str, told: str) -> None:
    hosts = by_name(with_images(an_image(created=created, subject=subject)))
    assert told_of(f"shop:{FIRST}", hosts) == told
    assert told_of(f"shop:{SECOND}", hosts) == ""
