"""What `gh secret set -f -` makes of a file: the rules of https://github.com/joho/godotenv, written down anew."""

import re


def read(text: str, environ: dict[str, str] | None = None) -> dict[str, str]:
    """Raises ValueError where a quote does not end."""
    known: dict[str, str] = {}
    rest = text.replace("---\n", "\n").replace("\r\n", "\n").lstrip()
    while rest:
        name, _, rest = rest.partition("=")
        known[name], rest = _value(rest.lstrip(" \t"), {**(environ or {}), **known})
        rest = rest.lstrip()
    return known


def _value(rest: str, known: dict[str, str]) -> tuple[str, str]:
    quote = rest[:1]
    if quote not in ("'", '"'):
        line, _, rest = rest.partition("\n")
        uncommented = re.sub(r"^(.*)[\t\v\f \x85\xa0]#.*$", r"\1", line)
        plain = uncommented.strip("\t\v\f\r \x85\xa0")
        return _expanded(plain, known), rest
    end = next((i for i in range(1, len(rest)) if rest[i] == quote and rest[i - 1] != "\\"), None)
    if end is None:
        raise ValueError("a quote does not end")
    value = rest[:end].strip(quote)
    if quote == '"':
        value = re.sub(r"\\(.)", lambda found: {"n": "\n", "r": "\r"}.get(found[1], found[0]), value)
        value = _expanded(re.sub(r"\\([^$])", r"\1", value), known)
    return value, rest[end + 1 :]


def _expanded(text: str, known: dict[str, str]) -> str:
    def expanded(found: re.Match[str]) -> str:
        if found[1]:
            return found[0][1:]
        return known.get(found[2], "") if found[2] else found[0]

    return re.sub(r"(\\)?\$\(?\{?([A-Z0-9_]+)?\}?", expanded, text)
