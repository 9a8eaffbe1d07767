# The two commands of the README. Each does all of its own set-up.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready

.PHONY: demo test test-native lint types clean

demo: $(READY)
	$(BIN)/python examples/demo.py demo

test: $(READY)
	$(BIN)/python -m pytest

test-native: # the C++ tests, under sanitizers
	cd plugins && cmake --preset sanitize $(CMAKE_OPTIONS) && cmake --build --preset sanitize && ctest --preset sanitize

lint: $(READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	git ls-files '*.h' '*.cpp' '*.cu' '*.cuh' | xargs $(BIN)/clang-format --dry-run --Werror

types: $(READY)
	$(BIN)/mypy

$(READY): pyproject.toml constraints.txt $(shell find plugins -name '*.cpp' -o -name '*.h' -o -name CMakeLists.txt)
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[dev]'
	touch $@

clean:
	rm -rf $(VENV) build dist demo
