"""PURE: the hooks of a config as steps, with the environment that tells them what it is about."""

from datetime import datetime

from shipper.config.parts import HookName
from shipper.config.root import Config
from shipper.model.outcome import Failed
from shipper.planning.facts import Facts, outcome_word
from shipper.steps.hook import RunHook

_LONGEST = 4000  # characters of a reason: Linux takes no variable of more than 128 KiB


def hook(
    config: Config, name: HookName, facts: Facts, begun: datetime | None = None, failed: Failed | None = None
) -> RunHook | None:
    """None where the config has no such hook.

    Those that run afterwards are told of what has `begun` when, post-failure also of what has `failed`.
    """
    if name not in config.hooks:
        return None
    made = config.hooks[name]
    return RunHook(
        hook_name=name,
        command=made.command,
        deadline=made.deadline,
        environ={**_environ(name, facts), **_result(name, failed)},
        since=begun if name.startswith("post-") else None,
    )


def _environ(name: HookName, facts: Facts) -> dict[str, str]:
    return {
        "SHIPPER_HOOK": name,
        "SHIPPER_COMMAND": facts.command,
        "SHIPPER_SERVICE": facts.service,
        "SHIPPER_DESTINATION": facts.destination,
        "SHIPPER_VERSION": facts.version,
        "SHIPPER_COMMIT": facts.commit,
        "SHIPPER_IMAGE": facts.image,
        "SHIPPER_RELEASE": _number(facts.release),
        "SHIPPER_REPLACES": _number(facts.replaces),
        "SHIPPER_REPLACES_VERSION": facts.replaces_version,
        "SHIPPER_HOSTS": " ".join(facts.hosts),
        "SHIPPER_ROLES": " ".join(facts.roles),
        "SHIPPER_PERFORMER": facts.performer,
        "SHIPPER_ORIGIN": facts.origin,
    }


def _number(release: int | None) -> str:
    return "" if release is None else str(release)


def _result(name: HookName, failed: Failed | None) -> dict[str, str]:
    if failed:
        return {
            "SHIPPER_OUTCOME": outcome_word(failed),
            "SHIPPER_EXIT_CODE": str(failed.exit_code),
            "SHIPPER_STEP": failed.step,
            "SHIPPER_REASON": failed.reason.replace("\0", "")[:_LONGEST],
            "SHIPPER_RESTORED": {True: "true", False: "false", None: "unknown"}[failed.restored],
        }
    return {"SHIPPER_OUTCOME": "deployed", "SHIPPER_EXIT_CODE": "0"} if name.startswith("post-") else {}
