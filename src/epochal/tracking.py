"""MLflow where a run has something to track, and nowhere else: to import it takes seconds."""

from __future__ import annotations

import os
from importlib.util import find_spec
from typing import Any

import click
from kedro.framework.context import KedroContext
from kedro.framework.hooks import hook_impl
from kedro.io import CatalogProtocol
from kedro.pipeline import Pipeline

_ENTRY_POINT = "mlflow_hook"  # kedro-mlflow's


def is_tracking() -> bool:
    """Say whether runs are tracked; `EPOCHAL_TRACKING=off` or the absent extra says no."""
    return os.environ.get("EPOCHAL_TRACKING") != "off" and find_spec("kedro_mlflow") is not None


class LateTracking:
    """Let kedro-mlflow's hooks in when they are needed; `--only-missing-outputs` may need none.

    Kedro imports the hooks of every plugin whose name is not registered yet: this takes the name.
    """

    def __init__(self) -> None:
        self.__name__ = _ENTRY_POINT
        self._context: KedroContext | None = None

    @hook_impl
    def after_context_created(self, context: KedroContext) -> None:
        """Begin at once, unless the run may turn out to have nothing to do."""
        self._context = context if is_tracking() else None
        call = click.get_current_context(silent=True)
        if call is None or not call.params.get("only_missing_outputs"):
            self._begin()

    @hook_impl(trylast=True)
    def before_pipeline_run(
        self, run_params: dict[str, Any], pipeline: Pipeline, catalog: CatalogProtocol
    ) -> None:
        """Begin if an output is missing, which is known once all were told their keys.

        kedro-mlflow's `after_catalog_created` is left out: it is for datasets of its own.
        """
        kept: list[Any] = [catalog.get(name) for name in pipeline.all_outputs() if name in catalog]
        if self._context is not None and not all(dataset.exists() for dataset in kept):
            self._begin().before_pipeline_run(run_params, pipeline, catalog)

    def _begin(self) -> Any:
        """Register kedro-mlflow's hooks for the rest of the session, and return them."""
        if self._context is None:
            return None
        from kedro_mlflow.framework.hooks.mlflow_hook import mlflow_hook

        context, self._context = self._context, None
        context._hook_manager.register(mlflow_hook)
        mlflow_hook.after_context_created(context)
        return mlflow_hook
