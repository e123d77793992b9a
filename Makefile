# make demo   sets everything up, and runs the main job: data, training, evaluation, guesses
# make test   sets everything up, and runs all checks and tests
# make lint   formatting, style, types, direction of imports
# make clean  removes what the others made

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin

.PHONY: demo test lint format bench fresh-kernels clean

demo: $(VENV)/.demo
	$(BIN)/python examples/demo.py

# Two processes, a file each: most tests wait for something, or use one core.
test: lint fresh-kernels
	$(BIN)/python -m pytest -n 2 --dist loadfile

lint: $(VENV)/.test
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

format: $(VENV)/.test
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

bench: $(VENV)/.bench
	$(BIN)/python benchmarks/rasteriser.py
	$(BIN)/python benchmarks/feeding.py
	$(BIN)/python benchmarks/memory.py

# Numba looks for changes in the file of the outermost kernel only, not in those that it calls.
fresh-kernels:
	find src -name "*.nb[ic]" -delete

clean: fresh-kernels
	rm -rf $(VENV) demo .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis

# The package in its own environment, once for each set of extras; again when pyproject.toml changes.
$(VENV)/.%: pyproject.toml
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade pip
	$(BIN)/python -m pip install --quiet --editable ".[$*]"
	touch $@
