import pytest

from shipper.config.deployfile import parse
from shipper.config.parts import NamedSecret
from shipper.config.root import Config
from shipper.errors import ConfigError

FILE, OVERLAY = "config/deploy.yaml", "config/deploy.staging.yaml"
SERVICE = """\
service: shop
image: shop
roles:
  web:
    hosts: [a.example]
"""
# What a table adds to SERVICE begins on line 6: indented by four it is in roles.web, by two in roles.
Table = list[tuple[str, str]]
SECTION_KEYS = (
    "service, image, registry, build, roles, release, accessories, hooks, notify, ssh, docker_socket, env_template, "
    "secrets, secrets_file, retain, promote_from, rollout, timeouts"
)
ROLE_KEYS = (
    "command, gate, volumes, files, publish, memory, cpus, stop_timeout, init, logging, labels, hosts, strategy, "
    "singleton, handover, env, retain"
)


def read(text: str, overlay: str | None = None, **environ: str) -> Config:
    return parse({FILE: text} if overlay is None else {FILE: text, OVERLAY: overlay}, environ)


def complaint(text: str, overlay: str | None = None, **environ: str) -> str:
    with pytest.raises(ConfigError) as caught:
        read(text, overlay, **environ)
    return caught.value.what


UNKNOWN_KEYS: Table = [
    ("    memry: 512m", '6: roles.web.memry: is not a key here; did you mean "memory"?'),
    ("    x-note: 1", f"6: roles.web.x-note: is not a key here; known: {ROLE_KEYS}"),
    ("    gate: {http: {port: 80, pth: /}}", '6: roles.web.gate.http.pth: is not a key here; did you mean "path"?'),
    ("    gate: {wait: 5s}", "6: roles.web.gate.wait: is not a key here; known: healthcheck, http, tcp, command, "
     "deadline, interval, timeout, settle"),
    ("    files:\n      /etc/app.conf: {sorce: x}", '7: roles.web.files./etc/app.conf.sorce: is not a key here; '
     'did you mean "source"?'),
    ("    logging: {option: {}}", '6: roles.web.logging.option: is not a key here; did you mean "options"?'),
    ("ssh: {key_evn: KEY}", '6: ssh.key_evn: is not a key here; did you mean "key_env"?'),
    ("timeouts:\n  conect: 5s", '7: timeouts.conect: is not a key here; did you mean "connect"?'),
    ("secrets:\n  TOKEN: {comand: x}", '7: secrets.TOKEN.comand: is not a key here; did you mean "command"?'),
    ("bulid: {}", '6: bulid: is not a key here; did you mean "build"?'),
    ("zone: eu", f"6: zone: is not a key here; known: {SECTION_KEYS}"),
    ("5: x", f"6: 5: is not a key here; known: {SECTION_KEYS}"),
]  # fmt: skip


@pytest.mark.parametrize(("added", "expected"), UNKNOWN_KEYS)
def test_an_unknown_key_is_reported_with_the_nearest_one_or_all_that_are_known(added: str, expected: str) -> None:
    assert complaint(SERVICE + added) == f"{FILE}:{expected}"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("image: shop\nroles: {web: {hosts: [a]}}", "1: service: is required"),
        ("service: shop\nroles: {web: {hosts: [a]}}", "1: image: is required"),
        ("service: shop\nimage: shop", "1: roles: is required"),
        (SERVICE + "  bot:\n    init: true", "6: roles.bot.hosts: is required"),
        (SERVICE + "    gate:\n      http: {path: /up}", "7: roles.web.gate.http.port: is required"),
    ],
)
def test_a_missing_key_is_reported_where_it_should_stand(text: str, expected: str) -> None:
    assert complaint(text) == f"{FILE}:{expected}"


