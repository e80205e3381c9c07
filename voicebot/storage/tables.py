"""The tables. A change here needs a migration, and the version before it must be able to run on what that makes."""

from sqlalchemy import JSON, BigInteger, Boolean, Column, Float, Index, Integer, MetaData, Table, Text, false

from botkit.dialects import NUMBER
from botkit.inbox import inbox_table

# A later migration has to name what it drops. These are the names that PostgreSQL gives by itself; SQLite gives none.
metadata = MetaData(
    naming_convention={
        "pk": "%(table_name)s_pkey",
        "uq": "%(table_name)s_%(column_0_N_name)s_key",
        "fk": "%(table_name)s_%(column_0_N_name)s_fkey",
        "ck": "%(table_name)s_%(constraint_name)s_check",
    }
)

inbox = inbox_table(metadata)

users = Table(
    "users",
    metadata,
    Column("id", NUMBER, primary_key=True, autoincrement=False),
    Column("speech_language", Text),  # NULL: whatever is heard
    Column("timestamps", Boolean, nullable=False, server_default=false()),
    Column("translate", Boolean, nullable=False, server_default=false()),
    Column("refused_at", Float),  # when a stranger was told that this bot is not for everybody
    Column("last_turn", Float, nullable=False, server_default="0"),  # where the queue goes on for this user
)

jobs = Table(
    "jobs",
    metadata,
    Column("id", NUMBER, primary_key=True, autoincrement=True),
    Column("update_id", BigInteger, nullable=False, unique=True),
    Column("user_id", BigInteger, nullable=False),
    Column("chat_id", BigInteger, nullable=False),
    Column("thread_id", BigInteger),  # the topic of a forum
    Column("message_id", BigInteger, nullable=False),
    Column("placeholder_id", BigInteger),
    Column("ui_language", Text, nullable=False),
    Column("file_id", Text, nullable=False),
    Column("file_unique_id", Text, nullable=False),
    Column("seconds", Float, nullable=False),  # what the sender says; what was decoded, once it is done
    Column("speech_language", Text),
    Column("translate", Boolean, nullable=False),
    Column("timestamps", Boolean, nullable=False),
    Column("variant", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("turn", Float, nullable=False),
    Column("owner", BigInteger),
    Column("attempts", Integer, nullable=False),
    Column("next_at", Float, nullable=False),
    Column("error", Text),
    Column("created_at", Float, nullable=False),
    Column("started_at", Float),
    Column("finished_at", Float),
    Index("jobs_by_turn", "state", "turn", "id"),
    Index("jobs_by_user", "user_id", "created_at"),
    Index("jobs_by_audio", "file_unique_id", "variant"),
    sqlite_autoincrement=True,  # buttons name jobs: the number of one that was deleted is not given again
)

queue = Table(
    "queue",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),  # there is one row
    Column("come", Float, nullable=False),  # the furthest turn that came up
)

pieces = Table(
    "pieces",
    metadata,
    Column("job_id", BigInteger, primary_key=True, autoincrement=False),
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("piece", JSON, nullable=False),
)

transcripts = Table(
    "transcripts",
    metadata,
    Column("file_unique_id", Text, primary_key=True),
    Column("variant", Text, primary_key=True),
    Column("transcript", JSON, nullable=False),
    Column("created_at", Float, nullable=False),
    Index("transcripts_by_age", "created_at"),
)

outbox = Table(
    "outbox",
    metadata,
    Column("id", NUMBER, primary_key=True, autoincrement=True),
    Column("chat_id", BigInteger, nullable=False),
    Column("method", Text, nullable=False),
    Column("payload", JSON, nullable=False),
    Column("document", Text),  # content of a file that goes with it
    Column("job_id", BigInteger),
    Column("user_id", BigInteger),  # whose words are in it
    Column("owner", BigInteger),
    Column("attempts", Integer, nullable=False),
    Column("created_at", Float, nullable=False),
    Index("outbox_by_chat", "chat_id", "id"),
)
_at_work = outbox.c.owner.is_not(None)
Index("outbox_at_work", outbox.c.chat_id, outbox.c.owner, sqlite_where=_at_work, postgresql_where=_at_work)
