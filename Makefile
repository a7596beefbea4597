# Muster: everything a newcomer or a release needs. `make run` is the one to try first.
# It listens to PORT, MUSTER_DATA, DATABASE_URL and BROKER_URL from the environment; docs/settings.md has the rest.
VENV := .venv
PY := $(VENV)/bin/python
# The first interpreter that is new enough; say PYTHON=… to choose another.
PYTHON ?= $(shell for p in python3 python3.13 python3.12 python3.11; do \
	$$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && { echo $$p; break; }; done)
PIP := $(PY) -m pip --disable-pip-version-check -qq install --require-hashes

.PHONY: run demo test lint openapi verify lock clean
.DEFAULT_GOAL := run

run: $(VENV)/run.stamp ## Everything on this machine: console, channels, worker, demo and its receiver. Ctrl-C stops it.
	@MUSTER_DEMO=1 exec $(PY) manage.py up

demo: $(VENV)/run.stamp ## Fresh credentials of the running demo, and a punch to paste.
	@MUSTER_DEMO=1 exec $(PY) manage.py demo

test: $(VENV)/dev.stamp ## The suite on SQLite, then what asks the database on PostgreSQL, if there is one. ARGS="-k channel" goes to pytest.
	@exec $(PY) tests/run.py $(ARGS)

lint: $(VENV)/dev.stamp ## Style, types, layers, migrations.
	@.ci/run lint

openapi: $(VENV)/dev.stamp ## Write docs/openapi.json from the views.
	@MUSTER_DEMO=1 $(PY) manage.py spectacular --validate --fail-on-warn --format openapi-json --file docs/openapi.json

verify: ## The long tier: as .ci/run, with 5 000 punches under kills. Before an issue is resolved.
	@MUSTER_VERIFY=1 .ci/run

lock: ## Pin what requirements*.in ask for, with hashes (needs uv).
	uv pip compile --quiet --universal --generate-hashes --no-emit-index-url --python-version 3.11 requirements.in -o requirements.txt
	uv pip compile --quiet --universal --generate-hashes --no-emit-index-url --python-version 3.11 requirements-dev.in -o requirements-dev.txt

clean: ## Remove what was built; the data folder stays.
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis docs/_build
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

$(VENV)/bin/python:
	@test -n "$(PYTHON)" || { echo "Muster needs Python 3.11 or newer; found $$(python3 --version 2>&1 || true). \
	Install it, or say: make run PYTHON=/path/to/python3.12" >&2; exit 1; }
	@echo "Making $(VENV) with $$($(PYTHON) --version)"
	@$(PYTHON) -m venv $(VENV)

# The stamps are older than a lock that changed: then, and only then, packages are installed.
$(VENV)/run.stamp: requirements.txt | $(VENV)/bin/python
	@echo "Installing what $< pins (the first time this takes a minute or two)"
	@$(PIP) -r $<
	@touch $@

$(VENV)/dev.stamp: requirements-dev.txt | $(VENV)/bin/python
	@echo "Installing what $< pins"
	@$(PIP) -r $<
	@touch $@
