# `make demo` and `make test` do all their own set-up. PYTHON may name another interpreter (3.11+).
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
DEMO := demo
# Tests run in so many processes at a time, each with models of its own, about 2 GB.
WORKERS ?= 2

.PHONY: demo test test-all check format clean
.DEFAULT_GOAL := demo

$(VENV)/.installed: pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
	  || { echo "citewell needs Python 3.11 or newer: make PYTHON=python3.11 ..."; exit 1; }
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@echo "Installing citewell into $(VENV) (once) ..."
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --upgrade "pip>=25.1"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -e .
	@touch $@

$(VENV)/.developing: $(VENV)/.installed
	@echo "Installing what the tests need (once) ..."
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --group dev -e '.[openai,local-llm]'
	@touch $@

demo: $(VENV)/.installed
	@$(BIN)/rag index evaluation/sample/documents --collection $(DEMO)
	@echo
	@echo '$$ rag ask "How long can the repeater on Kettle Peak work without sunshine?"'
	@$(BIN)/rag ask "How long can the repeater on Kettle Peak work without sunshine?" --collection $(DEMO)
	@echo
	@echo '$$ rag ask "“晚钟”是什么声音？"'
	@$(BIN)/rag ask "“晚钟”是什么声音？" --collection $(DEMO)
	@echo
	@echo "Next:"
	@echo "  $(BIN)/rag chat --collection $(DEMO)"
	@echo "  $(BIN)/rag index PATH/TO/YOUR/DOCUMENTS"
	@echo '  $(BIN)/rag ask "YOUR QUESTION"'

# The core, and one whole path through browser, Elasticsearch, crashes, training and processes.
test: $(VENV)/.developing
	@OMP_NUM_THREADS=1 $(BIN)/python -m pytest -q -m "core or share" \
	  --numprocesses=$(WORKERS) --dist=loadgroup --no-loadscope-reorder

# Everything, in jobs by kind that run side by side; CRASH=all takes every crash point, and
# CHECK=--check lint and types as well.
CHECK ?=
test-all: $(VENV)/.developing
	@$(BIN)/python tools/run_tests.py --jobs $(WORKERS) $(CHECK)

check: $(VENV)/.developing
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy

format: $(VENV)/.developing
	@$(BIN)/ruff check --fix --quiet .
	@$(BIN)/ruff format --quiet .

clean:
	rm -rf $(VENV) .pytest_cache .mypy_cache .ruff_cache build dist
