"""Who is told of a deploy, what, and how."""
