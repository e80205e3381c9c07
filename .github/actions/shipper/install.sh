# Makes $RUNNER_TEMP/shipper: an environment with shipper and what it needs, each package by its hash.
set -eu
here=$(dirname "$0")
made=$RUNNER_TEMP/shipper

"$PYTHON" -m venv "$made"
"$made/bin/python" -m pip install --quiet --disable-pip-version-check --require-hashes --only-binary :all: \
  -r "$here/requirements.lock"
# A built package would need setuptools; this is what `pip install --editable` would come to.
(cd "$here/../../.." && pwd) >"$("$made/bin/python" -c 'import sysconfig; print(sysconfig.get_path("purelib"))')/shipper.pth"
mkdir "$made/path" # nothing else of the environment gets on the PATH
printf '#!%s\nfrom shipper.cli import main\n\nmain()\n' "$made/bin/python" >"$made/path/shipper"
chmod +x "$made/path/shipper"
echo "$made/path" >>"$GITHUB_PATH"
"$made/path/shipper" --version
