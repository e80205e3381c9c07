"""Whatever is malformed, in a config, an env or an argument list: exit code 2, and a message that names the place.

By generation from a config that has every key, and by table; each through the command line, in this process.
"""

import copy
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner, Result

from shipper.cli import main

CONFIG = "config/deploy.yaml"
WHOLE: dict[str, Any] = yaml.load(
    """
service: shop
image: ghcr.io/me/shop
registry: {username: me, password: {env: PASSWORD}}
build: {context: ., dockerfile: Dockerfile, target: production, args: {PYTHON: "3.11"}}
roles:
  web:
    hosts: [deploy@a.example, "b.example:2222"]
    command: [serve, --fast]
    strategy: overlap
    gate: {http: {port: 8080, path: /up, host: shop.example}, deadline: 30s, interval: 500ms, timeout: 5s, settle: 1s}
    env: {LOG_LEVEL: info}
    volumes: ["data:/data"]
    files: {/etc/shop.toml: {secret: TOKEN, mode: "0400", owner: "1000:1000"}}
    memory: 512m
    cpus: 1.5
    stop_timeout: 30s
    init: true
    logging: {driver: json-file, options: {max-size: 10m}}
    labels: {team: shop}
    retain: 2
  bot:
    hosts: [a.example:22]
    singleton: true
    handover: {port: 8080, path: /health, deadline: 30s}
    publish: []
accessories:
  db:
    image: postgres:17
    role: web
    env: {POSTGRES_USER: shop}
    files: {/run/secrets/password: {secret: TOKEN, mode: "0400", owner: "999:999"}, /etc/rules: {source: rules}}
    volumes: ["db:/var/lib/postgresql/data"]
    publish: ["5432:5432"]
    user: "999:999"
    backup: pg_dump
    restore: pg_restore
  cache: {image: redis, hosts: [a.example:22], after: [db]}
release: {commands: [alembic upgrade head], role: web, deadline: 10m, irreversible: "0007 drops a column"}
hooks: {pre-deploy: {command: "true", deadline: 5m}}
notify:
  chat: {apprise: {env: SLACK_URL}, on: [success]}
  admins: {telegram: {chat: -100123, topic: 7, token: {env: BOT_TOKEN}, buttons: true, api: "https://tg.example"}}
ssh: {user: deploy, port: 22, key: id, proxy_jump: [jump.example], known_hosts: config/known_hosts, compression: true}
docker_socket: /var/run/docker.sock
env_template: config/env.j2
secrets: {TOKEN: {file: config/token}}
secrets_file: config/secrets.env
retain: 5
rollout: {max_parallel: 4, first_host_first: false}
timeouts: {connect: 10s, call: 60s, build: 1h, ship: 1h}
""",
    Loader=yaml.BaseLoader,
)
FREE = {"args", "env", "options", "labels", "secrets", "roles", "hooks", "notify", "files", "accessories"}
"""Mappings whose keys are names that their authors choose."""
NAMES = {
    "hooks": "pre-deplyo",
    "files": "relative/path",
    "roles": "Web Server",
    "accessories": "A Database",
    "notify": "a chat",
    "secrets": "A-B",
    "env": "A-B",
}

Path_ = tuple[str | int, ...]


def shipper(folder: Path, monkeypatch: pytest.MonkeyPatch, *arguments: str, **environ: str) -> Result:
    monkeypatch.chdir(folder)
    monkeypatch.setenv("PATH", "")  # there is no Git to ask, each time, whether this is a checkout
    return CliRunner().invoke(main, list(arguments), prog_name="shipper", env=environ)


def assert_refused(result: Result, *places: str) -> None:
    """`places` are what the message must name, as people would look for it."""
    assert result.exit_code == 2, result.output
    assert isinstance(result.exception, SystemExit)
    assert "Traceback" not in result.output
    for place in places:
        assert place in result.stderr


def nodes(value: object, path: Path_ = ()) -> Iterator[tuple[Path_, object]]:
    yield path, value
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from nodes(inner, (*path, key))
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            yield from nodes(inner, (*path, index))


def changed(path: Path_, new: object) -> dict[str, Any]:
    made = copy.deepcopy(WHOLE)
    at: Any = made
    for part in path[:-1]:
        at = at[part]
    at[path[-1]] = new
    return made


def spelt(path: Path_) -> str:
    """As messages name a key."""
    return "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in path).lstrip(".")


def wrong_values(value: object, *, is_free: bool) -> Iterator[object]:
    """What nobody can take for this."""
    if not isinstance(value, str):
        yield "nonsense" if value else {"a": "b"}
        return
    yield {"a": "b"}
    if is_free:
        return
    if value in ("true", "false"):
        yield "perhaps"
    elif re.fullmatch(r"\d+(\.\d+)?", value):
        yield from ("many", "-1")
    elif re.fullmatch(r"\d+(ms|s|m|h)", value):
        yield "soon"


