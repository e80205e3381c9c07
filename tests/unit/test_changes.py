"""What a deploy would change, as people read it."""

from collections.abc import Mapping

from shipper.env.mask import Mask
from shipper.model.observed import Observed
from shipper.model.release import Payload, Release
from shipper.planning.changes import Changes, Commits, changes_of
from shipper.planning.env_changes import given
from shipper.planning.image_plan import Sources
from shipper.planning.wanted import Wanted
from shipper.reporters.diffs import change_lines
from tests.unit.nouns import (
    FIRST,
    SECOND,
    A,
    B,
    a_config,
    a_container,
    a_facts,
    a_host,
    a_payload,
    a_release,
    a_role,
    by_name,
    env,
)

SERVED = a_host(a_container(1), releases=(a_release(1),))


def wanted_of(
    *payloads: tuple[str, Payload], release: Release | None = None, role_names: tuple[str, ...] = ()
) -> Wanted:
    release = release or a_release(2, SECOND)
    return Wanted(
        full_name="shop",
        deploy_id="0bbb",
        command="deploy",
        releases={name: release for name, _ in payloads},
        payloads=dict(payloads),
        retain=5,
        removes_images=True,
        sources=Sources(image_name="shop"),
        facts=a_facts(),
        role_names=role_names,
    )


def changes(
    after: Payload,
    before: Payload,
    *,
    observed: Observed = SERVED,
    release: Release | None = None,
    commits: Mapping[str, Commits] | None = None,
    mask: Mask | None = None,
) -> list[str]:
    found = changes_of(
        wanted_of((A, after), release=release), by_name(observed), {A: {1: before}}, commits or {}, mask or Mask()
    )
    return lines(found)


def lines(found: tuple[Changes, ...]) -> list[str]:
    return [line for line, _ in change_lines(found)]


def test_a_version_is_told_with_the_commits_between() -> None:
    commits = {FIRST: Commits(added=("2222222 Faster", "2121212 Nicer"), removed=("1111111 Slower",))}

    assert changes(a_payload(), a_payload(), commits=commits) == [
        "~ version 1111111 → 2222222",
        "    + 2222222 Faster",
        "    + 2121212 Nicer",
        "    - 1111111 Slower",
    ]


def test_a_version_is_told_with_what_images_tell_of_it_where_there_is_no_git() -> None:
    commits = {FIRST: Commits(old="2026-03-01, Slower", new="2026-03-02")}

    assert changes(a_payload(), a_payload(), commits=commits) == [
        "~ version 1111111 → 2222222",
        "    ~ from 1111111 (2026-03-01, Slower) to 2222222 (2026-03-02)",
    ]


def test_of_many_commits_a_handful_is_told_and_the_others_are_counted() -> None:
    commits = {FIRST: Commits(added=tuple(f"{number:07} change" for number in range(100)))}

    told = changes(a_payload(), a_payload(), commits=commits)

    assert told[-2:] == ["    + 0000006 change", "    + and 93 more"]


def test_keys_of_the_config_are_told_with_both_values_by_their_path() -> None:
    before = a_payload(a_role(memory="64m", command=["serve", "--all"], labels={"team": "voice"}))
    after = a_payload(a_role(memory="1g", gate={"http": {"port": 8080, "path": "/up"}}, labels={"team": "text"}))

    assert changes(after, before)[1:] == [
        "web on a.example",
        '  - roles.web.command: ["serve", "--all"]',
        "  ~ roles.web.memory: 64m → 1g",
        "  ~ roles.web.labels.team: voice → text",
        "  + roles.web.gate.http.port: 8080",
        "  + roles.web.gate.http.path: /up",
    ]


def test_variables_and_files_are_named_and_their_values_are_not_told() -> None:
    before = a_payload(
        env={"web": env(OLD="old-value", KEPT="kept", TOKEN="one-value")}, files={"web": env(a="x-content")}
    )
    after = a_payload(
        env={"web": env(NEW="new-value", KEPT="kept", TOKEN="two-value")}, files={"web": env(a="y-content")}
    )

    told = changes(after, before)

    assert told[1:] == ["web on a.example", "  + env NEW", "  - env OLD", "  ~ env TOKEN", "  ~ file a"]
    assert "value" not in " ".join(told)


def test_plain_values_of_the_config_are_told_once_and_masked_where_they_hold_a_secret() -> None:
    mask = Mask()
    mask.add([*env(OLD="hush-old", NEW="hush-new").values()])
    before = a_payload(a_role(env={"LEVEL": "info", "URL": "a:hush-old@b"}), env={"web": env(LEVEL="info", URL="1")})
    after = a_payload(a_role(env={"LEVEL": "debug", "URL": "a:hush-new@b"}), env={"web": env(LEVEL="debug", URL="2")})

    assert changes(after, before, mask=mask)[2:] == [
        "  ~ roles.web.env.LEVEL: info → debug",
        "  ~ roles.web.env.URL: a:•••@b → a:•••@b",
    ]


