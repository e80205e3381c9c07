"""As much of the program `gh` as sets secrets: python -m tests.fakes.actions.gh STORE secret set …

gh secret set --env-file FILE   # or -f; - is standard input
gh secret set NAME              # from standard input; --env ENVIRONMENT, or -e: those of an environment
"""

import argparse
import json
import sys
from pathlib import Path

from tests.unit.godotenv import read


def main(store: str, *arguments: str) -> None:
    parser = argparse.ArgumentParser(prog="gh", allow_abbrev=False)
    parser.add_argument("verbs", nargs=2)
    parser.add_argument("name", nargs="?")
    parser.add_argument("-f", "--env-file")
    parser.add_argument("-e", "--env", default="")
    given = parser.parse_args(arguments)
    if given.verbs != ["secret", "set"] or bool(given.name) == bool(given.env_file):
        parser.error("only `secret set` is known, of a NAME or of a file")
    text = sys.stdin.read() if given.name or given.env_file == "-" else Path(given.env_file).read_text()
    made = {given.name: text.rstrip("\r\n")} if given.name else read(text)
    if empty := [name for name, value in made.items() if not value]:
        sys.exit(f"GitHub takes no empty secret: {', '.join(empty)}")
    _keep(Path(store), given.env, made)
    for name in made:
        print(f"✓ Set Actions secret {name}")


def _keep(store: Path, environment: str, made: dict[str, str]) -> None:
    known = json.loads(store.read_text()) if store.exists() else {}
    known.setdefault(environment, {}).update(made)
    store.write_text(json.dumps(known))


if __name__ == "__main__":
    main(*sys.argv[1:])
