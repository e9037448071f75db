# The commands of this checkout; each makes what it needs, and is quick the second time.
#
#   make demo    the incident and its recovery in an embedded world; no network is used by the program
#   make test    all tests, with real qBittorrent clients, a real Prometheus and a browser where they can be had
#   make coverage   the same as make test COVERAGE=1: also which branches of the program they take
#   make mutants    change the core in small ways, and see that its unit tests notice (ten minutes)
#   make bench   measure every job beside real clients of 500 to 10 000 torrents, and write docs/performance.md
#   make lint    what the code must look like
#   make docs    the documentation's site, into build/site
#   make release what is published, into dist/, looked into and tried; nothing is sent anywhere
#   make refresh-docs   rewrite what README.md and docs/ show of the program, and the operator's copy of the alerts
#   make clean   remove what these commands made

PYTHON ?= python3
VENV ?= .venv
CLIENTS ?= .cache/qbittorrent
MONITORING ?= .cache/monitoring
TESTS ?=
PYTEST_ARGS ?=
COVERAGE ?=
# Each core takes whole files: laws compute, and the others mostly wait for the programs they start.
SPREAD := --numprocesses=auto --dist=loadfile
# The tests whose branches are counted: together they take nearly all, and counting slows the others down most.
COUNTED := tests/unit tests/test_cases.py tests/conformance tests/integration tests/pages
MUTANTS_ARGS ?=

BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet
STAMP := $(VENV)/.made

# A machine that tests for others does so at length, and the same way every time.
ifneq ($(CI),)
export HYPOTHESIS_PROFILE ?= ci
export TEST_REQUIRE_COMPONENTS ?= 1
endif
export TEST_QBITTORRENT_DIR := $(CLIENTS)
export PATH := $(abspath $(MONITORING))/bin:$(PATH)

.DELETE_ON_ERROR:
.PHONY: help demo test coverage mutants bench lint docs release refresh-docs clients monitoring browser shells clean

help:
	@sed -n 's/^#   //p' Makefile

demo: $(STAMP)/project
	@$(BIN)/harvestmouse demo

test: $(STAMP)/test clients monitoring browser shells
ifneq ($(TESTS),)
	$(BIN)/python -m pytest $(TESTS) $(PYTEST_ARGS)
else
	$(BIN)/python -m pytest tests/property $(SPREAD) $(PYTEST_ARGS)
ifneq ($(COVERAGE),)
	HYPOTHESIS_PROFILE=counted $(BIN)/python -m pytest $(COUNTED) --cov --cov-report= $(SPREAD) $(PYTEST_ARGS)
	$(BIN)/coverage report --include='harvestmouse/core/*' --fail-under=100
	$(BIN)/coverage report --fail-under=95
	$(BIN)/python -m pytest --ignore=tests/property $(addprefix --ignore=,$(COUNTED)) $(SPREAD) $(PYTEST_ARGS)
else
	$(BIN)/python -m pytest --ignore=tests/property $(SPREAD) $(PYTEST_ARGS)
endif
endif

coverage:
	@$(MAKE) test COVERAGE=1

mutants: $(STAMP)/test $(STAMP)/mutants
	$(BIN)/python scripts/mutate.py $(MUTANTS_ARGS)

bench: $(STAMP)/test $(STAMP)/bench clients
	$(BIN)/python -m benchmarks

lint: $(STAMP)/test $(STAMP)/lint
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports

docs: $(STAMP)/docs
	@NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict --quiet --site-dir build/site
	@echo "The documentation is in build/site/index.html."

release: $(STAMP)/release
	@scripts/release $(VENV)

refresh-docs: $(STAMP)/test
	$(BIN)/python scripts/refresh_docs.py
	$(BIN)/python deploy/kubernetes/prometheus-operator/rules.py

clients:
	@scripts/prepare-clients $(CLIENTS)

monitoring:
	@scripts/prepare-monitoring $(MONITORING)

browser:
	@scripts/prepare-browser

shells:
	@scripts/prepare-shells

clean:
	rm -rf $(VENV) .cache build dist .coverage .coverage.* .hypothesis .import_linter_cache .mypy_cache .pytest_cache .ruff_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# pip reads dependency groups from 25.1 on; Debian 12 comes with 23.0.
$(STAMP)/venv: scripts/create-venv
	scripts/create-venv $(VENV) $(PYTHON)
	$(PIP) install --upgrade 'pip>=25.1'
	mkdir -p $(STAMP)
	touch $@

$(STAMP)/project: $(STAMP)/venv pyproject.toml
	$(PIP) install --editable .
	touch $@

$(STAMP)/test $(STAMP)/bench $(STAMP)/mutants $(STAMP)/lint $(STAMP)/docs $(STAMP)/release: $(STAMP)/project
	$(PIP) install --group $(notdir $@)
	touch $@
