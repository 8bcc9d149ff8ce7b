from pathlib import Path
from types import SimpleNamespace

import pytest

from builders import make_channel, make_recording
from epochal.serving import doubts
from epochal.serving.batch import tell
from epochal.serving.scoring import Scored


def told_of(problem, doubts=()):
    summary = {
        "n_epochs": 2, "epochs_per_class": {"W": 2}, "n_flagged": 0, "data_source": "simulated",
        "model": "tree", "in_sample": None, "problems": [problem],
    }  # fmt: skip
    return tell(Path("night.edf"), Scored("night", None, summary, doubts=doubts))[1]


@pytest.mark.parametrize(
    ("problem", "said"),
    [
        ("'C4' stands in for 'C3': another derivation", "substituted"),
        ("the header says 10 records, the file holds 9", "repaired"),
    ],
)
def test_a_substitution_is_told_from_a_repair(problem, said):
    assert told_of(problem) == f"  {said}: {problem}"


@pytest.mark.parametrize("doubt", [doubts.SHORT_SESSION, doubts.SAME_SIGNAL])
def test_a_doubt_of_the_whole_recording_is_no_repair(monkeypatch, doubt):
    monkeypatch.setattr(doubts, "_looks_at_session", lambda scorer: True)
    monkeypatch.setattr(doubts, "_epochs_of_training", lambda manifest: 100.0)
    monkeypatch.setattr(doubts, "_name_twins", lambda recording, manifest: ["EEG", "EOG"])
    found = doubts.doubts_of(make_recording(make_channel()), 2, SimpleNamespace(manifest=None))
    assert told_of(found[doubt], doubts=tuple(found.values())) == f"  doubtful: {found[doubt]}"
