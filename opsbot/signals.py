"""Bells between the parts of one process. They only save time: who misses one looks again in a second."""

from botkit.signals import Bell


class Signals:
    def __init__(self) -> None:
        self.arrived = Bell()
        """There is something new in the inbox."""
        self.to_do = Bell()
        """A request is new, or confirmed, or to be aborted."""
        self.to_show = Bell()
        self.is_leaving = False
        """A deploy that replaces us has come to its end, and is about to say so."""

    def handled(self) -> None:
        """What came of an update is committed."""
        self.to_do.ring()
        self.to_show.ring()
