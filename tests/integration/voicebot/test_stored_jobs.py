"""The queue of recordings in the database: SQLite and PostgreSQL."""

import asyncio
from contextlib import ExitStack
from dataclasses import replace

from botkit.database import Database
from tests import others
from tests.others import other
from tests.storing import (
    NOW,
    OTHER_OWNER,
    OWNER,
    PIECE,
    TRANSCRIPT,
    add,
    call,
    claim,
    claimed,
    finish,
    put,
    request,
    rows,
)
from voicebot.storage import heard, jobs, queue, users
from voicebot.storage.jobs import State
from voicebot.storage.queue import Usage
from voicebot.storage.tables import jobs as table, pieces

DAY = 86400.0


async def all_claimed(database: Database, owner: int = OWNER) -> list[jobs.Job]:
    """In one transaction: a thousand would take as many fsyncs."""
    found = []
    async with database.writing() as connection:
        while job := await queue.claim(connection, owner, NOW):
            found.append(job)
    return found


async def test_many_jobs_of_many_users_come_out_by_turns_and_each_users_in_order(database: Database) -> None:
    users_ = range(1, 31)
    async with database.writing() as connection:
        sent = [await queue.add(connection, request(user_id), NOW) for user_id in users_ for _ in range(5)]
    order = await all_claimed(database)
    assert [job.user_id for job in order] == [*users_] * 5
    for user_id in users_:
        theirs = [job.id for job in order if job.user_id == user_id]
        assert theirs == [job.id for job in sent if job.user_id == user_id]


async def test_who_sends_many_files_does_not_delay_who_sends_one(database: Database) -> None:
    many = await add(database, *(request(1) for _ in range(20)))
    assert await claim(database) == replace(many[0], state=State.RUNNING)
    (one,) = await add(database, request(2))
    assert (await claimed(database)).id == one.id


async def test_turns_are_by_seconds_of_audio(database: Database) -> None:
    long_ones = await add(database, request(1, seconds=60), request(1, seconds=60))
    short_ones = await add(database, *(request(2, seconds=20) for _ in range(4)))
    order = [job.id for job in await all_claimed(database)]
    assert order == [long_ones[0].id, *(job.id for job in short_ones[:3]), long_ones[1].id, short_ones[3].id]


async def test_who_comes_later_is_not_before_those_who_have_waited_though_all_that_is_done_was_forgotten(
    database: Database,
) -> None:
    for _ in range(3):
        await add(database, request(1, seconds=100))
        await finish(database, await claimed(database))
    await add(database, request(1, seconds=100))
    async with database.writing() as connection:
        await jobs.forget_old(connection, NOW + 1)
    await add(database, *(request(2, seconds=100) for _ in range(4)))
    order = [job.user_id for job in await all_claimed(database)]
    assert order == [2, 1, 2, 2, 2]


async def test_audio_that_is_being_transcribed_is_not_begun_again_until_that_is_over(database: Database) -> None:
    await add(database, request(1, audio="same"), request(2, audio="same"), request(3))
    first = await claimed(database)
    assert (await claimed(database)).user_id == 3
    assert await claim(database) is None
    await finish(database, first)
    assert (await claimed(database)).user_id == 2


async def test_the_same_audio_to_be_transcribed_in_another_way_does_not_wait(database: Database) -> None:
    await add(database, request(1, audio="same"), replace(request(2, audio="same"), variant="tiny:translate:auto"))
    assert [job.user_id for job in await all_claimed(database)] == [1, 2]


async def test_concurrent_claims_give_each_job_to_one_and_no_audio_to_two(database: Database) -> None:
    await add(database, *(request(user_id, audio=f"audio of two {user_id % 10}") for user_id in range(20)))
    owners = range(OWNER, OWNER + 12)
    found = await asyncio.gather(*(claim(database, owner) for owner in owners))
    audio = [job.file_unique_id for job in found if job]
    assert sorted(audio) == [f"audio of two {number}" for number in range(10)]


async def test_two_processes_that_claim_at_once_get_each_job_once(database: Database, database_url: str) -> None:
    made = await add(database, *(request(user_id) for user_id in range(40)))
    with ExitStack() as stack:
        both = [stack.enter_context(other(database_url)) for _ in range(2)]
        for owner, process in enumerate(both, OWNER):
            process.begin(others.claim_jobs, owner)
        found = [process.result() for process in both]
    assert sorted(found[0] + found[1]) == [job.id for job in made]


