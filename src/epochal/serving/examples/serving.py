"""Examples of what the service says of itself: its health, its bundles."""

from __future__ import annotations

from pydantic import BaseModel

from epochal import __version__
from epochal.options.features import FeatureOptions
from epochal.options.ingestion import IngestionOptions
from epochal.serving.bundle import Manifest
from epochal.serving.entries import ModelEntry
from epochal.serving.routes.bundles import BundleFacts, BundleLine, ModelLine
from epochal.serving.routes.health import Health, Ready

_CLASSES = ("W", "N2", "REM")
_FIGURES: dict[str, float | int | str | bool | None] = {
    "role": "oof", "n_subjects": 8, "data_source": "simulated", "kappa": 0.83, "accuracy": 0.88,
}  # fmt: skip
_CAVEATS = ("Simulated nights.",)


def serving_messages() -> tuple[BaseModel, ...]:
    """Return the messages."""
    return (
        Health(uptime_s=12.5),
        Ready(ready=True, bundles=["sleep"]),
        ModelLine(
            bundle="sleep",
            study="sleep",
            model="stack",
            family="stack",
            causal=True,
            headline=True,
            data_source="simulated",
            classes=_CLASSES,
        ),
        BundleLine(
            name="sleep",
            study="sleep",
            headline="stack",
            classes=_CLASSES,
            causal=True,
            data_source="simulated",
            epoch_length_s=30.0,
            required_channels=["EEG Fpz-Cz"],
            metrics=_FIGURES,
            caveats=_CAVEATS,
        ),
        BundleFacts(
            name="sleep",
            loaded_at=1769842800.0,
            manifest=_manifest(),
            card="# sleep\n\nResearch use only.",
        ),
    )


def _manifest() -> Manifest:
    ingestion = IngestionOptions(
        source="files",
        reader="edf",
        path="raw",
        simulator="sleep",
        simulated_path="raw",
        epoch_length_s=30.0,
    )
    model = ModelEntry(
        name="stack",
        family="linear",
        file="models/stack.onnx",
        columns=["eeg_delta"],
        classes=[0, 1, 2],
        causal=True,
    )
    return Manifest(
        epochal_version=__version__,
        study="sleep",
        classes=_CLASSES,
        recording_kind="polysomnogram",
        data_source="simulated",
        training_data_sha256="0" * 64,
        ingestion=ingestion,
        feature_engineering=FeatureOptions(),
        models=[model],
        headline="stack",
        causal=True,
        metrics=_FIGURES,
        reference={"eeg_delta": (0.02, 0.93)},
        caveats=_CAVEATS,
    )
