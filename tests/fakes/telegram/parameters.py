"""What a method was called with: JSON, a form, or a form with files; all three are read into the same."""

import json
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

from tests.fakes.telegram.refusal import bad_request


@dataclass(frozen=True, kw_only=True)
class Upload:
    name: str
    data: bytes = field(repr=False)


@dataclass(frozen=True, kw_only=True)
class Parameters:
    values: dict[str, Any]
    uploads: dict[str, Upload] = field(default_factory=dict)

    def text(self, name: str, default: str = "") -> str:
        value = self.values.get(name, default)
        return value if isinstance(value, str) else json.dumps(value)

    def number(self, name: str, default: int = 0) -> int:
        try:
            return int(self.values.get(name, default))
        except (TypeError, ValueError):
            return default

    def flag(self, name: str) -> bool:
        return self.text(name).lower() in ("true", "1", "yes")

    def structure(self, name: str) -> Any:
        """A list or an object, which forms carry as JSON; None: was not given."""
        value = self.values.get(name)
        if not isinstance(value, str):
            return value
        try:
            return json.loads(value)
        except ValueError:
            raise bad_request(f"can't parse {name} JSON object") from None

    def upload(self, name: str) -> Upload | None:
        """A file that came with the call, under its own name or by attach://…"""
        return self.uploads.get(name) or self.uploads.get(self.text(name).removeprefix("attach://"))


async def read(request: web.Request) -> Parameters:
    if request.content_type == "application/json":
        return Parameters(values={**request.query, **await request.json()})
    values: dict[str, Any] = {**request.query}
    uploads = {}
    for name, value in (await request.post()).items():
        if isinstance(value, web.FileField):
            uploads[name] = Upload(name=value.filename, data=value.file.read())
        else:
            values[name] = value
    return Parameters(values=values, uploads=uploads)