async def test_a_job_that_is_given_back_comes_at_its_time_and_only_an_error_counts_as_an_attempt(
    database: Database,
) -> None:
    await add(database, request())
    job = await claimed(database)
    async with database.writing() as connection:
        await jobs.give_back(connection, job, OWNER, at=NOW + 5)
    assert await claim(database, now=NOW + 4) is None
    job = await claimed(database, now=NOW + 5)
    assert job.attempts == 0
    async with database.writing() as connection:
        await jobs.give_back(connection, job, OWNER, at=NOW, error="failed")
    again = await claimed(database)
    assert (again.attempts, again.error) == (1, "failed")


async def test_pieces_are_there_for_who_goes_on_and_go_when_the_job_is_done(database: Database) -> None:
    await add(database, request())
    job = await claimed(database)
    saved = [replace(PIECE, end=PIECE.end * number) for number in range(1, 12)]
    async with database.writing() as connection:
        for number, piece in reversed([*enumerate(saved)]):
            assert await jobs.save_piece(connection, job, OWNER, number, piece)
        assert await jobs.save_piece(connection, job, OWNER, 0, PIECE)  # its first commit was not heard of
    async with database.reading() as connection:
        assert await heard.saved_pieces(connection, job.id) == saved
    assert await finish(database, job)
    assert await rows(database, pieces) == []


async def test_who_works_on_a_cancelled_job_is_told_with_the_next_piece_and_leaves_nothing(database: Database) -> None:
    await add(database, request())
    job = await claimed(database)
    async with database.writing() as connection:
        assert await jobs.save_piece(connection, job, OWNER, 0, PIECE)
        assert await jobs.cancel(connection, job.id, NOW)
        assert not await jobs.cancel(connection, job.id, NOW)
        assert not await jobs.save_piece(connection, job, OWNER, 1, PIECE)
    assert not await finish(database, job)
    assert await rows(database, pieces) == []
    async with database.reading() as connection:
        assert await heard.transcript(connection, job.file_unique_id, job.variant) is None


async def test_a_job_that_is_cancelled_while_a_piece_is_saved_leaves_no_piece(database: Database) -> None:
    await add(database, *(request(user_id) for user_id in range(20)))
    running = await all_claimed(database)

    async def save(job: jobs.Job) -> None:
        async with database.writing() as connection:
            await jobs.save_piece(connection, job, OWNER, 0, PIECE)

    async def cancel(job: jobs.Job) -> None:
        async with database.writing() as connection:
            await jobs.cancel(connection, job.id, NOW)

    await asyncio.gather(*(act(job) for job in running for act in (save, cancel)))
    assert await rows(database, pieces) == []


async def test_a_job_that_waits_can_be_cancelled_alone_or_with_its_chat(database: Database) -> None:
    one, *of_chat = await add(database, request(1), request(2), request(2), request(3))
    async with database.writing() as connection:
        assert await jobs.cancel(connection, one.id, NOW)
        await jobs.cancel_chat(connection, of_chat[0].chat_id, NOW)
    assert [job.user_id for job in await all_claimed(database)] == [3]


async def test_jobs_of_dead_processes_wait_again_and_it_counts_that_their_files_were_open(database: Database) -> None:
    await add(database, request(1), request(2))
    orphan, kept = await claimed(database, OWNER), await claimed(database, OTHER_OWNER)
    async with database.writing() as connection:
        await jobs.count_attempt(connection, orphan, OWNER)
        assert await queue.owners(connection) == {OWNER, OTHER_OWNER}
        await queue.take_from(connection, {OWNER})
        assert await queue.owners(connection) == {OTHER_OWNER}
    again = await claimed(database, OTHER_OWNER)
    assert (again.id, again.attempts) == (orphan.id, 1)
    assert not await finish(database, orphan, OWNER)
    assert await finish(database, kept, OTHER_OWNER)


async def test_a_failed_job_is_shown_and_can_be_tried_again(database: Database) -> None:
    await add(database, request(1), request(2))
    first, job = await claimed(database), await claimed(database)
    async with database.writing() as connection:
        for failing in (first, job):
            assert await jobs.fail(connection, failing, OWNER, f"failed {failing.user_id}", NOW)
        assert [failed.error for failed in await jobs.failed(connection, 10)] == ["failed 2", "failed 1"]
        assert await jobs.retry(connection, job.id, NOW)
        assert not await jobs.retry(connection, job.id, NOW)
        assert await jobs.count(connection, State.FAILED) == 1
    again = await claimed(database)
    assert (again.id, again.attempts, again.error) == (job.id, 0, None)


