"""One contract for every kind of file that `epochal score` takes; numbers are of made-up models."""

import json
import zipfile
from dataclasses import replace
from pathlib import Path

import edfio
import h5py
import numpy as np
import pandas as pd
import pytest
import scipy.io
from click.testing import CliRunner

from builders import CLASSES, make_bundle, make_night
from epochal.cli import cli
from epochal.features import extract_features
from epochal.options.features import ContextOptions, SignalOptions
from epochal.options.quality import QualityOptions
from epochal.serving.bundle import write_bundle
from epochal.signals.epoching import index_epochs

LABELS = ["W"] * 4 + ["N2"] * 4 + ["REM"] * 4
NIGHT = make_night(LABELS, seed=100)
EEG = np.asarray(NIGHT.channel("EEG").data, dtype=float)
SETS = ("band_power", "statistics")
OF_EEG = SignalOptions(channels=("EEG",), features=SETS)
OF_PULSE = SignalOptions(channels=("BVP",), features=SETS)
OF_WINDOWS = SignalOptions(array="windows", features=SETS)


def write_edf(folder):
    signal = edfio.EdfSignal(EEG, 100, label="EEG", physical_dimension="uV")
    edfio.Edf([signal]).write(folder / "night.edf")
    return "night.edf"


def write_bdf(folder):
    signal = edfio.BdfSignal(EEG, 100, label="EEG", physical_dimension="uV")
    edfio.Bdf([signal]).write(folder / "night.bdf")
    return "night.bdf"


def write_mat(folder):
    scipy.io.savemat(folder / "night.mat", {"EEG": EEG[None], "fs": 100.0})
    return "night.mat"


def write_e4(folder):
    (folder / "S07").mkdir()
    pulse = 100 * np.sin(2 * np.pi * 1.2 * np.arange(64 * 360) / 64)
    lines = "\n".join(f"{value:.2f}" for value in pulse)
    (folder / "S07/BVP.csv").write_text(f"1582000000\n64\n{lines}\n")
    return "S07"


def write_e4_zip(folder):
    name = write_e4(folder)
    with zipfile.ZipFile(folder / "S08.zip", "w") as packed:
        packed.write(folder / name / "BVP.csv", "BVP.csv")
    return "S08.zip"


def write_rows(folder):
    windows = np.random.default_rng(0).normal(0, 20, (12, 1250))
    with h5py.File(folder / "rows.h5", "w") as file:
        file["features"] = np.hstack([np.ones((12, 11)), windows]).astype(np.float32)
    return "rows.h5"


def make_table():
    bundle = make_bundle()
    epochs = index_epochs(NIGHT, bundle.manifest.ingestion)
    features = extract_features(NIGHT, epochs, bundle.manifest.feature_engineering)
    own = [name for name in features if name.startswith("eeg_") and "__" not in name]
    return features[own].assign(recording_id="night", subject_id="s1")


def write_csv(folder):
    make_table().to_csv(folder / "table.csv", index=False)
    return "table.csv"


def write_parquet(folder):
    make_table().to_parquet(folder / "table.parquet", index=False)
    return "table.parquet"


# kind of file -> what writes it, the bundle's reader with its options, and its one signal
KINDS = {
    "EDF": (write_edf, ("edf", {}), OF_EEG),
    "BDF": (write_bdf, ("edf", {}), OF_EEG),
    "MAT": (write_mat, ("rodent", {}), OF_EEG),
    "E4 folder": (write_e4, ("e4", {}), OF_PULSE),
    "E4 zip": (write_e4_zip, ("e4", {}), OF_PULSE),
    "HDF5 rows": (write_rows, ("slow_oscillation", {}), OF_WINDOWS),
    "CSV table": (write_csv, ("feature_table", {"table": "x.csv"}), None),
    "parquet table": (write_parquet, ("feature_table", {"table": "x.parquet"}), None),
}


def make_bundle_for(reader, options, signal):
    """Return the made-up bundle as if it had been trained on such recordings."""
    made = make_bundle()
    length_s = 10.0 if reader == "slow_oscillation" else 30.0
    ingestion = made.manifest.ingestion.model_copy(
        update={
            "reader": reader,
            "reader_options": options,
            "epoch_length_s": length_s,
            "quality": QualityOptions(channels=()),
        }
    )
    features = made.manifest.feature_engineering.model_copy(
        update={
            "signals": {"eeg": signal} if signal else {},
            "context": ContextOptions(causal_epochs=(2,)),
        }
    )
    update = {"ingestion": ingestion, "feature_engineering": features, "reference": {}}
    return replace(made, manifest=made.manifest.model_copy(update=update))


@pytest.fixture(params=KINDS, ids=str)
def scored(request, tmp_path, monkeypatch):
    """A call that scored one file of a kind, and the folder of its results."""
    monkeypatch.chdir(tmp_path)
    write, (reader, options), signal = KINDS[request.param]
    write_bundle("bundle", make_bundle_for(reader, options, signal))
    name = write(tmp_path)
    done = CliRunner().invoke(cli, ["score", name, "--bundle", "bundle", "--out", "out"])
    return done, Path("out"), Path(name).stem


def test_every_kind_of_file_gives_a_table_a_json_and_a_row(scored):
    done, out, stem = scored
    assert done.exit_code == 0, done.output
    (path,) = out.glob("*.epochs.csv")
    assert path.name.startswith(stem)
    table = pd.read_csv(path, keep_default_na=False)
    assert list(table)[:5] == ["epoch", "onset_s", "label", "confidence", "flags"]
    assert len(table) == 12
    assert set(table["label"]) <= {*CLASSES, ""}
    told = json.loads(path.with_name(path.name.replace(".epochs.csv", ".json")).read_text())
    assert told["n_epochs"] == 12
    assert "Research use only" in told["notice"]
    assert len(pd.read_csv(out / "summary.csv")) == 1
    assert not list(out.glob(".part-*"))
