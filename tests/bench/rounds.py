"""How many round trips follow on each other in a conversation, seen from the middle of the link. PURE."""

from collections.abc import Callable


class Rounds:
    """A logical clock: what a side says is one round later than all answers that had reached it.

    Many requests that leave together, and their answers, are one round. It is an upper bound: what one side says is
    taken for an answer to all that has reached it. On a link with a delay, that is at most one round for each round
    trip that passes.
    """

    def __init__(self, now: Callable[[], float]) -> None:
        self._now = now
        self._at_client = 0
        self._at_server = 0
        self.ended: list[float] = []
        """When the first answer of each round reached the client."""

    def client_speaks(self) -> int:
        """The round that is to be passed to `reaches_server`."""
        return self._at_client

    def reaches_server(self, number: int) -> None:
        self._at_server = max(self._at_server, number)

    def server_speaks(self) -> int:
        """The round that is to be passed to `reaches_client`."""
        return self._at_server + 1

    def reaches_client(self, number: int) -> None:
        if number > self._at_client:
            self._at_client = number
            self.ended.append(self._now())
