"""What the parts of one process tell each other."""

from botkit.signals import Bell


class Signals:
    def __init__(self) -> None:
        self.arrived = Bell()
        """There is something new in the inbox."""
        self.to_send = Bell()
        self.to_do = Bell()

    def handled(self) -> None:
        """An update may have led to either."""
        self.to_send.ring()
        self.to_do.ring()
