"""What shipper keeps about a service on a server: /var/lib/shipper/<service>[-<destination>]/releases/<number>/.

A release's folder holds `record`, `config` and `env`, one line of JSON each, and later `outcome`, one word. They belong
to the group that may use Docker, and so may read every env anyway; nobody else can. A folder appears whole, by a
rename; an outcome is replaced by a rename.
"""

import json
from collections.abc import Callable, Collection, Mapping
from contextlib import suppress
from datetime import datetime
from typing import Any

from pydantic import ValidationError

from shipper.config.root import Config
from shipper.errors import HostError
from shipper.events import as_json
from shipper.hosts.host import SshHost
from shipper.model.records import Freeze
from shipper.model.release import Payload, Release, ReleaseOutcome
from shipper.model.secret import Secret
from shipper.model.words import opening, preparing

ROOT = "/var/lib/shipper"
UNPREPARED = 78
"""The exit code of a script that finds no such folder, and may not make it."""
MAKE_ROOT = f"""
if [ ! -d {ROOT} ]; then
  mkdir -p {ROOT} 2>/dev/null || {{ echo "{ROOT} is not there, and $(id -un) may not make it" >&2; exit {UNPREPARED}; }}
  {{ chgrp docker {ROOT}; chmod 2770 {ROOT}; }} 2>/dev/null || :
fi
"""

_READ = """
if [ -e "$1" ] && [ ! -x "$1" ]; then echo "$1: permission denied" >&2; exit 77; fi
[ -e "$1/releases" ] || exit 0
cd "$1/releases" || exit 77
for number in *; do
  record=$(cat "$number/record" 2>/dev/null) || continue
  printf '%s\\n%s\\n' "$record" "$(cat "$number/outcome" 2>/dev/null)"
done
"""
_READ_PAYLOAD = 'cd "$1/releases/$2" 2>/dev/null || exit 0; cat config env'
_READ_PAYLOADS = """
cd "$1/releases" 2>/dev/null || exit 0
for number in *; do
  printf '%s\\n%s\\n%s\\n' "$number" "$(cat "$number/config" 2>/dev/null)" "$(cat "$number/env" 2>/dev/null)"
done
"""
_WRITE = f"""
set -e; umask 007
{MAKE_ROOT}
mkdir -p "$1/releases"; cd "$1/releases"; rm -rf .new-*
mkdir ".new-$2"; sed -n -e "1w .new-$2/record" -e "2w .new-$2/config" -e "3w .new-$2/env"
sync ".new-$2"/* 2>/dev/null || sync
[ ! -e "$2" ] || {{ echo "release $2 is there already" >&2; exit 73; }}
mv ".new-$2" "$2"
"""
_CONCLUDE = """
set -e; umask 007; cd "$1/releases/$2"
echo "$3" >.outcome.new; sync .outcome.new 2>/dev/null || sync; mv .outcome.new outcome
"""
_READ_FREEZE = 'cat "$1/freeze" 2>/dev/null; :'
_FREEZE = f"""
set -e; umask 007; {MAKE_ROOT}
mkdir -p "$1"; cd "$1"; cat >.freeze.new; mv .freeze.new freeze
"""
_UNFREEZE = 'rm -f "$1/freeze"'
_EXISTS = '[ -e "$1" ] && echo yes; :'
_REMOVE_ALL = 'rm -rf -- "$1"'
_REMOVE = 'cd "$1/releases" && shift && rm -rf -- "$@"'


