"""What only looks: a function for each verb, from a request to the page that answers it."""

from collections.abc import Awaitable, Callable, Mapping

from opsbot.desk import Desk
from opsbot.looks import status
from opsbot.storage.requests import Request
from opsbot.verbs import Verb
from opsbot.views.pages import Page

LOOKS: Mapping[str, Callable[[Desk, Request], Awaitable[Page]]] = {
    Verb.STATUS: status.look,
}
