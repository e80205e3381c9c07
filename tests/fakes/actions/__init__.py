"""A GitHub whose runs of workflows happen here: runner.py carries them out, gh.py is its `gh`."""
