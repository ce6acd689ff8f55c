# Each target does all the set-up that it needs: Python >= 3.11, pip and make suffice.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check install --quiet -c .ci/constraints.txt
SETUP := pyproject.toml .ci/constraints.txt Makefile

.PHONY: help bench test lint format docs wheel speed clean

help:
	@echo "make bench   compare our methods with their baselines and write a report"
	@echo "make test    run all tests"
	@echo "make lint    check style and formatting"
	@echo "make docs    build the documentation into docs/_build/html"
	@echo "make wheel   build the wheel and import it from an empty folder"
	@echo "make speed   measure speed ratios against the peers"
	@echo "make clean   remove everything that was built"

bench: $(VENV)/.bench
	@$(BIN)/skext bench

speed: $(VENV)/.bench
	@$(BIN)/skext bench speed

test: $(VENV)/.test
	$(BIN)/python -m pytest -n 2 --dist worksteal

lint: $(VENV)/.test
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

format: $(VENV)/.test
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

docs: $(VENV)/.docs
	$(BIN)/python -m sphinx -W -q --keep-going -b html docs docs/_build/html
	@echo "Documentation: docs/_build/html/index.html"

wheel: $(VENV)/.test
	rm -rf build/wheel && mkdir -p build/wheel/empty
	$(BIN)/python -m pip --disable-pip-version-check wheel --quiet --no-deps -w build/wheel .
	$(BIN)/python -m pip --disable-pip-version-check install --quiet \
		--no-deps --target build/wheel/site build/wheel/skext-*.whl
	cd build/wheel/empty && PYTHONPATH="$(CURDIR)/build/wheel/site" \
		"$(CURDIR)/$(BIN)/python" "$(CURDIR)/.ci/check_wheel.py"

clean:
	rm -rf $(VENV) build dist docs/_build docs/generated docs/auto_examples
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
		|| { echo "skext needs Python 3.11 or later; name one: make PYTHON=python3.12"; exit 1; }
	$(PYTHON) -m venv $(VENV)

$(VENV)/.%: $(VENV)/bin/python $(SETUP)
	$(PIP) -e '.[$*]'
	touch $@
