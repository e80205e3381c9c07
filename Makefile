# Each line is what a person would type. `make demo` and `make test` set up all that they need, from a bare clone.
PYTHON ?= python3
LOCK := --quiet --universal --python-version 3.11 --generate-hashes --no-annotate --no-header --no-emit-index-url --no-strip-extras
export PATH := $(CURDIR)/.venv/bin:$(PATH)
unexport PYTHONDONTWRITEBYTECODE # else each worker of pytest compiles all tests anew

.PHONY: demo demo-bots screenshots test sim soak bench check image format lock
IMAGE ?= voicebot:checked

demo: .venv/ready ## ship real containers over real SSH to a throwaway server on this machine
	python -m tests.demo

demo-bots: .venv/ready ## chat with the real bots in a browser: voicebot, and opsbot, which deploys to a throwaway server
	python -m tests.demo_bots

screenshots: .venv/ready ## docs/opsbot-*.png anew: what the bots of demo-bots look like now
	SCREENSHOTS=docs pytest tests/integration/test_demo_bots.py -k deploy

test: .venv/ready ## every test
	python -m tests.prepared
	pytest --numprocesses 3 --dist worksteal $(COVERAGE)

sim: .venv/ready ## every pair of faults on two simulated hosts too: minutes
	python -m tests.sim

soak: .venv/ready ## the real bots: one shipped and killed fifty times each under a stream of voice notes, one killed at each line: 20 minutes
	python -m tests.soak
	pytest -m soak

bench: .venv/ready ## how long the commands take, at 0 and at 100 ms; minutes, on a machine that has nothing else to do
	python -m tests.bench

check: .venv/ready ## style, types and the import rules
	black --check --quiet .
	ruff check --quiet .
	mypy
	pytest tests/unit/test_imports.py

image: ## the image, built and started; BUILD="--build-arg=BASE=…" where there is no Docker Hub
	docker build --tag=$(IMAGE) $(BUILD) .
	docker run --rm $(IMAGE) shipper --version
	docker run --rm $(IMAGE) python -m opsbot config
	docker run --rm --env=DATABASE_URL=sqlite:////data/opsbot.db $(IMAGE) python -m opsbot migrate
	docker run --rm $(IMAGE) python -m voicebot migrate
	docker run --rm $(IMAGE) python -c "import opsbot.app, voicebot.app, faster_whisper"

format: .venv/ready
	ruff check --fix --quiet .
	black --quiet .

lock: ## new versions of all dependencies, with their hashes
	uv pip compile $(LOCK) --upgrade --extra opsbot --extra voicebot pyproject.toml --output-file requirements.lock
	uv pip compile $(LOCK) --upgrade --extra opsbot --extra voicebot --extra dev --constraint requirements.lock pyproject.toml --output-file requirements-dev.lock
	uv pip compile $(LOCK) --upgrade --constraint requirements.lock pyproject.toml --output-file .github/actions/shipper/requirements.lock

.venv/ready: requirements-dev.lock pyproject.toml
	@echo "installing Python packages into .venv …"
	@$(PYTHON) -m venv .venv
	@.venv/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-dev.lock
	@.venv/bin/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch .venv/ready