WRONG_TYPES: Table = [
    ("    gate: {tcp: http}", '6: roles.web.gate.tcp: "http" should be a valid integer, unable to parse string as an '
     "integer"),
    ("    cpus: many", '6: roles.web.cpus: "many" should be a valid number, unable to parse string as a number'),
    ("    singleton: perhaps", '6: roles.web.singleton: "perhaps" should be a valid boolean, unable to interpret '
     "input"),
    ("    env: {LIST: [1]}", "6: roles.web.env.LIST: should be a valid string"),
    ("retain: 1.5", '6: retain: "1.5" should be a valid integer, unable to parse string as an integer'),
    ("    publish: 80:80", '6: roles.web.publish: "80:80" should be a list'),
    ("    volumes: {data: /data}", "6: roles.web.volumes: should be a list"),
    ("    gate: 80", '6: roles.web.gate: "80" should be a mapping'),
    ("    gate: [80]", "6: roles.web.gate: should be a mapping"),
    ("secrets: [TOKEN]", "6: secrets: should be a mapping"),
    ("build: .", '6: build: "." should be a mapping'),
    ("  bot:", "6: roles.bot: should be a mapping"),
]  # fmt: skip


@pytest.mark.parametrize(("added", "expected"), WRONG_TYPES)
def test_a_value_of_the_wrong_type_is_reported_in_the_words_of_yaml(added: str, expected: str) -> None:
    assert complaint(SERVICE + added) == f"{FILE}:{expected}"


DURATION = "is not a duration such as 500ms, 30s, 5m or 2h"
HOST = "is not name, user@name, name:port or user@[ipv6]:port"
PUBLISHED = "is not [address:]host_port:container_port[/udp]"
VOLUME = "is not volume_or_/folder:/path/inside[:ro]"
NAME = "must be 1 to 40 of a-z, 0-9, - and _, and begin with a letter or digit"
BAD_VALUES: Table = [
    ("    strategy: ovrlap", '6: roles.web.strategy: "ovrlap" is not one of overlap, handover, recreate; did you mean '
     '"overlap"?'),
    ("    strategy: blue", '6: roles.web.strategy: "blue" is not one of overlap, handover, recreate'),
    ("    stop_timeout: soon", f'6: roles.web.stop_timeout: "soon" {DURATION}'),
    ("    stop_timeout: 30", f'6: roles.web.stop_timeout: "30" {DURATION}'),
    ("    gate: {settle: -1s}", f'6: roles.web.gate.settle: "-1s" {DURATION}'),
    ("    memory: lots", '6: roles.web.memory: "lots" is not a size such as 512m or 2g'),
    ("    memory: 1.5g", '6: roles.web.memory: "1.5g" is not a size such as 512m or 2g'),
    ("    memory: 5m", '6: roles.web.memory: "5m" is less than the 6m that Docker demands'),
    ("    cpus: 0", '6: roles.web.cpus: "0" should be greater than 0'),
    ("    gate: {tcp: 0}", '6: roles.web.gate.tcp: "0" should be greater than or equal to 1'),
    ("ssh: {port: 65536}", '6: ssh.port: "65536" should be less than or equal to 65535'),
    ("    gate: {http: {port: 80, path: up}}", '6: roles.web.gate.http.path: "up" must begin with /'),
    ("retain: 0", '6: retain: "0" should be greater than or equal to 1'),
    ("    publish: ['80']", f'6: roles.web.publish[0]: "80" {PUBLISHED}'),
    ("    publish:\n      - 80:80\n      - 53:53/sctp", f'8: roles.web.publish[1]: "53:53/sctp" {PUBLISHED}'),
    ("    publish: ['70000:80']", f'6: roles.web.publish[0]: "70000:80" {PUBLISHED}'),
    ("    volumes: [data]", f'6: roles.web.volumes[0]: "data" {VOLUME}'),
    ("    volumes: [./data:/data]", f'6: roles.web.volumes[0]: "./data:/data" {VOLUME}'),
    ("    volumes: [data:/data:z]", f'6: roles.web.volumes[0]: "data:/data:z" {VOLUME}'),
    ("    files: {app.conf: {source: x}}", '6: roles.web.files.app.conf: "app.conf" is not an absolute path of a '
     "file"),
    ("    files: {/app.conf: {source: x, mode: 1777}}", '6: roles.web.files./app.conf.mode: "1777" is not a mode '
     "such as 0444"),
    ("    files: {/app.conf: {source: x, owner: root}}", '6: roles.web.files./app.conf.owner: "root" is not numeric '
     "uid:gid such as 1000:1000"),
    ("    env: {A-B: x}", '6: roles.web.env.A-B: "A-B" is not a name for an environment variable'),
    ("secrets: {A-B: }", '6: secrets.A-B: "A-B" is not a name for an environment variable'),
    ("  Bot: {hosts: [a]}", f'6: roles.Bot: "Bot" {NAME}'),
    ("docker_socket: docker.sock", '6: docker_socket: "docker.sock" is not an absolute path of a file'),
    ("  bot: {hosts: [a b]}", f'6: roles.bot.hosts[0]: "a b" {HOST}'),
    ("  bot:\n    hosts:\n      - a\n      - a b", f'9: roles.bot.hosts[1]: "a b" {HOST}'),
    ("  bot: {hosts: ['a:70000']}", f'6: roles.bot.hosts[0]: "a:70000" {HOST}'),
    ("  bot: {hosts: []}", "6: roles.bot.hosts: should have at least 1 item"),
    ("    command: []", "6: roles.web.command: should have at least 1 item"),
]  # fmt: skip


