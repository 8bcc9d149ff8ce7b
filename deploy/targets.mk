# The study, the service and its containers by one word each. STUDY=harmful_eeg unless said otherwise.
STUDY ?= harmful_eeg
DOCKER ?= docker
# CUDA=1: the service and training on a GPU. POSTGRES=1: MLflow's runs in PostgreSQL.
COMPOSE = $(DOCKER) compose --file deploy/compose.yaml $(if $(CUDA),--file deploy/compose.cuda.yaml) \
	--project-directory . $(if $(POSTGRES),--profile postgres)
EVERY_PROFILE = --profile postgres --profile train --profile dev
IN_CONTAINER = $(COMPOSE) --profile train run --rm train
# What containers write into data/ is its owner's.
export EPOCHAL_UID ?= $(shell id -u)
export EPOCHAL_GID ?= $(shell id -g)
BUNDLE := data/demo/07_model_output/bundle/manifest.json
HOST := http://127.0.0.1

.PHONY: up down logs train shell health status all quick download lint setup preprocess \
	train-baseline train-deep run-api serve dev

up: ## Containers: API, MLflow, Prometheus, Grafana; CUDA=1, POSTGRES=1
	@test -z '$(POSTGRES)' || test -n "$$MLFLOW_BACKEND_STORE_URI" \
		|| grep -qs '^MLFLOW_BACKEND_STORE_URI=postgresql' .env \
		|| { echo 'POSTGRES=1: .env has no MLFLOW_BACKEND_STORE_URI=postgresql…, so that MLflow' \
		'would stay on SQLite (docs/how-to/run-in-containers.md)' >&2; exit 2; }
	$(COMPOSE) up --detach --build --wait
	@echo 'API $(HOST):8000/docs, dashboard :8050, MLflow :5000, Grafana :3001, Prometheus :9090'

dev: ## Containers: the same and Jupyter, on port 8888
	$(COMPOSE) --profile dev up --detach --build --wait

down: ## Containers: stop them; volumes stay
	$(COMPOSE) $(EVERY_PROFILE) down

logs: ## Containers: follow what they write; ONLY=api
	$(COMPOSE) logs --follow --tail 100 $(ONLY)

status: ## Containers: which run, and how well
	$(COMPOSE) $(EVERY_PROFILE) ps --all

health: ## Ask the service whether it lives and whether it is ready
	@$(PYTHON) deploy/health.py $(HOST):$${EPOCHAL_PORT:-8000}

shell: ## Containers: a shell beside the project
	$(IN_CONTAINER) bash

train: ## Containers: a whole study; STUDY=sleep_edfx
	$(IN_CONTAINER) kedro run --env $(STUDY)

download: ## Containers: the harmful-EEG data from Kaggle, with the account in .env
	$(IN_CONTAINER) epochal download hms

all: download train up ## Containers: data, training, and everything up

quick: $(BUNDLE) up ## Containers: everything up with the demo's bundle; no data, no long training
$(BUNDLE):
	mkdir -p data
	$(IN_CONTAINER) kedro run

setup: install ## The same as install

preprocess: install ## Read a study's recordings and compute its features
	$(BIN)/kedro run --env $(STUDY) --pipelines ingestion,feature_engineering,splitting

train-baseline: install ## Train a study's classical models
	$(BIN)/kedro run --env $(STUDY) --pipelines classical_models

train-deep: install ## Train a study's networks
	$(BIN)/kedro run --env $(STUDY) --pipelines deep_models

run-api: serve ## The same as serve

serve: install ## The service and its dashboard, without a container
	EPOCHAL_SERVE_WORK_FOLDER=$${EPOCHAL_SERVE_WORK_FOLDER:-data/service} $(BIN)/epochal serve

lint: install ## ruff and mypy, as a part of check
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
