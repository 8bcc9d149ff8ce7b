"""Kedro hooks: forget what is stale, track each run, say at the end how it went."""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable
from functools import partial
from importlib import metadata
from typing import Any

import pandas as pd
from kedro.framework.hooks import hook_impl
from kedro.io import CatalogProtocol, DatasetNotFoundError
from kedro.pipeline import Pipeline
from pydantic import BaseModel

from epochal.datasets.keyed import Keyed
from epochal.datasets.keys import key_of
from epochal.models.training.curves import LISTENERS, CurvePoint
from epochal.options.checking import check_study
from epochal.places import local_copy

logger = logging.getLogger(__name__)
LEADERBOARD = "leaderboard"
_PARAMETER_CHARACTERS = 500  # MLflow's own limit
_SHOWN = ["model", "family", "role", "causal", "data_source", "n_epochs", "n_subjects", "accuracy",
          "macro_f1", "kappa", "kappa_low", "kappa_high", "log_loss", "ece"]  # fmt: skip


class StudyHooks:
    """Refuse a study whose sections do not fit each other before any node runs.

    Kedro validates the sections that the asked pipelines read, and takes unknown ones in silence.
    """

    @hook_impl(tryfirst=True)
    def before_pipeline_run(self, pipeline: Pipeline, catalog: CatalogProtocol) -> None:
        """Check all sections, and the raw files' folder where the run lists what is in it."""
        check_study(
            _dataset("parameters", catalog).load(), reads_files="sources" in pipeline.all_outputs()
        )


class FreshnessHooks:
    """Tell every output what it would be made from now; one made from something else is missing.

    A key is the hash of the node's function, the package's version, the parameters, and the keys
    of the inputs. Nothing is removed: stale data stay until what replaces them is whole.
    """

    @hook_impl
    def before_pipeline_run(self, pipeline: Pipeline, catalog: CatalogProtocol) -> None:
        """Hand every output its key, in the order of the graph."""
        keys: dict[str, str] = {}
        for node in pipeline.nodes:
            inputs = [keys.get(name) or _input_key(name, catalog) for name in node.inputs]
            key = key_of(("node", node.func, inputs))
            for name in node.outputs:
                keys[name] = key
                dataset = _dataset(name, catalog)
                if isinstance(dataset, Keyed):
                    dataset.expect(key)


def _input_key(name: str, catalog: CatalogProtocol) -> str:
    """Return the key of a parameter, or what is written down of a dataset made earlier."""
    dataset = _dataset(name, catalog)
    if name == "parameters" or name.startswith("params:"):
        return key_of(dataset.load())
    return dataset.stored_key() if isinstance(dataset, Keyed) else ""


def _dataset(name: str, catalog: CatalogProtocol) -> Any:
    try:
        return catalog.get(name)
    except DatasetNotFoundError:
        return None


class TrackingHooks:
    """Log parameters, figures, pictures, the environment and the data's hashes to the MLflow run.

    kedro-mlflow opens and closes the run; without it, nothing is tracked.
    """

    @hook_impl(tryfirst=True)
    def after_pipeline_run(self, pipeline: Pipeline, catalog: CatalogProtocol) -> None:
        """Log what the run made, while kedro-mlflow's run is still open."""
        mlflow = sys.modules.get("mlflow")
        if mlflow is None or mlflow.active_run() is None:
            return
        mlflow.log_params(flatten(_parameters(pipeline, catalog)))
        mlflow.log_text(_environment(), "environment.txt")
        for name in sorted(pipeline.all_outputs()):
            dataset = _dataset(name, catalog)
            tracked = (getattr(dataset, "metadata", None) or {}).get("epochal", {}).get("track")
            if tracked == "artifact" and dataset.exists():
                mlflow.log_artifact(str(local_copy(dataset.location)))
            elif tracked == "figures" and dataset.exists():
                mlflow.log_artifact(str(local_copy(dataset.location)))
                mlflow.log_metrics(_figures(dataset.load()))


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
    return {name.removeprefix("params:"): _dataset(name, catalog).load() for name in names}


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
            print_leaderboard(_dataset(LEADERBOARD, catalog).load(), _caveats(catalog))
        for name in sorted(outputs):
            failures: dict[str, str] = getattr(_dataset(name, catalog), "failures", dict)()
            if failures:
                reasons = "".join(f"\n  {reason}" for reason in failures.values())
                logger.warning("%d of '%s' left out:%s", len(failures), name, reasons)


def print_leaderboard(board: pd.DataFrame, caveats: tuple[str, ...]) -> None:
    """Print the leaderboard's main columns and the study's caveats."""
    shown = board[[column for column in _SHOWN if column in board]]
    sys.stdout.write(shown.to_string(index=False, float_format="{:.3f}".format) + "\n")
    for sentence in caveats:
        sys.stdout.write(f"Note: {sentence}\n")


def _caveats(catalog: CatalogProtocol) -> tuple[str, ...]:
    study = _dataset("params:study", catalog)
    return study.load().caveats if study is not None else ()
