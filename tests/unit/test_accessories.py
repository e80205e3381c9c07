from dataclasses import replace
from typing import Any

import pytest

from shipper.accessories.plan import BootPlan, Found, Source, Supply, boot_plan, restart_plan, supply_plan
from shipper.accessories.wanted import Placed, Wanted, config_hash, in_order, wanted, with_those_before
from shipper.config.root import Config
from shipper.config.workloads import Accessory
from shipper.errors import ImageError, RegistryError
from shipper.events import AccessoriesEnded, Event, Warned
from shipper.model.container import SERVES, SERVES_NOT, SET_ASIDE, AccessoryMark, Container, ContainerState, Label
from shipper.model.image import Image, Published
from shipper.model.outcome import AccessoryEnd
from shipper.model.secret import Secret
from shipper.model.specification import Mount, PublishedPort
from shipper.operations.precautions import warn_of_accessories
from shipper.reporters.words import accessories_lines
from shipper.steps.create import Create
from tests.unit.nouns import A, B, a_config, a_host, env
from tests.unit.test_deployfile import FILE, SERVICE, complaint

IMAGE = Image(id="sha256:17", layers=(), platform="linux/amd64", created="", size=1)


def a_wanted(password: str = "s3cr3t", rules: str = "one", **changed: Any) -> Wanted:
    values: dict[str, Any] = {
        "image": "postgres:17",
        "env": {"POSTGRES_USER": "shop", "POSTGRES_PASSWORD": {"secret": "PASSWORD"}},
        "files": {"/etc/rules": {"source": "rules"}},
        "gate": {"tcp": 5432},
        **changed,
    }
    config = Accessory.model_validate(values)
    texts = {"rules": {"first": rules, "of/second": "two"}}
    placed = Placed(host_name=A, name="db", config=config, container_name="shop-db")
    return wanted("shop", placed, secrets=env(PASSWORD=password), texts=texts, salt="salt")


WANTED = a_wanted()


def a_container(made: Wanted = WANTED, **changed: Any) -> Container:
    labels = made.spec.labels
    mark = AccessoryMark(config_hash=labels[Label.CONFIG], content_hash=labels[Label.CONTENT], image=made.config.image)
    values: dict[str, Any] = {
        "id": "id",
        "name": "shop-db",
        "role_name": "db",
        "release_number": 0,
        "version": "",
        "deploy_id": "",
        "image_id": "sha256:17",
        "state": ContainerState.RUNNING,
        "restart_policy": SERVES,
        "accessory": mark,
    }
    return Container(**{**values, **changed})


def found(*containers: Container, **changed: Any) -> Found:
    values: dict[str, Any] = {"platform": "linux/amd64", "has_network": True, "images": {"postgres:17": IMAGE}}
    return Found(host_name=A, containers=containers, **{**values, **changed})


def lines(made: Wanted, *containers: Container, **changed: Any) -> list[str]:
    """What is to be done with it; steps that come when it is well stand after a line."""
    plan = boot_plan(made, found(*containers, **changed))
    told = [str(step) for step in plan.before] or [f"{plan.verb}, because {plan.because}"]
    return [*told, *(["---"] if plan.afterwards else []), *map(str, plan.afterwards)]


NEW = ["start    shop-db", "check    port 5432 accepts within 30s", "swap     shop-db serves"]


def replaced(because: str) -> list[str]:
    return [
        f"stop     shop-db, because {because}",
        "rename   shop-db to shop-db-before, because its successor needs the name",
        "create   shop-db",
        *NEW[:2],
        "swap     shop-db serves instead of shop-db-before",
        "---",
        "remove   shop-db-before, because it was replaced",
    ]


def test_what_is_not_there_is_created_started_and_gated() -> None:
    assert lines(WANTED) == ["create   shop-db, because it was not there", *NEW]


