"""Looks at a server, in one round trip; nothing is changed there."""

from shipper.errors import HostError
from shipper.hosts.host import SshHost
from shipper.model.container import Label
from shipper.setup.facts import STATE_ROOT, Server, Wanted, server_of
from shipper.setup.rights import run_as_root

_PATIENCE = 60.0  # seconds: Docker's repository, and a Docker that hangs, are given up after 20 each

# Who has a lock of apt is read from the kernel: a try would take it
APT_HOLDER = r"""
apt_holder() {
  for file in /var/lib/dpkg/lock-frontend /var/lib/dpkg/lock /var/lib/apt/lists/lock /var/cache/apt/archives/lock; do
    [ -e "$file" ] || continue
    pid=$(awk -v inode=":$(stat -c %i "$file")\$" '$6 ~ inode { print $5; exit }' /proc/locks)
    [ -z "$pid" ] || { cat "/proc/$pid/comm" 2>/dev/null || echo "process $pid"; return; }
  done
}
"""
LOOK = rf"""
{APT_HOLDER}
section() {{ printf '@%s\n' "$1"; }}
socket=$1 user=$2 key=$3 state=$4 secrets=$5
shift 5
docker() {{ [ -S "$socket" ] && timeout 20 docker --host "unix://$socket" "$@" 2>/dev/null; }}
ID='' VERSION_CODENAME='' PRETTY_NAME=''
[ ! -r /etc/os-release ] || . /etc/os-release
section distribution; printf '%s\n' "$ID" "$VERSION_CODENAME" "$PRETTY_NAME"
section systemd; [ ! -d /run/systemd/system ] || echo yes
section dockerd; command -v dockerd
section package; dpkg-query --search "$(readlink -f "$(command -v dockerd)")" 2>/dev/null | cut -d : -f 1
section version
version=$(docker version --format '{{{{.Server.Version}}}}') && echo "$version"
section accessories
[ -z "$version" ] ||
  docker ps --all --filter "label={Label.SERVICE}=${{state##*/}}" --format '{{{{.Label "{Label.ACCESSORY}"}}}}'
section volumes; [ -z "$version" ] || docker volume ls --quiet
section released; for each in $secrets; do ! grep -qs "\"$each\"" "$state"/releases/*/env || echo "$each"; done
section boot; [ ! -d /run/systemd/system ] || systemctl is-enabled docker.service 2>/dev/null
section socket; [ ! -S "$socket" ] || stat --dereference -c '%a %U %G' "$socket"
section rootless; for each in /run/user/*/docker.sock; do [ ! -S "$each" ] || echo "$each"; done
section apparmor
if grep -q Y /sys/module/apparmor/parameters/enabled 2>/dev/null && ! command -v apparmor_parser >/dev/null; then
  echo lacks
fi
section repository
if ! command -v dockerd >/dev/null && [ -x /usr/lib/apt/apt-helper ]; then
  url=https://download.docker.com/linux/$ID/dists/$VERSION_CODENAME/Release folder=$(mktemp -d)
  cd "$folder"
  timeout 20 /usr/lib/apt/apt-helper -o Acquire::Retries=0 -o APT::Sandbox::User=root \
    download-file "$url" Release >/dev/null 2>why ||
    {{
      reason=$(sed -n 's/^E: \(Failed to fetch [^ ]* *\)*//p' why | grep -m 1 .) || : # the first one that says anything
      echo "${{reason:-no answer within 20 s}}"
    }}
  rm -r "$folder"
fi
section apt; apt_holder
section user; getent passwd "$user"
section groups; id -nG "$user" 2>/dev/null
section key
home=$(getent passwd "$user" | cut -d : -f 6)
file=$home/.ssh/authorized_keys
# sshd takes no key from a file that others than its owner may write
[ -f "$file" ] && grep -v '^[[:space:]]*#' "$file" | grep -qF -- "$key" &&
  [ -z "$(find "$home" "$home/.ssh" "$file" -maxdepth 0 '(' -perm /022 -o ! -user "$user" ')')" ] && echo there
section folders; for each; do [ ! -e "$each" ] || stat --dereference -c '%a,%U,%G %n' "$each"; done
section sshd
sshd -T 2>/dev/null | grep -E '^(passwordauthentication|permitrootlogin|allowusers|authorizedkeysfile) '
section firewall
if command -v ufw >/dev/null && ufw status 2>/dev/null | grep -q 'Status: active'; then echo ufw
elif [ -d /run/systemd/system ] && systemctl is-active --quiet firewalld; then echo firewalld
elif command -v nft >/dev/null && nft list chains 2>/dev/null | grep -q 'hook input.*policy drop'; then echo nftables
fi
section upgrades; apt-config dump APT::Periodic::Unattended-Upgrade 2>/dev/null | grep '"1"'
section reboot; [ ! -e /run/reboot-required ] || echo yes
:
"""


async def look(server: SshHost, wanted: Wanted, public_key: str) -> Server:
    """Raises HostError and ConnectError."""
    state, target = wanted.state_folder, wanted.target
    told = await run_as_root(
        server,
        LOOK,
        *(wanted.docker_socket, target.user, public_key, state, " ".join(wanted.generated)),
        *(STATE_ROOT, state, *wanted.mounted),
        within=_PATIENCE,
    )
    if told.exit_code:
        raise HostError(f"{server.name}: looking at it failed: {told.errors}", now="Nothing was done.")
    return server_of(told.output)