async def test_a_file_of_no_use_is_over_and_nobody_is_shown_it(database: Database) -> None:
    await add(database, request())
    job = await claimed(database)
    async with database.writing() as connection:
        assert await jobs.refuse(connection, job, OWNER, NOW)
        assert await jobs.failed(connection, 10) == []
    assert await claim(database) is None


async def test_places_are_those_in_which_jobs_come_out(database: Database) -> None:
    await add(database, *(request(user_id) for user_id in (1, 1, 2, 3, 2)))
    async with database.reading() as connection:
        waiting = await queue.waiting(connection)
        places = [await queue.place(connection, job.id) for job in waiting]
    assert places == [1, 2, 3, 4, 5]
    assert [job.id for job in await all_claimed(database)] == [job.id for job in waiting]


async def test_a_limit_looks_at_what_waits_and_at_what_was_sent_in_24_hours(database: Database) -> None:
    await add(database, request(1, seconds=1000), now=NOW - DAY - 1)
    await add(database, request(1, seconds=100), now=NOW - DAY + 1)
    cancelled, *_ = await add(database, request(1, seconds=50), request(1, seconds=10.5), request(2))
    running = await claimed(database)
    async with database.writing() as connection:
        await jobs.cancel(connection, cancelled.id, NOW)
        usage = await queue.usage(connection, 1, NOW)
    assert running.user_id == 1
    assert usage == Usage(waiting=3, waiting_of_user=3, seconds_of_user=110.5)


async def test_totals_are_of_what_was_heard(database: Database) -> None:
    await add(database, request(1), request(1), request(2))
    for _ in range(2):
        await finish(database, await claimed(database))
    async with database.reading() as connection:
        assert await users.totals(connection, 1) == users.Totals(files=1, seconds=TRANSCRIPT.duration)
        assert await users.totals(connection, None) == users.Totals(files=2, seconds=2 * TRANSCRIPT.duration)
        assert await users.totals(connection, 3) == users.Totals(files=0, seconds=0.0)


async def test_what_is_old_is_forgotten_and_what_still_waits_is_not(database: Database) -> None:
    await add(database, request(1), request(2))
    done = await claimed(database)
    await finish(database, done)
    async with database.writing() as connection:
        await jobs.forget_old(connection, NOW + 1)
        await heard.forget_old(connection, NOW + 1)
        assert await heard.transcript(connection, done.file_unique_id, done.variant) is None
    assert [row.user_id for row in await rows(database, table)] == [2]


async def test_what_is_still_to_be_said_is_not_forgotten(database: Database) -> None:
    await add(database, request())
    done = await claimed(database)
    await finish(database, done)
    await put(database, call(1, job_id=done.id))
    async with database.writing() as connection:
        await jobs.forget_old(connection, NOW + 1)
        assert await jobs.get(connection, done.id)


async def test_nothing_stays_of_what_waits_in_a_chat_that_is_left(database: Database) -> None:
    await add(database, request())
    job = await claimed(database)
    async with database.writing() as connection:
        await jobs.save_piece(connection, job, OWNER, 0, PIECE)
        await jobs.give_back(connection, job, OWNER, at=NOW)
        await jobs.cancel_chat(connection, job.chat_id, NOW)
    assert await claim(database) is None
    assert not await rows(database, pieces)


async def test_what_was_claimed_without_our_hearing_of_it_is_taken_back(database: Database) -> None:
    await add(database, request(), request(), request())
    known, unheard_of = await claimed(database), await claimed(database)
    await claimed(database, OTHER_OWNER)
    async with database.writing() as connection:
        await queue.take_back(connection, OWNER, [known.id])
    assert await claimed(database) == unheard_of
    assert await claim(database) is None


async def test_a_number_is_not_given_to_a_second_job(database: Database) -> None:
    await add(database, request())
    done = await claimed(database)
    await finish(database, done)
    async with database.writing() as connection:
        await jobs.forget_old(connection, NOW + 1)
    (later,) = await add(database, request())
    assert later.id > done.id


async def test_a_job_knows_its_message_when_that_is_sent(database: Database) -> None:
    (job,) = await add(database, request())
    async with database.writing() as connection:
        await jobs.set_placeholder(connection, job.id, 77)
        assert await jobs.get(connection, job.id) == replace(job, placeholder_id=77)
        assert await jobs.get(connection, job.id + 1) is None
