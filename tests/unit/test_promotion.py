"""What may be promoted: what is wanted and what was seen at the other destination → proof or refusal, as whole text."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from shipper.config.parts import Promotion
from shipper.errors import Unproven
from shipper.model.container import Container
from shipper.model.image import Image, Published
from shipper.model.observed import Observed
from shipper.model.release import ReleaseOutcome
from shipper.planning.plan import with_proof
from shipper.planning.promotion import Candidate, Proof, Seen, Waiver, candidates, proof_of
from tests.unit.nouns import (
    BEGUN,
    FIRST,
    SECOND,
    B,
    a_config,
    a_container,
    a_host,
    a_release,
    a_stopped,
    an_image,
    by_name,
)
from tests.unit.test_plan import plan, serving_first, wanted

STAGING = "staging.example"
NOW = BEGUN + timedelta(hours=3, minutes=5)
IMAGE = an_image(id=f"sha256:{SECOND}", created="2026-03-01T11:00:00Z", digests=("sha256:d1ce",))
OTHER_BUILD = an_image(id="sha256:other", created="2026-03-01T11:30:00Z")
WANTED = Candidate(image=IMAGE)
DEPLOY_IT = (
    "Nothing was done.\n"
    "shipper deploy -d staging brings it there; when it does well, this command again. Where that cannot wait: "
    "--unproven REASON, which goes on record."
)
BUILD_ONCE = (
    "Nothing was done.\n"
    "An image is the same where it is built once: deploy to both from the machine that has it, or through a registry. "
    "Where that cannot wait: --unproven REASON, which goes on record."
)


def seen(role_name: str = "web", container: Container | None = None, **changed: Any) -> Seen:
    """Release 12 of the second version serves, and is healthy."""
    values: dict[str, Any] = {
        "host_name": STAGING,
        "container": container or a_container(12, SECOND, role=role_name),
        "image": IMAGE,
        "finished": True,
        "problem": "",
    }
    return Seen(role_name=role_name, **{**values, **changed})


def decided(*there: Seen, soak: float = 0.0, **promoted: Candidate) -> Proof:
    rule = Promotion(destination="staging").model_copy(update={"soak": soak})
    wanted = {role_name: (candidate,) for role_name, candidate in (promoted or {"web": WANTED}).items()}
    return proof_of(wanted, there, rule=rule, version=SECOND, now=NOW)


def refusal(*there: Seen, **given: Any) -> str:
    with pytest.raises(Unproven) as caught:
        decided(*there, **given)
    assert caught.value.exit_code == 35
    return str(caught.value)


# What was seen


def test_what_serves_there_and_is_healthy_is_proven_and_the_plan_says_so() -> None:
    proof = decided(seen(), seen(host_name=B, container=a_container(13, SECOND, started_at=NOW - timedelta(minutes=4))))

    made = with_proof(plan(serving_first(image=None)), proof)

    assert made.lines[:3] == (
        "shop: release 2 of 2222222 replaces release 1 of 1111111",
        "proven in staging: healthy there, up for 4 min, release 12 and release 13",
        "a.example       ship     shop:2222222, because a.example does not have it",
    )
    assert made.fingerprint == plan(serving_first(image=None)).fingerprint


@pytest.mark.parametrize(
    ("there", "problem"),
    [
        (
            seen(container=a_container(11, FIRST), image=None),
            f"web on {STAGING} runs 1111111 (release 11)",
        ),
        (
            seen(container=a_container(12, SECOND, restart_policy="no"), finished=False),
            f"web on {STAGING} runs it, but the deploy of release 12 has not come to its end",
        ),
        (
            seen(problem="GET /up → 500"),
            f"web on {STAGING} runs it, and is not healthy: GET /up → 500",
        ),
        (
            replace(seen(), container=None, image=None, problem="nothing serves"),
            f"web on {STAGING} does not serve: nothing serves",
        ),
        (
            seen(container=a_stopped(12, SECOND), problem="stopped"),
            f"web on {STAGING} does not serve: stopped",
        ),
    ],
)  # fmt: skip
def test_what_does_not_serve_there_or_is_not_well_is_refused_with_the_reason(there: Seen, problem: str) -> None:
    assert refusal(there) == f"2222222 is not proven in staging: {problem}.\n{DEPLOY_IT}"


@pytest.mark.parametrize(
    "there", [seen(image=OTHER_BUILD, container=a_container(12, SECOND, image_id="sha256:other")), seen(image=None)]
)
def test_another_build_of_the_same_commit_proves_nothing(there: Seen) -> None:
    assert refusal(there) == (
        f"2222222 is not proven in staging: web on {STAGING} runs another build of 2222222.\n{BUILD_ONCE}"
    )


def test_a_name_that_was_given_to_another_image_meanwhile_does_not_count_for_what_runs() -> None:
    there = seen(container=a_container(12, SECOND, image_id="sha256:before"))
    assert refusal(there).startswith(
        f"2222222 is not proven in staging: web on {STAGING} runs another build of 2222222."
    )


def test_it_must_have_run_there_for_as_long_as_the_config_says() -> None:
    young = seen(container=a_container(12, SECOND, started_at=NOW - timedelta(minutes=3)))

    assert refusal(young, soak=600.0) == (
        f"2222222 is not proven in staging: web on {STAGING} runs it for 3 min only, of 10 min.\n{DEPLOY_IT}"
    )
    assert decided(seen(), soak=600.0).since == BEGUN


def test_all_that_stands_against_it_is_told() -> None:
    text = refusal(seen(problem="GET /up → 500"), seen(host_name=B, problem="restarting"))
    assert text.splitlines()[0] == (
        f"2222222 is not proven in staging: web on {STAGING} runs it, and is not healthy: GET /up → 500; "
        "web on b.example runs it, and is not healthy: restarting."
    )


def test_roles_that_are_not_there_are_proven_by_those_that_are() -> None:
    others_broken = (seen(), seen("worker", problem="GET /up → 500"))

    assert decided(*others_broken, web=WANTED, ops=WANTED).role_names == ("web",)
    assert "worker on" in refusal(*others_broken, ops=WANTED)


def test_what_is_not_built_yet_cannot_be_what_serves_there() -> None:
    assert refusal(seen(container=a_container(11, FIRST)), web=Candidate()) == (
        f"2222222 is not proven in staging: it has no image yet that could be what serves there.\n{DEPLOY_IT}"
    )
    assert refusal(seen(), web=Candidate()) == (
        "2222222 is not proven: staging runs a build of it that is neither here nor where it is to serve, and a build "
        f"now would be another one.\n{BUILD_ONCE}"
    )


# What is wanted


def promoted(*hosts: Observed, **changed: Any) -> dict[str, tuple[Candidate, ...]]:
    observed = by_name(*hosts)
    config = a_config(roles={"web": {"hosts": [host.host_name for host in hosts]}})
    return candidates(wanted(config, 2, SECOND, observed, **changed), observed)


def serving_second(image: Image | None = IMAGE, **changed: Any) -> Observed:
    values: dict[str, Any] = {"releases": (a_release(2, SECOND),), **changed}
    return a_host(a_container(2, SECOND), image=image, **values)


def test_what_a_host_has_counts_then_the_registry_then_this_machine() -> None:
    published = Published(digest="sha256:d1ce", platforms=())

    assert promoted(serving_first(image=IMAGE), published=published) == {"web": (WANTED,)}
    (of_registry,) = promoted(serving_first(image=None), published=published)["web"]
    assert of_registry == Candidate(digest="sha256:d1ce")
    assert of_registry.is_same(IMAGE)
    assert promoted(serving_first(image=None), here=OTHER_BUILD) == {"web": (Candidate(image=OTHER_BUILD),)}
    foreign = an_image(platform="linux/arm64")
    assert promoted(serving_first(image=None), here=foreign) == {"web": (Candidate(),)}
    assert promoted(serving_first(image=IMAGE), serving_first(B, image=OTHER_BUILD)) == {
        "web": (WANTED, Candidate(image=OTHER_BUILD))
    }


def test_what_serves_here_already_needs_no_proof_with_another_env_or_on_another_host_either() -> None:
    joined = a_host(host_name=B, image=None)

    assert promoted(serving_second()) == {}
    assert promoted(serving_second(), joined, here=IMAGE) == {}
    assert promoted(serving_second(), joined, here=OTHER_BUILD) == {"web": (Candidate(image=OTHER_BUILD),)}


def test_what_a_deploy_left_that_died_or_was_given_the_same_name_needs_one() -> None:
    unfinished = a_release(2, SECOND, outcome=ReleaseOutcome.UNFINISHED)

    assert promoted(serving_second(releases=(unfinished,))) == {"web": (WANTED,)}
    assert promoted(serving_second(OTHER_BUILD)) == {"web": (Candidate(image=OTHER_BUILD),)}


# What somebody takes upon himself


def test_a_waiver_is_in_the_title_so_that_it_is_on_record_and_confirmed_with_the_plan() -> None:
    made = plan(serving_first())

    waived = with_proof(made, Waiver(destination="staging", reason="the site is down"))

    assert waived.lines == (
        "shop: release 2 of 2222222 replaces release 1 of 1111111; not proven in staging: the site is down",
        *made.lines[1:],
    )
    assert waived.fingerprint != made.fingerprint
