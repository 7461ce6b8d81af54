# The commands of a newcomer. `make help` lists them.
.DEFAULT_GOAL := help
SHELL := /bin/bash
PYTHON ?= python3
IAPT_HOME ?= data
DROPS ?=
SOURCE ?=
UPGRADE ?=
UV_VERSION := 0.13.9

BIN := .venv/bin
READY := .venv/.ready
export IAPT_HOME
export DO_NOT_TRACK := 1
export DBT_SEND_ANONYMOUS_USAGE_STATS := false
export GX_ANALYTICS_ENABLED := False

.PHONY: help
help: ## List the commands
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sort | awk -F':.*## ' '{printf "  make %-14s %s\n", $$1, $$2}'

.PHONY: setup
setup: $(READY) ## Make the locked environment in .venv (done by the other commands when needed)

# Every package is pinned by hash in requirements.lock. uv installs them; it is put into the environment if the machine has none.
$(READY): requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; v = sys.version_info[:2]; sys.exit(0 if (3, 11) <= v < (3, 14) else f"Python 3.11 to 3.13 is needed, found {v[0]}.{v[1]}; name another with PYTHON=")'
	@test -x $(BIN)/python || $(PYTHON) -m venv .venv
	@command -v uv >/dev/null || test -x $(BIN)/uv || $(BIN)/python -m pip install --quiet --disable-pip-version-check uv==$(UV_VERSION)
	@uv=$$(command -v uv || echo $(BIN)/uv); \
	  "$$uv" pip install --quiet --python $(BIN)/python --compile-bytecode --require-hashes --requirements requirements.lock && \
	  "$$uv" pip install --quiet --python $(BIN)/python --no-deps --no-build-isolation --editable .
	@$(BIN)/python -m orchestration.assets.marts
	@touch $@

.PHONY: refresh
refresh: $(READY) ## Build and release: from demonstration drops; DROPS=folder of real ones; SOURCE=publisher gets them
ifeq ($(strip $(SOURCE)),publisher)
	@$(BIN)/iapt pull --refresh
else ifneq ($(strip $(SOURCE)),)
	@echo "SOURCE=$(SOURCE): expected publisher, or nothing"; exit 2
else ifeq ($(strip $(DROPS)),)
	@$(BIN)/iapt demo-drops "$(IAPT_HOME)/demonstration" --home "$(IAPT_HOME)"
	@$(BIN)/iapt refresh --drops "$(IAPT_HOME)/demonstration"
else
	@$(BIN)/iapt refresh --drops "$(DROPS)"
endif

# Side by side: a core would be idle otherwise. A failure of either is a failure of make.
.PHONY: test
test: $(READY) ## Run every check and test that needs no network
	@$(MAKE) --no-print-directory --jobs=2 --keep-going lint pytest

.PHONY: lint
lint: $(READY) ## Format, lint, types, boundaries, SQL and JavaScript style
	@$(BIN)/ruff format --check --quiet .
	@$(BIN)/ruff check --quiet .
	@$(BIN)/pyrefly check --python-interpreter-path $(BIN)/python --summary=none
	@$(BIN)/lint-imports --no-logo
	@$(BIN)/oxfmt --check iapt/report/static/*.js > /dev/null || (echo "make format would change JavaScript"; exit 1)
	@$(BIN)/oxlint --quiet iapt/report/static
	@! grep --line-number --extended-regexp '^.{121,}' iapt/report/static/*.js
	@$(BIN)/sqlfluff lint --nofail --disable-progress-bar dbt_project/models dbt_project/tests iapt/disclosure/sql expectations/suites/sql > .sqlfluff.log || (cat .sqlfluff.log; exit 1)
	@if grep -q FAIL .sqlfluff.log; then cat .sqlfluff.log; exit 1; fi

.PHONY: test-browser
test-browser: $(READY) ## Open the report in Debian's chromium: journeys, accessibility, numbers
	@$(BIN)/python -m pytest tests/browser

.PHONY: serve
serve: $(READY) ## Show the newest release's report on 127.0.0.1
	@$(BIN)/iapt serve

# A file of tests at a time on each core, all looking at one home, built once; the real drops beside them, for nothing
# else takes as long from end to end.
.PHONY: pytest
pytest: $(READY) ## Run the tests alone; the real drops too, where they are
	@shared=$$(mktemp -d) && trap 'rm -rf "$$shared"' EXIT && export IAPT_TESTS_SHARE="$$shared"; \
	  $(BIN)/python -m pytest tests/acceptance > .pytest-acceptance.log 2>&1 & acceptance=$$!; \
	  nice $(BIN)/python -m pytest --numprocesses=auto --dist=loadfile --no-loadscope-reorder tests/integration tests/unit; made=$$?; \
	  wait $$acceptance; real=$$?; cat .pytest-acceptance.log; exit $$(( made | real ))

.PHONY: test-unit
test-unit: $(READY) ## Run the fast tests alone
	@$(BIN)/python -m pytest tests/unit

.PHONY: dev
dev: $(READY) ## Open Dagster's UI on 127.0.0.1 with the lineage of every asset
	@mkdir -p "$(IAPT_HOME)/dagster" && (test -e "$(IAPT_HOME)/dagster/dagster.yaml" || cp dagster.yaml "$(IAPT_HOME)/dagster/")
	@export IAPT_HOME="$$(cd "$(IAPT_HOME)" && pwd)"; DAGSTER_HOME="$$IAPT_HOME/dagster" PATH="$$PWD/$(BIN):$$PATH" \
	  $(BIN)/dagster dev --host 127.0.0.1 --port $${PORT:-3000} --workspace workspace.yaml

.PHONY: status
status: $(READY) ## Print what is archived, missing, late or held, and what the latest release is
	@$(BIN)/iapt status

.PHONY: format
format: $(READY) ## Format the code
	@$(BIN)/ruff format --quiet . && $(BIN)/ruff check --fix --quiet .
	@$(BIN)/oxfmt --write iapt/report/static/*.js > /dev/null
	@$(BIN)/sqlfluff fix --quiet dbt_project/models dbt_project/tests iapt/disclosure/sql expectations/suites/sql

.PHONY: hooks
hooks: $(READY) ## Run formatters and linters on every commit
	@$(BIN)/pre-commit install

.PHONY: contract
contract: $(READY) ## Write iapt/contract.json and docs/dictionary.md again from the YAML of dbt_project/
	@$(BIN)/python -m iapt.contract_builder
	@$(BIN)/python -m iapt.release.dictionary

.PHONY: lock
lock: $(READY) ## Pin every package again, by hash and without naming an index (UPGRADE=--upgrade: the newest of each)
	@uv=$$(command -v uv || echo $(BIN)/uv); \
	  "$$uv" pip compile --quiet $(UPGRADE) --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
	    --no-emit-find-links --no-annotate --custom-compile-command "make lock" --group dev --all-extras pyproject.toml -o requirements.lock
