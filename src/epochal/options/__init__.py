"""The parameters of every pipeline: what conf may say, its defaults, and what each thing means."""

from epochal.options.artefacts import ArtefactOptions
from epochal.options.base import Options
from epochal.options.deep import DeepOptions, NetworkModelOptions
from epochal.options.features import (
    ContextOptions,
    FeatureOptions,
    SessionOptions,
    SignalOptions,
)
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
from epochal.options.network_inputs import (
    NetworkInputOptions,
    SignalInputOptions,
    SpectrogramInputOptions,
)
from epochal.options.networks import (
    AugmentationOptions,
    LossOptions,
    PretrainingOptions,
    SamplingOptions,
    SequenceOptions,
    TrainingOptions,
)
from epochal.options.quality import Limits, QualityOptions
from epochal.options.results import EvaluationOptions, ExportOptions, RawOptions, SetOptions
from epochal.options.splitting import SplitOptions
from epochal.options.study import StudyOptions

__all__ = [
    "ArtefactOptions",
    "AugmentationOptions",
    "ContextOptions",
    "DeepOptions",
    "EarlyStoppingOptions",
    "EvaluationOptions",
    "ExportOptions",
    "FamilyOptions",
    "FeatureOptions",
    "IngestionOptions",
    "Limits",
    "LossOptions",
    "ModelOptions",
    "Montage",
    "NetworkInputOptions",
    "NetworkModelOptions",
    "Options",
    "PretrainingOptions",
    "QualityOptions",
    "RangeOptions",
    "RawOptions",
    "SamplingOptions",
    "SequenceOptions",
    "SessionOptions",
    "SetOptions",
    "SignalInputOptions",
    "SignalOptions",
    "SpectrogramInputOptions",
    "SplitOptions",
    "StackingOptions",
    "StudyOptions",
    "TrainingOptions",
    "TrimOptions",
    "TuneOptions",
]
