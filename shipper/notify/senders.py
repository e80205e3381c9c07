"""Sends an announcement to a URL: JSON by POST, or by Apprise. Each blocks, and raises NotSent, which names no URL.

And calls the Bot API, whose URLs hold the token: no error says them either.
"""

import http
import json
import urllib.parse
from collections.abc import Mapping
from typing import Any

import requests

import shipper
from shipper.model.secret import Secret
from shipper.notify.announcement import Announcement
from shipper.notify.telegram import Answer

_TIMEOUT = (3.0, 4.0)  # seconds to connect, and to wait for each piece of the answer


class NotSent(Exception):
    """Why, in a few words."""


def post(url: str, announcement: Announcement) -> None:
    headers = {"Content-Type": "application/json", "User-Agent": f"shipper/{shipper.__version__}"}
    data = json.dumps(announcement.body)
    try:
        # a redirect would make a GET of it
        answer = requests.post(url, data=data, headers=headers, timeout=_TIMEOUT, allow_redirects=False, stream=True)
        answer.close()
    except requests.Timeout:
        raise NotSent("no answer in time") from None
    except requests.ConnectionError:
        raise NotSent("no connection") from None
    except (requests.RequestException, ValueError):
        raise NotSent("its URL cannot be used") from None
    if answer.status_code >= http.HTTPStatus.MULTIPLE_CHOICES:
        raise NotSent(f"answer {answer.status_code}")


def by_apprise(url: str, announcement: Announcement) -> None:
    import apprise  # it knows some hundred services, and takes its time

    apprise.logger.disabled = True  # it would write what it does, with parts of the URL, to standard error
    sender = apprise.Apprise(asset=apprise.AppriseAsset(app_id="shipper", async_mode=False))
    try:
        is_known = sender.add(url)
        is_sent = is_known and sender.notify(
            title=announcement.title, body=announcement.text, body_format=apprise.NotifyFormat.TEXT
        )
    except Exception as error:  # each service is written by someone else
        raise NotSent(f"Apprise failed ({type(error).__name__})") from None
    if not is_known:
        raise NotSent("Apprise does not know this kind of URL")
    if not is_sent:
        raise NotSent("it was refused, or there was no answer")


def call_telegram(api: str, token: Secret, method: str, parameters: Mapping[str, Any]) -> Answer:
    """https://core.telegram.org/bots/api#making-requests"""
    url = f"{api.rstrip('/')}/bot{urllib.parse.quote(token.reveal(), safe=':')}/{method}"
    try:
        answered = requests.post(url, json=parameters, timeout=_TIMEOUT, allow_redirects=False)
    except requests.Timeout:
        return Answer(why="no answer in time", may_pass=True)
    except requests.ConnectionError:
        return Answer(why="no connection", may_pass=True)
    except (requests.RequestException, ValueError):
        return Answer(why="its address cannot be used")
    try:
        told = answered.json()
    except ValueError:
        told = {}  # a proxy, say, that has its own words
    return answer_of(answered.status_code, told if isinstance(told, dict) else {})


def answer_of(status: int, told: Mapping[str, Any]) -> Answer:
    """From what stands in the body."""
    result = told.get("result")
    if told.get("ok") and isinstance(result, dict):
        return Answer(message=result)
    description, parameters = told.get("description", ""), told.get("parameters") or {}
    if "message is not modified" in description:  # Telegram has no code for it
        return Answer(message={})
    return Answer(
        why=f"answer {status}{': ' * bool(description)}{description}",
        may_pass=status == http.HTTPStatus.TOO_MANY_REQUESTS or status >= http.HTTPStatus.INTERNAL_SERVER_ERROR,
        wait=float(parameters.get("retry_after", 0)),
        moved_to=parameters.get("migrate_to_chat_id"),
    )
