"""PURE: questions, and answers that need no server."""

from collections.abc import Sequence
from html import escape

from opsbot.access import Person, verbs_of
from opsbot.arguments import USAGE, Mistake
from opsbot.command import Refused, What
from opsbot.storage.requests import Request
from opsbot.verbs import Verb
from opsbot.views.choices import Choice
from opsbot.views.pages import Button, Page, Press, bold, code, page
from opsbot.views.words import asked

WHAT_IT_DOES = {
    Verb.DEPLOY: "makes a commit serve, once its plan is confirmed",
    Verb.PLAN: "shows what a deploy would do",
    Verb.ROLLBACK: "goes back to an earlier release",
    Verb.ABORT: "stops what is under way, and takes back what it began",
    Verb.STATUS: "what serves, and whether it is well",
    Verb.RELEASES: "which releases there are, and which serves",
    Verb.HISTORY: "who changed what, and when",
    Verb.LOGS: "what the containers of a role wrote last",
    Verb.ENV: "names of variables and files that a deploy would give",
    Verb.LOCK: "freezes deploys, for a while or until it is lifted",
    Verb.UNLOCK: "lifts the freeze",
    Verb.RESTART: "restarts a role with the release that serves",
    "whoami": "your number, and what you may",
    "help": "which commands there are",
}
"""For each command: a menu shows it too."""
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


def too_often() -> Page:
    return page("Too many commands within a minute: the last one was not heard. Try again in a few seconds.")


def late() -> Page:
    return page("This came while I was away, and nothing was done. Send it again if you still mean it.")


def whoami(person: Person, here: Sequence[str]) -> Page:
    """The number is what stands in the config, and who asks an admin for more needs it."""
    lines = [f"{escape(name)}: {', '.join(sorted(ranks)) or 'nothing'}" for name, ranks in person.ranks.items()]
    elsewhere = [name for name in person.ranks if name not in here]
    return page(
        f"You are {bold(person.name)}, number {code(str(person.id))}. You may:",
        *lines,
        f"In this chat only what is about {escape(', '.join(here))}." if elsewhere else "",
    )


def hello(person: Person) -> Page:
    return page(
        f"Hello {bold(person.name)}. From here you see what serves, and act on it as your ranks allow. "
        "What changes something shows its plan first, and waits for your confirm.",
        "/status tells whether it is well now, /whoami what you may, /help which commands there are.",
    )


def help_for(person: Person) -> Page:
    verbs = verbs_of(person)
    lines = [f"{escape(usage)}\n   {WHAT_IT_DOES[verb]}" for verb, usage in USAGE.items() if verb in verbs]
    several = len(person.ranks) > 1
    return page(
        bold("What you can write"),
        *lines,
        f"/whoami\n   {WHAT_IT_DOES['whoami']}",
        "\nWhat you leave out is asked for, with buttons." if verbs else "",
        f"Environments: {escape(', '.join(person.ranks))}." if several else "",
    )
