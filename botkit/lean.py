"""aiogram, without half of what a start of a bot costs.

It builds what reads and writes each of the 450 types of the Bot API when it is imported: two seconds of processor,
which each swap and each start after a crash would wait for. Imported from here first, it leaves that to whoever uses a
type. Nothing else differs, and nothing differs where aiogram was imported already.
"""

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel

_model: Any = BaseModel  # whose method is put in place by hand
_rebuild = vars(BaseModel)["model_rebuild"]
_names: dict[str, Any] = {}
"""What the types call each other, which they only know when all of them are there."""


def _postpone(model: type[BaseModel], *, _types_namespace: Mapping[str, Any] | None = None, **options: Any) -> Any:
    if not _types_namespace or not model.model_config.get("defer_build"):
        return _rebuild.__func__(model, _types_namespace=_types_namespace, **options)
    if not _names:
        _names.update(_types_namespace)
    return None


def _build(model: type[BaseModel], *, _types_namespace: Mapping[str, Any] | None = None, **options: Any) -> Any:
    """Pydantic calls it at the first use of what was not built."""
    return _rebuild.__func__(model, _types_namespace=_types_namespace or _names, **options)


_model.model_rebuild = classmethod(_postpone)  # type: ignore[arg-type]  # it has no parameter without a name
try:
    from aiogram.methods import Response, TelegramMethod
    from aiogram.types import Message, TelegramObject
finally:
    _model.model_rebuild = _rebuild

for _base in (TelegramObject, TelegramMethod, Response):
    _model = _base
    _model.model_rebuild = classmethod(_build)  # type: ignore[arg-type]

Message.model_rebuild()  # aiogram makes a type for each kind of answer, which would build this one anew within it
