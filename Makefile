# `make` lists the commands. Everything is installed into .venv, in this folder.

.DEFAULT_GOAL := help
.PHONY: help setup demo paper setup-dev test check docs bench reliability clean
.DELETE_ON_ERROR:

VENV := .venv
BIN  := $(VENV)/bin
# Options for every pip call, such as PIP_ARGS="--extra-index-url URL" for other builds of PyTorch.
PIP_ARGS ?=
PIP  := $(BIN)/python -m pip install -qq --disable-pip-version-check $(PIP_ARGS) -c constraints.txt
# Options for pytest, such as PYTEST_ARGS="-x -k guidance".
PYTEST_ARGS ?=

# Figures are drawn without a screen.
test bench reliability paper: export MPLBACKEND := Agg
# Processes side by side, one thread each: threads of PyTorch that share a core wait for each other.
test reliability: export OMP_NUM_THREADS := 1

help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

# --- what people who use gdopt need ------------------------------------------------------------------

setup: $(VENV)/.setup ## install gdopt and the airfoil problem into .venv

demo: setup ## optimize an airfoil and watch it happen
	$(BIN)/gdopt demo

paper: setup ## reproduce the paper's theorems and figures into docs/paper (minutes)
	$(BIN)/gdopt bench paper --out docs/paper

# --- what people who change gdopt need ---------------------------------------------------------------

setup-dev: $(VENV)/.setup-dev ## the same with all that tests, checks and docs need

test: check docs ## all that must pass: checks, docs and the tests
	$(BIN)/python -m pytest -q -n auto $(PYTEST_ARGS)

check: setup-dev ## style, types and layers (ruff, mypy, import-linter)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

docs: setup-dev ## build the documentation into site/; a broken link is an error
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict --quiet

# Without the checks of shapes and types, which would be timed too.
bench: setup-dev ## how long things take, as a table
	JAXTYPING_DISABLE=1 $(BIN)/python -m pytest tests/benchmarks --benchmark-only \
	  --benchmark-columns=min,median,max,rounds --benchmark-sort=name $(PYTEST_ARGS)

# The page is written whether all pass or not.
reliability: setup-dev ## the slow tests, and docs/reliability.md from those of storage (an hour)
	@mkdir -p build
	$(BIN)/python -m pytest -m "slow or matrix" --durations=0 --junitxml=build/reliability.xml $(PYTEST_ARGS); \
	  passed=$$?; $(BIN)/python -m tests.reliability.report build/reliability.xml && exit $$passed

clean: ## remove .venv and everything that was built
	rm -rf $(VENV) build dist site .benchmarks .hypothesis .import_linter_cache .mypy_cache .pytest_cache .ruff_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# --- the environment: each step is done once, and again when what it depends on has changed --------------

$(VENV)/.created:
	@python=; for p in python3.11 python3; do \
	  if $$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then python=$$p; break; fi; \
	done; \
	if [ -z "$$python" ]; then echo "gdopt needs Python 3.11 or newer; found no python3.11 or python3 that is."; exit 1; fi; \
	echo "Making a Python environment in $(VENV) with $$($$python --version)."; \
	$$python -m venv $(VENV)
	@touch $@

# PyTorch comes first and by its exact version, so that nothing else can choose another one.
# hatchling and editables build gdopt itself; they are installed here so that they too are the tested versions.
$(VENV)/.base: $(VENV)/.created constraints.txt
	@echo "Installing PyTorch. It is by far the largest part; this can take some minutes."
	@$(PIP) "$$(grep '^torch==' constraints.txt)"
	@$(PIP) hatchling editables
	@touch $@

$(VENV)/.setup: $(VENV)/.base pyproject.toml
	@echo "Installing gdopt, what it needs, and the airfoil problem. This takes a minute or two."
	@$(PIP) --no-build-isolation -e '.[airfoil]'
	@touch $@
	@echo "Ready. 'make demo' shows gdopt at work; '$(BIN)/gdopt --help' lists its commands."

$(VENV)/.setup-dev: $(VENV)/.base pyproject.toml
	@echo "Installing gdopt with the tools for tests, checks and docs. This takes a minute or two."
	@$(PIP) --no-build-isolation -e '.[dev]'
	@touch $@ $(VENV)/.setup
	@echo "Ready. 'make test' runs all that must pass."
