# Two commands for a newcomer: `make run` and `make test`. The rest is for those who change things.
PYTHON ?= python3
PORT ?= 8000
# Tests of one file stay together: they share a service or a browser.
TEST_JOBS ?= 2
SERVE := .venv
DEV := .venv-dev
# What checks the extension; where npm is missing, the tests that want it are skipped and say so.
TOOLS := $(if $(shell command -v npm),extension/node_modules/.ready)

.PHONY: run test test-fast fuzz lint format lock extension clean

run: $(SERVE)/.ready ## start the service and its worker on 127.0.0.1:$(PORT)
	@MESOSCOPE_PORT=$(PORT) $(SERVE)/bin/python -m server run

test: $(DEV)/.ready $(SERVE)/.ready $(TOOLS) ## everything: lint, types, every test
	@sh tests/system-packages.sh
	-@$(MAKE) --no-print-directory .venv-tflite-runtime/.ready
	$(DEV)/bin/ruff check .
	$(DEV)/bin/ruff format --check .
	$(DEV)/bin/mypy
	$(DEV)/bin/python -m pytest -n $(TEST_JOBS) --dist loadfile

test-fast: $(DEV)/.ready ## the tests that take seconds
	$(DEV)/bin/python -m pytest -m "not slow and not browser"

fuzz: $(DEV)/.ready ## damaged media and odd requests by the thousand; FUZZ_SEED=1 for other ones
	FUZZ_MEDIA=$${FUZZ_MEDIA:-2400} FUZZ_CALLS=$${FUZZ_CALLS:-5000} $(DEV)/bin/python -m pytest -s \
		tests/server/test_fuzz_media.py tests/server/test_fuzz_api.py

lint: $(DEV)/.ready
	$(DEV)/bin/ruff check . && $(DEV)/bin/ruff format --check . && $(DEV)/bin/mypy

format: $(DEV)/.ready
	$(DEV)/bin/ruff check --fix . && $(DEV)/bin/ruff format .

extension: ## the extension as each store wants it, in dist/
	@$(PYTHON) extension/pack.py

# Locks are compiled from pyproject.toml, with hashes, for every Python we support.
LOCK = $(DEV)/bin/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes \
	--no-emit-index-url --no-emit-find-links --custom-compile-command "make lock" pyproject.toml
lock: $(DEV)/.ready ## bump and re-pin every dependency
	$(LOCK) --upgrade --output-file requirements-serve.txt
	$(LOCK) --upgrade --constraint requirements-serve.txt --extra models --extra backbones --extra dev --output-file requirements.txt
	$(LOCK) --upgrade --constraint requirements.txt --extra models --extra gpu --output-file requirements-gpu.txt
	$(LOCK) --upgrade --constraint requirements-serve.txt --extra jax --output-file requirements-jax.txt
	$(LOCK) --upgrade --extra tflite-runtime --overrides deploy/old-devices.txt --output-file requirements-tflite-runtime.txt

$(SERVE)/.ready: requirements-serve.txt
	@echo "Setting up $(SERVE) (once; about a minute) ..."
	@$(PYTHON) -c 'import sys; sys.exit(0 if sys.version_info >= (3, 11) else "Mesoscope needs Python 3.11 or newer; say which one with: make run PYTHON=python3.12")'
	@$(PYTHON) -m venv $(SERVE)
	@$(SERVE)/bin/python -m pip install --quiet --disable-pip-version-check -r requirements-serve.txt
	@touch $@

$(DEV)/.ready: requirements.txt
	@echo "Setting up $(DEV) (once; a few minutes) ..."
	@$(PYTHON) -m venv $(DEV)
	@$(DEV)/bin/python -m pip install --quiet --disable-pip-version-check -r requirements.txt
	@touch $@

# Only some tests want these; where they cannot be made, those are skipped and say so.
.venv-tflite-runtime/.ready: requirements-tflite-runtime.txt $(DEV)/.ready
	@echo "Setting up .venv-tflite-runtime (once; under a minute) ..."
	@$(DEV)/bin/uv venv --quiet --clear --python 3.11 .venv-tflite-runtime
	@$(DEV)/bin/uv pip install --quiet --python .venv-tflite-runtime -r requirements-tflite-runtime.txt
	@touch $@

.venv-jax/.ready: requirements-jax.txt $(DEV)/.ready
	@echo "Setting up .venv-jax (once; a minute) ..."
	@$(DEV)/bin/uv venv --quiet --clear --python $(DEV)/bin/python .venv-jax
	@$(DEV)/bin/uv pip install --quiet --python .venv-jax -r requirements-jax.txt
	@touch $@

extension/node_modules/.ready: extension/package-lock.json
	@echo "Setting up the extension's checks (once; under a minute) ..."
	@npm ci --prefix extension --no-audit --no-fund --silent
	@touch $@

# What the extension's check in the browser needs besides its code: networks and what runs them.
build/local/.ready: $(DEV)/.ready $(TOOLS) convert/browser.py convert/fixed.py extension/litert.py $(wildcard models/weights/*.json)
	@$(DEV)/bin/python -m convert browser --out build/local/networks
	@$(PYTHON) extension/litert.py build/local/litert
	@touch $@

clean:
	rm -rf $(SERVE) $(DEV) .venv-tflite-runtime .venv-jax extension/node_modules build dist var tests/artefacts