def test_volumes_that_nobody_named_go_over_to_the_successor() -> None:
    there = a_container(unnamed=(Mount(source="a" * 64, target="/data"), Mount(source="b" * 64, target="/named")))
    plan = boot_plan(a_wanted(volumes=("kept:/named",), memory="1g"), found(there))
    (create,) = (step for step in plan.before if isinstance(step, Create))
    assert create.spec.mounts == (Mount(source="kept", target="/named"), Mount(source="a" * 64, target="/data"))


@pytest.mark.parametrize("before", [(), (a_container(name="shop-db-before"),)], ids=["alone", "replacing"])
def test_volumes_that_nobody_named_stay_where_somebody_took_the_mark(before: tuple[Container, ...]) -> None:
    by_hand = a_container(restart_policy="no", unnamed=(Mount(source="a" * 64, target="/data"),))
    plan = boot_plan(a_wanted(memory="1g"), found(by_hand, *before))
    (create,) = (step for step in plan.before if isinstance(step, Create))
    assert [mount.source for mount in create.spec.mounts] == ([] if before else ["a" * 64])


def test_what_runs_as_the_config_says_is_left_alone() -> None:
    assert lines(WANTED, a_container()) == ["unchanged, because it runs as the config says"]


@pytest.mark.parametrize(
    "elsewhere",
    [
        {"gate": {"tcp": 5433}},
        {"after": ["cache"]},
        {"hosts": [A]},
        {"backup": "pg_dump"},
        {"restore": "pg_restore"},
    ],
    ids=lambda changed: str(next(iter(changed))),
)
def test_what_is_no_part_of_the_container_replaces_none(elsewhere: dict[str, Any]) -> None:
    assert lines(a_wanted(**elsewhere), a_container()) == ["unchanged, because it runs as the config says"]


@pytest.mark.parametrize(
    ("made", "there", "because"),
    [
        (a_wanted(memory="512m"), {}, "its config changed"),
        (a_wanted(image="postgres:18"), {}, "its image was postgres:17"),
        (a_wanted("another"), {}, "a value in its env or a file of it changed"),
        (a_wanted(rules="changed"), {}, "a value in its env or a file of it changed"),
        (WANTED, {"image_id": "sha256:16"}, "postgres:17 is another image now"),
    ],
)
def test_what_changed_is_replaced_and_comes_back_if_its_successor_fails(
    made: Wanted, there: dict[str, Any], because: str
) -> None:
    assert lines(made, a_container(**there)) == replaced(because)


def test_an_image_that_went_from_the_server_replaces_nothing_that_runs() -> None:
    assert lines(WANTED, a_container(), images={"postgres:17": None}) == [
        "unchanged, because it runs as the config says"
    ]


@pytest.mark.parametrize(
    ("state", "policy", "because"),
    [
        (ContainerState.EXITED, SERVES, "it does not run"),
        (ContainerState.EXITED, SET_ASIDE, "it does not run"),
        (ContainerState.RESTARTING, SERVES, "it is restarting"),
    ],
)
def test_what_does_not_run_is_started_and_gated(state: ContainerState, policy: str, because: str) -> None:
    there = a_container(state=state, restart_policy=policy)
    assert lines(WANTED, there) == [f"start    shop-db, because {because}", *NEW[1:]]


def test_what_did_not_pass_its_gate_makes_room_for_another_try() -> None:
    there = a_container(state=ContainerState.EXITED, restart_policy=SERVES_NOT)
    assert lines(WANTED, there) == [
        "remove   shop-db, because it did not come to pass its gate",
        "create   shop-db",
        *NEW,
    ]


BEFORE = a_container(name="shop-db-before", state=ContainerState.EXITED, restart_policy=SET_ASIDE)
BACK = "rename   shop-db-before to shop-db, because a boot that replaced it did not come to its end"


def test_after_a_boot_that_died_before_its_successor_was_there_the_old_one_is_what_there_is() -> None:
    assert lines(WANTED, BEFORE) == [BACK, "start    shop-db, because it does not run", *NEW[1:]]
    assert lines(a_wanted(memory="1g"), BEFORE) == [BACK, *replaced("its config changed")]


