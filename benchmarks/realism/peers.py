"""Stage nights with two pretrained scorers, YASA and GSSC; it runs in an environment of its own.

    PYTHON peers.py FOLDER OUT.json

writes `{recording: {peer: [stage per epoch, ...]}}`, stages as W N1 N2 N3 REM. It imports nothing
of Epochal's. GSSC is a program of its own licence (AGPL-3): it is run, nothing is taken from it.
"""

import functools
import json
import re
import sys
import warnings
from pathlib import Path

import mne
import numpy as np

EEG, EOG = "EEG Fpz-Cz", "EOG horizontal"
CHUNK_EPOCHS = 120  # bounds the memory; epochs do not influence each other there
STAGES = ("W", "N1", "N2", "N3", "REM")
MALE = 1  # in the FIFF standard that MNE follows
YASA_NAMES = {"WAKE": "W", "W": "W", "N1": "N1", "N2": "N2", "N3": "N3", "REM": "REM", "R": "REM"}


def load(path):
    raw = mne.io.read_raw_edf(path, include=[EEG, EOG], preload=True, verbose="error")
    raw.set_channel_types({EOG: "eog"}, verbose="error")
    return raw


def score_with_yasa(raw):
    import yasa

    person = raw.info["subject_info"]
    metadata = {"age": person_age(person), "male": person["sex"] == MALE}
    hypnogram = yasa.SleepStaging(raw, eeg_name=EEG, eog_name=EOG, metadata=metadata).predict()
    stages = getattr(hypnogram, "hypno", hypnogram)
    return [YASA_NAMES[str(stage)] for stage in np.asarray(stages)]


def person_age(person):
    """Return the years that Sleep-EDFx headers hold in the name's place, as in `Female_33yr`."""
    words = " ".join(str(value) for value in person.values())
    return int(re.search(r"(\d+)yr", words)[1])


def load_gssc():
    """GSSC ships whole pickled networks, which torch 2.6 and later refuse unless told."""
    import torch

    torch.set_num_threads(1)
    shipped = torch.load
    torch.load = functools.partial(shipped, weights_only=False)
    try:
        from gssc.infer import EEGInfer

        return EEGInfer(use_cuda=False, chunk_n=CHUNK_EPOCHS)
    finally:
        torch.load = shipped


def score_with_gssc(gssc, raw):
    stages, _ = gssc.mne_infer(
        raw.copy(), eeg=[EEG], eog=[EOG], eeg_drop=True, eog_drop=True, filter=True
    )
    return [STAGES[int(stage)] for stage in stages]


def main(folder, out):
    gssc = load_gssc()
    scores = {}
    for path in sorted(Path(folder).rglob("*-PSG.edf")):
        raw = load(path)
        scores[path.name[:6]] = {
            "yasa": score_with_yasa(raw),
            "gssc": score_with_gssc(gssc, raw),
        }
    Path(out).write_text(json.dumps(scores), encoding="utf-8")


if __name__ == "__main__":
    warnings.filterwarnings("ignore")
    mne.set_log_level("error")
    main(*sys.argv[1:3])
