"""Kedro hooks: refuse another study's data, track each run, say at the end how it went."""

from __future__ import annotations

import atexit
import logging
import sys
from collections.abc import Callable
from functools import partial
from importlib import metadata
from pathlib import Path
from typing import Any

import pandas as pd
from kedro.framework.context import KedroContext
from kedro.framework.hooks import hook_impl
from kedro.io import CatalogProtocol
from kedro.pipeline import Pipeline
from pydantic import BaseModel

from epochal.models.training.curves import LISTENERS, CurvePoint
from epochal.options.checking import check_globals
from epochal.places import local_copy
from epochal.preflight import find_dataset

logger = logging.getLogger(__name__)
LEADERBOARD = "leaderboard"
SIMULATED = "Simulated recordings: these figures say that the tool works, nothing about people."
_PARAMETER_CHARACTERS = 500  # MLflow's own limit
_SHOWN = ["model", "family", "role", "causal", "data_source", "n_epochs", "n_subjects", "accuracy",
          "macro_f1", "kappa", "kappa_low", "kappa_high", "log_loss", "ece"]  # fmt: skip


class GlobalsHooks:
    """Refuse a study whose `globals.yml` would send its data where they must not go."""

    @hook_impl(tryfirst=True)
    def after_context_created(self, context: KedroContext) -> None:
        """Check the globals before anything is made of them."""
        loader: Any = context.config_loader
        environment = loader.env or loader.default_run_env
        check_globals(loader["globals"], Path(loader.conf_source) / environment)


class TrackingHooks:
    """Log parameters, figures, pictures, the environment and the data's hashes to the MLflow run.

    kedro-mlflow opens and closes the run; without it, nothing is tracked.
    """

    @hook_impl(trylast=True)
    def before_pipeline_run(self) -> None:
        """See to it that a run broken off by Ctrl-C is called so: MLflow would call it finished."""
        mlflow = sys.modules.get("mlflow")
        if mlflow is not None and mlflow.active_run() is not None:
            atexit.register(_end_as_killed)  # before MLflow's own, which was registered earlier

    @hook_impl(tryfirst=True)
    def on_pipeline_error(self) -> None:
        """Leave the end to kedro-mlflow, which calls the run failed."""
        atexit.unregister(_end_as_killed)

    @hook_impl(tryfirst=True)
    def after_pipeline_run(self, pipeline: Pipeline, catalog: CatalogProtocol) -> None:
        """Log what the run made, while kedro-mlflow's run is still open."""
        atexit.unregister(_end_as_killed)
        mlflow = sys.modules.get("mlflow")
        if mlflow is None or mlflow.active_run() is None:
            return
        mlflow.log_params(flatten(_parameters(pipeline, catalog)))
        mlflow.log_text(_environment(), "environment.txt")
        for name in sorted(pipeline.all_outputs()):
            dataset = find_dataset(name, catalog)
            tracked = (getattr(dataset, "metadata", None) or {}).get("epochal", {}).get("track")
            if tracked == "artifact" and dataset.exists():
                mlflow.log_artifact(str(local_copy(dataset.location)))
            elif tracked == "figures" and dataset.exists():
                mlflow.log_artifact(str(local_copy(dataset.location)))
                mlflow.log_metrics(_figures(dataset.load()))


def _end_as_killed() -> None:
    sys.modules["mlflow"].end_run("KILLED")


class CurveHooks:
    """Log the curves of networks to the MLflow run while they are trained.

    Networks train in threads, where MLflow knows no active run: theirs is named. Trained in other
    processes, their curves are in the checkpoints' `curves.csv` alone.
    """

    def __init__(self) -> None:
        self._listener: Callable[[CurvePoint], None] | None = None

    @hook_impl(trylast=True)
    def before_pipeline_run(self) -> None:
        """Begin to listen, once kedro-mlflow's run is open."""
        mlflow = sys.modules.get("mlflow")
        run = None if mlflow is None else mlflow.active_run()
        if mlflow is not None and run is not None:
            self._listener = partial(_log_point, mlflow.MlflowClient(), run.info.run_id)
            LISTENERS.append(self._listener)

    @hook_impl(tryfirst=True)
    def after_pipeline_run(self) -> None:
        """Listen no more."""
        self._stop()

    @hook_impl(tryfirst=True)
    def on_pipeline_error(self) -> None:
        """Listen no more."""
        self._stop()

    def _stop(self) -> None:
        if self._listener in LISTENERS:
            LISTENERS.remove(self._listener)
        self._listener = None