def test_after_a_boot_that_died_before_its_successor_passed_that_one_goes_and_the_old_one_is_what_there_is() -> None:
    half = a_container(a_wanted(memory="1g"), restart_policy=SERVES_NOT)
    gone = "remove   shop-db, because it did not come to pass its gate"
    assert lines(a_wanted(memory="1g"), half, BEFORE) == [gone, BACK, *replaced("its config changed")]


def test_after_a_boot_that_died_in_its_end_the_old_one_goes() -> None:
    assert lines(WANTED, a_container(), BEFORE) == [
        "unchanged, because it runs as the config says",
        "---",
        "remove   shop-db-before, because it was replaced",
    ]
    assert lines(a_wanted(memory="1g"), a_container(), BEFORE) == [
        "remove   shop-db-before, because it was replaced",
        *replaced("its config changed"),
    ]


def test_a_restart_is_of_the_container_that_there_is() -> None:
    plan = restart_plan(a_wanted(memory="1g"), found(a_container()))
    assert plan
    assert [str(step) for step in plan.steps] == ["stop     shop-db, because a restart is asked for", *NEW]
    assert restart_plan(WANTED, found()) is None


def supplied(source: Source, *, newer: bool = False, **changed: Any) -> list[str]:
    host = found(**{"images": {}, **changed})
    made = supply_plan([WANTED], {A: host}, {"postgres:17": source}, newer=newer, max_parallel=1)
    return list(map(str, made.steps))


PUBLISHED = Source(published=Published(digest="sha256:" + "d" * 64, platforms=()))


def test_images_come_from_their_registry_else_from_here() -> None:
    refused = RegistryError("docker.io cannot be reached from there.")
    assert supplied(PUBLISHED, has_network=False) == [
        "network  shop, because the service and its accessories share one",
        f"pull     postgres:17 at sha256:dddddddddddd, because {A} does not have it",
    ]
    assert supplied(Source(here=IMAGE, problem=refused)) == [
        f"ship     postgres:17, because docker.io does not give it to {A}, and this machine has it"
    ]
    with pytest.raises(RegistryError, match="cannot be reached"):
        supplied(Source(problem=refused))
    with pytest.raises(ImageError, match=f"neither on {A}, nor in docker.io, nor here"):
        supplied(Source())
    with pytest.raises(ImageError, match=f"{A} is linux/arm64, but postgres:17 here is for linux/amd64"):
        supplied(Source(here=IMAGE), platform="linux/arm64")


def test_what_is_there_is_pulled_again_only_if_something_newer_is_asked_for() -> None:
    there = {"postgres:17": IMAGE}
    assert supplied(PUBLISHED, images=there) == []
    assert supplied(PUBLISHED, images=there, newer=True) == [
        "pull     postgres:17 at sha256:dddddddddddd, because docker.io may have a newer one"
    ]
    assert supplied(Source(here=IMAGE), images=there, newer=True) == []


def test_a_plan_of_several_is_a_table_with_the_reason_of_each_row() -> None:
    supply = supply_plan([WANTED], {A: found(images={})}, {"postgres:17": PUBLISHED}, newer=False, max_parallel=1)
    whole = BootPlan(supply=supply, accessories=(boot_plan(WANTED, found()), boot_plan(WANTED, found(a_container()))))
    assert "\n".join(whole.lines) == (
        "a.example      pull     postgres:17 at sha256:dddddddddddd, because a.example does not have it\n"
        "a.example  db  create   shop-db, because it was not there\n"
        "a.example  db  start    shop-db\n"
        "a.example  db  check    port 5432 accepts within 30s\n"
        "a.example  db  swap     shop-db serves\n"
        "a.example  db  unchanged, because it runs as the config says"
    )
    assert BootPlan(
        supply=Supply(lanes=(), max_parallel=1), accessories=(boot_plan(WANTED, found(a_container())),)
    ).is_empty


# What the config says → what a container is


