# The two main commands are `make demo` and `make test`. Each sets up everything that it needs.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
READY  := $(VENV)/.ready

# Processes in which tests run side by side; auto: one more than there are cores, 0: none besides pytest itself.
JOBS ?= auto
SIDE_BY_SIDE := -n $(JOBS)

# Keeps onnxruntime from sending telemetry to its maker in every process, whatever imports it first.
export ORT_DISABLE_TELEMETRY := 1

.DEFAULT_GOAL := help
.PHONY: help demo test lint unit integration mutants evaluate bench train lock docs prompts cast docker-test clean

help: ## Show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

$(READY): requirements-dev.lock pyproject.toml tools/setup.sh
	@PYTHON="$(PYTHON)" sh tools/setup.sh $(VENV)
	@touch $@

demo: $(READY) ## Play a real call that turns angry: tap, signals, alert, ring, whisper, resolution
	@$(BIN)/callguard demo

test: $(READY) ## Check lint, types, architecture; run all tests (real Asterisk and browser included)
	@sh tools/system.sh
	@lint=0; $(MAKE) --no-print-directory lint || lint=$$?; $(BIN)/python -m pytest $(SIDE_BY_SIDE) && exit $$lint

lint: $(READY) ## Run ruff, mypy --strict, import-linter
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports

unit: $(READY) ## Run only the fast tests: no Asterisk, no browser (TESTS: some of them)
	@$(BIN)/python -m pytest $(SIDE_BY_SIDE) -m "not asterisk and not browser and not isolation" -q $(TESTS)

integration: $(READY) ## Run only the tests on a real Asterisk
	@$(BIN)/python -m pytest $(SIDE_BY_SIDE) -m asterisk

mutants: $(READY) ## Mutate the code and check whether the tests fail (PARTS, COUNT, SEED)
	@nice $(BIN)/python -m tools.mutants $(PARTS) --count $(or $(COUNT),12) --seed $(or $(SEED),1)

evaluate: $(READY) ## Print detection's tables from the speech data (CALLGUARD_DATA)
	@OMP_NUM_THREADS=1 $(BIN)/python -m training.report

train: $(READY) ## Train both ears again (CALLGUARD_DATA)
	@OMP_NUM_THREADS=1 $(BIN)/python -m training.train
	@OMP_NUM_THREADS=1 $(BIN)/python -m training.train_second

bench: $(READY) ## Measure throughput and latency on this machine, with both sources
	@$(BIN)/callguard bench --legs 400 --source audiosocket
	@$(BIN)/callguard bench --legs 400 --source rtp
	@$(BIN)/callguard bench --legs 400 --heated 0.05
	@$(BIN)/callguard bench --legs 2000 --heated 0.05

lock: ## Pin and hash all dependencies again (needs uv)
	@$(BIN)/uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header pyproject.toml -o requirements.lock
	@$(BIN)/uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header --extra dev pyproject.toml -o requirements-dev.lock

docs: $(READY) ## Write the generated pages again (configuration, signals, events)
	@$(BIN)/python -m tools.docs
	@$(BIN)/python -m tools.signal_table
	@$(BIN)/python -m callguard.bus.asyncapi

prompts: $(READY) ## Render the shipped prompts again (needs espeak-ng)
	@$(BIN)/python -m tools.prompts

cast: $(READY) ## Record the demo again for the README
	@$(BIN)/python -m tools.cast

docker-test: $(READY) ## Build and start docker/compose.yaml for real, with podman
	@bash docker/test.sh

clean: ## Remove all built files
	@rm -rf $(VENV) build dist *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis
