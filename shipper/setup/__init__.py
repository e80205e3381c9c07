"""A bare server becomes one that can be deployed to: `look` at it, decide what it lacks (`plan`), `do` that.

`setting_up.py` tells the story. Nothing here needs Docker to be there.
"""
