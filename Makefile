# Needs GNU make and Python 3.11 or later; all else goes into $(VENV).
PYTHON ?= $(shell command -v python3.11 || command -v python3)
VENV ?= .venv
PY := $(VENV)/bin/python
STAMP := $(VENV)/.installed
# The booted machines of tests/systemd are a target of their own.
PYTEST_ARGS ?= -n auto --dist loadfile --ignore=tests/systemd
TARGET ?= json_door
SECONDS ?= 60
FAULTS ?= calls

.DEFAULT_GOAL := help
.PHONY: help venv test demo check format fuzz coverage simulate seeded-bugs bench faults packaging systemd deb lock audit clean

help:  ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "make %-11s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

venv: $(STAMP)  ## everything that is needed, in .venv; again after pyproject.toml has changed

$(STAMP): pyproject.toml setup.py requirements/ci.lock tests/packaging/make_venv.sh
	@tests/packaging/make_venv.sh "$(PYTHON)" "$(VENV)"
	@touch $@

test: $(STAMP)  ## all tests; PYTEST_ARGS="tests/config -k sample" for some
	$(PY) -m pytest $(PYTEST_ARGS)

demo: $(STAMP)  ## a CE pair, the daemon and one scripted day with failovers
	@$(VENV)/bin/agentchan lab demo

check: $(STAMP)  ## style, format and types
	$(PY) -m ruff check
	$(PY) -m ruff format --check
	$(PY) -m mypy

format: $(STAMP)  ## mend style and format as far as it goes by itself
	$(PY) -m ruff check --fix
	$(PY) -m ruff format

fuzz: $(STAMP)  ## hostile input for TARGET, for SECONDS, led by coverage; tests/fuzz has the targets
	@test -d build/fuzz/atheris || $(PY) -m pip install --quiet --target build/fuzz atheris
	PYTHONPATH=build/fuzz $(PY) -m tests.fuzz $(TARGET) --seconds $(SECONDS)

coverage: $(STAMP)  ## which lines and branches the tests go through
	$(PY) -m coverage erase
	$(PY) -m coverage run -m pytest $(PYTEST_ARGS)
	$(PY) -m coverage combine --quiet
	$(PY) -m coverage report

simulate: $(STAMP)  ## simulated faults; SEEDS=10000 FROM=501 for many, SEED=7 for one, with its trace
	@$(PY) -m tests.simulation $(if $(SEED),--seed $(SEED),--seeds $(or $(SEEDS),500) --from $(or $(FROM),1) --keep-going)

seeded-bugs: $(STAMP)  ## each deliberate fault in a copy of the tree, and who catches it; BUGS="NAME ..." for some
	@$(PY) -m tests.seeded_bugs $(BUGS)

bench: $(STAMP)  ## the figures, in 15 minutes; BENCH_ARGS="failover --full" for some, BENCH_ARGS=--help tells
	@bench/get_haproxy.sh
	@$(PY) bench $(BENCH_ARGS)

faults: $(STAMP)  ## 20,000 calls while all that can die does; FAULTS=fleet for 200 daemons; FAULTS_ARGS=--help tells
	@$(PY) -m tests.faults.$(FAULTS) $(FAULTS_ARGS)

packaging: $(STAMP)  ## the wheel, installed in an empty environment, works from anywhere
	tests/packaging/check.sh "$(PY)"

systemd: $(STAMP)  ## the installed service and the package, in a systemd booted for it; as root, on Debian 12
	$(PY) -m pytest tests/systemd

deb: $(STAMP)  ## the Debian package, in dist/
	packaging/make_deb.sh "$(PY)"

lock: $(STAMP)  ## requirements/*.lock anew, with the newest releases that pyproject.toml allows
	packaging/make_locks.sh "$(PY)"

audit: $(STAMP)  ## known weaknesses of what the packages bring along
	packaging/audit.sh "$(PY)"

clean:  ## away with everything that can be made again
	rm -rf $(VENV) build dist *.egg-info .coverage .coverage.* .hypothesis .mypy_cache .ruff_cache twisted/plugins/dropin.cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
