# Two commands: `make run` shows it, `make test` proves it. Both do all the set-up.

PORT ?= 8000
PYTHON ?= python3
BIN := .venv/bin
CHROMIUM := /usr/bin/chromium
REDIS := /usr/bin/redis-server
POSTGRES := $(or $(firstword $(wildcard /usr/lib/postgresql/*/bin/postgres)),/usr/lib/postgresql/bin/postgres)
PGBOUNCER := /usr/sbin/pgbouncer
NGINX := /usr/sbin/nginx
# Many tests wait for a server or a browser more than they work.
WORKERS := $(shell expr $$(nproc) + 1)

.PHONY: help run test check bench proof mutation screenshots clean

help: ## what can be made
	@grep -E '^[a-z]+:.*## ' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 14

run: .venv/run ## the demo on http://127.0.0.1:8000
	@$(BIN)/signedin demo --port $(PORT)

test: .venv/test $(CHROMIUM) $(REDIS) $(POSTGRES) $(PGBOUNCER) $(NGINX) ## everything that is checked
	@$(BIN)/python -m pytest --numprocesses $(WORKERS) --dist worksteal

check: .venv/test ## style and types only
	@$(BIN)/ruff format --check . && $(BIN)/ruff check . && $(BIN)/python scripts/unasync.py --check
	@$(BIN)/mypy && $(BIN)/pyright

bench: .venv/test $(REDIS) $(POSTGRES) ## the figures, measured here and now, and docs/benchmarks.md
	@$(BIN)/python -m benchmarks.report

proof: .venv/test .venv/fuzz $(REDIS) $(POSTGRES) ## the long proofs, under an hour, and docs/proofs.md
	@$(BIN)/python -m tests.proofs

mutation: .venv/test ## how many small changes of the rules and the flow the tests notice
	@$(BIN)/python -m scripts.mutation --jobs 2

screenshots: .venv/test $(CHROMIUM) ## the pictures of README and docs
	@$(BIN)/python -m scripts.screenshots

clean: ## what was made
	rm -rf .venv .venv-django6 .mypy_cache .pytest_cache .ruff_cache .hypothesis

# Debian's python3 may come without venv's own pip; then the system's pip fills the environment.
.venv/bin/python:
	@$(PYTHON) -m venv .venv >/dev/null 2>&1 || { rm -rf .venv; $(PYTHON) -m venv --without-pip .venv; }
	@$(PYTHON) -m pip --python $(BIN)/python install --quiet --disable-pip-version-check --upgrade 'pip>=25.1'

.venv/run: pyproject.toml | .venv/bin/python
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[server]'
	@touch $@

.venv/test: pyproject.toml | .venv/bin/python
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[server]' \
		--group test --group bench --group check
	@touch $@ .venv/run

# Fuzzing that is guided by coverage has no wheel for every Python; without it the other proofs are run.
.venv/fuzz: pyproject.toml | .venv/test
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --only-binary :all: --group fuzz || true
	@touch $@

$(CHROMIUM):
	@if [ "$$(id -u)" = 0 ]; then \
		apt-get -qq update && DEBIAN_FRONTEND=noninteractive apt-get -qq install -y --no-install-recommends chromium >/dev/null; \
	else \
		echo "The tests drive Debian's Chromium. Install it: sudo apt-get install chromium" >&2; exit 1; \
	fi

# The server only: the package would start a service of its own where one can be started.
$(REDIS):
	@if [ "$$(id -u)" = 0 ]; then \
		apt-get -qq update && DEBIAN_FRONTEND=noninteractive RUNLEVEL=1 apt-get -qq install -y --no-install-recommends redis-server >/dev/null; \
	else \
		echo "The tests start Debian's Redis. Install it: sudo apt-get install redis-server" >&2; exit 1; \
	fi

# Without the cluster that the package would make and start.
$(POSTGRES):
	@if [ "$$(id -u)" = 0 ]; then \
		mkdir -p /etc/postgresql-common; \
		test -e /etc/postgresql-common/createcluster.conf || \
			echo "create_main_cluster = false" > /etc/postgresql-common/createcluster.conf; \
		apt-get -qq update && DEBIAN_FRONTEND=noninteractive apt-get -qq install -y --no-install-recommends postgresql >/dev/null; \
	else \
		echo "The tests start Debian's PostgreSQL. Install it: sudo apt-get install postgresql" >&2; exit 1; \
	fi

$(PGBOUNCER):
	@if [ "$$(id -u)" = 0 ]; then \
		apt-get -qq update && DEBIAN_FRONTEND=noninteractive RUNLEVEL=1 apt-get -qq install -y --no-install-recommends pgbouncer >/dev/null; \
	else \
		echo "The tests start Debian's PgBouncer. Install it: sudo apt-get install pgbouncer" >&2; exit 1; \
	fi

$(NGINX):
	@if [ "$$(id -u)" = 0 ]; then \
		apt-get -qq update && DEBIAN_FRONTEND=noninteractive RUNLEVEL=1 apt-get -qq install -y --no-install-recommends nginx-light >/dev/null; \
	else \
		echo "The tests start Debian's nginx. Install it: sudo apt-get install nginx-light" >&2; exit 1; \
	fi
