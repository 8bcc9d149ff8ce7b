from dataclasses import replace

import numpy as np
import pytest

from builders import make_bundle, make_channel, make_recording
from epochal.options.features import ContextOptions, SignalOptions
from epochal.serving.pieces import AROUND_S, crop, cut_into_pieces
from epochal.signals.epoching import index_epochs

HOUR_S = 3600.0


@pytest.fixture(scope="module")
def manifest():
    """A bundle that looks at ten minutes of spectrogram around an epoch, and at no neighbours."""
    made = make_bundle().manifest
    signals = {"spectrogram": SignalOptions(array="spectrogram", features=("spectrogram_regions",))}
    features = made.feature_engineering.model_copy(
        update={"signals": signals, "context": ContextOptions()}
    )
    return made.model_copy(update={"feature_engineering": features})


def long_recording(hours=2.5, **given):
    return make_recording(make_channel("EEG", length_s=hours * HOUR_S, sfreq=1.0), **given)


def pieces_of(recording, manifest):
    epochs = index_epochs(recording, manifest.ingestion.model_copy(update={"quality": QUIET}))
    return epochs, list(cut_into_pieces(recording, epochs, manifest))


QUIET = make_bundle().manifest.ingestion.quality.model_copy(update={"channels": ()})


def test_each_epoch_is_in_one_piece_in_order(manifest):
    epochs, pieces = pieces_of(long_recording(), manifest)
    assert [len(own) for _, own in pieces] == [120, 120, 60]
    found = np.concatenate([own["onset_s"] for _, own in pieces])
    assert found.tolist() == epochs["onset_s"].tolist()


def test_a_piece_has_what_its_spectrogram_needs_around_it(manifest):
    _, pieces = pieces_of(long_recording(), manifest)
    middle, own = pieces[1]
    (start_s, end_s), = middle.runs  # fmt: skip
    assert start_s == own["onset_s"].min() - AROUND_S
    assert end_s == own["onset_s"].max() + 30.0 + AROUND_S
    assert middle.channels[0].start_s == start_s
    assert pieces[0][0].runs[0][0] == 0.0


def test_times_and_samples_are_as_they_were(manifest):
    recording = long_recording()
    piece, own = pieces_of(recording, manifest)[1][1]
    at = int(own["onset_s"].iloc[0])
    first = at - int(piece.channels[0].start_s)
    assert piece.channels[0].data[first] == recording.channels[0].data[at]


def test_a_gap_keeps_its_place_and_the_runs_their_epochs(manifest):
    runs = ((0.0, 1800.0), (2400.0, 4500.0), (5000.0, 7200.0))
    _, pieces = pieces_of(long_recording(2, runs=runs), manifest)
    for piece, own in pieces:
        starts, ends = np.array(piece.runs)[own["run"].to_numpy()].T
        assert (starts <= own["onset_s"]).all()
        assert (own["onset_s"] + 30.0 <= ends).all()
    assert pieces[0][0].runs[:2] == ((0.0, 1800.0), (2400.0, 3570.0 + 30.0 + AROUND_S))


def test_a_short_recording_is_not_cut(manifest):
    recording = long_recording(0.5)
    epochs, pieces = pieces_of(recording, manifest)
    assert pieces == [(recording, epochs)]


def test_without_a_spectrogram_to_compute_nothing_is_cut(manifest):
    recording = long_recording()
    given = replace(recording, arrays={"spectrogram": np.zeros((300, 4, 100, 300), np.int8)})
    assert len(pieces_of(given, manifest)[1]) == 1
    assert len(pieces_of(recording, make_bundle().manifest)[1]) == 1


def test_models_that_look_at_neighbours_get_the_whole(manifest):
    context = ContextOptions(causal_epochs=(5,))
    features = manifest.feature_engineering.model_copy(update={"context": context})
    looking = manifest.model_copy(update={"feature_engineering": features})
    assert len(pieces_of(long_recording(), looking)[1]) == 1


def test_cropping_drops_the_runs_outside(manifest):
    cropped = crop(long_recording(1, runs=((0.0, 100.0), (200.0, 3600.0))), 150.0, 400.0)
    assert cropped.runs == ((200.0, 400.0),)
    assert len(cropped.channels[0].data) == 250
