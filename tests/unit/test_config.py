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
from shipper.config.deployfile import parse
from shipper.config.root import Config, json_schema
from shipper.config.schema import Duration
from shipper.config.workloads import Gate
from shipper.planning.hashes import config_hash
from tests.unit.nouns import A, B, a_config, a_role

FOLDER = Path(__file__).parents[2] / "config"
MANUAL = (FOLDER / "deploy.yaml").read_text()
OVERLAY = (FOLDER / "deploy.staging.yaml").read_text()
TEMPLATE = (Path(shipper.__file__).parent / "templates" / "deploy.yaml").read_text()
SAMPLE = """\
service: shop
image: registry.example:5000/shop
x-anything: [1, two]
build: {context: app, target: run, args: {VERSION: 1.10}}
roles:
  web:
    hosts: [ann@a.example:2222, "ann@[2001:db8::1]:22"]
    command: serve --port 80
    strategy: overlap
    gate: {http: {port: 80, path: /up}, deadline: 1.5m, interval: 50ms, timeout: 2s, settle: 0s}
    env: {LEVEL: info, RATIO: 1.10, DEBUG: no}
    volumes: ["data:/data", "/srv/x:/x:ro"]
    files: {/run/key: {secret: KEY, mode: "0400", owner: "1000:1000"}, /etc/app.conf: {source: app.conf}}
    memory: 512m
    cpus: 1.5
    stop_timeout: 2h
    init: false
    logging: {driver: journald, options: {tag: shop}}
    labels: {team: eu}
  bot: {hosts: [a.example], singleton: true, publish: ["127.0.0.1:80:8080", "53:53/udp"], gate: {command: [ok, "1"]}}
ssh: {user: ann, port: 22, key: id, proxy_jump: [jump.example], known_hosts: known}
docker_socket: /run/docker.sock
env_template: env.j2
secrets: {KEY: , TOKEN: {env: CI_TOKEN}, CERT: {file: cert.pem}, PASSWORD: {command: pass show shop}}
secrets_file: private.env
retain: 3
timeouts: {connect: 3s, call: 250ms, build: 30m, ship: 12h}
"""


def read(text: str) -> Config:
    return parse({"config/deploy.yaml": text}, {})


# The manual and the schema


@pytest.mark.parametrize("text", [MANUAL, TEMPLATE, SAMPLE], ids=["manual", "what init writes", "sample"])
def test_the_schema_accepts_what_shipper_accepts(text: str) -> None:
    assert read(text).service
    jsonschema.validate(yaml.safe_load(text), json_schema())


@pytest.mark.parametrize(
    "added",
    [
        {"rols": {}},
        {"ssh": {"usr": "ann"}},
        {"roles": {"web": {"hosts": [A], "memry": "1g"}}},
        {"roles": {"web": {"hosts": [A], "gate": {"wait": "1s"}}}},
    ],
)
def test_the_schema_refuses_a_key_that_is_not_known(added: dict[str, Any]) -> None:
    config = {"service": "shop", "image": "shop", "roles": {"web": {"hosts": [A]}}, **added}
    with pytest.raises(jsonschema.ValidationError) as caught:
        jsonschema.validate(config, json_schema())
    assert caught.value.validator == "additionalProperties"


def test_the_schema_is_itself_a_valid_one() -> None:
    jsonschema.Draft202012Validator.check_schema(json_schema())
    assert json_schema()["$schema"] == "https://json-schema.org/draft/2020-12/schema"


def test_the_schema_beside_the_manual_is_that_of_the_code() -> None:
    assert json.loads((FOLDER / "deploy.schema.json").read_text()) == json_schema()


def test_the_overlay_of_the_manual_can_be_laid_over_it() -> None:
    config = parse({"config/deploy.yaml": MANUAL, "config/deploy.staging.yaml": OVERLAY}, {"STAGING_HOST": B})
    assert config.hosts == (f"deploy@{B}",)


def keys_of(section: type[BaseModel]) -> Iterator[str]:
    """All keys of a section and of those in it."""
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
    assert re.search(rf"\b{key}:", MANUAL)


# Out and in again


@pytest.mark.parametrize("text", [MANUAL, TEMPLATE, SAMPLE], ids=["manual", "what init writes", "sample"])
def test_a_config_that_is_recorded_is_read_back_the_same(text: str) -> None:
    config = read(text)
    assert Config.model_validate_json(config.model_dump_json()) == config


