"""The tables, and the questions that are asked of them; a module for each kind of thing."""
