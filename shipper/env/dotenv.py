"""Variables → lines that `gh secret set -f -` reads back byte for byte. PURE.

It reads them by https://github.com/joho/godotenv (parser.go), which has rules of its own: a quote behind a backslash
never ends a value, not even behind an escaped one; only `\\n` and `\\r` are escapes, else a backslash stands for what
follows; `$NAME` is replaced unless a backslash stands before it, but never between single quotes. Line breaks are
always escaped: a line that ends with `---`, as those of a PEM file do, may be taken for YAML.
"""

import re

from shipper.errors import SecretError
from shipper.model.secret import Env

_ESCAPED = str.maketrans({"\\": r"\\", '"': r"\"", "$": r"\$", "\n": r"\n", "\r": r"\r"})
_TRIMMED = "\t\v\f\r\x85\xa0 "  # around what is not quoted
_LONGEST = 48 * 1024  # bytes: https://docs.github.com/en/actions/reference/security/secrets


def dotenv(values: Env) -> str:
    """A line for each, with its value. Raises SecretError for what cannot be written so, or is too long for GitHub."""
    for name, secret in values.items():
        if (size := len(secret.reveal().encode())) > _LONGEST:
            raise SecretError(
                f"{name} has {size} bytes, and a secret of GitHub at most {_LONGEST}.",
                now="Nothing was printed.",
                next="Keep it encrypted in the repository, and the key to it as the secret.",
            )
    lines = {name: _written(secret.reveal()) for name, secret in values.items()}
    if impossible := [name for name, line in lines.items() if line is None]:
        raise SecretError(
            f"{', '.join(impossible)}: gh would not read back as it is what ends so, with a backslash or a quote.",
            now="Nothing was printed.",
            next=f"Set it by itself, from a file: gh secret set {impossible[0]} <FILE; here, take another value.",
        )
    return "".join(f"{name}={line}\n" for name, line in lines.items())


def _written(value: str) -> str | None:
    if not value.endswith(("\\", '"')):
        return f'"{value.translate(_ESCAPED)}"'
    is_one_line = "\n" not in value and "\r" not in value
    if is_one_line and value.strip(_TRIMMED) == value and value[0] not in "'\"" and not re.search(r"\s#", value):
        return value.replace("$", r"\$")
    if is_one_line and "'" not in value and not value.endswith("\\"):
        return f"'{value}'"
    return None