def generated() -> Iterator[Any]:
    for path, value in nodes(WHOLE):
        if path and path[-1] != "command" and path[:2] != ("release", "commands"):  # a command may be text or a list
            for wrong in wrong_values(value, is_free=len(path) > 1 and path[-2] in FREE):
                yield pytest.param(path, changed(path, wrong), id=f"{spelt(path)} is {wrong!r}")
        if isinstance(value, dict) and (not path or path[-1] not in FREE):
            unknown = (*path, "zzz")
            yield pytest.param(unknown, changed(unknown, "1"), id=f"unknown {spelt(unknown)}")
        elif isinstance(value, dict) and path[-1] in NAMES:
            name = (*path, NAMES[str(path[-1])])
            yield pytest.param(name, changed(name, next(iter(value.values()))), id=f"no name {spelt(name)}")


GENERATED = list(generated())


def test_there_are_enough_of_them() -> None:
    assert len(GENERATED) + len(TEXTS) + len(TEMPLATES) + len(SECRETS) + len(ARGUMENTS) + len(ENVIRONMENTS) >= 200


def test_the_config_from_which_they_are_made_is_right(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path, CONFIG, yaml.safe_dump(WHOLE))

    result = shipper(tmp_path, monkeypatch, "config")

    assert result.exit_code == 0, result.output


@pytest.mark.parametrize(("path", "config"), GENERATED)
def test_a_wrong_value_or_key_is_named_with_its_file_line_and_key(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, path: Path_, config: dict[str, Any]
) -> None:
    text = yaml.safe_dump(config, sort_keys=False)
    write(tmp_path, CONFIG, text)

    result = shipper(tmp_path, monkeypatch, "config")

    assert_refused(result, spelt(path))
    shown = next(line for line in result.stderr.splitlines() if f" {spelt(path)}" in line)
    place = re.search(rf"{re.escape(CONFIG)}:(\d+): ", shown)
    assert place
    key = next(str(part) for part in reversed(path) if isinstance(part, str))
    assert key in "\n".join(text.splitlines()[: int(place[1])])
    assert len(text.splitlines()) >= int(place[1])


TEXTS = [
    ("", f"{CONFIG}:1:"),
    ("[a, b]", f"{CONFIG}:1:"),
    ("just words", f"{CONFIG}:1:"),
    ("service: shop\nimage: [", f"{CONFIG}:2:"),
    ("service: shop\n\timage: shop", f"{CONFIG}:2:"),
    ("service: shop\nservice: shop", f"{CONFIG}:2: service: is given twice"),
    ("service: *nobody", f"{CONFIG}:1:"),
    ("service: shop\nimage: shop\nroles: &r {web: *r}", f"{CONFIG}:3:"),
    ("service: shop\nimage: shop\nroles: {web: {<<: text, hosts: [a.example]}}", f"{CONFIG}:3: roles.web: <<"),
    ("service: shop\nimage: shop\nroles: {? [a] : {}}", f"{CONFIG}:3: roles: a key must be text"),
    ("service: shop\nimage: shop\nroles: {}", f"{CONFIG}:3: roles:"),
    ("service: shop\nimage: shop\nroles: {web: {hosts: []}}", f"{CONFIG}:3: roles.web.hosts:"),
    ("service: \x00", f"{CONFIG}:1:"),
    ("service: ${\nimage: shop\nroles: {web: {hosts: [a.example]}}", f"{CONFIG}:1: service:"),
    ("image: shop", "service: is required"),
    ("service: shop\nimage: shop\nroles: {web: {hosts: [a, a]}}", "roles.web.hosts: names a host twice"),
    ("service: shop\nimage: shop\nroles: {web: {hosts: [me@a]}, bot: {hosts: [a]}}", "roles: a is written as me@a"),
    ("service: shop\nimage: shop\nroles: {web: {hosts: [a], publish: ['99999:80']}}", "roles.web.publish[0]:"),
    ("service: shop\nimage: shop\nroles: {web: {hosts: [a], singleton: true, strategy: overlap}}", "web.strategy:"),
    ("service: shop\nimage: shop\nroles: {web: {hosts: [a], labels: {shipper.x: y}}}", "roles.web.labels:"),
    ("service: shop\nimage: shop:1\nbuild: {}\nroles: {web: {hosts: [a]}}", f"{CONFIG}:3: build:"),
    ("service: shop\nimage: shop\nroles: {web: {hosts: [a]}}\nrelease: {commands: [x], role: wbe}", "release.role:"),
    ("service: shop\nimage: shop\nroles: {web: {hosts: [a]}}\nrelease: {commands: []}", "release.commands:"),
    ("service: shop\nimage: shop\nroles: {web: {hosts: [a]}}\nnotify: {chat: {on: [success]}}", "notify.chat:"),
    ("service: shop\nimage: shop\nroles: {web: {hosts: [a]}}\nnotify: {chat: {apprise: {env: A}, on: [sucess]}}",
     'notify.chat.on[0]: "sucess" is not one of start, success, failure, rollback, freeze; did you mean "success"?'),
    ("service: shop\nimage: shop\nroles: {web: {hosts: [a]}}\n"
     "notify: {chat: {telegram: {chat: admins, token: {env: A}}}}", "notify.chat.telegram.chat:"),
    ("service: shop\nimage: shop\nroles: {web: {hosts: [a]}}\n"
     "notify: {chat: {telegram: {chat: 1, token: {env: A}, api: api.telegram.org}}}", "notify.chat.telegram.api:"),
    ("service: shop\nimage: shop\nroles: {web: {hosts: [a]}}\nnotify: {chat: {telegram: {chat: 1}}}",
     "notify.chat.telegram.token: is required"),
    ("service: shop\nimage: shop\nroles: {web: {hosts: [a]}}\nhooks: {pre-deplyo: {command: x}}",
     'hooks.pre-deplyo: "pre-deplyo" is not one of'),
]  # fmt: skip


