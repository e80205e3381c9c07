"""config/opsbot.yaml: that the example is the manual, and what is said of mistakes."""

import json
import re
import typing
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml
from pydantic import BaseModel

import shipper
from opsbot.access import environments_in, who
from opsbot.config import Config, json_schema, load
from opsbot.verbs import Rank

FOLDER = Path(__file__).parents[3] / "config"
MANUAL = FOLDER / "opsbot.yaml"
IDS = {"OPSBOT_ADMIN_ID": "11", "OPSBOT_DEPLOYER_ID": "12", "OPSBOT_CHAT_ID": "-100123"}
SMALL = """\
environments:
  production: {}
  staging: {destination: staging}
people:
  ann: {id: 1, may: admin}
"""
# What a table adds to SMALL begins on line 6: indented by two it is in people.
STRANGER = "@userinfobot tells it, and the line that opsbot logs when a stranger writes to it"


def read(folder: Path, text: str, **environ: str) -> Config:
    path = folder / "opsbot.yaml"
    path.write_text(text)
    return load(path, environ)


def complaints(folder: Path, text: str, **environ: str) -> list[str]:
    """Each as `line: key: complaint`."""
    with pytest.raises(shipper.ConfigError) as caught:
        read(folder, text, **environ)
    return [line.removeprefix(f"{folder}/opsbot.yaml:") for line in caught.value.what.splitlines()]


# The manual


def test_the_example_lets_nobody_do_anything_until_ids_are_set() -> None:
    config = load(MANUAL, {})
    assert [*config.environments] == ["production", "staging"]
    assert (config.people, config.chats, config.watch) == ({}, (), None)


def test_the_example_with_ids_is_ready_for_use() -> None:
    config = load(MANUAL, IDS)
    assert [*config.people] == ["admin", "deployer"]
    assert environments_in(config, -100123, None) == ("production", "staging")
    assert config.watch
    assert (config.watch.chat, config.watch.every, config.watch.disk) == (-100123, 60.0, 90)
    deployer = who(config, 12)
    assert deployer
    assert deployer.ranks == {"production": {Rank.DEPLOYER}, "staging": {Rank.DEPLOYER, Rank.APPROVER}}


def test_the_environments_of_the_example_are_those_of_deploy_yaml() -> None:
    destinations = {environment.destination for environment in load(MANUAL, {}).environments.values()}
    files = {"deploy.yaml" if name is None else f"deploy.{name}.yaml" for name in destinations}
    assert files == {path.name for path in FOLDER.glob("deploy*.yaml")}


def keys_of(section: type[BaseModel]) -> Iterator[str]:
    for name, field in section.model_fields.items():
        yield name
        for inner in sections_in(field.annotation):
            yield from keys_of(inner)


