# Two commands do everything on a fresh machine: `make demo` runs it, `make test` proves it.
# The rest is for people who change it: test-bluez, check, check-bites, format, bench, lock, clean.
SHELL := /bin/bash
VENV := .venv
BIN := $(VENV)/bin
UV ?= uv
PYTEST_ARGS ?=
# A test mostly waits for its peers; three workers keep two cores busy.
WORKERS ?= 3
RUNS ?= 1

.PHONY: help setup demo test test-bluez check check-bites fuzz emergencies holders kills chaos overload format bench lock sbom clean

help:
	@echo "make demo         set everything up and run the whole walk with simulated homes"
	@echo "make test         set up what the tests need and run all of them"
	@echo "make test-bluez   Bluetooth against a real bluetoothd and kernel; RUNS=5 for five times in a row"
	@echo "make check        linter, formatter, types, import contracts, dependencies, compose file"
	@echo "make check-bites  plant one violation of every check and see it caught"
	@echo "make fuzz         throw 100,000 frames of noise at every decoder"
	@echo "make emergencies  10,000 of them under everything that could hold one; none is held"
	@echo "make holders      10,000 more through the service's own holders: quiet hours, budgets, shelves, status"
	@echo "make kills        kill the service at 30 random instants; lose no alert, repeat no more than was under way"
	@echo "make chaos        hit a county under load 71 times, lose nothing; SEED=7 for other blows"
	@echo "make overload     three times what the core can commit for 5 minutes; OVERLOAD_ARGS='--rate 900'"
	@echo "make format       write the one accepted layout"
	@echo "make bench        measure the whole walk"
	@echo "make lock         renew requirements.lock from pyproject.toml"
	@echo "make sbom         write sbom.json, what the program is made of (CycloneDX)"
	@echo "make clean        remove the virtual environment and caches; the demo's data stays in var/"

setup:
	@deploy/setup.sh

demo: setup
	@exec $(BIN)/hearthwatch demo

# Beside two others a test may miss a patience that real peers need; it is run once more, and what
# needed that is named at the end (RERUN). A test named there twice is a fault like any other.
# Bytecode is kept, for each worker compiles every test and hundreds of processes the program; two
# threads of OpenBLAS on cores that are taken only wait for each other; and files run in the order of
# their folders, because the longest have few tests: by their number they would come last.
test: setup
	@deploy/install-test-peers.sh
	@exec env -u PYTHONDONTWRITEBYTECODE OPENBLAS_NUM_THREADS=1 \
		$(BIN)/python -m pytest -n $(WORKERS) --dist loadfile --no-loadscope-reorder \
		--reruns 1 --reruns-delay 3 -rR $(PYTEST_ARGS)

test-bluez: setup
	@RUNS="$(RUNS)" PYTEST_ARGS="$(PYTEST_ARGS)" exec deploy/bluez/run.sh

check: setup
	@deploy/check.sh

check-bites: setup
	@exec $(BIN)/python -m pytest tests/architecture $(PYTEST_ARGS)

fuzz: setup
	@exec $(BIN)/python -m tests.contract.fuzz

emergencies: setup
	@deploy/install-test-peers.sh
	@exec $(BIN)/python -m pytest tests/integration/test_emergencies.py --emergencies 10000 --timeout 3600 $(PYTEST_ARGS)

holders: setup
	@deploy/install-test-peers.sh
	@exec $(BIN)/python -m pytest tests/integration/test_holders.py --emergencies 10000 --timeout 3600 $(PYTEST_ARGS)

kills: setup
	@deploy/install-test-peers.sh
	@exec $(BIN)/python -m pytest tests/integration/test_service_killed.py --kills 30 --timeout 3600 $(PYTEST_ARGS)

format: setup
	$(BIN)/ruff check --fix-only --quiet .
	$(BIN)/ruff format .

chaos: setup
	@deploy/install-test-peers.sh
	@exec $(BIN)/python -m tests.chaos.journey $(if $(SEED),--seed $(SEED))

overload: setup
	@exec $(BIN)/python -m tests.chaos.overload $(OVERLOAD_ARGS)

bench: setup
	@exec $(BIN)/hearthwatch bench walk

# uv resolves; what is committed holds versions and hashes and no address of any registry.
lock:
	$(UV) lock --upgrade
	$(UV) export --quiet --format requirements.txt --no-emit-project --group dev --no-header \
		| grep -vE '^ *(--index-url|--extra-index-url|--find-links)' > requirements.lock.new
	@! grep -nE '://|@ file' requirements.lock.new || { rm requirements.lock.new; echo "lock: an address slipped in"; exit 1; }
	mv requirements.lock.new requirements.lock

sbom: setup
	$(BIN)/cyclonedx-py environment $(VENV) --pyproject pyproject.toml --output-reproducible --of JSON -o sbom.json

clean:
	rm -rf $(VENV) .pytest_cache .ruff_cache .hypothesis .import_linter_cache build dist
	find . -name __pycache__ -type d -not -path './var/*' -prune -exec rm -rf {} +
