"""One network that several processes train together."""

from __future__ import annotations

import os
import time
from functools import partial
from itertools import chain

import numpy as np
import pandas as pd
import pytest
import torch

from epochal.errors import EpochalError
from epochal.metrics import confusion, kappa
from epochal.models.training import processes
from epochal.models.training.curves import CURVES, LISTENERS, CurvePoint
from epochal.models.training.processes import refuse_missing_devices, share, share_length
from epochal.models.training.targets import make_row_targets, part_subjects
from epochal.models.training.together import run_together
from window_cohort import CLASSES, fit, make_cohort, make_network, rows_of


@pytest.mark.parametrize("n_processes", [1, 2, 3, 7])
@pytest.mark.parametrize("n_places", [1, 2, 6, 7])
def test_processes_share_all_places_evenly_or_each_only_once(n_places, n_processes, monkeypatch):
    places = np.arange(n_places)
    even, once = [], []
    for rank in range(n_processes):
        monkeypatch.setattr(processes, "_place", lambda rank=rank: (rank, n_processes))
        even.append(share(places, even=True).tolist())
        once.append(share(places, even=False).tolist())
        assert len(even[-1]) == share_length(n_places) == share_length(n_places, n_processes)
    assert {one for of_process in even for one in of_process} == set(range(n_places))
    if n_places >= n_processes:
        assert sorted(chain.from_iterable(once)) == places.tolist()
    else:
        assert once == [places.tolist()] * n_processes


def test_more_devices_than_there_are_are_refused(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    refuse_missing_devices(2)
    with pytest.raises(EpochalError, match="devices: 3 are asked for; GPUs here: 2"):
        refuse_missing_devices(3)


def test_work_is_done_by_every_process_and_the_firsts_result_comes_back(tmp_path):
    assert run_together(partial(os.getenv, "LOCAL_RANK"), 2) == "0"


@pytest.mark.parametrize(
    ("work", "message"),
    [
        (partial(int, "many"), "ended with 1: ValueError: invalid literal"),
        (partial(os._exit, 3), "ended with 3: without a word"),
    ],
)
def test_what_a_process_failed_of_is_said_in_a_line(work, message):
    with pytest.raises(EpochalError, match=f"process . of 2 {message}") as failure:
        run_together(work, 2)
    assert "\n" not in str(failure.value)


@pytest.mark.slow
def test_two_processes_train_one_network_and_judge_it_by_all_validation_rows(tmp_path):
    store, table = make_cohort(8)
    heard: list[CurvePoint] = []
    LISTENERS.append(heard.append)
    try:
        training = {"max_epochs": 2, "patience": None, "devices": 2, "batch_size": 4}
        sampling = {"kind": "hard", "first_epochs": 1}
        asked = make_network(tmp_path, training=training, sampling=sampling)
        began_s = time.time()
        network = fit(asked, store, table)
    finally:
        LISTENERS.remove(heard.append)
    place = tmp_path / "net" / "fold_0"
    curves = pd.read_csv(place / CURVES)
    assert curves["epoch"].tolist() == [one.epoch for one in heard] == [1, 2]
    assert curves["learning_rate"].iloc[-1] == pytest.approx(1e-4)
    assert len(list(place.glob("weights.pt"))) == 1
    assert len(list(place.glob("best-*.ckpt"))) == 2
    assert (place / "weights.pt").stat().st_mtime >= began_s

    targets = make_row_targets(table, CLASSES, network.options)
    _, validating = part_subjects(targets, 0.25, seed=0)
    proba = network.predict_proba(rows_of(store, table))[validating]
    truth = targets.codes[validating]
    best = curves.loc[curves["val_kappa"].idxmax()]
    assert best["val_kappa"] == pytest.approx(kappa(confusion(truth, proba.argmax(axis=1), 3)))
    loss = -np.log(proba[np.arange(len(truth)), truth]).mean()
    assert best["val_loss"] == pytest.approx(loss, rel=1e-3)
