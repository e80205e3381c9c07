"""PURE: questions, and answers that need no server."""

from collections.abc import Sequence
from html import escape

from opsbot.access import Person, verbs_of
from opsbot.arguments import USAGE, Mistake
from opsbot.command import Refused, What
from opsbot.storage.requests import Request
from opsbot.views.pages import Button, Page, Press, bold, code, page
from opsbot.views.words import asked

_QUESTIONS = {
    What.ENVIRONMENT: "In which environment?",
    What.VERSION: "Which commit?",
    What.RELEASE: "To which release?",
    What.ROLE: "Which role?",
}
_IN_A_ROW = 3


def question(request: Request, what: What, labels: Sequence[str] = ()) -> Page:
    """`labels` are what the options are called, if not by themselves."""
    buttons = [
        Button(label=label, press=Press.CHOOSE, about=f"{request.id}.{index}")
        for index, label in enumerate(labels or request.options)
    ]
    columns = 1 if labels else _IN_A_ROW
    rows = [buttons[first : first + columns] for first in range(0, len(buttons), columns)]
    return page(
        f"{bold(asked(request.command))}: {_QUESTIONS[what]}",
        buttons=[*rows, [Button(label="Never mind", press=Press.DISMISS, about=str(request.id))]],
    )


def mistake(found: Mistake) -> Page:
    return page(escape(found.complaint), code(found.usage))


def refused(found: Refused) -> Page:
    where = f" in {escape(found.environment)}" if found.environment else ""
    if found.is_elsewhere:
        return page(f"Not here: /{found.verb}{where} is not for this chat.")
    return page(f"You may not {found.verb}{where}.")


def too_often() -> Page:
    return page("Too many commands within a minute: the last one was not heard. Try again in a few seconds.")


def late() -> Page:
    return page("This came while I was away, and nothing was done. Send it again if you still mean it.")


def whoami(person: Person, here: Sequence[str]) -> Page:
    lines = [f"{escape(name)}: {', '.join(sorted(ranks)) or 'nothing'}" for name, ranks in person.ranks.items()]
    return page(f"{bold(person.name)}, {code(str(person.id))}", *lines, f"In this chat: {', '.join(here)}.")


def help_for(person: Person) -> Page:
    verbs = verbs_of(person)
    lines = [escape(usage) for verb, usage in USAGE.items() if verb in verbs]
    return page(*lines, "/whoami", "/help")
