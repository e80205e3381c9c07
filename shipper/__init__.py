"""Ships containers to servers over SSH: gated, swapped, rolled back.

    import asyncio, os, shipper

    project = shipper.open_project(environ=os.environ)
    outcome = asyncio.run(shipper.deploy(project, tell=print))

This is the door: what is not listed here is not meant for others. A name is looked up when it is first used, so that
`import shipper` costs nothing.
"""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from shipper.accessories.booting import (
        boot as boot,
        plan_boot as plan_boot,
        restart_accessories as restart_accessories,
    )
    from shipper.accessories.dumps import backup as backup, restore as restore
    from shipper.accessories.inside import execute_in_accessory as execute_in_accessory
    from shipper.accessories.plan import BootPlan as BootPlan
    from shipper.accessories.removing import (
        find_accessories as find_accessories,
        remove_accessories as remove_accessories,
    )
    from shipper.config.complaints import did_you_mean as did_you_mean
    from shipper.config.documents import parse_document as parse_document
    from shipper.config.root import Config as Config, json_schema as json_schema
    from shipper.config.schema import (
        Duration as Duration,
        Section as Section,
        contradictions as contradictions,
        matching as matching,
        seconds_of as seconds_of,
    )
    from shipper.doctor.checks import HERE as HERE, Finding as Finding, Level as Level
    from shipper.doctor.diagnosis import diagnose as diagnose
    from shipper.env.dotenv import dotenv as dotenv
    from shipper.env.environment import check_template as check_template, effective_config as effective_config
    from shipper.errors import (
        AccessDenied as AccessDenied,
        AccessoryCommandFailed as AccessoryCommandFailed,
        BuildError as BuildError,
        CommandNotStarted as CommandNotStarted,
        ConfigError as ConfigError,
        ConnectError as ConnectError,
        DiskFull as DiskFull,
        DockerUnavailable as DockerUnavailable,
        EngineError as EngineError,
        ForwardingDisabled as ForwardingDisabled,
        Frozen as Frozen,
        GateFailed as GateFailed,
        HostError as HostError,
        HostKeyError as HostKeyError,
        ImageError as ImageError,
        Irreversible as Irreversible,
        Locked as Locked,
        LockLost as LockLost,
        LoginRefused as LoginRefused,
        MigrationFailed as MigrationFailed,
        PlanChanged as PlanChanged,
        RegistryError as RegistryError,
        ReleaseNotFound as ReleaseNotFound,
        SecretError as SecretError,
        ShipperError as ShipperError,
        SourceError as SourceError,
        Unproven as Unproven,
        UsageError as UsageError,
    )
    from shipper.events import (
        AccessoriesEnded as AccessoriesEnded,
        Called as Called,
        Connected as Connected,
        Ended as Ended,
        Event as Event,
        Output as Output,
        Planned as Planned,
        Pushed as Pushed,
        StepFailed as StepFailed,
        StepFinished as StepFinished,
        StepProgressed as StepProgressed,
        StepStarted as StepStarted,
        StepUndone as StepUndone,
        Warned as Warned,
        as_json as as_json,
    )
    from shipper.hosts.connections import Connections as Connections
    from shipper.hosts.known_hosts import HostKey as HostKey
    from shipper.model.container import Container as Container
    from shipper.model.image import Image as Image, short_image as short_image
    from shipper.model.observed import Observed as Observed, Serving as Serving
    from shipper.model.outcome import (
        AccessoryEnd as AccessoryEnd,
        Deployed as Deployed,
        Failed as Failed,
        Outcome as Outcome,
        Restarted as Restarted,
        Started as Started,
        Stopped as Stopped,
        Unchanged as Unchanged,
    )
    from shipper.model.records import Freeze as Freeze, Holder as Holder, LogLine as LogLine, PastDeploy as PastDeploy
    from shipper.model.release import Release as Release, short as short
    from shipper.model.secret import Secret as Secret
    from shipper.model.specification import Terminal as Terminal
    from shipper.model.status import (
        HEALTHY as HEALTHY,
        AccessoryStatus as AccessoryStatus,
        Disk as Disk,
        HostStatus as HostStatus,
        RoleStatus as RoleStatus,
    )
    from shipper.model.words import size_text as size_text
    from shipper.notify.buttons import Button as Button, sign_button as sign_button, verify_button as verify_button
    from shipper.notify.living import Living as Living
    from shipper.notify.telegram_text import (
        escaped as escaped,
        first_that_fit as first_that_fit,
        last_that_fit as last_that_fit,
        length as length,
        uncoloured as uncoloured,
    )
    from shipper.operations.belongings import Belongings as Belongings
    from shipper.operations.ci_secrets import (
        CiSecret as CiSecret,
        CiVariable as CiVariable,
        ci_secrets as ci_secrets,
        ci_variables as ci_variables,
        out_of_reach as out_of_reach,
    )
    from shipper.operations.composing import Composed as Composed, write_compose as write_compose
    from shipper.operations.deployment import deploy as deploy
    from shipper.operations.execution import Console as Console, execute as execute
    from shipper.operations.fetching import list_versions as list_versions, project_of as project_of
    from shipper.operations.freezing import freeze as freeze, freezes as freezes, unfreeze as unfreeze
    from shipper.operations.lifecycle import (
        plan_restart as plan_restart,
        restart as restart,
        start as start,
        stop as stop,
    )
    from shipper.operations.logs import accessory_logs as accessory_logs, logs as logs, since_of as since_of
    from shipper.operations.previews import list_env as list_env, plan_deploy as plan_deploy
    from shipper.operations.pruning import Pruned as Pruned, prune as prune
    from shipper.operations.reads import (
        disks as disks,
        history as history,
        list_releases as list_releases,
    )
    from shipper.operations.removal import Removed as Removed, find_belongings as find_belongings, remove as remove
    from shipper.operations.rollbacks import plan_rollback as plan_rollback, rollback as rollback
    from shipper.operations.shipping import build as build, push as push
    from shipper.operations.statuses import status as status, watch_status as watch_status
    from shipper.operations.trust import pin_key as pin_key, shown_key as shown_key, trying as trying
    from shipper.operations.unread import unread_names as unread_names
    from shipper.planning.changes import Change as Change, Changes as Changes, Sign as Sign
    from shipper.planning.env_changes import Given as Given, RoleEnv as RoleEnv
    from shipper.planning.facts import Facts as Facts
    from shipper.planning.plan import Plan as Plan
    from shipper.planning.promotion import Proof as Proof, Waiver as Waiver
    from shipper.planning.versions import Version as Version
    from shipper.project import Project as Project
    from shipper.project.config_texts import roles_in as roles_in
    from shipper.project.opening import open_project as open_project
    from shipper.reporters.diffs import env_lines as env_lines
    from shipper.reporters.listings import (
        accessory_rows as accessory_rows,
        host_rows as host_rows,
        release_rows as release_rows,
        role_rows as role_rows,
    )
    from shipper.reporters.words import ago as ago
    from shipper.setup.facts import Target as Target
    from shipper.setup.setting_up import (
        Setup as Setup,
        plan_setup as plan_setup,
        set_up as set_up,
        setup_addresses as setup_addresses,
        setup_targets as setup_targets,
    )
    from shipper.steps import Step as Step
    from shipper.tasks import alongside as alongside, finish as finish, task_group as task_group
    from shipper.world import Inside as Inside

