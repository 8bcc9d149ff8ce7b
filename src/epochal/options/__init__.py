"""The parameters of every pipeline: what conf may say, its defaults, and what each thing means."""

from epochal.options.base import Options
from epochal.options.features import ContextOptions, FeatureOptions, SignalOptions
from epochal.options.ingestion import IngestionOptions, TrimOptions
from epochal.options.models import FamilyOptions, ModelOptions, StackingOptions
from epochal.options.montage import Montage
from epochal.options.quality import Limits, QualityOptions
from epochal.options.results import EvaluationOptions, ExportOptions
from epochal.options.splitting import SplitOptions
from epochal.options.study import StudyOptions

__all__ = [
    "ContextOptions",
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
    "SignalOptions",
    "SplitOptions",
    "StackingOptions",
    "StudyOptions",
    "TrimOptions",
]
