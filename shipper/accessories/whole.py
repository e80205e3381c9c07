"""PURE. A command in a container that gets its input as a whole, or is killed before it could see the end of less.

Docker ends a command's input when its client is gone, and there it looks like any other end: what reads plain SQL would
commit half of it. So a shell in the container counts what passes. It keeps the end back until all is there.
"""

# It is the leader of its process group, since Docker gives each command a session of its own; and it holds all that
# the command started, so one signal reaches them at once: `gunzip` must not end before the `psql` that it feeds.
_WHOLE = """length=$1
shift
for tool in tee wc; do
  command -v "$tool" >/dev/null || { echo "the image has no $tool, which a restore needs beside sh" >&2; exit 127; }
done
trap '' HUP TERM
{
  trap 'exit 0' TERM  # the command has ended, whatever it has read
  count=$(trap '' TERM; trap : HUP; { echo >&3; exec tee /dev/fd/3; } | wc -c)
  [ "$count" -eq "$length" ] || kill -KILL "-$$"
} 3>&1 2>/dev/null | {
  read -r begun  # the line of `echo`: from now on tee and what waits for it can be told
  trap - HUP TERM
  "$@"
  code=$?
  trap '' HUP TERM
  kill -TERM "-$$"
  kill -HUP "-$$"  # tee, which would wait for all that is still to come
  exit "$code"
}"""


def given_whole(command: tuple[str, ...], length: int) -> tuple[str, ...]:
    """The same command with the same exit code, where its input is of `length` bytes; 137 where it is not.

    The image needs sh, tee and wc.
    """
    return ("/bin/sh", "-c", _WHOLE, "sh", str(length), *command)
