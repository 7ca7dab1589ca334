# Thin names over commands that a reader could type. Everything goes into .venv beside this file.
PYTHON ?= python3
VENV := .venv
RUN := $(VENV)/bin/intone

.PHONY: demo serve test test-portable reproduce report bench bench-serve bench-archives clean

demo: $(VENV)/.train
	$(RUN) demo

# The page and the service at http://127.0.0.1:8000; ARGS="--no-text" leaves words out.
serve: $(VENV)/.serve
	$(RUN) serve $(ARGS)

test: $(VENV)/.dev
	$(VENV)/bin/ruff check src tests
	$(VENV)/bin/ruff format --check src tests
	$(VENV)/bin/mypy
	$(VENV)/bin/lint-imports
	OMP_NUM_THREADS=1 $(VENV)/bin/python -m pytest -n 2 --dist loadfile $(ARGS)

# The tests as on older processors (SSE4.1, AVX2) and with one, two and four threads: each must end as on this one.
OLDEST := ATEN_CPU_CAPABILITY=default ONEDNN_MAX_CPU_ISA=SSE41 OPENBLAS_CORETYPE=Nehalem MKL_CBWR=COMPATIBLE CT2_FORCE_CPU_ISA=GENERIC
AVX2 := ATEN_CPU_CAPABILITY=avx2 ONEDNN_MAX_CPU_ISA=AVX2 OPENBLAS_CORETYPE=Haswell MKL_CBWR=AVX2 CT2_FORCE_CPU_ISA=AVX2

test-portable: $(VENV)/.dev
	$(OLDEST) OMP_NUM_THREADS=1 $(VENV)/bin/python -m pytest -n 2 --dist loadfile $(ARGS)
	$(AVX2) OMP_NUM_THREADS=2 $(VENV)/bin/python -m pytest $(ARGS)
	OMP_NUM_THREADS=4 $(VENV)/bin/python -m pytest $(ARGS)

reproduce: $(VENV)/.train
	$(RUN) reproduce $(ARGS)

report: $(VENV)/.report
	$(RUN) report $(ARGS)

bench: $(VENV)/.train
	$(RUN) bench $(ARGS)

# The service against the command line on the same clips, and while somebody else's long recording is analysed.
bench-serve: $(VENV)/.dev
	$(VENV)/bin/python -m intone.experiments.bench_serve $(ARGS)

# The same recordings through each path for archives: processes, shards, a Ray cluster with a machine that is lost.
bench-archives: $(VENV)/.dev
	$(VENV)/bin/python -m pip install --quiet --disable-pip-version-check -c requirements.txt -e ".[cluster]"
	$(VENV)/bin/python -m intone.experiments.bench_archives $(ARGS)

# The exact versions that the committed results were made with.
$(VENV)/.train: requirements.txt pyproject.toml
	test -d $(VENV) || $(PYTHON) -m venv $(VENV)
	$(VENV)/bin/python -m pip install --quiet --disable-pip-version-check -c requirements.txt -e ".[train,demo,glove]"
	touch $@

# The core with the web service, and the weights for words and for telling voices apart.
$(VENV)/.serve: requirements.txt pyproject.toml
	test -d $(VENV) || $(PYTHON) -m venv $(VENV)
	$(VENV)/bin/python -m pip install --quiet --disable-pip-version-check -c requirements.txt -e ".[serve]"
	$(RUN) models get whisper-base
	$(RUN) models get wespeaker-resnet34
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
