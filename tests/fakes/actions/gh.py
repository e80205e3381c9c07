"""As much of the program `gh` as sets secrets: python -m tests.fakes.actions.gh FILE secret set …

gh secret set --env-file FILE   # or -f; - is standard input
gh secret set NAME              # from standard input
"""

import json
import os
import re
import sys
from pathlib import Path

_USAGE = "gh secret set NAME | gh secret set -f FILE"


def main(store: str, *arguments: str) -> None:
    match arguments:
        case ("secret", "set", "-f" | "--env-file", "-"):
            made = parse(sys.stdin.read())
        case ("secret", "set", "-f" | "--env-file", file):
            made = parse(Path(file).read_text())
        case ("secret", "set", name) if re.fullmatch(r"[A-Z_][A-Z0-9_]*", name):
            made = {name: sys.stdin.read().rstrip("\r\n")}
        case _:
            sys.exit(f"this `gh` knows only: {_USAGE}")
    if empty := [name for name, value in made.items() if not value]:
        sys.exit(f"GitHub takes no empty secret: {', '.join(empty)}")
    file_of_all = Path(store)
    known = json.loads(file_of_all.read_text()) if file_of_all.exists() else {}
    file_of_all.write_text(json.dumps(known | made))
    for name in made:
        print(f"✓ Set Actions secret {name}")


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
