# Makes $RUNNER_TEMP/shipper: an environment with shipper and what it needs, each package by its hash.
set -eu
here=$(dirname "$0")
made=$RUNNER_TEMP/shipper

"$PYTHON" -m venv --without-pip "$made"
"$PYTHON" -m pip --python "$made/bin/python" install --quiet --disable-pip-version-check --no-compile --no-deps \
  --require-hashes --only-binary :all: -r "$here/requirements.lock"
# shipper itself stays where it is, as `pip install --editable` would leave it: to build it would take setuptools
packages=$("$made/bin/python" -c 'import sysconfig; print(sysconfig.get_path("purelib"))')
(cd "$here/../../.." && pwd) >"$packages/shipper.pth"
mkdir "$made/path" # nothing else of the environment gets on the PATH
printf '#!%s\nfrom shipper.cli import main\n\nmain()\n' "$made/bin/python" >"$made/path/shipper"
chmod +x "$made/path/shipper"
echo "$made/path" >>"$GITHUB_PATH"
"$made/path/shipper" --version
