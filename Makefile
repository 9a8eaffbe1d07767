# The commands of the README. Each sets up what it needs, and says before what it downloads.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
BASE := $(VENV)/.base
READY := $(VENV)/.ready
INSTALL := $(BIN)/python -m pip install --quiet --constraint constraints.txt --editable

.PHONY: demo test test-native test-arm lint types clean

demo: $(BASE)
	$(BIN)/python examples/demo.py demo

test: $(READY)
	PYTHON=$(BIN)/python .ci/fetch-tensorrt-headers build/tensorrt-headers || echo "Tests of the TensorRT plugins are skipped"
	$(BIN)/python -m pytest

test-native: # the C++ tests, under sanitizers
	cd plugins && cmake --preset sanitize $(CMAKE_OPTIONS) && cmake --build --preset sanitize && ctest --preset sanitize

test-arm: # those of the CPU's kernels with NEON, in QEMU: needs g++-aarch64-linux-gnu and qemu-user of Debian or Ubuntu
	cd plugins && cmake --preset arm && cmake --build --preset arm && ctest --preset arm

lint: $(READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	git ls-files '*.h' '*.cpp' '*.cu' '*.cuh' | xargs $(BIN)/clang-format --dry-run --Werror

types: $(READY)
	$(BIN)/mypy

$(BASE): pyproject.toml constraints.txt $(shell find plugins -name '*.cpp' -o -name '*.h' -o -name CMakeLists.txt)
	@echo "Setting up $(VENV) without PyTorch: downloads 60 MB, takes 240 MB. Compiling takes some minutes."
	$(PYTHON) -m venv $(VENV)
	$(INSTALL) .
	@touch $@

$(READY): $(BASE)
	@echo "Adding PyTorch and the tools of the tests: downloads 600 MB, takes 2 GB; with PyTorch for CUDA 3 GB, 6 GB."
	$(INSTALL) '.[dev]'
	@touch $@

clean:
	rm -rf $(VENV) build dist demo amsr_deploy/native/*.so
