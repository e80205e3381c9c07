"""PURE: questions, and answers that need no server."""

from collections.abc import Sequence
from html import escape

from opsbot.access import Person, verbs_of
from opsbot.arguments import USAGE, Mistake
from opsbot.command import Refused, What
from opsbot.storage.requests import Request
from opsbot.views.choices import Choice
from opsbot.views.pages import Button, Page, Press, bold, code, page
from opsbot.views.words import asked

_QUESTIONS = {
    What.ENVIRONMENT: "In which environment?",
    What.VERSION: "Which commit?",
    What.RELEASE: "To which release?",
    What.ROLE: "Which role?",
}
_NOTHING = {
    What.ENVIRONMENT: "there is no environment.",
    What.VERSION: "no server has an image of any commit yet; name one that the registry has.",
    What.RELEASE: "there is no release that it could go back to. /releases lists what there is.",
    What.ROLE: "there is no role.",
}
_IN_A_ROW = 3


def question(request: Request, what: What, choices: Sequence[Choice]) -> Page:
    buttons = [
        Button(label=choice.label, press=Press.CHOOSE, about=f"{request.id}.{index}")
        for index, choice in enumerate(choices)
    ]
    columns = _IN_A_ROW if all(choice.label == choice.value for choice in choices) else 1
    rows = [buttons[first : first + columns] for first in range(0, len(buttons), columns)]
    return page(
        f"{bold(asked(request.command))}: {_QUESTIONS[what]}",
        buttons=[*rows, [Button(label="Never mind", press=Press.DISMISS, about=str(request.id))]],
    )


def nothing_to_choose(request: Request, what: What) -> Page:
    return page(f"{bold(asked(request.command))}: {_NOTHING[what]}")


def unanswered(request: Request) -> Page:
    again = Button(label="Ask again", press=Press.AGAIN, about=str(request.id))
    return page(f"⌛ {bold(asked(request.command))}: nobody chose in time. Nothing was done.", buttons=[[again]])


def mistake(found: Mistake) -> Page:
    return page(escape(found.complaint), code(found.usage))


def refused(found: Refused) -> Page:
    where = f" in {escape(found.environment)}" if found.environment else ""
    if found.is_elsewhere:
        return page(f"Not here: /{found.verb}{where} is not for this chat.")
    return page(f"You may not {found.verb}{where}.")


def whoami(person: Person, here: Sequence[str]) -> Page:
    lines = [f"{escape(name)}: {', '.join(sorted(ranks)) or 'nothing'}" for name, ranks in person.ranks.items()]
    return page(f"{bold(person.name)}, {code(str(person.id))}", *lines, f"In this chat: {', '.join(here)}.")


def help_for(person: Person) -> Page:
    verbs = verbs_of(person)
    lines = [escape(usage) for verb, usage in USAGE.items() if verb in verbs]
    return page(*lines, "/whoami", "/help")
