"""What is kept, and what goes."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from shipper.model.container import Container
from shipper.model.image import ListedImage
from shipper.model.observed import Observed
from shipper.model.records import Unfinished
from shipper.model.release import ReleaseOutcome
from shipper.planning.retention import (
    Beyond,
    beyond_retention,
    of_roles,
    retention_of,
    superfluous_here,
    superfluous_now,
)
from shipper.planning.spec import run_spec
from tests.unit.nouns import (
    BEGUN,
    FIRST,
    SECOND,
    THIRD,
    A,
    a_config,
    a_container,
    a_host,
    a_payload,
    a_release,
    a_stopped,
)

R1, R2, R3 = a_release(1, FIRST), a_release(2, SECOND, replaces=1), a_release(3, THIRD, replaces=2)
LEFT = "127.0.0.1:33001/shipper-tunnel/shop:2"


def rules(retain: int = 5, *, of_role: int | None = None) -> Any:
    config = a_config(roles={"web": {"hosts": [A], "retain": of_role}, "bot": {"hosts": [A]}})
    return retention_of(config, "shop", retain)


def with_images(host: Observed, *images: ListedImage) -> Observed:
    return replace(host, images=(*host.images, *images))


def nameless(image_id: str, built_for: str = "shop") -> ListedImage:
    return ListedImage(id=image_id, names=(), built_for=built_for)


def a_run(kind: str, **changed: Any) -> Container:
    made = a_stopped(2, SECOND, run=kind, name=f"shop-{kind}", ended_at=BEGUN)
    return replace(made, **changed)


# Stopped containers of a role that says how many

STOPPED = [a_stopped(1, deploy=deploy) for deploy in ("0aaa", "0aab", "0aac", "0aad")]


@pytest.mark.parametrize(("count", "kept"), [(1, 1), (3, 3), (9, 4)])
def test_a_role_keeps_so_many_stopped_containers_and_the_newest_ones(count: int, kept: int) -> None:
    host = a_host(*STOPPED, a_container(2, SECOND, deploy="0bbb"), releases=(R1, R2))
    gone = beyond_retention(host, R2, rules(of_role=count)).container_names
    assert gone == tuple(container.name for container in STOPPED[: len(STOPPED) - kept])


def test_what_a_deploy_is_about_to_stop_counts_as_stopped() -> None:
    host = a_host(*STOPPED, a_container(2, SECOND, deploy="0bbb"), releases=(R1, R2))
    gone = beyond_retention(host, R3, rules(of_role=1), changing=["web"]).container_names
    assert gone == tuple(container.name for container in STOPPED)


def test_containers_of_a_release_that_goes_are_not_kept_whatever_the_role_says() -> None:
    host = a_host(a_stopped(1), a_stopped(2, SECOND, deploy="0aab"), a_container(3, THIRD), releases=(R1, R2, R3))
    assert beyond_retention(host, R3, rules(1, of_role=9)).container_names == ("shop-web-r1-0aaa",)


# Images


def test_what_we_built_goes_when_it_has_no_name_and_nothing_needs_it() -> None:
    host = with_images(
        a_host(a_stopped(1, image_id="sha256:held"), a_container(2, SECOND), releases=(R1, R2)),
        nameless("sha256:useless"),
        nameless("sha256:held"),
        nameless(R1.image_id),  # a rollback finds it by its id
        nameless("sha256:another", built_for="shop-staging"),
        nameless("sha256:stranger", built_for=""),
    )
    assert beyond_retention(host, R2, rules()).image_names == ("sha256:useless",)


def test_names_that_a_ship_left_go_unless_the_image_is_about_to_be_shipped() -> None:
    others = ("127.0.0.1:33001/shipper-tunnel/shop2:2", "127.0.0.1:33001/other/shop:2", "shop:2")
    host = with_images(
        a_host(a_container(2, SECOND), releases=(R2,)), ListedImage(id="sha256:x", names=(LEFT, *others))
    )
    assert beyond_retention(host, R2, rules()).image_names == (LEFT,)
    assert beyond_retention(host, R2, rules(), is_shipped=True).image_names == ()


def test_an_image_that_is_gone_already_is_not_named() -> None:
    host = a_host(a_container(3, THIRD), releases=(R1, R2, R3))
    there = replace(host, images=tuple(image for image in host.images if R1.image not in image.names))
    assert beyond_retention(there, R3, rules(1)) == Beyond(container_names=(), image_names=(), release_numbers=(1,))


def test_of_this_machines_images_the_newest_commits_stay_and_those_that_servers_have_records_of() -> None:
    commits = [f"{number:x}" * 40 for number in range(1, 6)]
    names = [f"shop:{commit}" for commit in commits]
    dirty = f"shop:{commits[0]}-dirty-0123abcd"
    images = [
        ListedImage(id="", names=(names[0],)),
        ListedImage(id="1", names=(names[0], "shop:latest")),
        *(ListedImage(id=name, names=(name,)) for name in (dirty, *names[1:], "shop:by-hand", f"shop2:{commits[4]}")),
        nameless("sha256:useless"),
    ]
    assert superfluous_here(images, "shop", 2, {names[2]}) == (names[1], names[3], names[4], "sha256:useless")


# Now, without a deploy


def test_what_a_deploy_that_died_is_gone_on_with_stays() -> None:
    begun = replace(R3, outcome=type(R3.outcome).UNFINISHED)
    host = with_images(
        a_host(a_container(2, SECOND), a_stopped(3, THIRD), releases=(R2, begun)),
        ListedImage(id="sha256:x", names=(LEFT,)),
    )
    died = Unfinished(command="deploy", release_number=3)
    assert superfluous_now(host, rules(1), died, BEGUN) == Beyond(
        container_names=(), image_names=(), release_numbers=()
    )
    assert superfluous_now(host, rules(1), None, BEGUN).image_names == (R3.image, LEFT)


def test_where_nothing_serves_no_release_goes() -> None:
    host = a_host(a_stopped(1), a_stopped(2, SECOND), releases=(R1, R2))
    assert superfluous_now(host, rules(1), None, BEGUN) == Beyond(
        container_names=(), image_names=(), release_numbers=()
    )


def nothing_but_what_serves(retain: int = 1) -> Any:
    return replace(rules(retain), keeps_way_back=False)


def test_where_no_way_back_is_kept_nothing_stays_but_what_serves() -> None:
    failed = a_release(4, FIRST, replaces=2, outcome=ReleaseOutcome.FAILED)
    releases = (R1, R2, R3, failed)  # 3 was rolled back
    host = a_host(a_stopped(1), a_container(2, SECOND), a_stopped(3, THIRD), a_stopped(4), releases=releases)

    gone = superfluous_now(host, nothing_but_what_serves(), None, BEGUN)

    assert gone.release_numbers == (1, 3, 4)
    assert gone.container_names == ("shop-web-r1-0aaa", "shop-web-r3-0aaa", "shop-web-r4-0aaa")
    assert gone.image_names == (R1.image, R3.image)
    assert superfluous_now(host, rules(1), None, BEGUN).release_numbers == ()  # where a rollback goes is older than 4


def test_where_no_way_back_is_kept_that_of_what_is_unfinished_is_and_what_each_role_serves() -> None:
    begun = a_release(4, FIRST, replaces=3, outcome=ReleaseOutcome.UNFINISHED)
    host = a_host(a_container(2, SECOND, role="bot"), a_container(3, THIRD), a_stopped(4), releases=(R1, R2, R3, begun))
    swapped = a_host(a_stopped(3, THIRD), a_container(4, FIRST, deploy="0bbb"), releases=(R1, R2, R3, begun))
    died = Unfinished(command="deploy", release_number=4)

    assert superfluous_now(host, nothing_but_what_serves(), died, BEGUN).release_numbers == (1,)
    assert superfluous_now(swapped, nothing_but_what_serves(), died, BEGUN).release_numbers == (1, 2)


def test_one_off_containers_go_when_they_have_ended_and_nobody_may_ask_how() -> None:
    runs = (
        a_run("release", name="failed", release_number=3),
        a_run("release", name="of what serves"),
        a_run("exec", name="old"),
        a_run("exec", name="fresh", ended_at=BEGUN + timedelta(minutes=55)),
        a_run("exec", name="not begun", ended_at=None, created_at=BEGUN + timedelta(minutes=55)),
        a_run("files", name="left by who died", ended_at=None, created_at=BEGUN),
        replace(a_container(2, SECOND), run="exec", name="at work"),
    )
    host = a_host(a_container(2, SECOND), releases=(R2,), runs=runs)
    gone = superfluous_now(host, rules(), None, BEGUN + timedelta(hours=1))
    assert gone.container_names == ("failed", "old", "left by who died")


def test_for_some_roles_only_their_containers_go() -> None:
    host = a_host(
        a_stopped(1), a_stopped(1, role="bot"), a_container(3, THIRD), releases=(R1, R2, R3), runs=(a_run("release"),)
    )
    gone = superfluous_now(host, rules(1), None, BEGUN)
    assert of_roles(gone, host, ["bot"]) == Beyond(
        container_names=("shop-bot-r1-0aaa",), image_names=(), release_numbers=()
    )


def test_what_one_off_containers_write_is_limited_too() -> None:
    run = run_spec(
        "web", a_payload(), name="shop-exec", image_name="shop:1", network_name="shop", labels={}, command=("true",)
    )
    assert run.logging.effective_options == {"max-size": "10m", "max-file": "3"}