@pytest.mark.parametrize(("added", "expected"), BAD_VALUES)
def test_a_bad_value_is_reported_with_what_is_right(added: str, expected: str) -> None:
    assert complaint(SERVICE + added) == f"{FILE}:{expected}"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("service: My Shop\nimage: shop\nroles: {web: {hosts: [a]}}", f'1: service: "My Shop" {NAME}'),
        (
            "service: shop\nimage: my shop\nroles: {web: {hosts: [a]}}",
            '2: image: "my shop" is not the name of an image',
        ),
        ("service: shop\nimage: shop\nroles: {}", "3: roles: should have at least 1 item"),
    ],
)
def test_a_bad_value_of_a_required_key_is_reported(text: str, expected: str) -> None:
    assert complaint(text) == f"{FILE}:{expected}"


CONTRADICTIONS: Table = [
    ("    strategy: overlap\n    publish: ['80:80']", "6: roles.web.strategy: two containers cannot publish the same "
     "port: use recreate, or publish none"),
    ("    strategy: overlap\n    singleton: true", "6: roles.web.strategy: overlap runs two at once, and singleton "
     "forbids it"),
    ("    strategy: handover\n    singleton: true", "6: roles.web.strategy: handover needs the section `handover`: the "
     "app must speak its protocol"),
    ("    strategy: handover\n    handover: {}\n    singleton: true\n    publish: ['80:80']", "6: roles.web.strategy: "
     "two containers cannot publish the same port: use recreate, or publish none"),
    ("    handover: {port: 8080}", "6: roles.web.handover: is for a role that must never run twice: say singleton: "
     "true"),
    ("  bot:\n    hosts: [a, b]\n    singleton: true", "8: roles.bot.singleton: never two at once, yet there are 2 "
     "hosts"),
    ("  bot: {hosts: [a, b, a]}", "6: roles.bot.hosts: names a host twice"),
    ("    gate:\n      tcp: 80\n      command: ok", "8: roles.web.gate.command: a gate has one probe, and tcp is given "
     "too"),
    ("    labels: {shipper.role: x}", "6: roles.web.labels: 'shipper.role' is a name that shipper keeps for itself"),
    ("    files:\n      /etc/app.conf:\n        mode: 0400\n        secret: TOKEN", "9: roles.web.files./etc/app.conf."
     'secret: "TOKEN" is not listed under secrets'),
    ("    files:\n      /app.conf: {}", "7: roles.web.files./app.conf: needs exactly one of secret, source"),
    ("    files: {/app.conf: {secret: A, source: b}}", "6: roles.web.files./app.conf.source: needs exactly one of "
     "secret, source"),
    ("    publish: ['80:80']\n  bot:\n    hosts: [b.example, a.example]\n    publish: ['80:8080']", "9: roles.bot."
     "publish: port 80 of a.example is published by web already"),
    ("    publish: ['80:80', '0.0.0.0:80:81']", "6: roles.web.publish: port 80 of a.example is published by web "
     "already"),
    ("    publish: ['127.0.0.1:80:80']\n  bot:\n    hosts: [a.example]\n    publish: ['80:8080']", "9: roles.bot."
     "publish: port 80 of a.example is published by web already"),
    ("registry:\n  username: ann", "7: registry.username: needs a password beside it"),
    ("registry:\n  password: {env: PASSWORD}", "7: registry.password: needs a username beside it"),
    ("registry: {}\nbuild: {}", "2: image: a registry needs an owner: USER/shop or SERVER/shop"),
    ("secrets:\n  A: {command: x, file: y}", "7: secrets.A.command: its value comes from `file` already"),
    ("notify:\n  a: {webhook: {}}", "7: notify.a.webhook: needs exactly one of env, file, command"),
]  # fmt: skip


