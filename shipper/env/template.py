"""The Jinja template of a project's env → text.

A module of its own, so that `import jinja2` can happen while a connection is being made.
"""

import re
from collections.abc import Mapping
from typing import Any

import jinja2

from shipper.errors import ConfigError, SecretError


class _Undefined(jinja2.StrictUndefined):
    @property
    def _undefined_message(self) -> str:
        return f'"{self._undefined_name}" is not defined'


class _LineBreak(Exception):
    pass


def _one_line(value: object) -> object:
    """A line break inside a value would add a variable of its own."""
    if isinstance(value, str) and re.search(r"[\r\n\0]", value):
        raise _LineBreak
    return value


class RenderingFailed(ConfigError):
    """Not the template's syntax or names, but what a filter or test in it made of these values."""


def render(text: str, name: str, facts: Mapping[str, Any]) -> str:
    """`name` is the template's file, for errors. Raises ConfigError and SecretError, without a value in their text."""
    environment = jinja2.Environment(
        undefined=_Undefined, finalize=_one_line, trim_blocks=True, keep_trailing_newline=True
    )
    try:
        return environment.from_string(text).render(facts)
    except jinja2.TemplateSyntaxError as error:
        raise ConfigError(f"{name}:{error.lineno}: {error.message}") from None
    except jinja2.UndefinedError as error:
        raise ConfigError(f"{name}:{_line(error)}: {error.message}", next=_known(facts)) from None
    except _LineBreak as error:
        raise SecretError(
            f"{name}:{_line(error)}: a value has a line break, which would add a variable of its own.",
            now="Nothing was done.",
            next="Give such a secret to the container as a file: `files: {/path: {secret: NAME}}`.",
        ) from None
    except Exception as error:  # a filter may raise anything, and its text may hold the value
        raise RenderingFailed(f"{name}:{_line(error)}: {type(error).__name__} while rendering") from None


def _known(facts: Mapping[str, Any]) -> str:
    return f"Known: {', '.join(facts)}; secrets: {', '.join(facts['secrets']) or 'none'}."


def _line(error: BaseException) -> int:
    """The template's line: Jinja rewrites the traceback to name it."""
    traceback, line = error.__traceback__, 1
    while traceback:
        if traceback.tb_frame.f_code.co_filename == "<template>":
            line = traceback.tb_lineno
        traceback = traceback.tb_next
    return line
