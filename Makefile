# make run    the demo: 100,000 merchants of Shanghai served on 127.0.0.1:$(PORT); the next port takes live changes
# make test   all tests, on all cores
# make check  lint, format, types and house rules
# make bench  the quick suite on this machine, about five minutes (ten where peers and worlds
#             have to be made first); report in bench/report.html
# make bench-peers  install what the suite compares with
# make fuzz   attack with new rubbish for half an hour; make fuzz COUNT=100 SEED=7 MODULES=snapshots
# make test-latest  the tests with the newest versions of what is installed, in .venv-latest
# make lock   write what make test-latest passed with to constraints.txt, which all others install
# make node   install the peers and tools that tests run under Node, if there is npm
# make clients  install the tools that make and check clients of the service, for tests
# make web    fetch the libraries of the map page with npm, as its lock says; needs npm
# make fix    let ruff repair what it can, and write the pages in docs
#
# Needs Python 3.11 or newer and make. Everything else lands in .venv.

PYTHON ?= python3
PORT ?= 8080
BIN := .venv/bin
COUNT ?= 5000
SEED ?=
MODULES ?=
# Named after the content of pyproject.toml and constraints.txt: an unchanged project is not installed again.
SUM := $(shell cat pyproject.toml constraints.txt | cksum | tr ' ' '-')
# What the demo runs with, and what tests, checks and benchmarks need besides.
DEMO := .venv/.demo-$(SUM)
STAMP := .venv/.installed-$(SUM)

.PHONY: run install kernels node clients web test test-latest lock check bench bench-peers fuzz fix
.DEFAULT_GOAL := run

run: $(DEMO)
	@$(BIN)/python -m geosearch.cli.demo --port $(PORT)

install: $(STAMP)

# Before the tests, so that not each of their processes compiles them.
kernels: $(STAMP)
	@$(BIN)/python -c 'from geosearch.search.warm import warm; warm(print)'

# Tests that need it skip with a reason where it is missing. Installed again when the lock changes.
node:
	@if command -v npm >/dev/null; then \
		cmp -s tests/node/package-lock.json tests/node/node_modules/.installed || \
		{ npm ci --prefix tests/node --ignore-scripts --loglevel=error && \
		cp tests/node/package-lock.json tests/node/node_modules/.installed; }; \
	else echo "No npm: tests that need Node are skipped."; fi

clients: .clients/.installed

.clients/.installed: tests/clients/requirements.txt
	$(PYTHON) -m venv .clients
	.clients/bin/pip install --quiet --requirement tests/clients/requirements.txt
	touch $@

test: kernels
	$(BIN)/python -m pytest --numprocesses=auto --maxprocesses=4 --dist=worksteal

test-latest:
	@test -x .venv-latest/bin/python || $(PYTHON) -m venv .venv-latest
	.venv-latest/bin/python -m pip install --quiet --disable-pip-version-check --upgrade -e '.[dev]'
	.venv-latest/bin/python -m pytest --numprocesses=auto --maxprocesses=4 --dist=worksteal

lock: test-latest
	@{ echo '# Versions that the tests passed with. Written by `make lock`.'; \
		.venv-latest/bin/python -m pip freeze --exclude-editable; } > constraints.txt

check: $(STAMP)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/python -m pytest -q tests/test_house.py

bench: $(STAMP)
	$(BIN)/geosearch bench --out bench

bench-peers: $(STAMP)
	$(BIN)/python -m benchmarks.peers.install

fuzz: kernels
	$(BIN)/python -m tests.fuzz --count $(COUNT) $(if $(SEED),--seed $(SEED)) $(MODULES)

web: $(STAMP)
	$(BIN)/python -m geosearch.cli.vendor

fix: $(STAMP)
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .
	$(BIN)/python -m geosearch.cli.reference

$(DEMO):
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "Expected Python 3.11 or newer, got $$($(PYTHON) --version 2>&1) - set PYTHON=..." >&2; exit 1; }
	@test -x $(BIN)/python || $(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || \
		{ echo "Expected Python's venv module, got none - on Debian: apt-get install python3-venv" >&2; exit 1; }
	@echo "Installing into .venv, once: it downloads 170 MB, which takes about a minute ..."
	@test -x $(BIN)/python || $(PYTHON) -m venv .venv
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e .
	@rm -f .venv/.demo-* .venv/.installed-*
	@touch $@

$(STAMP): $(DEMO)
	@echo "Installing what tests and benchmarks need (once) ..."
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[dev]'
	@touch $@
