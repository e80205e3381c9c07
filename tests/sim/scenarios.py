"""What is explored: the ways in which containers take turns, and the ways in which that goes well or badly."""

from tests.sim.explore import Scenario
from tests.sim.servers import App

_A, _B = "a.example", "b.example"
_WEB = {"web": {"hosts": [_A]}}
_ALONE = {"web": {"hosts": [_A], "singleton": True}}
_BOT = {"bot": {"hosts": [_A], "singleton": True, "handover": {"deadline": "300ms"}}}
_TWO_ROLES = {"web": {"hosts": [_A]}, "cron": {"hosts": [_A], "singleton": True}}
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
