"""A shell on a server that stays open: what runs in it costs one round trip, where a session of its own costs three.

Scripts run one after the other, each in a subshell of its own; those that are asked for at once travel together.
"""

import asyncio
import secrets
import shlex

from shipper.errors import ConnectError
from shipper.hosts.conversation import Conversation
from shipper.world import Finished


class Shell:
    def __init__(self, conversation: Conversation) -> None:
        self._conversation = conversation
        self._mark = f"end-{secrets.token_hex(8)}"
        self._turn = asyncio.Lock()
        self.is_lost = False
        """An answer did not come, so it is not known whose the next one would be."""

    async def run(self, script: str, *arguments: str, input: str = "", within: float) -> Finished:
        """Runs a script with these arguments; `input` is in nobody's argv. Raises ConnectError."""
        try:
            self._conversation.send(self._framed(script, arguments, input))
            async with self._turn:  # given in the order in which it is asked for, as answers come
                if self.is_lost:
                    raise ConnectError("A command before this one on the same server did not end.")
                output = await self._conversation.until(f"\n{self._mark} ", within)
                exit_code = await self._conversation.until("\n", within)
                errors = await self._conversation.until(f"\n{self._mark}\n", within, of_errors=True)
        except ConnectError:
            self.is_lost = True
            self._conversation.close()  # or what waits in it would run after all
            raise
        return Finished(exit_code=int(exit_code), output=output, errors=errors)

    def _framed(self, script: str, arguments: tuple[str, ...], input: str) -> str:
        # printf is a part of the shell; a here-document can be a file in /tmp
        return (
            f"printf %s {shlex.quote(input)} | (set -- {shlex.join(arguments)}\n{script}\n)\n"
            f"printf '\\n{self._mark} %d\\n' $?; printf '\\n{self._mark}\\n' >&2"
        )
