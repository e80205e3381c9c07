"""What people see of a recording, from the first answer to the whole text."""

from dataclasses import replace
from typing import Any

import pytest

from tests.fakes.telegram.entities import parsed
from voicebot import views
from voicebot.catalogue import texts
from voicebot.storage.jobs import Job, State
from voicebot.storage.outbox import Outgoing
from voicebot.transcript import Segment, Transcript

EN = texts("en")
JOB = Job(
    id=7,
    update_id=1,
    user_id=1001,
    chat_id=1001,
    thread_id=None,
    message_id=5,
    ui_language="en",
    file_id="file",
    file_unique_id="unique",
    seconds=60,
    speech_language=None,
    translate=False,
    timestamps=False,
    variant="small:transcribe:auto",
    state=State.RUNNING,
    attempts=1,
    placeholder_id=6,
    created_at=0.0,
    error=None,
)


def heard(*spoken: str, pause: float = 0.5, language: str = "en") -> Transcript:
    """Phrases of 5 s, with pauses between."""
    segments = tuple(
        Segment(start=number * (5 + pause), end=number * (5 + pause) + 5, text=text)
        for number, text in enumerate(spoken)
    )
    return Transcript(duration=60, language=language, segments=segments)


def shown(call: Outgoing) -> str:
    """As Telegram shows it."""
    return parsed(call.payload["text"], call.payload["parse_mode"]).plain


def entities(call: Outgoing) -> list[str]:
    return [entity["type"] for entity in parsed(call.payload["text"], "HTML").entities]


def buttons(call: Outgoing) -> list[tuple[str, str]]:
    rows: list[list[dict[str, Any]]] = call.payload.get("reply_markup", {}).get("inline_keyboard", [])
    return [(button["text"], button["callback_data"]) for row in rows for button in row]


def test_the_first_answer_is_a_reply_with_the_place_and_a_way_out() -> None:
    call = views.placeholder(JOB, EN, 3)
    assert (call.method, call.job_id, shown(call)) == ("SendMessage", 7, "In the queue: place 3.")
    assert call.payload["reply_parameters"] == {"message_id": 5, "allow_sending_without_reply": True}
    assert buttons(call) == [("Cancel", "cancel:7")]


def test_text_grows_with_its_progress_and_shows_its_end_when_it_is_long() -> None:
    assert shown(views.growing(JOB, EN, [], 0.0)) == "Listening …\n… 0 %"
    assert shown(views.growing(JOB, EN, heard("One.", "Two.").segments, 0.42)) == "One. Two.\n… 42 %"
    call = views.growing(JOB, EN, heard(*["word " * 100] * 9).segments, 1.0)
    assert shown(call).startswith("… word")
    assert shown(call).endswith("word\n… 99 %")
    assert len(shown(call)) < 1600
    assert buttons(call) == [("Cancel", "cancel:7")]


def test_a_short_result_is_plain_text_without_buttons() -> None:
    (call,) = views.result(JOB, EN, heard("One.", "Two."))
    assert (call.method, call.job_id, shown(call)) == ("EditMessageText", 7, "One. Two.")
    assert entities(call) == []
    assert buttons(call) == []


def test_a_pause_begins_a_paragraph() -> None:
    assert shown(views.result(JOB, EN, heard("One.", "Two.", pause=2.5))[0]) == "One.\n\nTwo."


def test_timestamps_begin_lines() -> None:
    transcript = heard("One.", " ", "Two.", "Three.", pause=1800)
    (call,) = views.result(replace(JOB, timestamps=True), EN, transcript)
    assert shown(call) == "[0:00] One.\n[1:00:10] Two.\n[1:30:15] Three."


@pytest.mark.parametrize("said", [(), ("",), (" ", "\n")])
def test_nothing_heard_is_said_so(said: tuple[str, ...]) -> None:
    assert shown(views.result(JOB, EN, heard(*said))[0]) == "I hear no speech in it."


def test_what_is_said_cannot_break_the_markup() -> None:
    (call,) = views.result(JOB, EN, heard("if a < b && c > d: <b>print</b>"))
    assert shown(call) == "if a < b && c > d: <b>print</b>"


def test_a_long_text_is_folded() -> None:
    (call,) = views.result(JOB, EN, heard("A sentence & more. " * 50))
    assert entities(call) == ["expandable_blockquote"]


def test_a_longer_one_goes_on_in_replies() -> None:
    first, second, third = views.result(JOB, EN, heard(*["A sentence of some words. " * 45] * 9))
    assert (first.method, second.method, third.method) == ("EditMessageText", "SendMessage", "SendMessage")
    assert second.job_id is third.job_id is None
    assert all(shown(call).endswith(".") and len(shown(call)) <= 4096 for call in (first, second, third))
    assert second.payload["reply_parameters"]["message_id"] == 5


def test_the_longest_are_a_file_with_the_whole_beside_the_beginning() -> None:
    call, file = views.result(JOB, EN, heard(*["Эмодзи 😀 & <знаки>. " * 50] * 20))
    assert shown(call).endswith("\nThe whole is in the file below.")
    assert len(shown(call).encode("utf-16-le")) // 2 <= 4096
    assert file.method == "SendDocument"
    assert file.document
    assert file.document.startswith("Эмодзи 😀 & <знаки>.")
    assert len(file.document) > 15000


def test_in_a_forum_all_of_it_stands_in_the_topic() -> None:
    job = replace(JOB, thread_id=9)
    _, second, _ = views.result(job, EN, heard(*["A sentence of some words. " * 45] * 9))
    _, file = views.result(job, EN, heard(*["A sentence. " * 100] * 20))
    threads = [call.payload["message_thread_id"] for call in (views.placeholder(job, EN, 1), second, file)]
    assert threads == [9, 9, 9]


@pytest.mark.parametrize(
    ("job", "language", "offered"),
    [
        (JOB, "en", []),
        (JOB, "", []),
        (JOB, "ko", [("Not 한국어?", "language:7")]),
        (JOB, "sw", [("Not sw?", "language:7")]),
        (replace(JOB, ui_language="pt-br"), "pt", []),
        (replace(JOB, speech_language="ko"), "ko", []),
    ],
)
def test_a_language_that_is_not_the_listeners_own_can_be_doubted(
    job: Job, language: str, offered: list[tuple[str, str]]
) -> None:
    assert buttons(views.result(job, EN, heard("One.", language=language))[0]) == offered


def test_what_is_cancelled_by_being_forgotten_needs_no_job() -> None:
    (call,) = views.closed(JOB, "Cancelled.")
    assert (call.job_id, call.payload["message_id"]) == (None, 6)
    assert views.closed(replace(JOB, placeholder_id=None), "Cancelled.") == []
