"""What botkit/lean.py does to aiogram, in a process that has imported nothing yet."""

import subprocess
import sys

PROGRAM = """
import sys
import opsbot.__main__, voicebot.__main__
assert "aiogram" not in sys.modules  # or it would be too late

from botkit import lean
import opsbot.app, voicebot.app
from aiogram import methods, types
from pydantic import BaseModel

assert not types.Update.__pydantic_complete__
said = {"message_id": 7, "date": 0, "chat": {"id": 1, "type": "private"}}
assert isinstance(types.Update.model_validate({"update_id": 1, "message": said}).message, types.Message)

known = [getattr(module, name) for module in (methods, types) for name in module.__all__]
models = [one for one in known if isinstance(one, type) and issubclass(one, BaseModel)]
assert len(models) > 500
for model in reversed(models):
    model.model_rebuild()
assert all(model.__pydantic_complete__ for model in models)
"""


def test_a_start_builds_no_type_of_telegram_before_it_is_used_and_then_whichever_it_is() -> None:
    done = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
