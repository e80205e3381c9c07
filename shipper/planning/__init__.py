"""PURE: what is wanted and what is there → what to do, and why."""
