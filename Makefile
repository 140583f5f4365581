# Two commands for a newcomer: `make run` and `make test`. The rest is for those who change things.
PYTHON ?= python3
PORT ?= 8000
# Tests of one file stay together: they share a service or a browser. Files are taken in their order
# (tests/conftest.py): xdist by itself leaves those with few tests to the end, and ours are the longest.
TEST_JOBS ?= 2
SERVE := .venv
DEV := .venv-dev
# What checks the extension; where npm is missing, the tests that want it are skipped and say so.
TOOLS := $(if $(shell command -v npm),extension/node_modules/.ready)

.PHONY: run test test-fast fuzz lint format contract extension lock audit clean help

run: $(SERVE)/.ready ## start the service and its worker on 127.0.0.1:8000; PORT=8123 for another port
	@MESOSCOPE_PORT=$(PORT) $(SERVE)/bin/python -m server run

test: $(DEV)/.ready $(SERVE)/.ready $(TOOLS) ## everything: lint, types, every test
	@sh tests/system-packages.sh
	-@$(MAKE) --no-print-directory .venv-tflite-runtime/.ready
	$(DEV)/bin/ruff check .
	$(DEV)/bin/ruff format --check .
	$(DEV)/bin/mypy
	$(DEV)/bin/python -m pytest -n $(TEST_JOBS) --dist loadfile --no-loadscope-reorder

test-fast: $(DEV)/.ready ## the tests that take seconds
	$(DEV)/bin/python -m pytest -m "not slow and not browser"

fuzz: $(DEV)/.ready ## damaged media, odd requests, children that lie, by the thousand; FUZZ_SEED=1 for other ones
	FUZZ_MEDIA=$${FUZZ_MEDIA:-2400} FUZZ_CALLS=$${FUZZ_CALLS:-5000} FUZZ_LINES=$${FUZZ_LINES:-1000} \
		$(DEV)/bin/python -m pytest -s tests/server/test_fuzz_media.py tests/server/test_fuzz_api.py \
		tests/server/test_messages.py

lint: $(DEV)/.ready ## style and types
	$(DEV)/bin/ruff check . && $(DEV)/bin/ruff format --check . && $(DEV)/bin/mypy

format: $(DEV)/.ready ## what the style can mend by itself
	$(DEV)/bin/ruff check --fix . && $(DEV)/bin/ruff format .

contract: $(DEV)/.ready ## write what is made from the code and kept: goldens, docs' tables, the extension's terms
	@$(DEV)/bin/python -m tests.contract

extension: build/local/.ready ## the extension as each store wants it, in dist/; needs Node.js
	@$(PYTHON) extension/pack.py build/local

# Locks are compiled from pyproject.toml, with hashes, for every Python we support. They name wheels
# only: what a package's build would fetch stands in no lock.
LOCK = $(DEV)/bin/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes \
	--only-binary :all: --emit-build-options --no-emit-index-url --no-emit-find-links \
	--custom-compile-command "make lock    (to install: pip install --no-deps -r FILE)" pyproject.toml
lock: $(DEV)/.ready ## bump and re-pin every dependency
	$(LOCK) --upgrade --output-file requirements-serve.txt
	$(LOCK) --upgrade --constraint requirements-serve.txt --extra models --extra backbones --extra dev --output-file requirements.txt
	$(LOCK) --upgrade --constraint requirements.txt --extra models --extra gpu --output-file requirements-gpu.txt
	$(LOCK) --upgrade --constraint requirements-serve.txt --extra jax --output-file requirements-jax.txt
	$(LOCK) --upgrade --extra tflite-runtime --overrides deploy/old-devices.txt --output-file requirements-tflite-runtime.txt

# A lock holds all that its environment needs, so pip looks for nothing else (--no-deps). Before 23.3
# it would: for `pydantic[email]` it took the newest pydantic, which has no hash in the lock.
$(SERVE)/.ready: requirements-serve.txt
$(DEV)/.ready: requirements.txt
.venv-gpu/.ready: requirements-gpu.txt
.venv-jax/.ready: requirements-jax.txt
$(SERVE)/.ready $(DEV)/.ready .venv-gpu/.ready .venv-jax/.ready:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || \
		{ echo "$(PYTHON) is missing or older than Python 3.11: install one and name it, as in: make run PYTHON=python3.12"; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || \
		{ echo "$(PYTHON) cannot make virtual environments: install what it lacks (Debian, Ubuntu: apt install $(notdir $(PYTHON))-venv)"; exit 1; }
	@echo "Setting up $(@D) (once; one minute or a few) ..."
	@$(PYTHON) -m venv $(@D)
	@$(@D)/bin/python -m pip install --quiet --disable-pip-version-check --no-deps -r $<
	@touch $@

# tflite-runtime ended with Python 3.11, which uv finds. Only some tests want it; where it cannot be
# made, those are skipped and say so.
.venv-tflite-runtime/.ready: requirements-tflite-runtime.txt $(DEV)/.ready
	@echo "Setting up .venv-tflite-runtime (once; under a minute) ..."
	@$(DEV)/bin/uv venv --quiet --clear --python 3.11 .venv-tflite-runtime
	@$(DEV)/bin/uv pip install --quiet --no-deps --python .venv-tflite-runtime -r requirements-tflite-runtime.txt
	@touch $@

extension/node_modules/.ready: extension/package-lock.json
	@echo "Setting up the extension's checks (once; under a minute) ..."
	@npm ci --prefix extension --no-audit --no-fund --loglevel=error >/dev/null
	@touch $@

# What the extension's check in the browser needs besides its code: networks and what runs them.
build/local/.ready: $(SERVE)/.ready $(TOOLS) convert/browser.py convert/fixed.py extension/litert.py $(wildcard models/weights/*.json)
	@rm -rf $(@D)
	@$(PYTHON) extension/litert.py $(@D)/litert
	@$(SERVE)/bin/python -m convert browser --out $(@D)/networks
	@touch $@

# What is known to be broken in what is locked; asks the registries.
audit: $(DEV)/.ready ## known faults in what is locked
	$(DEV)/bin/uv tool run pip-audit --require-hashes --disable-pip -r requirements.txt
	npm audit --prefix extension --package-lock-only

clean: ## remove all that was made here, jobs and uploads too
	rm -rf $(SERVE) $(DEV) .venv-gpu .venv-jax .venv-tflite-runtime extension/node_modules build dist var tests/artefacts

help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-10s %s\n", $$1, $$2 }' Makefile
