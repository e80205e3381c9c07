"""What `pip install .` puts on a machine."""

import subprocess
import sys
import zipfile
from pathlib import Path

from tests.images import ROOT

PACKAGES = ("botkit", "opsbot", "shipper", "voicebot")


def test_the_wheel_has_every_file_of_our_packages_and_none_of_an_earlier_build(tmp_path: Path) -> None:
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", *PACKAGES],
        cwd=ROOT, capture_output=True, text=True, check=True,
    )  # fmt: skip
    ours = {name for name in listed.stdout.splitlines() if (ROOT / name).exists()}
    source = tmp_path / "source"
    for name in {*ours, "pyproject.toml", "setup.py", "README.md"}:
        (source / name).parent.mkdir(parents=True, exist_ok=True)
        (source / name).write_bytes((ROOT / name).read_bytes())
    gone = source / "build/lib/shipper/gone.py"
    gone.parent.mkdir(parents=True)
    gone.touch()

    pip = [sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check"]
    command = [*pip, "wheel", "--no-deps", "--no-build-isolation", f"--wheel-dir={tmp_path}", str(source)]
    subprocess.run(command, check=True)

    (wheel,) = tmp_path.glob("*.whl")
    names = zipfile.ZipFile(wheel).namelist()
    assert {name for name in names if ".dist-info/" not in name} == ours
