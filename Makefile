# Two commands: `make run` starts mytracks, `make test` tries everything.

PYTHON ?= python3
BIN := .venv/bin
BUILD_INPUTS := pyproject.toml static/hatch_build.py static/build.mjs static/package-lock.json

.PHONY: run test bench format clean

run: .venv/.installed
	exec $(BIN)/twistd -n mytracks --data-dir "$${MYTRACKS_DATA_DIR:-var}"

test: .venv/.installed-for-tests
	@sh tests/prepare.sh
	@$(BIN)/python -m tests

bench: .venv/.installed-for-tests
	$(BIN)/python -m tests.bench

format: .venv/.installed-for-tests
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

clean:
	rm -rf .venv build dist static/node_modules static/dist static/.built

.venv/bin/python:
	$(PYTHON) -m venv .venv

.venv/.installed: .venv/bin/python $(BUILD_INPUTS) $(shell find static/src static/css -type f 2>/dev/null)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable .
	@touch $@

.venv/.installed-for-tests: .venv/bin/python $(BUILD_INPUTS) $(shell find static/src static/css -type f 2>/dev/null)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[dev]'
	@touch .venv/.installed $@
