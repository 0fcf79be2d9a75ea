# Every target stands on the virtual environment: it is made when it is absent, and made anew when pyproject.toml or the
# lock changes.  `make PYTHON=/path/to/python TARGET` chooses the interpreter, `make TARGET ARGS="..."` passes arguments.

# Where it is set, every process compiles again all that it imports, which triples its start.
unexport PYTHONDONTWRITEBYTECODE

PYTHON ?=
ARGS ?=
BIN := .venv/bin
TOLLBOOK := $(BIN)/tollbook
# The one tool that comes as source: it is built here, by what the lock has installed before.
BUILT := avalara
HASHED := --require-hashes --no-deps --only-binary :all:

SEED ?= 1
DIR ?= ../shared/vectors
FILES ?=

.PHONY: help demo test simulate simulate-payments simulate-kills vectors mutants check bench capabilities docs lock clean

help:
	@echo "make demo          bill the sample company (DATABASE=postgresql: on PostgreSQL)"
	@echo "make test          all tests"
	@echo "make simulate      a year of a company with faults, under an independent auditor (SEED=n, ARGS=--months 3)"
	@echo "make simulate-payments  a month of payments with faults, under an independent auditor (SEED=n)"
	@echo "make simulate-kills  kill commands at 200 points on each database, and compare the books"
	@echo "make vectors       worked numbers of published systems (DIR=folder, FILES=\"a.yaml b.yaml\")"
	@echo "make mutants       small mistakes in the shipped rules that no case notices (ARGS=\"--only tax/fallback\")"
	@echo "make check         style, types, layers, reference pages"
	@echo "make bench         what is measured, against its limit"
	@echo "make capabilities  capability rows with the tests that show them"
	@echo "make docs          write docs/reference from the code"
	@echo "make lock          resolve the dependencies of pyproject.toml anew"
	@echo "make clean         remove everything that can be made again"

demo: $(TOLLBOOK)
	$(BIN)/python -m examples.demo $(ARGS)

test: $(TOLLBOOK)
	$(BIN)/pytest -n 3 --dist worksteal $(ARGS)

simulate: $(TOLLBOOK)
	$(BIN)/python -m tests.simulation --seed $(SEED) $(ARGS)

simulate-payments: $(TOLLBOOK)
	$(BIN)/python -m tests.payments_simulation --seed $(SEED) $(ARGS)

vectors: $(TOLLBOOK)
	@$(BIN)/python -m tests.vectors $(DIR) $(FILES)

mutants: $(TOLLBOOK)
	@$(TOLLBOOK) test rules --mutate --most 500 $(ARGS)

check: $(TOLLBOOK)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python -m docs.tools.reference --check

bench: $(TOLLBOOK)
	$(BIN)/python -m bench $(ARGS)

simulate-kills: $(TOLLBOOK)
	$(BIN)/python -m tests.faults.simulate $(ARGS)

capabilities: $(TOLLBOOK)
	@$(BIN)/python -m tests.house.capabilities $(ARGS)

docs: $(TOLLBOOK)
	$(BIN)/python -m docs.tools.reference

lock: $(TOLLBOOK)
	$(BIN)/uv pip compile pyproject.toml --all-extras --universal --python-version 3.11 --generate-hashes \
	    --no-emit-index-url --no-emit-find-links --custom-compile-command "make lock" --quiet -o requirements.lock $(ARGS)

clean:
	rm -rf .venv build dist *.egg-info .hypothesis .import_linter_cache .mypy_cache .pytest_cache .ruff_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# pip installs uv from the lock, uv installs the rest ten times faster; where uv cannot reach a registry that only pip is
# set up for, pip does it all.  The command itself comes last, so that a broken installation is not taken for a whole one.
$(TOLLBOOK): pyproject.toml requirements.lock
	@python="$(PYTHON)"; \
	for candidate in python3.13 python3.12 python3.11 python3; do \
	    [ -z "$$python" ] || break; \
	    $$candidate -c 'import ensurepip, sys, venv; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && python=$$candidate; \
	done; \
	if [ -z "$$python" ]; then \
	    echo "make: Python 3.11 or newer with its venv module is needed (Debian: apt-get install python3-venv)" >&2; exit 2; \
	fi; \
	echo "making .venv with $$($$python --version)" >&2; \
	$$python -m venv --clear .venv
	@awk '/^uv==/,!/\\$$/' requirements.lock > .venv/uv.lock
	@awk '/^$(BUILT)==/,!/\\$$/' requirements.lock > .venv/built.lock
	@awk '/^$(BUILT)==/{skip=1} skip{if(!/\\$$/) skip=0; next} 1' requirements.lock > .venv/wheels.lock
	@$(BIN)/pip install --quiet --disable-pip-version-check $(HASHED) -r .venv/uv.lock
	@$(BIN)/uv pip install --quiet --python $(BIN)/python $(HASHED) -r .venv/wheels.lock \
	    || $(BIN)/pip install --quiet --disable-pip-version-check $(HASHED) -r .venv/wheels.lock
	@$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes --no-deps --no-build-isolation -r .venv/built.lock
	@$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $@
