"""What the stand-ins for images of Docker Hub are made of, and what they are told to run."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

USERS = {"root": 0, "grafana": 472, "postgres": 999, "redis": 999, "nobody": 65534}
PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

# The official one's, as far as it is documented: https://hub.docker.com/_/postgres. The setpriv of busybox can less.
_POSTGRES = """#!/bin/sh
set -e
setting() {
  eval "value=\\${$1:-} file=\\${$1_FILE:-}"
  [ -z "$value" ] || [ -z "$file" ] || { echo "error: both $1 and $1_FILE are set (but are exclusive)" >&2; exit 1; }
  [ -z "$file" ] || value=$(cat "$file")
  echo "${value:-$2}"
}
initialise() {
  password=$(setting POSTGRES_PASSWORD '') user=$(setting POSTGRES_USER postgres)
  database=$(setting POSTGRES_DB "$user")
  [ "$password" ] || { echo 'Error: Database is uninitialized and superuser password is not specified.' >&2; exit 1; }
  echo "$password" >/tmp/password
  initdb --no-sync --username="$user" --pwfile=/tmp/password
  rm /tmp/password
  printf '\\nhost all all all scram-sha-256\\n' >>"$PGDATA/pg_hba.conf"
  pg_ctl --pgdata="$PGDATA" --options="-c listen_addresses=''" --wait start
  export PGUSER="$user"
  [ "$database" = postgres ] || createdb --maintenance-db=postgres "$database"
  for script in /docker-entrypoint-initdb.d/*; do
    case $script in
      *.sh) . "$script" ;;
      *.sql) psql --no-psqlrc --set=ON_ERROR_STOP=1 --dbname="$database" --file="$script" ;;
    esac
  done
  pg_ctl --pgdata="$PGDATA" --mode=fast --wait stop
  echo 'PostgreSQL init process complete; ready for start up.'
}
if [ "$1" = postgres ] && [ "$(id -u)" = 0 ]; then
  mkdir -p "$PGDATA"
  chown -R postgres:postgres "$PGDATA" /var/run/postgresql
  chmod 700 "$PGDATA"
  exec /usr/bin/setpriv --reuid=postgres --regid=postgres --clear-groups "$0" "$@"
fi
if [ "$1" = postgres ] && [ ! -s "$PGDATA/PG_VERSION" ]; then
  initialise
fi
[ "$1" != postgres ] || set -- "$@" -c listen_addresses='*'
exec "$@"
"""

# Like the real one it takes settings from files, and ends where it cannot read them.
_GRAFANA = """#!/bin/sh
set -e
for file in $(env | sed -n 's/^GF_[A-Z_]*__FILE=//p'); do cat "$file" >/dev/null; done
exec httpd -f -p 3000 -h /usr/share/grafana
"""


@dataclass(frozen=True, kw_only=True)
class Image:
    """What is in one beside busybox and the libraries of its programs."""

    name: str
    tag: str
    config: Mapping[str, object]
    """https://github.com/moby/docker-image-spec"""
    programs: Mapping[str, Path] = field(default_factory=dict)
    """By where they stand in the image."""
    folders: Iterable[Path] = ()
    """Of this machine, which stand at the same place there."""
    owned: Mapping[str, str] = field(default_factory=dict)
    """Empty folders, and whose they are."""
    texts: Mapping[str, str] = field(default_factory=dict)
    """Files, which can be executed."""


def images(debian: Path) -> list[Image]:
    """`debian` is where Debian's packages are unpacked."""
    programs = debian / "usr/bin"
    return [_postgres(), _prometheus(programs), _node_exporter(programs), _redis(programs), _grafana()]


def _postgres() -> Image:
    home = max(Path("/usr/lib/postgresql").iterdir(), key=lambda path: float(path.name))
    data = "/var/lib/postgresql/data"
    return Image(
        name="library/postgres",
        tag="17",
        programs={
            "/usr/bin/setpriv": Path("/usr/bin/setpriv"),
            **{str(path): path for path in (home / "bin").iterdir()},
        },
        folders=[*_modules(home), Path("/usr/share/postgresql", home.name), Path("/usr/lib/locale/C.utf8")],
        owned={data: "postgres", "/var/run/postgresql": "postgres", "/docker-entrypoint-initdb.d": "root"},
        texts={"/entrypoint": _POSTGRES},
        config={
            "Env": [f"PATH={PATH}:{home}/bin", "LANG=C.UTF-8", f"PGDATA={data}"],
            "Entrypoint": ["/entrypoint"],
            "Cmd": ["postgres"],
            "Volumes": {data: {}},
            "ExposedPorts": {"5432/tcp": {}},
            "StopSignal": "SIGINT",
        },
    )


def _modules(home: Path) -> list[Path]:
    """Not LLVM, and what extensions are built with: a third of it all."""
    left_out = {"bitcode", "pgxs", "llvmjit.so", "llvmjit_types.bc"}
    return [path for path in (home / "lib").iterdir() if path.name not in left_out]


def _prometheus(programs: Path) -> Image:
    return Image(
        name="prom/prometheus",
        tag="v3.13.3",
        programs={f"/bin/{name}": programs / name for name in ("prometheus", "promtool")},
        owned={"/prometheus": "nobody", "/etc/prometheus": "nobody"},
        config={
            "User": "nobody",
            "Entrypoint": ["/bin/prometheus"],
            "Cmd": ["--config.file=/etc/prometheus/prometheus.yml", "--storage.tsdb.path=/prometheus"],
            "Volumes": {"/prometheus": {}},
            "ExposedPorts": {"9090/tcp": {}},
            "WorkingDir": "/prometheus",
        },
    )


def _node_exporter(programs: Path) -> Image:
    return Image(
        name="prom/node-exporter",
        tag="v1.12.1",
        programs={"/bin/node_exporter": programs / "prometheus-node-exporter"},
        config={"User": "nobody", "Entrypoint": ["/bin/node_exporter"], "ExposedPorts": {"9100/tcp": {}}},
    )


def _redis(programs: Path) -> Image:
    return Image(
        name="library/redis",
        tag="8",
        programs={f"/bin/{name}": programs / name for name in ("redis-server", "redis-cli")},
        owned={"/data": "redis"},
        config={
            "User": "redis",
            "Cmd": ["redis-server", "--protected-mode", "no"],
            "Volumes": {"/data": {}},
            "ExposedPorts": {"6379/tcp": {}},
            "WorkingDir": "/data",
        },
    )


def _grafana() -> Image:
    return Image(
        name="grafana/grafana",
        tag="12.4.10",
        owned={"/var/lib/grafana": "grafana"},
        texts={"/entrypoint": _GRAFANA, "/usr/share/grafana/api/health": '{"database": "ok"}\n'},
        config={"User": "472", "Entrypoint": ["/entrypoint"], "ExposedPorts": {"3000/tcp": {}}},
    )
