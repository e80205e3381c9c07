"""Who is alive. Each process holds a lock as long as it lives, and the kernel (or PostgreSQL) frees it however it dies.

So what a dead process had begun is taken over at once, and never from one that is only slow: no clocks are compared.
"""

import fcntl
import os
import secrets
from collections.abc import Callable
from typing import Any, Protocol, TypeAlias

import psycopg
from psycopg.pq import ExecStatus
from sqlalchemy import URL

from botkit.database import POSTGRES_OPTIONS, file_of, reason
from shipper.handover import Lease

Session: TypeAlias = psycopg.Connection[tuple[Any, ...]]

_OWNERS = range(1 << 32, 1 << 62)


class PresenceLost(Exception):
    """Others must take us for dead: the connection to PostgreSQL that held our locks is gone, or was not to be had."""


class Presence(Protocol):
    """A process, as the others of the same bot see it."""

    owner: int
    """Our number: a new one for each process."""

    @property
    def lease(self) -> Lease:
        """For who polls, where shipper gives none."""

    def is_alive(self, owner: int) -> bool: ...

    def verify(self) -> None:
        """Raises PresenceLost."""

    def close(self) -> None: ...


def of(url: URL, lease: int) -> Presence:
    """Beside the file of SQLite, or in PostgreSQL, where `lease` is the advisory lock of who polls."""
    return FilePresence(f"{file}-owners") if (file := file_of(url)) else PostgresPresence(url, lease)


class FilePresence:
    """Locks single bytes of one file: https://man7.org/linux/man-pages/man2/fcntl.2.html, "Advisory record locking".

    A process has one of them: to close any descriptor of that file gives up all locks that the process has on it. A
    child does not inherit them, so what outlives us does not make us seem alive.
    """

    def __init__(self, path: str) -> None:
        self._descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
        self.owner = secrets.choice(_OWNERS)
        _try_lock(self._descriptor, self.owner)
        self.lease = _ByteLease(self._descriptor)

    def is_alive(self, owner: int) -> bool:
        if owner == self.owner or not _try_lock(self._descriptor, owner):
            return True
        fcntl.lockf(self._descriptor, fcntl.LOCK_UN, 1, owner)
        return False

    def verify(self) -> None:
        """The kernel's locks are not lost."""

    def close(self) -> None:
        os.close(self._descriptor)


class _ByteLease:
    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor

    def try_acquire(self) -> bool:
        return _try_lock(self._descriptor, 0)

    def release(self) -> None:
        fcntl.lockf(self._descriptor, fcntl.LOCK_UN, 1, 0)


def _try_lock(descriptor: int, byte: int) -> bool:
    try:
        fcntl.lockf(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB, 1, byte)
    except (BlockingIOError, PermissionError):
        return False
    return True


class PostgresPresence:
    """Advisory locks of one session: https://www.postgresql.org/docs/current/explicit-locking.html#ADVISORY-LOCKS

    Not through a pooler that shares sessions: it would free them.
    """

    def __init__(self, url: URL, lease: int) -> None:
        self._address = url.set(drivername="postgresql").render_as_string(hide_password=False)
        self._session = self._connect()
        self.owner = secrets.choice(_OWNERS)
        _ask(self._session, "SELECT pg_try_advisory_lock(%s)", self.owner)
        self.lease = _PostgresLease(self._connect, lease)

    def is_alive(self, owner: int) -> bool:
        if owner == self.owner or not _ask(self._session, "SELECT pg_try_advisory_lock(%s)", owner):
            return True
        _ask(self._session, "SELECT pg_advisory_unlock(%s)", owner)
        return False

    def verify(self) -> None:
        _ask(self._session, "SELECT %s", 1)
        self.lease.verify()

    def close(self) -> None:
        self.lease.release()
        self._session.close()

    def _connect(self) -> Session:
        try:
            session = psycopg.connect(self._address, autocommit=True, **POSTGRES_OPTIONS)
            # Should this machine be gone without a word, the server frees our locks within half a minute too.
            for name, value in (("idle", 10), ("interval", 5), ("count", 3)):
                session.execute(f"SET tcp_keepalives_{name} = {value}")
        except psycopg.Error as error:
            raise PresenceLost(f"PostgreSQL is not to be had: {reason(error)}") from error
        return session


class _PostgresLease:
    """Asks for the lock and goes on: PostgreSQL answers when it is ours, and to ask each 10 ms would burden it."""

    def __init__(self, connect: Callable[[], Session], lock: int) -> None:
        self._connect = connect
        self._lock = lock
        self._session: Session | None = None
        self._is_ours = False

    def try_acquire(self) -> bool:
        if not self._session:
            self._session = self._connect()
            self._session.pgconn.send_query(b"SELECT pg_advisory_lock(%d)" % self._lock)
        self._is_ours = self._is_ours or self._is_answered(self._session)
        return self._is_ours

    def release(self) -> None:
        """Ends the session, which frees the lock even if the connection is broken."""
        if self._session:
            self._session.close()
        self._session, self._is_ours = None, False

    def verify(self) -> None:
        if self._session and self._is_ours:
            _ask(self._session, "SELECT %s", 1)

    def _is_answered(self, session: Session) -> bool:
        try:
            session.pgconn.consume_input()
            if session.pgconn.is_busy():
                return False
            while answer := session.pgconn.get_result():
                if answer.status != ExecStatus.TUPLES_OK:
                    raise psycopg.OperationalError(answer.get_error_message())
        except psycopg.Error as error:
            raise PresenceLost(
                f"the session in PostgreSQL that waits for the lease is gone: {reason(error)}"
            ) from error
        return True


def _ask(session: Session, statement: str, number: int) -> bool:
    try:
        row = session.execute(statement, (number,)).fetchone()
    except psycopg.Error as error:
        raise PresenceLost(f"the session in PostgreSQL that says that we live is gone: {reason(error)}") from error
    return bool(row and row[0])