def _log_point(client: Any, run_id: str, point: CurvePoint) -> None:
    for name in ("train_loss", "val_loss", "val_kappa", "val_accuracy", "learning_rate"):
        value = getattr(point, name)
        if value is not None:
            client.log_metric(run_id, f"{point.model}.{point.part}.{name}", value, step=point.epoch)


def flatten(values: dict[str, Any], prefix: str = "") -> dict[str, str]:
    """Return nested parameters under dotted names, cut to what MLflow takes."""
    flat: dict[str, str] = {}
    for name, value in values.items():
        nested = value.model_dump() if isinstance(value, BaseModel) else value
        if isinstance(nested, dict):
            flat |= flatten(nested, f"{prefix}{name}.")
        else:
            flat[f"{prefix}{name}"] = str(nested)[:_PARAMETER_CHARACTERS]
    return flat


def _parameters(pipeline: Pipeline, catalog: CatalogProtocol) -> dict[str, Any]:
    names = sorted(name for name in pipeline.inputs() if name.startswith("params:"))
    return {name.removeprefix("params:"): find_dataset(name, catalog).load() for name in names}


def _environment() -> str:
    """Return the installed packages as `pip freeze` lists them."""
    found = {f"{dist.metadata['Name']}=={dist.version}" for dist in metadata.distributions()}
    return "\n".join([f"python=={sys.version.split()[0]}", *sorted(found, key=str.lower)])


def _figures(leaderboard: pd.DataFrame) -> dict[str, float]:
    """Return every number of the leaderboard as `<model>.<role>.<figure>`."""
    numbers = leaderboard.select_dtypes("number")
    return {
        f"{row.model}.{row.role}.{figure}": float(value)
        for row, (_, values) in zip(leaderboard.itertuples(), numbers.iterrows(), strict=True)
        for figure, value in values.dropna().items()
    }


class SummaryHooks:
    """Say at the end of a run which recordings were left out and why, and how the models did."""

    @hook_impl(trylast=True)
    def after_pipeline_run(self, pipeline: Pipeline, catalog: CatalogProtocol) -> None:
        """Print the leaderboard and the failures that the run's datasets tolerated."""
        outputs = pipeline.all_outputs()
        if LEADERBOARD in outputs:
            print_leaderboard(find_dataset(LEADERBOARD, catalog).load(), _caveats(catalog))
        for name in sorted(outputs):
            failures: dict[str, str] = getattr(find_dataset(name, catalog), "failures", dict)()
            if failures:
                reasons = "".join(f"\n  {reason}" for reason in failures.values())
                logger.warning("%d of '%s' left out:%s", len(failures), name, reasons)


def print_leaderboard(board: pd.DataFrame, caveats: tuple[str, ...]) -> None:
    """Print the leaderboard's main columns, the study's caveats, and whether it was simulated."""
    shown = board[[column for column in _SHOWN if column in board]]
    sys.stdout.write(shown.to_string(index=False, float_format="{:.3f}".format) + "\n")
    simulated = (SIMULATED,) if "simulated" in set(board["data_source"]) else ()
    for sentence in dict.fromkeys((*simulated, *caveats)):
        sys.stdout.write(f"Note: {sentence}\n")


def _caveats(catalog: CatalogProtocol) -> tuple[str, ...]:
    study = find_dataset("params:study", catalog)
    return study.load().caveats if study is not None else ()
