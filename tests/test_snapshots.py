import time
from functools import partial

import numpy as np
import pandas as pd
import pytest

from builders import make_channel, make_ingestion, make_night, make_recording, sine
from epochal.datasets.keys import key_of
from epochal.pipelines.ingestion.nodes import draw_snapshots
from epochal.provenance import RESEARCH_USE
from epochal.recording import Recording, read_recording, write_recording
from epochal.signals.epoching import index_epochs
from epochal.snapshots import choose_stretch, draw_snapshot, draw_stored

LABELS = ["W"] * 4 + ["N2"] * 4 + ["REM"] * 2


def index(recording, **changed):
    return index_epochs(recording, make_ingestion(**changed))


def texts(figure):
    """All that is written in a figure."""
    written = [text.get_text() for text in figure.texts]
    for axes in figure.axes:
        written += [text.get_text() for text in (*axes.texts, *axes.get_yticklabels())]
        written.append(axes.get_xlabel())
    return written


def draw(recording, epochs=None, length_s=60.0):
    return draw_snapshot(recording, index(recording) if epochs is None else epochs,
                         length_s=length_s)  # fmt: skip


def test_each_channel_has_a_row_with_its_rate_unit_and_range():
    recording = make_recording(
        make_channel("EEG", length_s=300),
        make_channel(
            "EDA", sine(0.05, length_s=300, sfreq=4.0, amplitude=2.0), sfreq=4.0, unit="uS"
        ),
    )
    figure = draw(recording)
    written = texts(figure)
    assert "EEG\n100 Hz" in written
    assert "EDA\n4 Hz" in written
    assert "-2 to 2\nuS" in written
    assert len(figure.axes[0].lines) == 2


def test_a_sixty_second_sine_is_drawn_sample_by_sample():
    recording = make_recording(make_channel(length_s=60, sfreq=10.0))
    (line,) = draw(recording).axes[0].lines
    assert len(line.get_xdata()) == 600
    assert line.get_xdata()[[0, -1]] == pytest.approx([0.0, 59.9])


def test_many_samples_are_thinned_to_their_extremes():
    data = np.zeros(60 * 700)
    data[12345] = 9.0
    recording = make_recording(make_channel("ECG", data, sfreq=700.0, unit="mV"))
    figure = draw(recording)
    (line,) = figure.axes[0].lines
    assert len(line.get_xdata()) < 2000
    assert "0 to 9\nmV" in texts(figure)
    peak = line.get_xdata()[np.argmin(line.get_ydata())]  # upwards is a smaller number
    assert peak == pytest.approx(12345 / 700, abs=0.1)


def test_the_labels_of_the_epochs_stand_below():
    assert [text for text in texts(draw(make_night(LABELS))) if text in LABELS] == ["N2", "N2"]


def test_an_epoch_without_a_label_is_called_unscored():
    assert texts(draw(make_recording())).count("unscored") == 2


def test_flagged_epochs_are_marked_with_their_faults():
    epochs = index(make_night(LABELS))
    epochs["quality_flat"] = epochs["epoch"] == 5
    epochs["quality_missing"] = epochs["epoch"].isin([5, 9])
    epochs["sqi"] = 0.5
    figure = draw(make_night(LABELS), epochs)
    assert "N2\nflat, missing" in texts(figure)
    assert not [text for text in texts(figure) if "sqi" in text]


def test_simulated_data_stand_out_and_real_ones_do_not():
    assert "SIMULATED" in texts(draw(make_recording(data_source="simulated")))
    assert "SIMULATED" not in texts(draw(make_recording(data_source="real")))


def test_every_picture_says_what_it_may_be_used_for():
    assert f"Data: real. {RESEARCH_USE}" in texts(draw(make_recording()))


def test_nothing_but_the_id_names_the_recording():
    recording = make_recording(recording_id="r7", subject_id="Ada Lovelace")
    assert "r7" in texts(draw(recording))
    assert not [text for text in texts(draw(recording)) if "Ada" in text]


def test_the_stretch_is_around_the_middle_labelled_epoch():
    night = make_night(LABELS)
    assert choose_stretch(night, index(night), 60.0) == (120.0, 180.0)
    late = make_recording(make_channel(length_s=600), labels=[""] * 10 + ["W"] * 6)
    assert choose_stretch(late, index(late), 60.0) == (360.0, 420.0)


def test_without_labels_it_is_the_middle_of_the_longest_run():
    recording = make_recording(make_channel(length_s=700), runs=((0.0, 100.0), (200.0, 700.0)))
    start_s, end_s = choose_stretch(recording, index(recording), 60.0)
    assert 200 <= start_s < 450 < end_s <= 700


