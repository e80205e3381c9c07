"""The first tables."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "inbox",
        sa.Column("update_id", NUMBER, autoincrement=False, nullable=False),
        sa.Column("raw", sa.JSON(), nullable=True),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("received_at", sa.Float(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("next_at", sa.Float(), nullable=False),
        sa.Column("error", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("update_id", name="inbox_pkey"),
    )
    op.create_index("inbox_by_state", "inbox", ["state", "update_id"])
    op.create_table(
        "jobs",
        sa.Column("id", NUMBER, autoincrement=True, nullable=False),
        sa.Column("update_id", sa.BigInteger(), nullable=False),
        sa.Column("user_id", sa.BigInteger(), nullable=False),
        sa.Column("chat_id", sa.BigInteger(), nullable=False),
        sa.Column("thread_id", sa.BigInteger(), nullable=True),
        sa.Column("message_id", sa.BigInteger(), nullable=False),
        sa.Column("placeholder_id", sa.BigInteger(), nullable=True),
        sa.Column("ui_language", sa.Text(), nullable=False),
        sa.Column("file_id", sa.Text(), nullable=False),
        sa.Column("file_unique_id", sa.Text(), nullable=False),
        sa.Column("seconds", sa.Float(), nullable=False),
        sa.Column("speech_language", sa.Text(), nullable=True),
        sa.Column("translate", sa.Boolean(), nullable=False),
        sa.Column("timestamps", sa.Boolean(), nullable=False),
        sa.Column("variant", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("turn", sa.Float(), nullable=False),
        sa.Column("owner", sa.BigInteger(), nullable=True),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("next_at", sa.Float(), nullable=False),
        sa.Column("error", sa.Text(), nullable=True),
        sa.Column("created_at", sa.Float(), nullable=False),
        sa.Column("started_at", sa.Float(), nullable=True),
        sa.Column("finished_at", sa.Float(), nullable=True),
        sa.PrimaryKeyConstraint("id", name="jobs_pkey"),
        sa.UniqueConstraint("update_id", name="jobs_update_id_key"),
        sqlite_autoincrement=True,
    )
    op.create_index("jobs_by_audio", "jobs", ["file_unique_id", "variant"])
    op.create_index("jobs_by_turn", "jobs", ["state", "turn", "id"])
    op.create_index("jobs_by_user", "jobs", ["user_id", "created_at"])
    op.create_table(
        "outbox",
        sa.Column("id", NUMBER, autoincrement=True, nullable=False),
        sa.Column("chat_id", sa.BigInteger(), nullable=False),
        sa.Column("method", sa.Text(), nullable=False),
        sa.Column("payload", sa.JSON(), nullable=False),
        sa.Column("document", sa.Text(), nullable=True),
        sa.Column("job_id", sa.BigInteger(), nullable=True),
        sa.Column("user_id", sa.BigInteger(), nullable=True),
        sa.Column("owner", sa.BigInteger(), nullable=True),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.Float(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="outbox_pkey"),
    )
    op.create_index("outbox_by_chat", "outbox", ["chat_id", "id"])
    at_work = sa.text("owner IS NOT NULL")
    op.create_index("outbox_at_work", "outbox", ["chat_id", "owner"], sqlite_where=at_work, postgresql_where=at_work)
    op.create_table(
        "pieces",
        sa.Column("job_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("piece", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("job_id", "number", name="pieces_pkey"),
    )
    op.create_table(
        "queue",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("come", sa.Float(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="queue_pkey"),
    )
    op.create_table(
        "transcripts",
        sa.Column("file_unique_id", sa.Text(), nullable=False),
        sa.Column("variant", sa.Text(), nullable=False),
        sa.Column("transcript", sa.JSON(), nullable=False),
        sa.Column("created_at", sa.Float(), nullable=False),
        sa.PrimaryKeyConstraint("file_unique_id", "variant", name="transcripts_pkey"),
    )
    op.create_index("transcripts_by_age", "transcripts", ["created_at"])
    op.create_table(
        "users",
        sa.Column("id", NUMBER, autoincrement=False, nullable=False),
        sa.Column("speech_language", sa.Text(), nullable=True),
        sa.Column("timestamps", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.Column("translate", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.Column("refused_at", sa.Float(), nullable=True),
        sa.Column("last_turn", sa.Float(), server_default="0", nullable=False),
        sa.PrimaryKeyConstraint("id", name="users_pkey"),
    )
