"""Rows for tests of the storage, with nothing in them that the test does not say."""

import itertools
from collections.abc import Sequence
from typing import Any

from sqlalchemy import Table, select

from botkit.database import Database
from voicebot.storage import jobs, outbox, queue
from voicebot.storage.jobs import Job, Request
from voicebot.storage.outbox import Outgoing
from voicebot.transcript import Piece, Segment, Transcript

NOW = 1_750_000_000.25
OWNER, OTHER_OWNER = (1 << 40) + 1, (1 << 40) + 2
_numbers = itertools.count(1)

SEGMENTS = (Segment(start=0.25, end=1.5, text="one \u0000 \U0001f600"), Segment(start=2.0, end=3.75, text="two"))
TRANSCRIPT = Transcript(duration=3.75, language="en", segments=SEGMENTS)
PIECE = Piece(start=0.0, end=3.75, language="en", segments=SEGMENTS)


def request(user_id: int = 1, *, audio: str = "", seconds: float = 10.0, chat_id: int | None = None) -> Request:
    number = next(_numbers)
    return Request(
        update_id=number,
        user_id=user_id,
        chat_id=chat_id or user_id,
        message_id=number,
        ui_language="en",
        file_id=f"file{number}",
        file_unique_id=audio or f"audio{number}",
        seconds=seconds,
        speech_language=None,
        translate=False,
        timestamps=False,
        variant="tiny:transcribe:auto",
    )


def call(chat_id: int = 1, **more: Any) -> Outgoing:
    return Outgoing(chat_id=chat_id, method="SendMessage", payload={"chat_id": chat_id, "text": "text"}, **more)


async def add(database: Database, *requests: Request, now: float = NOW) -> list[Job]:
    async with database.writing() as connection:
        return [await queue.add(connection, each, now) for each in requests]


async def claim(database: Database, owner: int = OWNER, now: float = NOW) -> Job | None:
    async with database.writing() as connection:
        return await queue.claim(connection, owner, now)


async def claimed(database: Database, owner: int = OWNER, now: float = NOW) -> Job:
    job = await claim(database, owner, now)
    assert job
    return job


async def finish(database: Database, job: Job, owner: int = OWNER, now: float = NOW) -> bool:
    async with database.writing() as connection:
        return await jobs.finish(connection, job, owner, TRANSCRIPT, now)


async def put(database: Database, *calls: Outgoing) -> None:
    async with database.writing() as connection:
        await outbox.put(connection, calls, NOW)


async def rows(database: Database, table: Table) -> Sequence[Any]:
    async with database.reading() as connection:
        return (await connection.execute(select(table).order_by(*table.primary_key.columns))).all()
