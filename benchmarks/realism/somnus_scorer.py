"""Stage mice with the pretrained `somnus-eeg`; it runs in an environment of its own (Python 3.12).

    PYTHON somnus_scorer.py FOLDER OUT.json

writes `{animal: [stage per epoch of 4 s, ...]}`, stages as W NREM REM, for every EDF in FOLDER with
the EEG as its first channel and the EMG as its second. It imports nothing of Epochal's.
"""

import json
import sys
import warnings
from pathlib import Path

NAMES = {"Wake": "W", "NREM": "NREM", "REM": "REM"}
EEG_CHANNELS, EMG_CHANNEL = [1], 2  # somnus counts from 1


def score(model, path):
    from somnus.data.datasets import featurize
    from somnus.predict import predict

    source = {
        "recording": path.stem, "edf": str(path), "dataset": "user", "group": "u",
        "subject": path.stem, "scored": None, "pkl": None,
    }  # fmt: skip
    features = featurize(source, eeg_chan=EEG_CHANNELS, emg_chan=EMG_CHANNEL)
    stages = predict(model, features)[0]
    return [NAMES[str(stage)] for stage in stages]


def main(folder, out):
    from somnus import load_model

    model = load_model()
    scores = {path.stem: score(model, path) for path in sorted(Path(folder).glob("*.edf"))}
    Path(out).write_text(json.dumps(scores), encoding="utf-8")


if __name__ == "__main__":
    warnings.filterwarnings("ignore")
    main(*sys.argv[1:3])
