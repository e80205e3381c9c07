"""Secrets and the template → what a container gets; and what keeps secrets out of all that is said."""
