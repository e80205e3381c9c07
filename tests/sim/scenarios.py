"""What is explored: the ways in which containers take turns, and the ways in which that goes well or badly."""

from tests.sim.explore import Scenario
from tests.sim.servers import App

_A, _B = "a.example", "b.example"
_WEB = {"web": {"hosts": [_A]}}
_ALONE = {"web": {"hosts": [_A], "singleton": True}}
_BOT = {"bot": {"hosts": [_A], "singleton": True, "handover": {"deadline": "300ms"}}}
_BOT_FIRST = {**_BOT, "web": {"hosts": [_A]}}
_ONE_COMMAND = {"commands": ["migrate"], "deadline": "1m"}
_TWO_COMMANDS = {"commands": ["prepare", "migrate"], "deadline": "1m"}
_TWO_ROLES = {"web": {"hosts": [_A]}, "cron": {"hosts": [_A], "singleton": True}}
_CRON_FIRST = {"cron": _TWO_ROLES["cron"], "web": _TWO_ROLES["web"]}
_TWO_HOSTS = {"web": {"hosts": [_A, _B]}}

ONE_HOST = (
    Scenario(name="first deploy", roles=_WEB, before=(), command="deploy v1", serves="v1"),
    Scenario(name="overlap", roles=_WEB, command="deploy v2", serves="v2", back="v1"),
    Scenario(name="overlap, sick", roles=_WEB, command="deploy v2", apps={"v2": App.SICK}, serves="v1"),
    Scenario(name="rollback", roles=_WEB, before=("deploy v1", "deploy v2"), command="rollback", serves="v1"),
    Scenario(name="recreate", roles=_ALONE, command="deploy v2", serves="v2", back="v1"),
    Scenario(
        name="recreate, exits",
        roles=_ALONE,
        command="deploy v2",
        apps={"v2": App.EXITS},
        serves="v1",
    ),
    Scenario(
        name="recreate, rollback", roles=_ALONE, before=("deploy v1", "deploy v2"), command="rollback", serves="v1"
    ),
    Scenario(name="handover", roles=_BOT, command="deploy v2", serves="v2", back="v1"),
    Scenario(
        name="handover, never active",
        roles=_BOT,
        command="deploy v2",
        apps={"v2": App.NEVER_ACTIVE},
        serves="v1",
    ),
    Scenario(name="two roles", roles=_TWO_ROLES, command="deploy v2", serves="v2", back="v1"),
)
TWO_HOSTS = (
    Scenario(name="two hosts", roles=_TWO_HOSTS, command="deploy v2", serves="v2", back="v1"),
    Scenario(
        name="two hosts, sick",
        roles=_TWO_HOSTS,
        command="deploy v2",
        apps={"v2": App.SICK},
        serves="v1",
    ),
    Scenario(
        name="two hosts, rollback", roles=_TWO_HOSTS, before=("deploy v1", "deploy v2"), command="rollback", serves="v1"
    ),
)
BY_REGISTRY = (
    Scenario(name="overlap, by registry", roles=_WEB, by_registry=True, command="deploy v2", serves="v2", back="v1"),
)
MIGRATIONS = (
    Scenario(name="migration", roles=_WEB, release=_TWO_COMMANDS, command="deploy v2", serves="v2", back="v1"),
    Scenario(
        name="migration, fails",
        roles=_WEB,
        release=_ONE_COMMAND,
        command="deploy v2",
        apps={"v2": App.CANNOT_MIGRATE},
        serves="v1",
    ),
    Scenario(
        name="migration, too slow",
        roles=_WEB,
        release=_ONE_COMMAND,
        command="deploy v2",
        apps={"v2": App.NEVER_MIGRATES},
        serves="v1",
    ),
)
MIGRATION_ON_TWO_HOSTS = (
    Scenario(
        name="two hosts, migration", roles=_TWO_HOSTS, release=_ONE_COMMAND, command="deploy v2", serves="v2", back="v1"
    ),
)
WITH_HOOKS = (
    Scenario(
        name="recreate, hooks",
        roles=_ALONE,
        hooks={name: {"command": [name]} for name in ("pre-build", "pre-deploy")}
        | {name: {"command": ["false"]} for name in ("post-deploy", "post-failure")},
        command="deploy v2",
        serves="v2",
        back="v1",
    ),
)
# What did not know how to hand over gives way to what does.
ADOPTION = (
    Scenario(
        name="handover, adopted",
        roles=_BOT,
        earlier_roles={"bot": {"hosts": [_A], "singleton": True}},
        command="deploy v2",
        serves="v2",
        back="v1",
    ),
)
# What serves is restarted, stopped and started; and a part of it is deployed.
TURNING = (
    Scenario(name="restart", roles=_TWO_ROLES, command="restart", serves="v1"),
    Scenario(name="restart, handover", roles=_BOT, command="restart", serves="v1"),
    Scenario(name="stop", roles=_CRON_FIRST, command="stop", serves=""),
    Scenario(name="stop, one role", roles=_TWO_ROLES, command="stop --role cron", serves="", keeps="v1"),
    Scenario(name="stop, handover", roles=_BOT, command="stop", serves=""),
    Scenario(name="start", roles=_TWO_ROLES, before=("deploy v1", "stop"), command="start", serves="v1"),
    Scenario(name="start, handover", roles=_BOT, before=("deploy v1", "stop"), command="start", serves="v1"),
    Scenario(
        name="deploy, one role",
        roles=_TWO_ROLES,
        command="deploy v2 --role web",
        serves="v2",
        keeps="v1",
        back="v1",
    ),
    Scenario(
        name="deploy, other role",
        roles=_TWO_ROLES,
        command="deploy v2 --role cron",
        serves="v2",
        keeps="v1",
        back="v1",
    ),
    Scenario(
        name="rollback, one role",
        roles=_TWO_ROLES,
        before=("deploy v1", "deploy v2"),
        command="rollback --role cron",
        serves="v1",
        keeps="v2",
    ),
)
# What is deployed deploys: by the container of the bot that is active.
FROM_INSIDE = (
    Scenario(name="inside", roles=_BOT, inside="bot", command="deploy v2", serves="v2", back="v1"),
    Scenario(
        name="inside, never active",
        roles=_BOT,
        inside="bot",
        command="deploy v2",
        apps={"v2": App.NEVER_ACTIVE},
        serves="v1",
    ),
    Scenario(name="inside, two roles", roles=_BOT_FIRST, inside="bot", command="deploy v2", serves="v2", back="v1"),
    Scenario(name="inside, restart", roles=_BOT, inside="bot", command="restart", serves="v1"),
)
TURNING_ON_TWO_HOSTS = (
    Scenario(name="two hosts, stop", roles=_TWO_HOSTS, command="stop", serves=""),
    Scenario(
        name="two hosts, one of them", roles=_TWO_HOSTS, command=f"deploy v2 --host {_B}", serves="v2", keeps="v1"
    ),
)
