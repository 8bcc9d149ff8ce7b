"""Kedro's settings for the project."""

from pathlib import Path

from kedro.utils import find_kedro_project
from omegaconf.resolvers import oc

from epochal.hooks import CurveHooks, GlobalsHooks, SummaryHooks, TrackingHooks
from epochal.preflight import StudyHooks
from epochal.registry.hooks import RegistryHooks
from epochal.tracking import LateTracking

HOOKS = (
    GlobalsHooks(),
    StudyHooks(),
    RegistryHooks(),
    LateTracking(),  # before what logs to the MLflow run that it opens
    TrackingHooks(),
    CurveHooks(),
    SummaryHooks(),
)

CONFIG_LOADER_ARGS = {
    "base_env": "base",
    "default_run_env": "demo",
    "custom_resolvers": {
        "oc.env": oc.env,
        # So that a notebook's runs go to the project's MLflow database too.
        "project": lambda: str(find_kedro_project(Path.cwd()) or Path.cwd()),
    },
    # A study's section says only what differs from base, at any depth.
    "merge_strategy": {"parameters": "soft", "globals": "soft"},
}
