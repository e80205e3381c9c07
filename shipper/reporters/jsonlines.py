"""Events as JSON lines, for machines: `{"event": "step_finished", …}`. The last line of a deploy is `ended`."""

import json
import re
from collections.abc import Callable
from datetime import UTC, datetime

from shipper.events import Called, Ended, Event, as_json


class JsonReporter:
    def __init__(self, write: Callable[[str], None], *, verbose: bool) -> None:
        self._write = write
        self._verbose = verbose

    def __call__(self, event: Event) -> None:
        if isinstance(event, Called) and not self._verbose:
            return
        fields = as_json(event)
        if isinstance(event, Ended):
            fields["outcome"] = {
                "kind": _snake(event.outcome),
                "exit_code": event.outcome.exit_code,
                **fields["outcome"],
            }
        self._write(json.dumps({"event": _snake(event), "at": datetime.now(UTC).isoformat(), **fields}))


def _snake(thing: object) -> str:
    return re.sub(r"(?<=[a-z])(?=[A-Z])", "_", type(thing).__name__).lower()
