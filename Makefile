# The commands of this book; `make help` lists them. Set PYTHON to choose the interpreter: make book PYTHON=python3.12
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
READY  := $(VENV)/.ready

# A thread that waits for another sleeps: with another program on the cores it would else wait many times as long.
export OMP_WAIT_POLICY ?= passive

.DEFAULT_GOAL := help
.PHONY: help setup book lab test clean

help:    ## list the commands
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "  make %-8s %s\n", $$1, $$2}' Makefile

setup: $(READY)    ## make .venv and install everything into it (the other commands do so when it is missing)

book: $(READY)    ## run every chapter and build the book, warnings being errors
	@$(BIN)/python book/_tools/build.py

lab: $(READY)    ## open JupyterLab on the chapters: a double-click on a .md opens it as a notebook
	@JUPYTER_CONFIG_PATH=book/_tools/jupyter $(BIN)/jupyter lab book

test: $(READY)    ## unit tests, then the book built from clean, its notebooks run again and its pages checked
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest --numprocesses auto tests --ignore=tests/built
	$(BIN)/python book/_tools/build.py _build/test
	$(BIN)/python -m pytest --numprocesses auto --maxprocesses 4 --dist loadgroup tests/built
	$(BIN)/python book/_tools/executed.py _build/test
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest --numprocesses auto --maxprocesses 4 --dist loadfile --nbval --nbval-current-env --nbval-sanitize-with tests/nbval-sanitize.cfg _build/test/_build/executed

clean:    ## remove what was built (not .venv)
	rm -rf _build

$(READY): pyproject.toml constraints.txt | $(BIN)/python
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable ".[test]"
	@touch $@

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' || { \
	  echo "$(PYTHON) is $$($(PYTHON) --version 2>&1 || echo missing), but the book needs Python 3.11, 3.12 or 3.13:" \
	       "name one, as in 'make book PYTHON=python3.12'." >&2; exit 1; }
	$(PYTHON) -m venv $(VENV) || { rm -rf $(VENV); exit 1; }
