"""PostgreSQL's advisory locks that voicebot takes. Its processes hold others while they live: see botkit.presence."""

MIGRATION = 0x564F4943
JOBS = 0x564F4944
OUTBOX = 0x564F4945
LEASE = 0x564F4943_45000001
"""Of who polls."""
