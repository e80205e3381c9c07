"""Does on a server what was decided: a script of root's for each verb, which changes nothing the second time."""

from collections.abc import Mapping

from shipper.errors import HostError
from shipper.hosts.host import SshHost
from shipper.setup.facts import DEPLOY_KEY, STATE_ROOT
from shipper.setup.look import APT_HOLDER
from shipper.setup.plan import Step
from shipper.setup.rights import run_as_root
from shipper.world import Progress, Report

_LONGEST = 1800.0  # seconds: apt on the smallest server, after its first automatic upgrade, which may take ten minutes
_SHOWN = 12  # lines of what failed
_LOG = "/var/log/shipper-setup.log"

_REPOSITORY = """
set -e
url=https://download.docker.com/linux/$1
install -d -m 755 /etc/apt/keyrings
/usr/lib/apt/apt-helper -o APT::Sandbox::User=root download-file "$url/gpg" /etc/apt/keyrings/docker.asc
chmod 644 /etc/apt/keyrings/docker.asc
arch=$(dpkg --print-architecture)
echo "deb [arch=$arch signed-by=/etc/apt/keyrings/docker.asc] $url $2 stable" >/etc/apt/sources.list.d/docker.list
"""
# It writes to a file, and so goes on when the connection is cut; the same command again then waits for its lock.
# --no-remove: who has another containerd, for Kubernetes say, is not to lose it.
_INSTALL = f"""
{APT_HOLDER}
export DEBIAN_FRONTEND=noninteractive
apt="apt-get --quiet --yes --no-remove --no-install-recommends -o DPkg::Lock::Timeout=600"
install() {{
  while holder=$(apt_holder) && [ -n "$holder" ]; do
    echo "waiting for $holder, which uses apt"
    sleep 1
  done
  dpkg --configure -a
  $apt update
  # a package of its own since Debian 13
  case $1 in docker.io) ! apt-cache show docker-cli >/dev/null 2>&1 || set -- "$@" docker-cli ;; esac
  $apt install "$@"
}}
install "$@" >{_LOG} 2>&1 &
tail -n +1 -f -s 0.1 --pid=$! {_LOG}
wait $!
"""
_START = """
answers() { timeout 5 docker --host "unix://$socket" version >/dev/null 2>&1; }
socket=$1
if [ -d /run/systemd/system ]; then
  systemctl unmask docker.service docker.socket 2>/dev/null
  systemctl enable --now docker
elif ! answers; then
  setsid dockerd >>/var/log/dockerd.log 2>&1 &
fi
for _ in $(seq 100); do
  ! answers || exit 0
  sleep 0.3
done
echo "Docker does not answer; its last lines:" >&2
if [ -d /run/systemd/system ]; then journalctl --unit docker --lines 10 --no-pager >&2
else tail /var/log/dockerd.log >&2
fi
exit 1
"""
_USER = """useradd --create-home --password '*' --shell /bin/bash "$1" """  # a * is no password, and no lock either
_GROUP = """
getent group docker >/dev/null || groupadd --system docker
usermod --append --groups docker "$1"
"""
_KEY = """
set -e
user=$1 key=$2
home=$(getent passwd "$user" | cut -d : -f 6) group=$(id -gn "$user")
file=$home/.ssh/authorized_keys
chmod go-w "$home"
install -d -m 700 -o "$user" -g "$group" "$home/.ssh"
new=$(mktemp "$home/.ssh/.authorized_keys.XXXXXX")
[ ! -f "$file" ] || cat "$file" >"$new"
[ -z "$(tail -c 1 "$new")" ] || echo >>"$new"
grep -v '^[[:space:]]*#' "$new" | grep -qF -- "$key" || echo "$key shipper" >>"$new"
chown "$user:$group" "$new"
chmod 600 "$new"
sync "$new"
mv "$new" "$file"
"""
# where root deploys, by a Docker that did not come as a package, there may be no such group
_FOLDER = """
group=$3
getent group "$group" >/dev/null || group=$(id -gn)
install -d -m "$2" -g "$group" "$1"
"""

SCRIPTS: Mapping[str, str] = {
    "repository": _REPOSITORY,
    "install": _INSTALL,
    "start": _START,
    "user": _USER,
    "group": _GROUP,
    "key": _KEY,
    "folder": _FOLDER,
}


_MAY_DEPLOY = """
[ -w "$1" ] || { echo "$(id -un) may not use the Docker socket $1"; exit 1; }
[ -w "$2" ] || { echo "$(id -un) may not write to $2"; exit 1; }
"""


async def do(server: SshHost, step: Step, public_key: str, report: Report) -> str:
    """Returns what there is to say of it. Raises HostError and ConnectError."""

    def tell(line: str) -> None:
        report(Progress(done=0, total=0, unit="", detail=line))

    arguments = (public_key if argument == DEPLOY_KEY else argument for argument in step.arguments)
    finished = await run_as_root(server, SCRIPTS[step.name], *arguments, within=_LONGEST, on_line=tell)
    if finished.exit_code:
        said = [line for line in (finished.output + "\n" + finished.errors).splitlines() if line.strip()]
        last = "".join(f"  | {line}\n" for line in said[-_SHOWN:])
        raise HostError(
            f"{server.name}: {step.name} {step.detail} failed with exit code {finished.exit_code}.",
            now=f"Its last lines:\n{last}What was done before it is done.",
            next="Mend it, and give the same command again: it goes on from there.",
        )
    return step.detail


async def check(server: SshHost, docker_socket: str) -> None:
    """As the user who deploys. Raises HostError."""
    finished = await server.run(_MAY_DEPLOY, docker_socket, STATE_ROOT, doing="check")
    if finished.exit_code:
        raise HostError(
            f"{server.name}: {finished.output.strip()}.",
            now="All else is done.",
            next=f"shipper doctor --host {server.name} tells more",
        )
