# Everything happens in .venv, which each target creates and updates. The system's Python is only read.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
UV := $(shell command -v uv 2>/dev/null)
ifdef UV
INSTALL := $(UV) pip install --quiet --python $(BIN)/python
MAKE_VENV := $(UV) venv --quiet --allow-existing --python $(PYTHON) $(VENV)
else
INSTALL := $(BIN)/python -m pip install --quiet --disable-pip-version-check
MAKE_VENV := $(PYTHON) -m venv $(VENV)
endif
PROTOS := $(wildcard protos/acebridge/v1/*.proto)
# The contract of the last release, which later ones may only extend.
FROZEN := protos/acebridge/v1/contract.binpb
# Where Python may not keep what it compiled, every process of the tests compiles all of it again.
unexport PYTHONDONTWRITEBYTECODE
SOURCES := daemon acestep_runtime tests examples reaper_scripts ardour_scripts live_extension

.PHONY: demo test test-rest test-all test-hosts test-reaper check lint lint-types lint-style lint-imports lint-language lint-wire \
	plugin plugin-install ptsl-descriptor soak durations bench bench-neural bench-solvers bench-lm bench-gpu bench-ray bench-plugin bench-capacity quality \
	protos freeze docs reapack release-file reaper-icons clean help
.DEFAULT_GOAL := help

help:
	@echo "make demo    hear AceBridge work: a song, repainted, taken apart, layered (writes demo-out/)"
	@echo "make test    run the tests that take no more than a few seconds each; ARGS go to pytest"
	@echo "make check   the whole gate: lint, types, import and wire contracts, language, all tests"
	@echo "make test-hosts  run what needs a browser, a DAW or an installation, but the slow tests"
	@echo "make test-reaper  try the scripts in a real REAPER: ACEBRIDGE_REAPER=/path/to/reaper"
	@echo "make plugin  build the plug-in (VST3, CLAP, LV2) into build/plugin/bin"
	@echo "make plugin-install  build it and copy it to your own plug-in folders"
	@echo "make soak PART=…  run a campaign at its true length: guide, kill, faults, crowd, quality or osc"
	@echo "make durations  run all tests and record what they cost in tests/durations.json"
	@echo "make bench   measure latency, streaming and the draft engine"
	@echo "make bench-neural  measure the neural engine beside diffusers' pipeline, on random weights; FULL=… on those in a folder, FIRST=… ROWS=… PRECISION=…"
	@echo "make bench-solvers  measure the error of samplers by the number of velocities"
	@echo "make bench-lm  measure the language model's loop beside transformers', on random weights"
	@echo "make bench-gpu  measure the neural engine on a GPU of CUDA, with and without graphs, on random weights"
	@echo "make bench-capacity  simulate how long musicians wait who share some devices, and write docs/capacity.svg again"
	@echo "make bench-ray  measure workers on a Ray cluster of this machine beside one without Ray"
	@echo "make bench-plugin  measure the plug-in beside an empty effect: size, time of a block, memory"
	@echo "make quality measure how good the engines are, and write docs/QUALITY.md again; ROWS=… some of its tables"
	@echo "make protos  generate the Python code of the wire contract again"
	@echo "make ptsl-descriptor  write the descriptor of Pro Tools' scripting interface again, from py-ptsl"
	@echo "make freeze  make the wire contract as it is now the one that make lint holds changes to"
	@echo "make docs    write docs/commands.md, docs/contract.md, docs/osc.md, docs/limits.md, the table in docs/hosts.md and the job folder's schemas again"
	@echo "make reaper-icons  draw the icons of REAPER's toolbar again"
	@echo "make release-file URL=… WHEEL=… ARCHIVES=…  write reaper_scripts/lib/install/release.json: what Install now downloads from URL"
	@echo "make reapack  write reaper_scripts/index.xml for ReaPack, with the address in release.json or URL=…"
	@echo "make clean   remove everything that was made, .venv included"

$(VENV)/.python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 10) and "AceBridge needs Python 3.10 or newer, $(PYTHON) is %d.%d; try: make PYTHON=python3.12 ..." % sys.version_info[:2])'
	@echo "making $(VENV)"
	@$(MAKE_VENV)
	@touch $@

$(VENV)/.base: $(VENV)/.python pyproject.toml constraints.txt
	@echo "installing AceBridge into $(VENV)"
	@$(INSTALL) -c constraints.txt -e .
	@touch $@

$(VENV)/.test: $(VENV)/.base
	@echo "installing the neural engine and the test tools into $(VENV)"
	@$(INSTALL) -c constraints.txt -e '.[test,neural,int8]'
	@$(INSTALL) --no-deps -c constraints.txt tinysoundfont # it needs a sound card's library only to play aloud
	@touch $@

demo: $(VENV)/.base
	@$(BIN)/acebridge demo

# One worker more than there are cores: many tests wait for a daemon.
WORKERS ?= $(shell $(PYTHON) -c 'import os; print((os.cpu_count() or 1) + 1)')
PYTEST := OPENBLAS_NUM_THREADS=1 OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n $(WORKERS) --dist loadfile --no-loadscope-reorder

test: $(VENV)/.test
	$(PYTEST) -m "not slow and not host" $(ARGS)

# What test leaves out, in one run.
test-rest: $(VENV)/.test
	$(PYTEST) -m "slow or host" $(ARGS)

test-hosts: $(VENV)/.test
	$(PYTEST) -m "host and not slow" $(ARGS)

test-reaper: $(VENV)/.test
	$(BIN)/python -m pytest tests/hosts/reaper/test_real_reaper.py -s $(ARGS)

# Needs a C++ compiler, CMake and DPF; docs/plugin.md has their names.
plugin:
	cmake -S vst3_plugin -B build/plugin $(ARGS)
	cmake --build build/plugin --parallel $(PLUGIN_JOBS)

PLUGIN_JOBS ?= 2

plugin-install: plugin
	cmake --install build/plugin

soak: $(VENV)/.test
	$(PYTEST) --soak $(PART) $(ARGS)

durations: $(VENV)/.test
	$(PYTEST) -m "not host" --record $(ARGS)

check: lint test-all

# All tests that need no host, in one run.
test-all: $(VENV)/.test
	$(PYTEST) -m "not host" $(ARGS)

lint: $(VENV)/.test
	@$(MAKE) --no-print-directory --jobs=2 --output-sync=target lint-types lint-style lint-imports lint-language lint-wire

lint-types:
	$(BIN)/mypy

lint-style:
	$(BIN)/ruff check $(SOURCES)
	$(BIN)/ruff format --check $(SOURCES)

lint-imports:
	$(BIN)/lint-imports

lint-wire:
	$(BIN)/buf lint
	$(BIN)/buf breaking --against $(FROZEN)

lint-language:
	$(BIN)/python -m tests.support.language

bench: $(VENV)/.test
	$(BIN)/python -m tests.bench.daemon $(ARGS)

# FULL: a folder of models. FIRST: a worktree of the first version, with a .venv. ROWS: some of song,repaint,codes,decode,memory.
FULL_OPTIONS = $(if $(FIRST),--first $(FIRST)) $(if $(ROWS),--rows $(ROWS)) $(if $(PRECISION),--precision $(PRECISION))
bench-neural: $(VENV)/.test
	$(BIN)/python -m $(if $(FULL),tests.bench.full $(FULL) $(FULL_OPTIONS),tests.bench.neural) $(ARGS)

bench-solvers: $(VENV)/.test
	$(BIN)/python -m tests.bench.solvers

bench-lm: $(VENV)/.test
	$(BIN)/python -m tests.bench.lm $(ARGS)

bench-gpu: $(VENV)/.test
	$(BIN)/python -m tests.bench.gpu $(ARGS)

bench-capacity: $(VENV)/.test
	$(BIN)/python -m tests.bench.capacity $(ARGS)

bench-ray: $(VENV)/.test
	$(BIN)/python -m tests.bench.ray_cluster

bench-plugin: $(VENV)/.test
	$(BIN)/python -m tests.bench.plugin

# The judges need older packages than AceBridge: they are put aside, and only their weights are read. ROWS: some of the tables.
JUDGES := build/quality/packages
$(JUDGES)/.complete: tests/quality/constraints.txt
	rm -rf $(JUDGES)
	$(INSTALL) --no-deps -c tests/quality/constraints.txt --target $(JUDGES) crema BeatNet
	@touch $@

$(VENV)/.quality: $(VENV)/.test
	@$(INSTALL) -c constraints.txt -e '.[quality]'
	@touch $@

quality: $(VENV)/.quality $(JUDGES)/.complete
	$(BIN)/python -m tests.quality $(if $(ROWS),--rows $(ROWS)) $(ARGS)

protos: $(VENV)/.test
	$(BIN)/python -m grpc_tools.protoc -I protos --python_out=protos --pyi_out=protos --grpc_python_out=protos $(PROTOS)

# py-ptsl needs older packages than AceBridge: it is put aside, in the version of the tests, and not run.
ptsl-descriptor: $(VENV)/.test
	rm -rf build/ptsl
	$(INSTALL) --no-deps -c tests/hosts/protools/constraints.txt --target build/ptsl py-ptsl
	$(BIN)/python -m tests.support.ptsl_descriptor build/ptsl

freeze: $(VENV)/.test
	$(BIN)/buf build --exclude-source-info -o $(FROZEN)

docs: $(VENV)/.test
	$(BIN)/typer acebridge.cli.app utils docs --name acebridge --title Commands --output docs/commands.md
	$(BIN)/python -m acebridge.hosts.jobfolder.schema
	$(BIN)/python -m tests.support.transcripts
	$(BIN)/python -m tests.support.osc_page
	$(BIN)/python -m tests.support.limits_page
	$(BIN)/python -m tests.support.hosts_page

reaper-icons: $(VENV)/.test
	@$(BIN)/python reaper_scripts/draw_icons.py

# The index holds the hash of each file, so they must be those of the commit.
reapack: $(VENV)/.base
	@git diff --quiet HEAD -- reaper_scripts || { echo "Commit the changes in reaper_scripts first." >&2; exit 1; }
	@$(BIN)/python reaper_scripts/index.py --url "$(URL)" --commit $$(git rev-parse HEAD)

# ARGS: --scripts-url and --website as well.
release-file: $(VENV)/.base
	@$(BIN)/python reaper_scripts/release.py --url "$(URL)" --wheel "$(WHEEL)" --uv "$(ARCHIVES)" $(ARGS)

clean:
	rm -rf $(VENV) build dist *.egg-info demo-out .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
