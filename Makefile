# `make help` lists the targets. A machine needs git, make and Python 3.11 to 3.13; all else is made
# here, in .venv. PYTHON=... names another interpreter, ARGS=... adds arguments.

.DEFAULT_GOAL := help
SHELL := /bin/sh

VENV := .venv
BIN := $(VENV)/bin
PORT ?= 8080
DATA ?= ./data
DEMO ?= --demo
ARGS ?=

.PHONY: help run test system lint format type cov test-all conformance statement bench faults fuzz docs dist clean

help: ## This list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

run: $(VENV)/.run ## Install and start the server on 127.0.0.1:8080 with its data in ./data
	@exec $(BIN)/dicomweb-server serve --data $(DATA) --port $(PORT) $(DEMO) $(ARGS)

test: $(VENV)/.test system ## Install what tests need and run them
	@$(BIN)/python -m pytest $(ARGS)

lint: $(VENV)/.test ## Style and layout of the code
	@$(BIN)/ruff check . && $(BIN)/ruff format --check .

format: $(VENV)/.test ## Lay the code out
	@$(BIN)/ruff check --fix . && $(BIN)/ruff format .

type: $(VENV)/.test ## Types, strictly
	@$(BIN)/mypy dicomweb_server tests $(wildcard examples benchmarks conformance)

cov: $(VENV)/.test system ## Tests with a report of the lines they do not reach
	@$(BIN)/python -m pytest --cov --cov-report=term-missing:skip-covered $(ARGS)

test-all: system ## Tests with each Python 3.11, 3.12 and 3.13 that is here
	@sh .ci/test-all.sh $(ARGS)

conformance: $(VENV)/.test ## Judge a DICOMweb server: make conformance URL=http://host/dicom-web
	@sh .ci/part.sh conformance conformance/__main__.py "the conformance suite" \
		$(BIN)/python -m conformance $(if $(URL),--url $(URL)) $(ARGS)

statement: $(VENV)/.test ## Write the conformance statement from the code
	@$(BIN)/python -m conformance.statement && echo "wrote conformance/STATEMENT.md"

bench: $(VENV)/.test ## Time the server side by side with a peer
	@sh .ci/part.sh bench benchmarks/__main__.py "benchmarks" $(BIN)/python -m benchmarks $(ARGS)

faults: $(VENV)/.test system ## Break things and compare what is left with what was promised
	@sh .ci/part.sh faults tests/faults/__main__.py "proofs of reliability" $(BIN)/python -m tests.faults $(ARGS)

fuzz: $(VENV)/.test ## Feed the parsers with generated input for longer than the tests do
	@sh .ci/part.sh fuzz tests/fuzz/__main__.py "long fuzzing" $(BIN)/python -m tests.fuzz $(ARGS)

docs: $(VENV)/.test ## Write the pages that are made from the code
	@for page in settings routes; do \
		$(BIN)/dicomweb-server config reference $$page > docs/$$page.md && echo "wrote docs/$$page.md"; \
	done
	@$(BIN)/python -m tests.faults.results

dist: $(VENV)/.test ## Build the wheel and the source archive in dist/
	@rm -rf dist && $(BIN)/pip install --quiet build && $(BIN)/python -m build --outdir dist .

clean: ## Remove what was made here, but never the data folder
	rm -rf $(VENV) .venvs dist build .mypy_cache .ruff_cache .pytest_cache .hypothesis .coverage* htmlcov
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

system:
	@sh .ci/system-packages.sh

$(VENV)/.made:
	@sh .ci/venv.sh $(VENV) $(PYTHON)
	@touch $@

$(VENV)/.run: $(VENV)/.made pyproject.toml
	@echo "installing into $(VENV)"
	@if [ -f $(VENV)/.test ]; then :; else $(BIN)/pip install --quiet --disable-pip-version-check -e '.[fast]'; fi
	@touch $@

$(VENV)/.test: $(VENV)/.made pyproject.toml
	@echo "installing what tests need into $(VENV)"
	@$(BIN)/pip install --quiet --disable-pip-version-check -e '.[fast,test]'
	@touch $@
