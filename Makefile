# Everything runs inside .venv, which `make setup` creates; no target needs it to be activated.
# PYTHON=... chooses the interpreter for a new .venv; ARGS=... is handed on to pytest or the benchmarks.

VENV := .venv
PY := $(VENV)/bin/python
STAMP := $(VENV)/.setup-done
BEGUN := $(VENV)/.setup-begun
PYTHON ?=
ARGS ?=
GPU_PYTHON ?= python3
OUT ?= build/gpu-out
PLAN ?= mnist
WITHIN ?= 570
DATA ?= data

.DEFAULT_GOAL := help
.PHONY: help setup tour test test-all lint format gpu-pack gpu bench clean

help: ## List the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-10s %s\n", $$1, $$2 }' Makefile

setup: $(STAMP) ## Create .venv and install bea with all its tools; at once when nothing changed

tour: setup ## The main job: derive, verify and draw the 2-d model, into build/tour
	$(PY) examples/lessons/tour.py --out build/tour
	$(PY) -m examples.paper.two_parameter --out build/tour

test: setup ## The tests and doctests, without those marked slow
	$(PY) -m pytest -n 2 --dist loadfile -m "not slow" $(ARGS)

test-all: setup ## All the tests and doctests
	$(PY) -m pytest -n 2 --dist loadfile $(ARGS)

lint: setup ## Check style, formatting, types and import contracts
	$(PY) -m ruff check .
	$(PY) -m ruff format --check .
	$(PY) -m mypy
	$(VENV)/bin/lint-imports --no-logo

format: setup ## Format the code and sort its imports
	$(PY) -m ruff check --select I --fix .
	$(PY) -m ruff format .

gpu-pack: setup ## Put data and wheels for `make gpu` into build/gpu: DATA=FOLDER has mnist/
	$(PY) -m examples.paper.gpu pack --data "$(DATA)"

# No setup: this one runs where there is a GPU and no network, on the Python that is there.
gpu: ## Tests, slices and benchmarks on a GPU in minutes: OUT=DIR [PLAN=cifar10] [WITHIN=570]
	$(GPU_PYTHON) -m examples.paper.gpu run --out "$(OUT)" --plan $(PLAN) --seconds $(WITHIN) $(ARGS)

bench: setup ## Measure times and memory of derivations, series and networks
	$(PY) -m benchmarks $(ARGS)

clean: ## Remove what the other targets wrote, all but .venv
	rm -rf build dist *.egg-info .pytest_cache .ruff_cache .mypy_cache .hypothesis
	find . -path ./$(VENV) -prune -o -type d -name __pycache__ -exec rm -rf {} +

# The stamp is the last thing written and $(BEGUN) the first: a .venv with $(BEGUN) in it was
# interrupted half-way and is made anew, as is one whose Python is gone or too old.
$(STAMP): pyproject.toml constraints.txt
	@set -e; \
	suitable() { "$$1" -c 'import ensurepip, sys, venv; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1; }; \
	if [ -e $(BEGUN) ] || ! suitable $(PY) || ! $(PY) -m pip --version >/dev/null 2>&1; then \
		found=; \
		for candidate in $(if $(PYTHON),"$(PYTHON)",python3 python python3.14 python3.13 python3.12 python3.11); do \
			if suitable "$$candidate"; then found=$$candidate; break; fi; \
		done; \
		if [ -z "$$found" ]; then \
			echo "make setup: $(if $(PYTHON),$(PYTHON) is not,found no) Python >= 3.11 with the venv module; install one or name one: make setup PYTHON=/path/to/python3" >&2; \
			exit 1; \
		fi; \
		rm -rf $(VENV); mkdir $(VENV); touch $(BEGUN); \
		echo "make setup: creating $(VENV) with $$("$$found" --version)"; \
		"$$found" -m venv $(VENV); \
	fi; \
	touch $(BEGUN); \
	echo "make setup: installing bea and what it needs into $(VENV); this takes about a minute"; \
	$(PY) -m pip --disable-pip-version-check install --quiet -c constraints.txt -e '.[dev]'; \
	rm $(BEGUN); touch $@; \
	echo "make setup: done"
