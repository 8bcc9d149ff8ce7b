# Three words do everything, here and in CI: make check, make test, make demo.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
export OMP_WAIT_POLICY := PASSIVE
export DO_NOT_TRACK := 1
export NO_MKDOCS_2_WARNING := 1
# Real recordings for tests and benchmarks; tests that need them skip, with the reason, without.
ifneq ($(wildcard ../shared/data),)
export EPOCHAL_DATA ?= $(abspath ../shared/data)
endif

.PHONY: help install demo test test-fast check bench bench-realism viz notebook bundles package sbom audit release format clean
help: ## Show what there is
	@grep --no-filename -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 16

install: $(STAMP) ## Make .venv with every extra
$(STAMP): pyproject.toml constraints.txt
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade pip
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[all]'
	touch $(STAMP)

demo: install ## Simulate a cohort, run all eight pipelines, print the leaderboard
	$(BIN)/kedro run

test: install ## The whole test suite with coverage (HTML in htmlcov/)
	$(BIN)/python -m pytest -n 2 --dist worksteal --cov --cov-report=html --cov-report=term

test-fast: install ## The tests of single functions only
	$(BIN)/python -m pytest -n 2 --dist worksteal -m 'not slow'

check: install ## ruff, mypy, the import contract, spelling, the docs
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/codespell
	$(BIN)/bandit --quiet --recursive --configfile pyproject.toml src
	$(BIN)/mkdocs build --strict --quiet

bench: install ## Benchmarks beside peers: make bench ONLY=name
	$(BIN)/python -m benchmarks $(ONLY)

bench-realism: install ## Simulated nights and mice scored by independent pretrained scorers
	$(BIN)/python -m benchmarks realism

viz: install ## Kedro-Viz
	$(BIN)/kedro viz run

notebook: install ## Jupyter with catalog, context and pipelines loaded
	$(BIN)/kedro jupyter lab notebooks

bundles: install ## Train the two bundles that ship, from the real data, into src/epochal/bundles/
	for name in sleep stress; do \
		$(BIN)/kedro run --env shipped_$$name && rm -rf src/epochal/bundles/$$name && \
		cp -r data/shipped_$$name/07_model_output/bundle src/epochal/bundles/$$name || exit 1; \
	done

package: install ## The wheel and the configuration, in dist/
	rm -rf build
	$(BIN)/kedro package

sbom: install ## What the project is made of, as CycloneDX, in dist/
	mkdir -p dist
	$(BIN)/cyclonedx-py environment --pyproject pyproject.toml --output-reproducible --no-validate \
		--output-file dist/epochal.sbom.json $(BIN)/python

audit: install ## Known faults of what is pinned (asks PyPI)
	$(BIN)/pip-audit --requirement constraints.txt --no-deps --disable-pip

release: check test audit package sbom ## All checks, then wheel, conf, SBOM and checksums in dist/
	cd dist && sha256sum -- * > SHA256SUMS

format: install ## Let ruff mend what it can
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

clean: ## Remove what was built, never data
	rm -rf build dist site htmlcov .coverage* .pytest_cache .mypy_cache .ruff_cache

# The study, the service and its containers
include deploy/targets.mk
