"""Everything about the package stands in pyproject.toml.

pip builds in this folder, and setuptools packs all that lies in `build/lib`: modules of an earlier build as well, which
are gone from the source since then.
"""

import shutil

from setuptools import setup

shutil.rmtree("build/lib", ignore_errors=True)
setup()