def sections_in(annotation: Any) -> Iterator[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for part in typing.get_args(annotation):
        yield from sections_in(part)


@pytest.mark.parametrize("key", sorted(set(keys_of(Config))))
def test_the_manual_shows_every_key(key: str) -> None:
    assert re.search(rf"\b{key}:", MANUAL.read_text())


@pytest.mark.parametrize("rank", Rank)
def test_the_manual_says_what_each_rank_may(rank: Rank) -> None:
    assert re.search(rf"^#   {rank} ", MANUAL.read_text(), re.MULTILINE)


def test_what_the_manual_shows_commented_out_can_be_used(tmp_path: Path) -> None:
    text = re.sub(
        r"^( *)# ?( *)(github|repository|branch|api|topic|environments): ", r"\1\2\3: ", MANUAL.read_text(), flags=re.M
    )
    text = text.replace("# github:", "github:")
    config = read(tmp_path, text, **IDS)
    assert config.github
    assert (config.github.repository, config.github.branch) == ("me/voicebot", "main")
    assert [(chat.topic, chat.environments) for chat in config.chats] == [(7, ("staging",))]


# The schema


@pytest.mark.parametrize("text", [MANUAL.read_text(), SMALL], ids=["manual", "small"])
def test_the_schema_accepts_what_opsbot_accepts(text: str) -> None:
    jsonschema.validate(yaml.safe_load(text), json_schema())


@pytest.mark.parametrize("added", [{"peple": {}}, {"limits": {"per_minute": 1}}, {"chats": [{"id": -1, "topc": 1}]}])
def test_the_schema_refuses_a_key_that_is_not_known(added: dict[str, Any]) -> None:
    with pytest.raises(jsonschema.ValidationError) as caught:
        jsonschema.validate({**yaml.safe_load(SMALL), **added}, json_schema())
    assert caught.value.validator == "additionalProperties"


@pytest.mark.parametrize("may", ["boss", ["admin", "boss"], {"staging": "boss"}, {"staging": []}, 5])
def test_the_schema_refuses_a_rank_that_is_none(may: Any) -> None:
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate({**yaml.safe_load(SMALL), "people": {"ann": {"id": 1, "may": may}}}, json_schema())


def test_the_schema_is_itself_a_valid_one() -> None:
    jsonschema.Draft202012Validator.check_schema(json_schema())


def test_the_schema_beside_the_manual_is_that_of_the_code() -> None:
    assert json.loads((FOLDER / "opsbot.schema.json").read_text()) == json_schema()


# What it means


@pytest.mark.parametrize(
    ("may", "production", "staging"),
    [
        ("admin", {Rank.ADMIN}, {Rank.ADMIN}),
        ("[viewer, approver]", {Rank.VIEWER, Rank.APPROVER}, {Rank.VIEWER, Rank.APPROVER}),
        ("{staging: deployer}", set(), {Rank.DEPLOYER}),
        ('{"*": viewer, staging: [deployer]}', {Rank.VIEWER}, {Rank.VIEWER, Rank.DEPLOYER}),
        ("{}", set(), set()),
    ],
)
def test_ranks_are_given_for_all_environments_or_for_each(
    tmp_path: Path, may: str, production: set[Rank], staging: set[Rank]
) -> None:
    bob = who(read(tmp_path, f"{SMALL}  bob: {{id: 2, may: {may}}}"), 2)
    assert bob
    assert bob.ranks == {"production": production, "staging": staging}


def test_what_is_not_said_is_as_the_manual_says() -> None:
    config = Config.model_validate(yaml.safe_load(SMALL))
    production = config.environments["production"]
    assert (production.destination, production.approvals) == (None, 0)
    assert (production.confirm_within, production.freeze_after_rollback) == (300.0, True)
    assert config.limits.commands_per_minute == 20


def test_the_topic_general_has_no_number_where_something_is_sent(tmp_path: Path) -> None:
    config = read(tmp_path, f"{SMALL}watch: {{chat: -5, topic: 1}}")
    assert config.watch
    assert config.watch.topic is None


def test_an_id_of_nobody_may_stand_there_several_times(tmp_path: Path) -> None:
    text = f"{SMALL}  bob: {{id: 0, may: admin}}\n  cay: {{id: 0, may: admin}}\nchats: [{{id: 0}}, {{id: 0}}]"
    config = read(tmp_path, text)
    assert ([*config.people], config.chats) == (["ann"], ())


# Mistakes


@pytest.mark.parametrize(
    ("added", "complaint"),
    [
        ("peple: {}", '6: peple: is not a key here; did you mean "people"?'),
        ("limits: {per_minute: 5}", '6: limits.per_minute: is not a key here; did you mean "commands_per_minute"?'),
        ("  bob: {id: 2, may: viewer, name: Bob}", "6: people.bob.name: is not a key here; known: id, may"),
        ("  bob: {may: viewer}", "6: people.bob.id: is required"),
        ("  bob: {id: 2}", "6: people.bob.may: is required"),
        ('  bob: {id: "@bob", may: viewer}', '6: people.bob.id: "@bob" is not a number: names change hands, so give '
         f"the id. {STRANGER}"),
        ("  bob: {id: -100, may: viewer}", '6: people.bob.id: "-100" is the id of a group: groups stand under `chats`'),
        ("  bob: {id: 1087968824, may: admin}", '6: people.bob.id: "1087968824" is an id of nobody: that of all '
         "anonymous admins of groups"),
        ("  bob: {id: 1, may: viewer}", "6: people.bob.id: is the id of ann too"),
        ("  'b.b': {id: 2, may: viewer}", '6: people.b.b: "b.b" must be 1 to 40 letters, digits, spaces, - and _'),
        ("  bob: {id: 2, may: admn}", '6: people.bob.may: "admn" is not one of viewer, deployer, approver, admin; did '
         'you mean "admin"?'),
        ("  bob: {id: 2, may: []}", "6: people.bob.may: should have at least 1 item"),
        ("  bob: {id: 2, may: {staging: [viewer, boss]}}", '6: people.bob.may.staging[1]: "boss" is not one of viewer, '
         "deployer, approver, admin"),
        ("  bob:\n    id: 2\n    may:\n      stagin: viewer", '9: people.bob.may.stagin: "stagin" is not one of the '
         'environments; did you mean "staging"?'),
        ("  bob: {id: 2, may: {eu: viewer}}", '6: people.bob.may.eu: "eu" is not one of the environments; there are: '
         "production, staging"),
        ("chats: [{id: 5}]", '6: chats[0].id: "5" is no group\'s, those are negative; the private chats of `people` '
         "are always allowed"),
        ("chats:\n- {id: -5}\n- {id: -5}", "8: chats[1].id: is given twice: with the same topic, or twice without one"),
        ("chats:\n- id: -5\n  environments:\n  - staging\n  - prodution", '10: chats[0].environments[1]: "prodution" '
         'is not one of the environments; did you mean "production"?'),
        ('chats:\n- id: -5\n  environments: ["*"]', '8: chats[0].environments[0]: "*" is not one of the environments; '
         "there are: production, staging"),
        ("watch: {chat: -5, every: 500ms}", '6: watch.every: "500ms" is less than 1s, and each look asks every server'),
        ("watch: {chat: -5, every: 60}", '6: watch.every: "60" is not a duration such as 500ms, 30s, 5m or 2h'),
        ("watch: {chat: -5, disk: 0.9}", '6: watch.disk: "0.9" is not a part of the disk such as 90%'),
        ("watch: {chat: ops}", f'6: watch.chat: "ops" is not a number: names change hands, so give the id. {STRANGER}'),
        ("github: {repository: voicebot}", '6: github.repository: "voicebot" is not OWNER/NAME'),
        ("  bob: {id: \"${BOB_ID}\", may: viewer}", "6: people.bob.id: the environment variable BOB_ID is not set"),
    ],
)  # fmt: skip
def test_a_mistake_is_told_with_its_line_and_key(tmp_path: Path, added: str, complaint: str) -> None:
    assert complaints(tmp_path, SMALL + added) == [complaint]


@pytest.mark.parametrize(
    ("environments", "complaint"),
    [
        ("{a: {}, b: {}}", "1: environments.b.destination: a has no destination too: they would be the same"),
        ("{a: {destination: x}, b: {destination: x}}", "1: environments.b.destination: a has the destination x too: "
         "they would be the same"),
        ("{a: {approvals: 1}}", "1: environments.a.approvals: nobody may approve there what another one asks for: make "
         "one of `people` an approver"),
        ("{a: {approvals: 2}}", '1: environments.a.approvals: "2" should be less than or equal to 1'),
        ("{latest: {}}", '1: environments.latest: "latest" is a word of the commands, so no environment can have it as '
         "its name"),
        ("{EU: {}}", '1: environments.EU: "EU" must be 1 to 21 of a-z, 0-9 and -, and begin with a letter'),
        ("{a: {destination: ../x}}", '1: environments.a.destination: "../x" must be 1 to 21 of a-z, 0-9 and -'),
        ("{}", "1: environments: should have at least 1 item"),
    ],
)  # fmt: skip
def test_a_mistake_in_an_environment_is_told(tmp_path: Path, environments: str, complaint: str) -> None:
    text = f"environments: {environments}\npeople: {{ann: {{id: 1, may: admin}}}}"
    assert complaints(tmp_path, text) == [complaint]


def test_one_who_may_ask_is_enough_where_another_may_approve(tmp_path: Path) -> None:
    people = "{ann: {id: 1, may: deployer}, bob: {id: 2, may: approver}}"
    assert read(tmp_path, f"environments: {{a: {{approvals: 1}}}}\npeople: {people}").environments["a"].approvals == 1


def test_all_mistakes_are_told_at_once(tmp_path: Path) -> None:
    text = SMALL + "  bob: {id: bob, may: {stagin: viewer}}\nchats: [{id: -5, environments: [eu]}]\nlimit: {}"
    assert [line.partition(": ")[0] for line in complaints(tmp_path, text)] == ["6", "6", "7", "8"]


def test_an_id_that_a_variable_brings_is_not_shown(tmp_path: Path) -> None:
    text = SMALL + "  bob: {id: '${BOB_ID}', may: viewer}"
    assert "s3cret" not in "".join(complaints(tmp_path, text, BOB_ID="s3cret"))


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(shipper.ConfigError, match=r"opsbot\.yaml: there is no such file\.\nOPSBOT_CONFIG says"):
        load(tmp_path / "opsbot.yaml", {})