@pytest.mark.parametrize(("added", "expected"), CONTRADICTIONS)
def test_a_contradiction_is_reported_at_the_key_to_change(added: str, expected: str) -> None:
    assert complaint(SERVICE + added) == f"{FILE}:{expected}"


def test_an_image_that_has_a_tag_and_is_built_is_a_contradiction() -> None:
    text = "service: shop\nimage: shop:1.2\nbuild: {}\nroles: {web: {hosts: [a]}}"
    expected = "3: build: the image shop:1.2 has a tag, so it is never built: remove one of the two"
    assert complaint(text) == f"{FILE}:{expected}"


@pytest.mark.parametrize(
    "added",
    [
        "    publish: ['80:80', '80:80/udp']",
        "    publish: ['127.0.0.1:80:80', '127.0.0.2:80:80']",
        "    publish: ['80:80']\n  bot: {hosts: [b.example], publish: ['80:80']}",
        "    strategy: recreate\n    publish: ['80:80']\n    singleton: true",
    ],
)
def test_what_only_looks_like_a_contradiction_is_accepted(added: str) -> None:
    assert read(SERVICE + added).service == "shop"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (SERVICE + "    hosts: [b]", "6: roles.web.hosts: is given twice"),
        (SERVICE + "ssh:\n  user: a\n  port: 22\n  user: b", "9: ssh.user: is given twice"),
        (SERVICE + "service: other", "6: service: is given twice"),
        (SERVICE + "? [a]\n: 1", "6: a key must be text"),
    ],
)
def test_a_key_that_cannot_stand_there_is_reported(text: str, expected: str) -> None:
    assert complaint(text) == f"{FILE}:{expected}"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (SERVICE + "build: a: b", "6: is not YAML: mapping values are not allowed here"),
        (SERVICE + "ssh: {user: a", "6: is not YAML: expected ',' or '}', but got '<stream end>'"),
        (
            SERVICE + "ssh: {proxy_jump: [me@${JUMP}]}",
            "6: is not YAML: expected ',' or ']', but got '{'; between [ ] or { } quote it: \"${NAME}\"",
        ),
        (SERVICE + "\tssh: 1", "6: is not YAML: found character '\\t' that cannot start any token"),
        (SERVICE + "ssh: *nobody", "6: is not YAML: found undefined alias 'nobody'"),
        (SERVICE + "ssh: \x07", "6: is not YAML: special characters are not allowed"),
        ("- service", "1: must be a mapping of keys to values"),
        ("", "1: must be a mapping of keys to values"),
    ],
)
def test_what_is_not_a_yaml_mapping_is_reported_alone(text: str, expected: str) -> None:
    assert complaint(text) == f"{FILE}:{expected}"


