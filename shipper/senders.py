"""Sends an announcement to a URL: JSON by POST, or by Apprise. Each blocks, and raises NotSent, which names no URL."""

import http
import json

import requests

import shipper
from shipper.announcement import Announcement

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