def test_a_container_is_what_the_config_says_with_secrets_files_and_its_name_on_the_network() -> None:
    spec = a_wanted(publish=["5432:5432", "10.0.0.1:5433:5432", "53:53/udp"], user="999:999").spec
    assert (spec.name, spec.aliases, spec.network_name, spec.user) == ("shop-db", ("db",), "shop", "999:999")
    assert spec.env == {"POSTGRES_USER": Secret("shop"), "POSTGRES_PASSWORD": Secret("s3cr3t")}
    assert [(file.path, file.content.reveal()) for file in spec.files] == [
        ("/etc/rules/first", "one"),
        ("/etc/rules/of/second", "two"),
    ]
    assert spec.ports == (
        PublishedPort(address="127.0.0.1", host_port=5432, container_port=5432),
        PublishedPort(address="10.0.0.1", host_port=5433, container_port=5432),
        PublishedPort(address="127.0.0.1", host_port=53, container_port=53, protocol="udp"),
    )
    assert {name: value for name, value in spec.labels.items() if name in ("shipper.service", "shipper.accessory")} == {
        "shipper.service": "shop",
        "shipper.accessory": "db",
    }
    assert "shipper.role" not in spec.labels
    assert "s3cr3t" not in str(spec.labels)


def test_a_hash_of_values_is_salted() -> None:
    made = a_wanted()
    other = replace(made, spec=replace(made.spec, env={}))
    assert made.has_content(made.spec.labels[Label.CONTENT])
    assert not other.has_content(made.spec.labels[Label.CONTENT])
    assert not made.has_content("other" + made.spec.labels[Label.CONTENT])


def test_a_default_that_is_written_out_is_the_same_config() -> None:
    assert config_hash(Accessory(image="x", init=True)) == config_hash(Accessory(image="x"))
    assert config_hash(Accessory(image="x", init=False)) != config_hash(Accessory(image="x"))


ORDERED: dict[str, Any] = {
    "board": {"image": "x", "after": ["metrics"]},
    "metrics": {"image": "x", "after": ["db", "host"]},
    "db": {"image": "x"},
    "host": {"image": "x"},
    "other": {"image": "x"},
}


def test_accessories_start_after_those_that_they_wait_for() -> None:
    config = a_config(accessories=ORDERED)
    assert list(in_order(config, set(ORDERED))) == [("db", "host", "other"), ("metrics",), ("board",)]
    assert list(in_order(config, {"board", "db"})) == [("db",), ("board",)]
    assert with_those_before(config, ["metrics", "other"]) == ("metrics", "db", "host", "other")


# The words of the end


def told(*ends: AccessoryEnd) -> list[str]:
    return list(accessories_lines(AccessoriesEnded(service="shop", command="boot", ends=ends, seconds=1.24)))


def test_the_end_tells_of_each_what_became_of_it_and_of_a_failure_what_runs_now() -> None:
    well = AccessoryEnd(host_name=A, name="db", verb="unchanged", because="it runs as the config says")
    assert told(well) == [
        "shop: db runs as the config says; nothing was done.",
        "  db on a.example: unchanged, because it runs as the config says",
    ]
    failed = AccessoryEnd(
        host_name=A, name="db", verb="failed", because="no", logs=("FATAL",), runs=True, next="look", exit_code=20
    )
    assert told(failed, AccessoryEnd(host_name=A, name="board", verb="left", because="db did not pass")) == [
        "shop: boot of db failed, after 1.2 s.",
        "  db on a.example: failed: no",
        "  board on a.example: left as it was, because db did not pass",
        "The last lines of db:",
        "  | FATAL",
        "The container of db that was there runs on a.example.",
        "Next: look",
    ]


# The schema