@pytest.mark.parametrize(
    ("added", "line"), [("ssh: &loop {user: *loop}", 6), ("ssh: &loop\n  port: 22\n  user: *loop", 8)]
)
def test_an_alias_to_what_contains_it_is_reported_where_it_is_used(added: str, line: int) -> None:
    assert complaint(SERVICE + added) == f"{FILE}:{line}: ssh.user: is an alias to something that contains it"


@pytest.mark.parametrize("added", ["ssh: &loop {proxy_jump: [*loop]}", "ssh: &loop\n  <<: *loop"])
def test_no_way_of_using_an_alias_can_loop(added: str) -> None:
    assert "is an alias to something that contains it" in complaint(SERVICE + added)


def test_a_variable_takes_its_value_from_the_environment() -> None:
    assert read(SERVICE + "ssh: {user: 'x-${WHO}-${WHERE}'}", WHO="ann", WHERE="eu").ssh.user == "x-ann-eu"


def test_a_variable_in_place_of_a_number_becomes_a_number() -> None:
    assert read(SERVICE + "retain: ${KEEP}", KEEP="7").retain == 7


@pytest.mark.parametrize("environ", [{}, {"KEEP": ""}])
def test_a_default_stands_in_for_a_variable_that_is_unset_or_empty(environ: dict[str, str]) -> None:
    assert read(SERVICE + "retain: ${KEEP:-3}", **environ).retain == 3


def test_an_empty_default_is_a_value() -> None:
    assert read(SERVICE + "ssh: {user: 'x${SUFFIX:-}'}").ssh.user == "x"


def test_a_doubled_dollar_writes_a_plain_one() -> None:
    assert read(SERVICE + "    env: {PROMPT: 'a $${HOME} $HOME $$'}").roles["web"].env == {
        "PROMPT": "a ${HOME} $HOME $$"
    }


@pytest.mark.parametrize(
    ("added", "expected"),
    [
        ("    env: {URL: '${URL}'}", "6: roles.web.env.URL: the environment variable URL is not set"),
        ("retain: ${KEEP}", "6: retain: the environment variable KEEP is not set"),
        ("    volumes:\n      - ${WHERE}:/data", "7: roles.web.volumes[0]: the environment variable WHERE is not set"),
        ("retain: ${}", "6: retain: has a ${ that names no variable; write $${ for a plain ${"),
        ("    env: {A: 'x ${-y}'}", "6: roles.web.env.A: has a ${ that names no variable; write $${ for a plain ${"),
    ],
)
def test_a_variable_without_a_value_is_the_only_mistake_that_is_reported_of_it(added: str, expected: str) -> None:
    assert complaint(SERVICE + added) == f"{FILE}:{expected}"


def test_two_unset_variables_in_one_value_are_reported_in_order() -> None:
    expected = [f"{FILE}:6: ssh.user: the environment variable {name} is not set" for name in "ABCDEF"]
    assert complaint(SERVICE + "ssh: {user: '${A}${B}${C}${D}${E}${F}'}").splitlines() == expected


@pytest.mark.parametrize("text", ["1.10", "no", "0755", "1e3", "0x1F", "2026-03-01", "12:30:00", "''", "true"])
def test_a_scalar_in_env_keeps_the_text_that_was_written(text: str) -> None:
    assert read(SERVICE + f"    env: {{A: {text}}}").roles["web"].env["A"] == text.strip("'")


@pytest.mark.parametrize(("text", "expected"), [("no", False), ("off", False), ("yes", True), ("true", True)])
def test_a_yes_or_no_key_takes_the_words_of_yaml(text: str, expected: bool) -> None:
    assert read(SERVICE + f"    init: {text}").roles["web"].init is expected


def test_a_command_that_is_text_goes_to_the_shell() -> None:
    assert read(SERVICE + "    command: run | tee log").roles["web"].command == ("/bin/sh", "-c", "run | tee log")


def test_keys_that_begin_with_x_are_free() -> None:
    assert read(SERVICE + "x-anything: {at: [all]}") == read(SERVICE)


MERGED = """\
x-common: &common
  memory: 512m
  strategy: recreate
x-small: &small
  memory: 64m
service: shop
image: shop
"""


