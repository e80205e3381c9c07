"""What was heard: the pieces of what is being transcribed, and transcripts, for when the same audio is sent again."""

from dataclasses import asdict
from typing import Any

from sqlalchemy import ColumnElement, delete, select
from sqlalchemy.ext.asyncio import AsyncConnection

from botkit.dialects import insert
from voicebot.storage.tables import pieces, transcripts
from voicebot.transcript import Piece, Segment, Transcript


async def add_piece(connection: AsyncConnection, job_id: int, number: int, piece: Piece) -> None:
    """One that is there already stays: a commit may succeed without our hearing of it, and is tried again."""
    added = insert(connection, pieces).values(job_id=job_id, number=number, piece=asdict(piece))
    await connection.execute(added.on_conflict_do_nothing())


async def saved_pieces(connection: AsyncConnection, job_id: int) -> list[Piece]:
    chosen = select(pieces.c.piece).where(pieces.c.job_id == job_id).order_by(pieces.c.number)
    return [Piece(**{**raw, "segments": _segments(raw)}) for raw in await connection.scalars(chosen)]


async def forget_pieces(connection: AsyncConnection, job_id: int) -> None:
    await connection.execute(delete(pieces).where(pieces.c.job_id == job_id))


async def keep(
    connection: AsyncConnection, file_unique_id: str, variant: str, transcript: Transcript, now: float
) -> None:
    row = {"file_unique_id": file_unique_id, "variant": variant, "transcript": asdict(transcript), "created_at": now}
    await connection.execute(insert(connection, transcripts).values(row).on_conflict_do_nothing())


async def transcript(connection: AsyncConnection, file_unique_id: str, variant: str) -> Transcript | None:
    raw = await connection.scalar(select(transcripts.c.transcript).where(_same(file_unique_id, variant)))
    return Transcript(**{**raw, "segments": _segments(raw)}) if raw else None


async def forget_old(connection: AsyncConnection, before: float) -> None:
    await connection.execute(delete(transcripts).where(transcripts.c.created_at < before))


def _same(file_unique_id: str, variant: str) -> ColumnElement[bool]:
    return (transcripts.c.file_unique_id == file_unique_id) & (transcripts.c.variant == variant)


def _segments(raw: dict[str, Any]) -> tuple[Segment, ...]:
    return tuple(Segment(**segment) for segment in raw["segments"])
