"""The tables. A change here needs a migration, and the version before it must be able to run on what that makes."""

from sqlalchemy import JSON, BigInteger, Boolean, Column, Float, Index, Integer, MetaData, Table, Text, false

metadata = MetaData()

NUMBER = BigInteger().with_variant(Integer, "sqlite")
"""A key that counts by itself: SQLite does that for INTEGER only, which has 64 bits there."""

inbox = Table(
    "inbox",
    metadata,
    Column("update_id", BigInteger, primary_key=True, autoincrement=False),
    Column(
        "raw", JSON(none_as_null=True)
    ),  # erased once it is done: the number alone keeps the update from being handled twice
    Column("state", Text, nullable=False),
    Column("received_at", Float, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("next_at", Float, nullable=False),
    Column("error", Text),
    Index("inbox_by_state", "state", "update_id"),
)

users = Table(
    "users",
    metadata,
    Column("id", BigInteger, primary_key=True, autoincrement=False),
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
    Column("owner", BigInteger),
    Column("attempts", Integer, nullable=False),
    Column("created_at", Float, nullable=False),
    Index("outbox_by_chat", "chat_id", "id"),
    Index("outbox_by_job", "job_id"),
)
