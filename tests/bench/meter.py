"""What passes in the middle of a link: bytes, and how many round trips follow on each other."""

from collections.abc import Callable
from dataclasses import dataclass, field


@dataclass
class Meter:
    """Round trips are counted by a logical clock: what the server says is one round later than all that had reached it.

    Requests that leave together, and their answers, are one round. It is an upper bound, since an answer is taken for
    one to all that the server had heard: where the link has a delay, one round for each round trip that passes in talk.
    """

    now: Callable[[], float]
    bytes_up: int = 0
    """From the client to the server."""
    bytes_down: int = 0
    ended: list[float] = field(default_factory=list)
    """When the first answer of each round reached the client, by `now`."""
    _at_client: int = 0
    _at_server: int = 0

    def client_sends(self, length: int) -> int:
        """The round, for `reaches_server`."""
        self.bytes_up += length
        return self._at_client

    def reaches_server(self, number: int) -> None:
        self._at_server = max(self._at_server, number)

    def server_sends(self, length: int) -> int:
        """The round, for `reaches_client`."""
        self.bytes_down += length
        return self._at_server + 1

    def reaches_client(self, number: int) -> None:
        if number > self._at_client:
            self._at_client = number
            self.ended.append(self.now())