def mistake(text: str) -> str:
    return complaint(f"{SERVICE}accessories:\n  db:\n    image: postgres:17\n{text}")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("    iamge: x", '9: accessories.db.iamge: is not a key here; did you mean "image"?'),
        ("  cache: {after: [db]}", "9: accessories.cache.image: is required"),
        ("    env: {A: {secret: TOKEN}}", '9: accessories.db.env.A.secret: "TOKEN" is not listed under secrets'),
        ("    env: {A: {sceret: TOKEN}}", '9: accessories.db.env.A.sceret: is not a key here; did you mean "secret"?'),
        ("    env: {A: {secret: T, value: x}}", "9: accessories.db.env.A: needs a text, or { secret: NAME }"),
        ("    env: {A: [x]}", "9: accessories.db.env.A: should be a mapping"),
        (
            "    files:\n      /a: {secret: TOKEN}",
            '10: accessories.db.files./a.secret: "TOKEN" is not listed under secrets',
        ),
        ("    after: [chace]", '9: accessories.db.after: "chace" is not one of the accessories: db'),
        ("    role: wbe", '9: accessories.db.role: "wbe" is not one of the roles: web'),
        ("    role: web\n    hosts: [a.example]", "9: accessories.db.role: hosts are given too"),
        ("    hosts: [b.example]", "9: accessories.db.hosts: b.example runs no role: name one of a.example"),
        ("    labels: {shipper.role: web}", "9: accessories.db.labels: 'shipper.role' is a name that shipper keeps"),
        ("  web:\n    image: x", "9: accessories.web: is the name of a role too: both would be reached by it"),
        (
            "  db-before: {image: x}",
            "9: accessories.db-before: is what the container of db is called while it is replaced",
        ),
        ("    publish: [5432]", '9: accessories.db.publish[0]: "5432" is not [address:]host_port:container_port'),
        (
            "    publish: ['80:80']\n  cache: {image: x, publish: ['0.0.0.0:80:80']}",
            "10: accessories.cache.publish: port 80 of a.example is published by db already",
        ),
        (
            "    after: [cache]\n  cache:\n    image: x\n    after: [db]",
            "each waits for the next one: ",
        ),
        ("    after: [db]", "9: accessories.db.after: each waits for the next one: db → db"),
    ],
)
def test_a_mistake_in_an_accessory_is_told_with_its_place(text: str, expected: str) -> None:
    assert expected in mistake(text)


def test_all_mistakes_are_told_at_once() -> None:
    both = mistake("    role: wbe\n    after: [x]\n    env: {A: {secret: TOKEN}}")
    assert both.count(f"{FILE}:") == 3


def test_an_accessory_runs_on_the_hosts_of_its_role_or_of_the_first_one() -> None:
    roles = {"web": {"hosts": ["a", "b"]}, "bot": {"hosts": ["c"]}}
    accessories = {"x": {"image": "x"}, "y": {"image": "y", "role": "bot"}, "z": {"image": "z", "hosts": ["b"]}}
    config: Config = a_config(roles=roles, accessories=accessories)
    assert [config.accessory_hosts(name) for name in accessories] == [("a", "b"), ("c",), ("b",)]


def test_values_may_be_written_in_the_long_way() -> None:
    short, long = (Accessory.model_validate({"image": "x", "env": {"A": given}}) for given in ("b", {"value": "b"}))
    assert short == long


def test_what_does_not_run_beside_it_is_told_before_a_deploy_stumbles_over_it() -> None:
    accessories = {"db": {"image": "postgres:17"}, "cache": {"image": "redis:8"}, "far": {"image": "x:1", "hosts": [B]}}
    config = a_config(roles={"web": {"hosts": [A, B]}}, accessories=accessories)
    ended = a_container(state=ContainerState.EXITED)
    one, none = a_host(accessories=(a_container(),)), a_host(accessories=(ended,))
    told: list[Event] = []

    for host in (one, none):
        warn_of_accessories(config, {A: host}, told.append)
    warn_of_accessories(a_config(accessories={"db": accessories["db"]}), {A: one}, told.append)

    assert told == [
        Warned(text="a.example: the accessory cache does not run: shipper accessory boot cache"),
        Warned(text="a.example: the accessories db, cache do not run: shipper accessory boot db cache"),
    ]
