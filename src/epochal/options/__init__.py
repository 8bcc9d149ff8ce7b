"""The parameters of every pipeline: what conf may say, its defaults, and what each thing means."""

from epochal.options.artefacts import ArtefactOptions
from epochal.options.base import Options
from epochal.options.features import ContextOptions, FeatureOptions, SignalOptions
from epochal.options.ingestion import IngestionOptions, TrimOptions
from epochal.options.models import (
    EarlyStoppingOptions,
    FamilyOptions,
    ModelOptions,
    RangeOptions,
    StackingOptions,
    TuneOptions,
)
from epochal.options.montage import Montage
from epochal.options.quality import Limits, QualityOptions
from epochal.options.results import EvaluationOptions, ExportOptions, SetOptions
from epochal.options.splitting import SplitOptions
from epochal.options.study import StudyOptions

__all__ = [
    "ArtefactOptions",
    "ContextOptions",
    "EarlyStoppingOptions",
    "EvaluationOptions",
    "ExportOptions",
    "FamilyOptions",
    "FeatureOptions",
    "IngestionOptions",
    "Limits",
    "ModelOptions",
    "Montage",
    "Options",
    "QualityOptions",
    "RangeOptions",
    "SetOptions",
    "SignalOptions",
    "SplitOptions",
    "StackingOptions",
    "StudyOptions",
    "TrimOptions",
    "TuneOptions",
]