def test_a_merge_key_gives_what_the_mapping_itself_does_not_say() -> None:
    config = read(MERGED + "roles:\n  web:\n    <<: *common\n    hosts: [a]\n    memory: 1g")
    assert (config.roles["web"].memory, config.roles["web"].strategy) == (1024**3, "recreate")


def test_the_first_of_several_merged_mappings_wins() -> None:
    config = read(MERGED + "roles:\n  web:\n    <<: [*small, *common]\n    hosts: [a]")
    assert (config.roles["web"].memory, config.roles["web"].strategy) == (64 * 1024**2, "recreate")


def test_a_mistake_in_a_merged_mapping_is_reported_where_it_stands() -> None:
    text = MERGED.replace("recreate", "recrate") + "roles:\n  web:\n    <<: *common\n    hosts: [a]"
    expected = '3: roles.web.strategy: "recrate" is not one of overlap, handover, recreate; did you mean "recreate"?'
    assert complaint(text) == f"{FILE}:{expected}"


@pytest.mark.parametrize(
    ("lines", "number"), [(["<<: *common", "strategy: blue"], 11), (["strategy: blue", "<<: *common"], 10)]
)
def test_a_mistake_beside_a_merge_key_is_reported_where_it_stands(lines: list[str], number: int) -> None:
    text = MERGED + "roles:\n  web:\n" + "".join(f"    {line}\n" for line in lines) + "    hosts: [a]"
    assert complaint(text) == f'{FILE}:{number}: roles.web.strategy: "blue" is not one of overlap, handover, recreate'


def test_a_merge_key_must_name_a_mapping() -> None:
    assert complaint(SERVICE + "ssh:\n  <<: [5]") == f"{FILE}:7: ssh: << must name a mapping"


def test_an_overlay_changes_only_what_it_says() -> None:
    below = SERVICE + "    memory: 1g\n    env: {A: a, B: b}\n    gate: {tcp: 80, deadline: 9s}\nretain: 3"
    config = read(below, "roles: {web: {env: {B: new, C: c}, gate: {deadline: 1s}}}\nretain: 4")
    assert config == read(
        SERVICE + "    memory: 1g\n    env: {A: a, B: new, C: c}\n    gate: {tcp: 80, deadline: 1s}\nretain: 4"
    )


def test_a_list_in_an_overlay_replaces_the_one_below() -> None:
    assert read(SERVICE, "roles: {web: {hosts: [b.example]}}").hosts == ("b.example",)


def test_an_empty_value_in_an_overlay_takes_away_what_is_below() -> None:
    assert read(SERVICE + "build: {target: app}", "build:").build is None


def test_an_overlay_takes_away_a_role_and_a_secret_or_gets_it_from_elsewhere() -> None:
    below = SERVICE + "  bot: {hosts: [b]}\nsecrets: {ONE: {file: one}, TWO: {file: two}, THREE: }"
    config = read(below, "roles: {bot: }\nsecrets: {ONE: , TWO: {file: , env: OTHER}, THREE: }")
    assert list(config.roles) == ["web"]
    assert config.secrets == {"TWO": NamedSecret(env="OTHER"), "THREE": None}


def test_a_role_of_which_nothing_is_said_is_a_mistake_where_there_is_nothing_to_take_away() -> None:
    assert complaint(SERVICE + "  bot:") == f"{FILE}:6: roles.bot: should be a mapping"
    assert complaint(SERVICE, "roles: {bot: }") == f"{OVERLAY}:1: roles.bot: should be a mapping"


def test_a_role_that_only_the_overlay_has_is_added() -> None:
    assert list(read(SERVICE, "roles: {bot: {hosts: [b]}}").roles) == ["web", "bot"]