@pytest.mark.parametrize(("text", "place"), TEXTS)
def test_a_malformed_file_is_named_with_the_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str, place: str
) -> None:
    write(tmp_path, CONFIG, text)

    assert_refused(shipper(tmp_path, monkeypatch, "config"), place)


def test_a_file_that_is_no_text_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path, CONFIG, "")
    (tmp_path / CONFIG).write_bytes(b"service: \xff\xfe")

    assert_refused(shipper(tmp_path, monkeypatch, "config"), CONFIG)


TEMPLATES = [
    ("A={{ secrets.NOPE }}", "config/env.j2:1:"),
    ("A=1\nB={{ nope }}", "config/env.j2:2:"),
    ("A=1\nB={{ role.nope }}", "config/env.j2:2:"),
    ("A=1\nB={{ release.sha }}", "config/env.j2:2:"),
    ("A={{ config.nope }}", "config/env.j2:1:"),
    ("A={{ host", "config/env.j2:1:"),
    ("A={% if %}", "config/env.j2:1:"),
    ("{% if host %}\nA=1", "config/env.j2:2:"),
    ("{% for a in b %}\nA=1\n{% endfor %}", "config/env.j2:1:"),
    ("A={{ host | nope }}", "config/env.j2:1:"),
    ("A={{ host is nope }}", "config/env.j2:1:"),
    ("{% endif %}", "config/env.j2:1:"),
    ("{% frobnicate %}", "config/env.j2:1:"),
    ("A=1\njust words", "config/env.j2:2: is not NAME=value"),
    ("A-B=1", "config/env.j2:1: is not NAME=value"),
    ("1A=1", "config/env.j2:1: is not NAME=value"),
    ("=1", "config/env.j2:1: is not NAME=value"),
    ("export A=1", "config/env.j2:1: is not NAME=value"),
    ("A: 1", "config/env.j2:1: is not NAME=value"),
    (
        "{% if host %}\n{% endif %}\nA=1\n{% for n in (1, 2) %}\nB{{ n }}=x\n{% endfor %}\njust words",
        "config/env.j2: line 4 of what it renders to, after B2, is not NAME=value",
    ),
    ("{% if host %}\n{% endif %}\njust {{ host }}", "config/env.j2: line 1 of what it renders to is not NAME=value"),
]


@pytest.mark.parametrize(("text", "place"), TEMPLATES)
def test_a_malformed_template_is_named_with_the_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str, place: str
) -> None:
    write(tmp_path, CONFIG, yaml.safe_dump(WHOLE))
    write(tmp_path, "config/env.j2", text)

    assert_refused(shipper(tmp_path, monkeypatch, "config"), place)


SECRETS = [
    ("A=1\njust words", "config/secrets.env:2: is not NAME=value"),
    ("export TOKEN=1", "config/secrets.env:1: is not NAME=value"),
    ("A-B=1", "config/secrets.env:1: is not NAME=value"),
    ("\n\n=x", "config/secrets.env:3: is not NAME=value"),
    ("TOKEN", "config/secrets.env:1: is not NAME=value"),
]


