# Engraft. `make demo` and `make test` need python3 and make, nothing else.
PYTHON ?= python3
ARGS   ?=

PIP    := .venv/bin/python -m pip --quiet --disable-pip-version-check
PYTEST := .venv/bin/python -m pytest
LOCK   := uv pip compile --quiet --generate-hashes --no-emit-index-url --no-emit-find-links --no-header \
          --universal --python-version 3.11

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help demo test lint contract bench chaos mutants golden schemas protocols artefacts ig conformance judged agreement lock clean

help: ## this list
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "make %-12s %s\n", $$1, $$2 }' Makefile

demo: .venv/installed ## the whole job on made-up patients, in about a page (ARGS=--keep stays up)
	@.venv/bin/engraft demo $(ARGS)

test: lint ## everything that needs no other server
	$(PYTEST) -n auto --dist loadfile -p tests.lib.coverage_gate --cov --cov-report= -m "not contract and not bench" $(ARGS)

lint: .venv/installed ## style, types, import contracts
	.venv/bin/ruff check
	.venv/bin/ruff format --check
	.venv/bin/mypy
	.venv/bin/lint-imports

contract: .venv/installed ## the contract suite on real servers and clients (Java 17, Maven, Node.js 20, Chromium; ENGRAFT_TEST_HFS for Helios)
	$(PYTEST) -m contract -n auto --dist loadfile $(ARGS) --ignore tests/contract
	$(PYTEST) -m contract $(ARGS) --ignore tests/unit

bench: .venv/installed ## measures, judged by ratios
	$(PYTEST) -m bench -s $(ARGS)

chaos: .venv/installed ## kill web and workers a thousand times while a real HAPI receives, then balance the books; or another proof (ARGS=--help)
	@.venv/bin/python -m tests.chaos $(ARGS)

mutants: .venv/installed .venv-mutants/locked ## change doses and dates on purpose, a piece at a time: do the tests see it? (an hour)
	.venv-mutants/bin/cosmic-ray init tests/mutation.toml .mutants.sqlite
	.venv-mutants/bin/cr-filter-operators .mutants.sqlite tests/mutation.toml
	.venv-mutants/bin/cosmic-ray exec tests/mutation.toml .mutants.sqlite
	.venv-mutants/bin/cr-report .mutants.sqlite | tail -3

agreement: .venv/installed ## compare our validator with HL7's on planted faults; writes the table of docs/validation.md
	$(PYTEST) -m contract tests/contract/test_agreement.py --accept

golden: .venv/installed ## accept what the golden cases give now; read the diff before you commit it
	$(PYTEST) tests/golden --accept

schemas: .venv/installed ## compile the packaged R4 schemas anew (after an update of fhir.resources)
	.venv/bin/python -m tests.lib.schemas

protocols: .venv/installed ## pack the shipped protocols anew (after an edit of their YAML)
	.venv/bin/python -m tests.lib.protocols

artefacts: .venv/installed ## write what is generated of profiles/ (questionnaires, value sets) from the forms and tables
	.venv/bin/python -m tests.lib.guide

ig: .venv/installed ## the implementation guide as a package for FHIR tools, dist/*.tgz (Java 17 and Maven for its snapshots)
	.venv/bin/python -m tests.lib.guide.snapshots

judged: .venv/installed ## let HL7's validator read 1,000 generated follow-ups; writes docs/conformance.md (ARGS=25: fewer, writes nothing)
	@.venv/bin/python -m tests.lib.judged $(ARGS)

conformance: .venv/installed ## write docs/conformance.md from the protocol and the spec tests
	.venv/bin/python -m tests.lib.conformance

lock: ## resolve the dependencies anew (needs uv)
	$(LOCK) --all-extras --group dev pyproject.toml --output-file requirements/dev.txt
	$(LOCK) --constraints requirements/dev.txt pyproject.toml --output-file requirements/run.txt
	$(LOCK) --extra postgres --extra scale --constraints requirements/dev.txt pyproject.toml --output-file requirements/scale.txt
	$(LOCK) --group mutants --output-file requirements/mutants.txt

clean: ## remove what was made, but not var/, where data is
	rm -rf .venv .venv-mutants .mutants.sqlite dist build .coverage .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache
	find adapter mappings profiles tests -name __pycache__ -type d -prune -exec rm -rf {} +

# The lock is whole, so nothing is resolved anew (--no-deps): pip would otherwise look for newer coverage[toml].
.venv/locked: requirements/dev.txt
	@echo "making .venv from requirements/dev.txt (once)" >&2
	@$(PYTHON) -c 'import ensurepip, sys, venv; sys.exit(sys.version_info < (3, 11))' || { echo \
	  "needs Python 3.11 or later with venv (Debian: apt install python3-venv); or say which: make PYTHON=python3.12" \
	  >&2; exit 1; }
	@$(PYTHON) -m venv --clear .venv
	@$(PIP) install --no-deps --require-hashes -r requirements/dev.txt
	@touch $@

.venv-mutants/locked: requirements/mutants.txt
	@$(PYTHON) -m venv --clear .venv-mutants
	@.venv-mutants/bin/python -m pip --quiet --disable-pip-version-check install --no-deps --require-hashes -r requirements/mutants.txt
	@touch $@

.venv/installed: .venv/locked pyproject.toml
	@$(PIP) install --no-deps --no-build-isolation -e .
	@$(PIP) check
	@touch $@