__version__ = "0.1.0"

_NAMES = {
    "accessories.booting": "boot plan_boot restart_accessories",
    "accessories.dumps": "backup restore",
    "accessories.inside": "execute_in_accessory",
    "accessories.plan": "BootPlan",
    "accessories.removing": "find_accessories remove_accessories",
    "config.complaints": "did_you_mean",
    "config.documents": "parse_document",
    "config.root": "Config json_schema",
    "config.schema": "Duration Section contradictions matching seconds_of",
    "doctor.checks": "Finding HERE Level",
    "doctor.diagnosis": "diagnose",
    "env.dotenv": "dotenv",
    "env.environment": "check_template effective_config",
    "errors": "AccessDenied AccessoryCommandFailed BuildError CommandNotStarted ConfigError ConnectError DiskFull "
    "DockerUnavailable EngineError ForwardingDisabled Frozen GateFailed HostError HostKeyError ImageError "
    "Irreversible LockLost Locked LoginRefused MigrationFailed PlanChanged RegistryError ReleaseNotFound "
    "SecretError ShipperError SourceError Unproven UsageError",
    "events": "AccessoriesEnded Called Connected Ended Event Output Planned Pushed StepFailed StepFinished "
    "StepProgressed StepStarted StepUndone Warned as_json",
    "hosts.connections": "Connections",
    "hosts.known_hosts": "HostKey",
    "model.container": "Container",
    "model.image": "Image short_image",
    "model.observed": "Observed Serving",
    "model.outcome": "AccessoryEnd Deployed Failed Outcome Restarted Started Stopped Unchanged",
    "model.records": "Freeze Holder LogLine PastDeploy",
    "model.release": "Release short",
    "model.secret": "Secret",
    "model.specification": "Terminal",
    "model.status": "AccessoryStatus Disk HEALTHY HostStatus RoleStatus",
    "model.words": "size_text",
    "notify.buttons": "Button sign_button verify_button",
    "notify.living": "Living",
    "notify.telegram_text": "escaped first_that_fit last_that_fit length uncoloured",
    "operations.belongings": "Belongings",
    "operations.ci_secrets": "CiSecret CiVariable ci_secrets ci_variables out_of_reach",
    "operations.composing": "Composed write_compose",
    "operations.deployment": "deploy",
    "operations.execution": "Console execute",
    "operations.fetching": "list_versions project_of",
    "operations.freezing": "freeze freezes unfreeze",
    "operations.lifecycle": "plan_restart restart start stop",
    "operations.logs": "accessory_logs logs since_of",
    "operations.previews": "list_env plan_deploy",
    "operations.pruning": "Pruned prune",
    "operations.reads": "disks history list_releases",
    "operations.removal": "Removed find_belongings remove",
    "operations.rollbacks": "plan_rollback rollback",
    "operations.shipping": "build push",
    "operations.statuses": "status watch_status",
    "operations.trust": "pin_key shown_key trying",
    "operations.unread": "unread_names",
    "planning.changes": "Change Changes Sign",
    "planning.env_changes": "Given RoleEnv",
    "planning.facts": "Facts",
    "planning.plan": "Plan",
    "planning.promotion": "Proof Waiver",
    "planning.versions": "Version",
    "project": "Project",
    "project.config_texts": "roles_in",
    "project.opening": "open_project",
    "reporters.diffs": "env_lines",
    "reporters.listings": "accessory_rows host_rows release_rows role_rows",
    "reporters.words": "ago",
    "setup.facts": "Target",
    "setup.setting_up": "Setup plan_setup set_up setup_addresses setup_targets",
    "steps": "Step",
    "tasks": "alongside finish task_group",
    "world": "Inside",
}
_MODULE_OF = {name: f"shipper.{module}" for module, names in _NAMES.items() for name in names.split()}


def __getattr__(name: str) -> Any:
    if name not in _MODULE_OF:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(_MODULE_OF[name]), name)


def __dir__() -> list[str]:
    return sorted(_MODULE_OF)
