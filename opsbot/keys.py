"""Signs the buttons of pages, and reads what comes back when one is pressed."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

import shipper
from opsbot.storage.messages import View
from opsbot.views.pages import Button, Page

LIFE = timedelta(days=7)
"""How long a button is good for. What it does may be refused sooner: a plan is confirmed within minutes."""
_NOWHERE = ""
"""Stands for the service on buttons that are about no environment yet: no service is called that."""


@dataclass(frozen=True, kw_only=True)
class Read:
    press: str
    about: str
    environment: str
    """Empty: about none."""


class Keys:
    """`services` are the full names of the service, by environment: what shipper signs its buttons for."""

    def __init__(self, token: shipper.Secret, services: Mapping[str, str]) -> None:
        self._token = token
        self._services = {**services, "": _NOWHERE}

    def view(self, page: Page, chat_id: int, environment: str, now: datetime) -> View:
        def signed(button: Button) -> str:
            made = shipper.Button(verb=button.press, argument=button.about, until=now + LIFE)
            service = self._services[environment]
            return shipper.sign_button(made, token=self._token, service=service, chat_id=chat_id)

        # a message may be older than the config, and of an environment that is none any more
        rows = page.buttons if environment in self._services else ()
        keyboard = tuple(tuple((button.label, signed(button)) for button in row) for row in rows)
        return View(text=page.text, keyboard=keyboard, document=page.document, file_name=page.file_name)

    def read(self, data: str, chat_id: int, now: datetime) -> Read | None:
        """None is a button that is not ours, is over, or was made for another chat."""
        for environment, service in self._services.items():
            found = shipper.verify_button(data, token=self._token, service=service, chat_id=chat_id, now=now)
            if found:
                return Read(press=found.verb, about=found.argument, environment=environment)
        return None