def test_a_variable_that_moves_from_the_config_to_the_template_is_a_change_of_its_value_too() -> None:
    before = a_payload(a_role(env={"LEVEL": "info"}), env={"web": env(LEVEL="info")})
    after = a_payload(a_role(), env={"web": env(LEVEL="debug")})

    assert changes(after, before)[2:] == ["  - roles.web.env.LEVEL: info", "  ~ env LEVEL"]


def test_a_role_that_nothing_serves_yet_and_one_that_left_the_config_are_told() -> None:
    after = a_payload(a_config(roles={"worker": {"hosts": [A]}}))

    assert changes(after, a_payload()) == [
        "worker on a.example",
        "  + nothing of it serves yet",
        "web on a.example",
        "  - the config has it no more",
    ]


def test_a_host_that_left_the_config_is_told_since_nobody_looks_there_any_more() -> None:
    before = a_payload(a_config(roles={"web": {"hosts": [A, B]}}))

    told = changes(a_payload(), before)

    assert told[2:] == ["  - host b.example: the config has it no more; what runs there is not seen, and not stopped"]


def test_an_image_of_another_name_is_told() -> None:
    after = a_payload(a_config(image="ghcr.io/ann/shop"))
    release = a_release(2, SECOND, image=f"ghcr.io/ann/shop:{SECOND}")

    assert changes(after, a_payload(), release=release)[1:] == ["~ image shop:1111111 → ghcr.io/ann/shop:2222222"]


def test_what_serves_already_has_no_changes() -> None:
    assert changes(a_payload(a_role(memory="64m")), a_payload(), release=a_release(1)) == []


def test_what_is_the_same_on_several_hosts_is_told_once() -> None:
    both = a_config(roles={"web": {"hosts": [A, B], "memory": "64m"}})
    wanted = wanted_of((A, a_payload(both)), (B, a_payload(both, B)))
    hosts = [a_host(a_container(1), host_name=name, releases=(a_release(1),)) for name in (A, B)]
    before = {name: {1: a_payload(a_config(roles={"web": {"hosts": [A, B]}}), name)} for name in (A, B)}

    assert lines(changes_of(wanted, by_name(*hosts), before, {}, Mask())) == [
        "~ version 1111111 → 2222222",
        "web on a.example, b.example",
        "  + roles.web.memory: 64m",
    ]


def test_where_roles_serve_different_versions_each_tells_its_own() -> None:
    config = a_config(roles={"web": {"hosts": [A]}, "worker": {"hosts": [A]}})
    third = a_release(3, "3" * 40)
    host = a_host(a_container(1), a_container(2, SECOND, role="worker"), releases=(a_release(1), a_release(2, SECOND)))
    wanted = wanted_of((A, a_payload(config)), release=third)

    found = changes_of(wanted, by_name(host), {A: {1: a_payload(config), 2: a_payload(config)}}, {}, Mask())

    assert lines(found) == [
        "web on a.example",
        "  ~ version 1111111 → 3333333",
        "worker on a.example",
        "  ~ version 2222222 → 3333333",
    ]


def test_roles_that_are_not_meant_have_no_changes() -> None:
    config = a_config(roles={"web": {"hosts": [A]}, "worker": {"hosts": [A]}})
    wanted = wanted_of((A, a_payload(config)), role_names=("worker",))

    assert lines(changes_of(wanted, by_name(SERVED), {A: {1: a_payload()}}, {}, Mask())) == [
        "worker on a.example",
        "  + nothing of it serves yet",
    ]


def test_of_a_release_whose_record_cannot_be_read_the_version_is_told() -> None:
    found = changes_of(wanted_of((A, a_payload())), by_name(SERVED), {A: {}}, {}, Mask())

    assert lines(found) == ["~ version 1111111 → 2222222"]


def test_a_variable_tells_which_secrets_in_it_are_not_set_here() -> None:
    after = a_payload(env={"web": env(DSN="pg://s3cret@db", PLAIN="x")}, files={"web": env(**{"/key": "s3cret"})})

    found = given("web", None, after, env(PASSWORD="s3cret"))

    assert [(name.kind, name.name, name.absent_secrets) for name in found] == [
        ("env", "DSN", ("PASSWORD",)),
        ("env", "PLAIN", ()),
        ("file", "/key", ("PASSWORD",)),
    ]


def test_a_role_that_hands_over_is_given_its_lease() -> None:
    config = a_role(singleton=True, handover={"port": 9000})

    found = given("web", a_payload(config), a_payload(config), {})

    assert [(name.name, name.sign) for name in found] == [("SHIPPER_HEALTH_PORT", None), ("SHIPPER_LEASE", None)]