def test_it_does_not_leave_its_run():
    recording = make_recording(
        make_channel(length_s=400), labels=["", "", "", "W"], runs=((0.0, 120.0), (150.0, 400.0))
    )
    assert choose_stretch(recording, index(recording), 60.0) == (60.0, 120.0)


def test_a_recording_shorter_than_the_picture_is_drawn_whole():
    recording = make_recording(make_channel(length_s=45))
    assert choose_stretch(recording, index(recording), 60.0) == (0.0, 45.0)


def test_a_recording_without_a_whole_epoch_is_drawn_all_the_same():
    recording = make_recording(make_channel(length_s=10))
    assert "EEG\n100 Hz" in texts(draw(recording))


def test_overlapping_epochs_are_not_written_over_each_other():
    epochs = index(make_night(LABELS), epoch_step_s=15.0)
    figure = draw(make_night(LABELS), epochs)
    centres = sorted(
        text.get_position()[0] for text in figure.axes[0].texts if text.get_text() in LABELS
    )
    assert len(centres) >= 2
    assert (np.diff(centres) >= 14).all()


def test_a_channel_that_starts_later_or_holds_nothing_is_drawn_as_it_is():
    late = make_channel("late", length_s=30, start_s=90.0)
    empty = make_channel("empty", np.full(12000, np.nan))
    figure = draw(make_recording(make_channel(), late, empty, runs=((0.0, 120.0),)))
    assert texts(figure).count("no value") >= 1


def test_of_given_windows_some_are_drawn_with_their_labels():
    random = np.random.default_rng(0)
    table = pd.DataFrame({"onset_s": np.arange(50) * 10.0, "length_s": 10.0,
                          "label": ["1"] * 25 + [None] * 25})  # fmt: skip
    recording = Recording(
        "rows", "rows", table=table, metadata={"sfreq": 125.0},
        arrays={"windows": random.normal(size=(50, 1, 1250)).astype(np.float32)},
    )  # fmt: skip
    figure = draw(recording)
    assert len(figure.axes[0].lines) == 6
    assert "epoch 0\nlabel 1" in texts(figure)
    assert "epoch 49\nunscored" in texts(figure)
    assert "Seconds from each window's start (125 Hz)" in texts(figure)


def test_of_a_table_alone_its_first_columns_are_drawn():
    table = pd.DataFrame({"onset_s": np.arange(20) * 30.0, "length_s": 30.0, "label": "W"})
    table = table.join(pd.DataFrame(np.random.default_rng(0).normal(size=(20, 11))).add_prefix("f"))
    figure = draw(Recording("t", "t", table=table))
    assert len(figure.axes[0].lines) == 8
    assert any("the first 8 of 11 columns" in text for text in texts(figure))


@pytest.mark.slow
def test_a_stored_recording_is_drawn_from_its_file_within_the_time(tmp_path):
    channels = [make_channel(f"C{n}", length_s=3600) for n in range(7)]
    recording = make_recording(*channels, labels=["W"] * 120)
    write_recording(tmp_path / "r.h5", recording)
    load = lambda: read_recording(tmp_path / "r.h5")  # noqa: E731
    epochs = index(recording)
    draw_stored(load, epochs, length_s=60.0).savefig(tmp_path / "warm.png", dpi=80)
    start = time.process_time()
    draw_stored(load, epochs, length_s=60.0).savefig(tmp_path / "r.png", dpi=80)
    assert time.process_time() - start < 2  # 0.12 s on an idle core
    assert (tmp_path / "r.png").stat().st_size > 5000


def test_a_long_table_is_thinned_like_a_signal():
    table = pd.DataFrame(
        {"onset_s": np.arange(2000.0), "length_s": 1.0, "power": np.arange(2000.0)}
    )
    figure = draw(Recording("r1", "s1", table=table.assign(label="W", run=0)), pd.DataFrame())
    assert any("power" in text for text in texts(figure))


def test_a_recording_that_comes_or_goes_leaves_the_keys_of_all_others():
    names = ["r1", "r2", "r3"]
    recordings = {name: partial(make_recording, recording_id=name) for name in names}
    epochs = {name: index(load()) for name, load in recordings.items()}

    def keys(of):
        table = pd.concat([epochs[name] for name in of], ignore_index=True)
        pieces = draw_snapshots({name: recordings[name] for name in of}, table, make_ingestion())
        return {name: key_of(piece) for name, piece in pieces.items()}

    before = keys(names)
    assert keys(["r2", "r3"]) == {"r2": before["r2"], "r3": before["r3"]}