@pytest.mark.parametrize(("text", "place"), SECRETS)
def test_a_malformed_file_of_secrets_is_named_with_the_line_and_without_a_value(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str, place: str
) -> None:
    write(tmp_path, CONFIG, "service: shop\nimage: shop:1\nroles: {web: {hosts: [a.invalid]}}\nsecrets: {TOKEN: }")
    write(tmp_path, "config/secrets.env", text)

    result = shipper(tmp_path, monkeypatch, "plan")

    assert_refused(result, place)
    assert "just words" not in result.output


ENVIRONMENTS = [
    ({}, f"{CONFIG}:3: roles.web.hosts[0]: the environment variable SHOP_HOST is not set"),
    ({"SHOP_HOST": "two words"}, f"{CONFIG}:3: roles.web.hosts[0]:"),
    ({"SHOP_HOST": "a.example:99999"}, f"{CONFIG}:3: roles.web.hosts[0]:"),
    ({"SHOP_HOST": "a.example\nb.example"}, f"{CONFIG}:3: roles.web.hosts[0]:"),
    ({"SHOP_HOST": "-oProxyCommand=x"}, f"{CONFIG}:3: roles.web.hosts[0]:"),
    ({"SHOP_HOST": "a.example", "MEMORY": "much"}, f"{CONFIG}:3: roles.web.memory:"),
    ({"SHOP_HOST": "a.example", "MEMORY": "1k"}, f"{CONFIG}:3: roles.web.memory:"),
]


@pytest.mark.parametrize(("environ", "place"), ENVIRONMENTS)
def test_a_malformed_environment_is_named_by_the_key_that_asks_for_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, environ: dict[str, str], place: str
) -> None:
    hosts = "service: shop\nimage: shop\nroles: {web: {hosts: ['${SHOP_HOST}'], memory: '${MEMORY:-64m}'}}"
    write(tmp_path, CONFIG, hosts)

    assert_refused(shipper(tmp_path, monkeypatch, "config", **environ), place)


EACH_COMMAND = [name for name in main.commands if name not in ("init", "version", "completion", "accessory")]
ARGUMENTS = [
    *(([name, "--nope"], "--nope") for name in main.commands),
    *(([name, "--role", "wbe"], '"wbe"') for name in EACH_COMMAND if name not in ("trust", "lock", "exec")),
    *(([name, "--host", "c.example"], '"c.example"') for name in EACH_COMMAND if name not in ("trust", "lock", "exec")),
    *(([name, "-d", "../x"], "'../x'") for name in EACH_COMMAND if name not in ("trust", "lock", "exec")),
    ([], "Usage:"),
    (["nope"], "nope"),
    (["--nope"], "--nope"),
    (["deploy", "a", "b"], "(b)"),
    (["deploy", "--wait", "soon"], "--wait"),
    (["rollback", "x"], "'x'"),
    (["rollback", "1.5"], "'1.5'"),
    (["rollback", "1", "2"], "(2)"),
    (["logs", "-n", "many"], "-n"),
    (["logs", "--release", "last"], "--release"),
    (["lock"], "REASON"),
    (["lock", "a reason", "--for", "soon"], '"soon"'),
    (["lock", "a reason", "--for", "2 hours"], '"2 hours"'),
    (["lock", "a", "reason"], "(reason)"),
    (["trust"], "HOST"),
    (["accessory", "nope"], "nope"),
    (["accessory", "boot", "cahce"], '"cahce"'),
    (["accessory", "boot", "--role", "web"], "of no role"),
    (["accessory", "boot", "--host", "c.example"], '"c.example"'),
    (["accessory", "boot", "cache", "--host", "b.example:2222"], "b.example"),
    (["accessory", "restart"], "NAME"),
    (["accessory", "logs", "cache", "-n", "many"], "-n"),
    (["accessory", "exec", "cache"], "COMMAND"),
    (["accessory", "backup", "cache"], "accessories.cache.backup"),
    (["accessory", "backup", "db", CONFIG], "is there already"),
    (["accessory", "restore", "db", "nope.dump"], "nope.dump"),
    (["accessory", "remove"], "NAME"),
    (["status", "-c"], "-c"),
    (["status", "-c", "config/nope.yaml"], "config/nope.yaml"),
    (["status", "-d", "nope"], "config/deploy.nope.yaml"),
    (["status", "--role", "web", "--role", "wbe"], '"wbe"'),
    (["status", "--role", "bot", "--host", "b.example"], "b.example"),
]


@pytest.mark.parametrize(("arguments", "place"), ARGUMENTS, ids=[" ".join(pair[0]) for pair in ARGUMENTS])
def test_a_malformed_argument_list_is_refused_before_anything_is_asked_of_a_server(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: list[str], place: str
) -> None:
    write(tmp_path, CONFIG, yaml.safe_dump(WHOLE))

    assert_refused(shipper(tmp_path, monkeypatch, *arguments), place)


def write(folder: Path, path: str, text: str) -> None:
    file = folder / path
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text)
