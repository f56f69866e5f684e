# `make demo` and `make test` work from a fresh clone: they need Python 3.11 or newer, make, git,
# and Go (1.26 or newer) unless the programs of the local stack are installed or can be downloaded.

PYTHON ?= $(shell for p in python3 python3.14 python3.13 python3.12 python3.11 python; do \
	"$$p" -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo "$$p" && break; done)

VENV := .venv
BIN := $(VENV)/bin
LATEEN := $(BIN)/lateen
INSTALLED := $(VENV)/.installed
DEVELOP := $(VENV)/.installed-dev
TESTS ?= tests
# Each job of the tests has clusters and a Temporal of its own: about 3 GB.
JOBS ?= 2
BENCH ?=

export PIP_DISABLE_PIP_VERSION_CHECK := 1

.DEFAULT_GOAL := help
.PHONY: help demo down test test-image test-postgres check bench manifests clean

help: ## Show this help
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "make %-14s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

demo: $(INSTALLED) ## Deliver the example applications to a local stack and leave an approval waiting
	@$(LATEEN) local demo

down: $(INSTALLED) ## Stop the local stack; its data stays
	@$(LATEEN) local down

test: check ## Run all checks and tests on real API servers and a real Temporal
	@$(LATEEN) local tools
	@$(BIN)/pytest -n $(JOBS) --dist loadfile $(TESTS)

check: $(DEVELOP) ## Check format, style, types and layers
	@$(BIN)/ruff format --check
	@$(BIN)/ruff check
	@$(BIN)/mypy
	@$(BIN)/pyright --pythonpath $(BIN)/python
	@$(BIN)/lint-imports

test-image: $(DEVELOP) ## Build and run the worker's image (needs root, docker.io and debootstrap)
	@$(LATEEN) local tools
	@LATEEN_TEST_IMAGE=1 $(BIN)/pytest -rs tests/image

test-postgres: $(DEVELOP) ## Run two workers with Temporal's own server on PostgreSQL, and break all of it
	@$(LATEEN) local tools
	@LATEEN_TEST_POSTGRES=1 $(BIN)/pytest -rs tests/postgres

bench: $(INSTALLED) ## Measure how fast deliveries are on this machine
	@PYTHONPATH=tests $(BIN)/python -m bench $(BENCH)

manifests: $(DEVELOP) ## Write the copies in deploy/kubernetes of the package's own manifests
	@PYTHONPATH=tests $(BIN)/python -m support.manifests

clean: ## Remove the virtual environment and caches; the stack and its programs stay
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache build dist

$(BIN)/python:
	@test -n "$(PYTHON)" || { echo "lateen needs Python 3.11 or newer with its venv module: install it" \
		"(Debian: apt install python3 python3-venv), or name it: make PYTHON=/path/to/python3" >&2; exit 1; }
	@$(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --upgrade 'pip>=25.1'

$(INSTALLED): pyproject.toml | $(BIN)/python
	@echo "installing lateen into $(VENV)"
	@$(BIN)/python -m pip install --quiet --editable .
	@touch $@

$(DEVELOP): pyproject.toml | $(BIN)/python
	@echo "installing lateen and what its checks need into $(VENV)"
	@$(BIN)/python -m pip install --quiet --editable . --group dev
	@touch $@ $(INSTALLED)
