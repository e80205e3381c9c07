"""The tables. A change here needs a migration, and the version before it must be able to run on what that makes."""

from sqlalchemy import JSON, BigInteger, Boolean, Column, Float, Index, Integer, MetaData, Table, Text

from botkit.inbox import inbox_table

metadata = MetaData()
inbox = inbox_table(metadata)

requests = Table(
    "requests",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("environment", Text, nullable=False),  # empty while it is asked for
    Column("command", JSON, nullable=False),
    Column("person_id", BigInteger, nullable=False),
    Column("person_name", Text, nullable=False),
    Column("phase", Text, nullable=False),
    Column("message", Integer, nullable=False),  # the row of the message that tells what becomes of it
    Column("options", JSON, nullable=False),
    Column("fingerprint", Text, nullable=False),
    Column("release", Integer),
    Column("expires_at", Float, nullable=False),  # until when it can be confirmed, or answered
    Column("approved_by", Text, nullable=False),
    Column("abort_by", Text, nullable=False),
    Column("owner", BigInteger),  # the process that is at it
    Column("begun_at", Float),  # when it was begun to be done
    Column("created_at", Float, nullable=False),
    Index("requests_by_phase", "phase", "id"),
    sqlite_autoincrement=True,  # buttons name requests: the number of one that was deleted is not given again
)

messages = Table(
    "messages",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("chat_id", BigInteger, nullable=False),
    Column("thread_id", BigInteger),  # the topic of a forum
    Column("reply_to", BigInteger),
    Column("telegram_id", BigInteger),  # its number in the chat, once it was sent
    Column("text", Text, nullable=False),
    Column("buttons", JSON, nullable=False),
    Column("document", Text),  # content of a file that goes with it
    Column("file_name", Text, nullable=False),
    Column("urgent", Boolean, nullable=False),  # it must be seen soon, and not when there is time for an edit
    Column("wanted", Integer, nullable=False),  # counts what it was to show
    Column("shown", Integer, nullable=False),  # the last of these that it shows; 0: it was not sent yet
    Column("attempts", Integer, nullable=False),
    Column("behind_since", Float, nullable=False),  # or since it was tried last: who waits longest comes first
    Column("owner", BigInteger),  # the process that brings Telegram there
    Column("created_at", Float, nullable=False),
    sqlite_autoincrement=True,
)
Index("messages_to_show", messages.c.id, sqlite_where=messages.c.wanted != messages.c.shown)

pressed = Table(
    "pressed",
    metadata,
    Column("chat_id", BigInteger, primary_key=True, autoincrement=False),
    Column("data", Text, primary_key=True),
    Column("at", Float, nullable=False),
    Column("person_id", BigInteger, nullable=False),
)

decisions = Table(
    "decisions",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("at", Float, nullable=False),
    Column("person_id", BigInteger, nullable=False),
    Column("person_name", Text, nullable=False),
    Column("environment", Text, nullable=False),
    Column("decision", Text, nullable=False),  # confirmed, refused, aborted, …
    Column("what", Text, nullable=False),
    Column("why", Text, nullable=False),
    Index("decisions_by_environment", "environment", "id"),
)

alerts = Table(
    "alerts",
    metadata,
    Column("key", Text, primary_key=True),
    Column("environment", Text, nullable=False),
    Column("alert", JSON, nullable=False),
    Column("message", Integer),
)