class Records:
    def __init__(self, host: SshHost, full_name: str, may_act: Callable[[], None]) -> None:
        self._host = host
        self._may_act = may_act
        self._folder = f"{ROOT}/{full_name}"

    async def releases(self) -> tuple[Release, ...]:
        lines = (await self._run("reading the releases", _READ)).splitlines()
        try:
            return tuple(sorted(map(_release, lines[::2], lines[1::2]), key=lambda release: release.number))
        except (ValueError, KeyError, TypeError):
            raise self._unreadable("a release") from None

    async def payload(self, number: int) -> Payload | None:
        lines = (await self._run(f"reading release {number}", _READ_PAYLOAD, str(number))).split("\n")
        if len(lines) != 3:
            return None
        try:
            return _payload(lines[0], json.loads(lines[1]))
        except (ValueError, KeyError, ValidationError):
            raise self._unreadable(f"release {number}") from None

    async def payloads(self) -> dict[int, Payload]:
        lines = (await self._run("reading all releases", _READ_PAYLOADS)).split("\n")
        found = {}
        for number, config, env in zip(lines[::3], lines[1::3], lines[2::3], strict=False):
            with suppress(ValueError, KeyError):  # of another version of shipper, or just being removed
                found[int(number)] = _payload(config, json.loads(env))
        return found

    async def write(self, release: Release, payload: Payload) -> None:
        record = json.dumps(as_json(release, private=True))
        lines = [record, payload.config.model_dump_json(), json.dumps(_env(payload))]
        await self._run(f"writing release {release.number}", _WRITE, str(release.number), input="\n".join(lines) + "\n")

    async def conclude(self, number: int, outcome: ReleaseOutcome) -> None:
        await self._run(f"writing the outcome of release {number}", _CONCLUDE, str(number), outcome.value)

    async def remove(self, numbers: Collection[int]) -> None:
        await self._run("removing releases", _REMOVE, *map(str, sorted(numbers)))

    async def exists(self) -> bool:
        return bool(await self._run("looking for the state", _EXISTS))

    async def remove_all(self) -> None:
        await self._run("removing the state", _REMOVE_ALL)

    def _unreadable(self, what: str) -> HostError:
        return HostError(
            f"{self._host.name}: the record of {what} cannot be read by this version of shipper.",
            next=f"Look at {self._folder}/releases there, or use a newer shipper.",
        )

    async def freeze(self) -> Freeze | None:
        text = await self._run("reading the freeze", _READ_FREEZE)
        if not text:
            return None
        try:
            values = json.loads(text)
            values["since"] = datetime.fromisoformat(values["since"])
            values["until"] = datetime.fromisoformat(values["until"]) if values["until"] else None
            return Freeze(**values)
        except (ValueError, KeyError, TypeError):
            raise self._unreadable("the freeze") from None

    async def set_freeze(self, freeze: Freeze | None) -> None:
        if freeze is None:
            await self._run("lifting the freeze", _UNFREEZE)
        else:
            await self._run("writing the freeze", _FREEZE, input=json.dumps(as_json(freeze)) + "\n")

    async def _run(self, doing: str, script: str, *arguments: str, input: str = "") -> str:
        self._may_act()
        finished = await self._host.run(script, self._folder, *arguments, input=input, doing=doing)
        if finished.exit_code == UNPREPARED:
            raise unprepared(self._host.name, finished.errors)
        if finished.exit_code:
            raise HostError(
                f"{self._host.name}: {doing} failed with exit code {finished.exit_code}: {finished.errors.strip()}",
                next=f"It must belong to those who deploy. {opening(self._folder)}",
            )
        return finished.output


def unprepared(host_name: str, errors: str) -> HostError:
    return HostError(f"{host_name}: {last_line(errors)}.", now="Nothing was done.", next=preparing(host_name))


def last_line(errors: str) -> str:
    """What our script says itself: a login shell may have complained before it."""
    return errors.strip().rpartition("\n")[2]


def _env(payload: Payload) -> dict[str, Any]:
    def revealed(secrets: Mapping[str, Secret]) -> dict[str, str]:
        return {name: secret.reveal() for name, secret in secrets.items()}

    return {
        "env": {role_name: revealed(env) for role_name, env in payload.env.items()},
        "files": {role_name: revealed(files) for role_name, files in payload.files.items()},
        "secrets": revealed(payload.secrets),
    }


def _payload(config: str, values: Mapping[str, Any]) -> Payload:
    def hidden(secrets: Mapping[str, str]) -> dict[str, Secret]:
        return {name: Secret(value) for name, value in secrets.items()}

    return Payload(
        config=Config.model_validate_json(config),
        env={role_name: hidden(env) for role_name, env in values["env"].items()},
        files={role_name: hidden(files) for role_name, files in values["files"].items()},
        secrets=hidden(values["secrets"]),
    )


def _release(line: str, outcome: str) -> Release:
    values = json.loads(line)
    values["begun_at"] = datetime.fromisoformat(values["begun_at"])
    values["outcome"] = ReleaseOutcome(outcome or values["outcome"])
    return Release(**values)
