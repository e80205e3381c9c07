"""Who is alive. Each process holds a lock as long as it lives, and the kernel (or PostgreSQL) frees it however it dies.

So what a dead process had begun is taken over at once, and never from one that is only slow: no clocks are compared.
"""

import fcntl
import os
import secrets
import threading
from collections.abc import Callable
from typing import Any, Protocol, TypeAlias

import psycopg
from sqlalchemy import URL

from shipper.handover import Lease
from voicebot.storage import file_of

Session: TypeAlias = psycopg.Connection[tuple[Any, ...]]

_LEASE = 0x564F4943_45000001  # of PostgreSQL's advisory locks, the one of who polls
_OWNERS = range(1 << 32, 1 << 62)


class PresenceLost(Exception):
    """Others must take us for dead: the connection to PostgreSQL that held our locks is gone."""


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


def of(url: URL) -> Presence:
    """Beside the file of SQLite, or in PostgreSQL."""
    return FilePresence(f"{file}-owners") if (file := file_of(url)) else PostgresPresence(url)


class FilePresence:
    """Locks single bytes of one file: https://man7.org/linux/man-pages/man2/fcntl.2.html, "Advisory record locking"."""

    def __init__(self, path: str) -> None:
        self._descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o660)
        self.owner = secrets.choice(_OWNERS)
        self._try_lock(self.owner)
        self.lease = _ByteLease(self._descriptor)

    def is_alive(self, owner: int) -> bool:
        if owner == self.owner:
            return True
        if not self._try_lock(owner):
            return True
        fcntl.lockf(self._descriptor, fcntl.LOCK_UN, 1, owner)
        return False

    def verify(self) -> None:
        """The kernel's locks are not lost."""

    def close(self) -> None:
        os.close(self._descriptor)

    def _try_lock(self, byte: int) -> bool:
        return _try_lock(self._descriptor, byte)


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

    def __init__(self, url: URL) -> None:
        self._address = url.set(drivername="postgresql").render_as_string(hide_password=False)
        self._session = self._connect()
        self.owner = secrets.choice(_OWNERS)
        _ask(self._session, "SELECT pg_try_advisory_lock(%s)", self.owner)
        self.lease = _PostgresLease(self._connect)

    def is_alive(self, owner: int) -> bool:
        if owner == self.owner or not _ask(self._session, "SELECT pg_try_advisory_lock(%s)", owner):
            return True
        _ask(self._session, "SELECT pg_advisory_unlock(%s)", owner)
        return False

    def verify(self) -> None:
        _ask(self._session, "SELECT %s", 1)
        self.lease.verify()

    def close(self) -> None:
        self._session.close()

    def _connect(self) -> Session:
        # A server that is gone without a word is noticed within half a minute.
        return psycopg.connect(
            self._address, autocommit=True, connect_timeout=10, keepalives_idle=10, keepalives_interval=5
        )


class _PostgresLease:
    """Waits for the lock in a thread: PostgreSQL tells who waits at once, and asking each 10 ms would burden it."""

    def __init__(self, connect: Callable[[], Session]) -> None:
        self._connect = connect
        self._session: Session | None = None
        self._is_ours = False
        self._error: psycopg.Error | None = None

    def try_acquire(self) -> bool:
        if self._error:
            raise PresenceLost(f"the session in PostgreSQL that waits for the lease is gone: {self._error}")
        if not self._session:
            self._session = self._connect()
            threading.Thread(target=self._wait, args=[self._session], daemon=True).start()
        return self._is_ours

    def release(self) -> None:
        """Ends the session, which frees the lock even if the connection is broken."""
        if self._session:
            self._session.close()
        self._session, self._is_ours = None, False

    def verify(self) -> None:
        if self._session and self._is_ours:
            _ask(self._session, "SELECT %s", 1)

    def _wait(self, session: Session) -> None:
        try:
            session.execute("SELECT pg_advisory_lock(%s)", (_LEASE,))
        except psycopg.Error as error:
            self._error = error
        else:
            self._is_ours = True


def _ask(session: Session, statement: str, number: int) -> bool:
    try:
        row = session.execute(statement, (number,)).fetchone()
    except psycopg.Error as error:
        raise PresenceLost(f"the session in PostgreSQL that says that we live is gone: {error}") from error
    return bool(row and row[0])
