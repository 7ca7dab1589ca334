# Thin names over commands that a reader could type. Everything goes into .venv beside this file.
PYTHON ?= python3
VENV := .venv
RUN := $(VENV)/bin/intone

.PHONY: demo test reproduce report bench clean

demo: $(VENV)/.train
	$(RUN) demo

test: $(VENV)/.dev
	$(VENV)/bin/ruff check src tests
	$(VENV)/bin/ruff format --check src tests
	$(VENV)/bin/mypy
	$(VENV)/bin/lint-imports
	OMP_NUM_THREADS=1 $(VENV)/bin/python -m pytest -n 2

reproduce: $(VENV)/.train
	$(RUN) reproduce $(ARGS)

report: $(VENV)/.report
	$(RUN) report $(ARGS)

bench: $(VENV)/.train
	$(RUN) bench $(ARGS)

# The exact versions that the committed results were made with.
$(VENV)/.train: requirements.txt pyproject.toml
	test -d $(VENV) || $(PYTHON) -m venv $(VENV)
	$(VENV)/bin/python -m pip install --quiet --disable-pip-version-check -c requirements.txt -e ".[train,demo,glove]"
	touch $@

# Tables in, documents out: no training library.
$(VENV)/.report: requirements.txt pyproject.toml
	test -d $(VENV) || $(PYTHON) -m venv $(VENV)
	$(VENV)/bin/python -m pip install --quiet --disable-pip-version-check -c requirements.txt -e ".[report]"
	touch $@

$(VENV)/.dev: $(VENV)/.train
	$(VENV)/bin/python -m pip install --quiet --disable-pip-version-check -c requirements.txt -e ".[train,demo,glove,dev]"
	touch $@

clean:
	rm -rf $(VENV) demo