def test_a_registry_whose_user_is_empty_is_none_and_the_image_needs_no_owner() -> None:
    text = SERVICE.replace("image: shop", "image: ${NAME:-}${NAME:+/}shop") + """
registry: {username: "${NAME:-}", password: {env: PASSWORD}}
build: {}
"""
    assert (read(text).image, read(text).registry) == ("shop", None)
    ours = read(text, NAME="ann")
    assert (ours.image, ours.registry and ours.registry.username) == ("ann/shop", "ann")


def test_a_mistake_in_an_overlay_is_reported_with_its_file_and_line() -> None:
    overlay = "roles:\n  web:\n    memory: lots"
    expected = f'{OVERLAY}:3: roles.web.memory: "lots" is not a size such as 512m or 2g'
    assert complaint(SERVICE + "    memory: 1g", overlay) == expected


def test_a_mistake_below_is_reported_with_its_own_file_though_an_overlay_touches_the_section() -> None:
    expected = f'{FILE}:6: roles.web.memory: "lots" is not a size such as 512m or 2g'
    assert complaint(SERVICE + "    memory: lots", "roles:\n  web:\n    init: false") == expected


def test_a_mistake_that_an_overlay_replaces_is_none() -> None:
    assert read(SERVICE + "    memory: lots", "roles: {web: {memory: 1g}}").roles["web"].memory == 1024**3


def test_an_overlay_that_is_not_yaml_is_reported_with_its_file() -> None:
    assert complaint(SERVICE, "a: b: c") == f"{OVERLAY}:1: is not YAML: mapping values are not allowed here"


EVERYTHING_WRONG = """\
service: Shop
image: shop
roles:
  web:
    hosts: [a.example]
    strategy: ovrlap
    memory: lots
    memory: 1g
  bot:
    singleton: true
    hosts: [a.example, b.example]
  cron:
    gate: {tcp: 80, command: ok}
ssh: {user: "${WHO}", key_evn: KEY}
retain: 0
"""


def test_all_mistakes_of_all_files_come_at_once_in_the_order_of_their_lines() -> None:
    assert complaint(EVERYTHING_WRONG, "roles:\n  bot: {stop_timeout: 9}").splitlines() == [
        f'{OVERLAY}:2: roles.bot.stop_timeout: "9" {DURATION}',
        f'{FILE}:1: service: "Shop" {NAME}',
        f'{FILE}:6: roles.web.strategy: "ovrlap" is not one of overlap, handover, recreate; did you mean "overlap"?',
        f'{FILE}:7: roles.web.memory: "lots" is not a size such as 512m or 2g',
        f"{FILE}:8: roles.web.memory: is given twice",
        f"{FILE}:12: roles.cron.hosts: is required",
        f"{FILE}:13: roles.cron.gate.command: a gate has one probe, and tcp is given too",
        f'{FILE}:14: ssh.key_evn: is not a key here; did you mean "key_env"?',
        f"{FILE}:14: ssh.user: the environment variable WHO is not set",
        f'{FILE}:15: retain: "0" should be greater than or equal to 1',
    ]


def test_contradictions_of_different_roles_come_at_once() -> None:
    text = SERVICE + "    files: {/a: {secret: A}}\n  bot:\n    hosts: [b]\n    files: {/b: {secret: B}}"
    assert complaint(text).splitlines() == [
        f'{FILE}:6: roles.web.files./a.secret: "A" is not listed under secrets',
        f'{FILE}:9: roles.bot.files./b.secret: "B" is not listed under secrets',
    ]


def test_a_config_error_says_that_nothing_was_done() -> None:
    with pytest.raises(ConfigError) as caught:
        read("")
    assert (caught.value.now, caught.value.exit_code) == ("Nothing was done.", 2)


def test_what_the_environment_brought_into_a_bad_value_is_not_shown() -> None:
    text = SERVICE + "retain: '${TOKEN}'\nssh: {port: 'x${TOKEN}', compression: 'hush'}"

    said = complaint(text, TOKEN="hush-hush")

    assert '"${TOKEN}" should be a valid integer' in said
    assert '"x${TOKEN}" should be' in said
    assert '"hush" should be a valid boolean' in said
    assert "hush-hush" not in said
