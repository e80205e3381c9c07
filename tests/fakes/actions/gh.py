"""As much of the program `gh` as sets secrets: python -m tests.fakes.actions.gh STORE secret set …

gh secret set --env-file FILE   # or -f; - is standard input
gh secret set NAME              # from standard input; --env ENVIRONMENT, or -e: those of an environment
"""

import argparse
import json
import os
import re
import sys
from pathlib import Path


def main(store: str, *arguments: str) -> None:
    parser = argparse.ArgumentParser(prog="gh", allow_abbrev=False)
    parser.add_argument("verbs", nargs=2)
    parser.add_argument("name", nargs="?")
    parser.add_argument("-f", "--env-file")
    parser.add_argument("-e", "--env", default="")
    given = parser.parse_args(arguments)
    if given.verbs != ["secret", "set"] or bool(given.name) == bool(given.env_file):
        parser.error("only `secret set` is known, of a NAME or of a file")
    text = sys.stdin.read() if given.env_file in (None, "-") else Path(given.env_file).read_text()
    made = {given.name: text.rstrip("\r\n")} if given.name else parse(text)
    if empty := [name for name, value in made.items() if not value]:
        sys.exit(f"GitHub takes no empty secret: {', '.join(empty)}")
    _keep(Path(store), given.env, made)
    for name in made:
        print(f"✓ Set Actions secret {name}")


def _keep(store: Path, environment: str, made: dict[str, str]) -> None:
    known = json.loads(store.read_text()) if store.exists() else {}
    known.setdefault(environment, {}).update(made)
    store.write_text(json.dumps(known))


def parse(text: str) -> dict[str, str]:
    """A dotenv file as `gh` reads it, oddities included: https://github.com/joho/godotenv, parser.go."""
    made: dict[str, str] = {}
    rest = text.replace("---\n", "\n").replace("\r\n", "\n").lstrip()
    while rest:
        if rest.startswith("#"):
            rest = rest.partition("\n")[2].lstrip()
            continue
        found = re.match(r"(?:export\s+)?([A-Za-z0-9_.]+)[ \t]*[=:][ \t]*", rest)
        if not found:
            sys.exit(f"unexpected character in variable name near {rest[:8]!r}")
        made[found[1]], rest = _value(rest[found.end() :], made)
        rest = rest.lstrip()
    return made


def _value(text: str, known: dict[str, str]) -> tuple[str, str]:
    """And what comes after it."""
    quote = text[:1]
    if quote not in ("'", '"'):
        line, _, rest = text.partition("\n")
        return _expanded(re.sub(r"^(.*\s)#.*$", r"\1", line).strip(), known), rest
    end = re.compile(rf"(?<!\\){quote}").search(text, 1)  # a backslash of its own before it hides it, too
    if not end:
        sys.exit("unterminated quoted value")
    inside, rest = text[: end.start()].strip(quote), text[end.end() :]
    if quote == "'":
        return inside, rest
    unescaped = re.sub(r"\\([nr])|\\([^$])", lambda found: {"n": "\n", "r": "\r"}.get(found[1]) or found[2], inside)
    return _expanded(unescaped, known), rest


def _expanded(value: str, known: dict[str, str]) -> str:
    def of(found: "re.Match[str]") -> str:
        if found["escaped"]:
            return found[0][1:]
        return known.get(found["name"], os.environ.get(found["name"], "")) if found["name"] else found[0]

    return re.sub(r"(?P<escaped>\\)?\$\(?\{?(?P<name>[A-Z0-9_]+)?\}?", of, value)


if __name__ == "__main__":
    main(*sys.argv[1:])
