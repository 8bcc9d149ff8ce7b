"""The hook that registers a run's bundle."""

from __future__ import annotations

import logging
import sys
from typing import Any

from kedro.framework.hooks import hook_impl
from kedro.io import CatalogProtocol
from kedro.pipeline import Pipeline

from epochal.errors import EpochalError

logger = logging.getLogger(__name__)
BUNDLE = "bundle"


class RegistryHooks:
    """Register the bundle that a tracked run made; without tracking nothing is registered."""

    @hook_impl(tryfirst=True)
    def after_pipeline_run(self, pipeline: Pipeline, catalog: CatalogProtocol) -> None:
        """Register the bundle while kedro-mlflow's run is still open.

        A store that keeps no models is no reason for the run to fail.
        """
        mlflow = sys.modules.get("mlflow")
        run = None if mlflow is None else mlflow.active_run()
        if mlflow is None or run is None or BUNDLE not in pipeline.all_outputs():
            return
        from epochal.places import local_copy
        from epochal.registry.store import register_bundle

        dataset: Any = catalog.get(BUNDLE)

        try:
            made = register_bundle(
                mlflow.MlflowClient(), local_copy(dataset.location), run_id=run.info.run_id
            )
        except (mlflow.MlflowException, EpochalError) as error:
            logger.warning("The bundle is not registered: %s", " ".join(str(error).split()))
        else:
            logger.info("Registered: %s, version %d (staging)", made.name, made.version)