@pytest.mark.parametrize("text", [MANUAL, TEMPLATE, SAMPLE], ids=["manual", "what init writes", "sample"])
def test_a_config_that_is_printed_is_read_back_the_same(text: str) -> None:
    config = read(text)
    assert read(yaml.safe_dump(config.model_dump(mode="json"))) == config


def test_a_config_that_is_read_back_has_the_same_hash() -> None:
    config = read(SAMPLE)
    assert config_hash(Config.model_validate_json(config.model_dump_json())) == config_hash(config)


DURATIONS = ["0s", "1ms", "500ms", "0.7s", "1.1s", "90s", "2.5m", "2h", "1234567ms", "300h"]


@pytest.mark.parametrize("text", DURATIONS)
def test_a_duration_is_read_back_the_same(text: str) -> None:
    config = a_config(timeouts={"build": text})
    assert Config.model_validate_json(config.model_dump_json()).timeouts.build == config.timeouts.build


# Values


class Holder(BaseModel):
    duration: Duration


@pytest.mark.parametrize(
    ("text", "seconds", "shown"),
    [
        ("0s", 0.0, "0s"),
        ("50ms", 0.05, "50ms"),
        ("0.5s", 0.5, "500ms"),
        ("1000ms", 1.0, "1s"),
        ("30 s", 30.0, "30s"),
        ("1.5m", 90.0, "90s"),
        ("2h", 7200.0, "7200s"),
    ],
)
def test_a_duration_is_seconds_and_prints_as_one(text: str, seconds: float, shown: str) -> None:
    holder = Holder.model_validate({"duration": text})
    assert (holder.duration, holder.model_dump_json()) == (seconds, f'{{"duration":"{shown}"}}')


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("6m", 6291456),
        ("512M", 536870912),
        ("1g", 1073741824),
        ("1gb", 1073741824),
        (8388608, 8388608),
        ("8192k", 8388608),
    ],
)
def test_a_size_is_bytes(text: object, size: int) -> None:
    assert a_role(memory=text).roles["web"].memory == size


@pytest.mark.parametrize(
    ("image", "version"),
    [
        ("shop", ""),
        ("registry.example:5000/team/shop", ""),
        ("shop:1.2", "1.2"),
        ("registry.example:5000/shop:1.2", "1.2"),
        (f"shop@sha256:{'a' * 64}", f"sha256:{'a' * 64}"),
        (f"shop:1.2@sha256:{'a' * 64}", f"sha256:{'a' * 64}"),
    ],
)
def test_a_tag_or_digest_fixes_the_version(image: str, version: str) -> None:
    assert a_config(image=image).fixed_version == version


def test_the_hosts_of_a_config_are_those_of_its_roles_each_once_in_their_order() -> None:
    config = a_config(roles={"web": {"hosts": [B, A]}, "bot": {"hosts": [A, "c.example"]}})
    assert config.hosts == (B, A, "c.example")


@pytest.mark.parametrize(
    ("logging", "options"),
    [
        ({}, {"max-size": "10m", "max-file": "3"}),
        ({"driver": "local"}, {"max-size": "10m", "max-file": "3"}),
        ({"options": {"max-size": "1m"}}, {"max-size": "1m"}),
        ({"driver": "journald"}, {}),
    ],
)
def test_logs_that_docker_keeps_have_a_limit_unless_another_is_given(
    logging: dict[str, Any], options: dict[str, str]
) -> None:
    assert a_role(logging=logging).roles["web"].logging.effective_options == options


@pytest.mark.parametrize(
    ("gate", "expected"),
    [
        ({"http": {"port": 80, "path": "/up"}}, "GET /up on port 80 within 30s"),
        ({"tcp": 5432, "deadline": "500ms"}, "port 5432 accepts within 500ms"),
        ({"command": ["pg_isready", "-q"]}, "`pg_isready -q` succeeds within 30s"),
        ({"healthcheck": True}, "the image's HEALTHCHECK succeeds within 30s"),
        ({"settle": "5s"}, "runs for 5s"),
    ],
)
def test_a_gate_says_what_it_waits_for(gate: dict[str, Any], expected: str) -> None:
    assert str(Gate.model_validate(gate)) == expected


@pytest.mark.parametrize(
    ("image", "server"),
    [
        ("ann/shop", "docker.io"),
        ("shop:1.27", "docker.io"),
        ("ghcr.io/ann/shop", "ghcr.io"),
        ("registry:5000/shop", "registry:5000"),
        ("localhost/shop", "localhost"),
    ],
)
def test_the_registry_is_the_server_that_the_image_names(image: str, server: str) -> None:
    assert a_config(image=image).registry_name == server
