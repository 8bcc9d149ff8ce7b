import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure

from builders import CLASSES, make_epochs, make_predictions, make_splits
from epochal.plots import COLOURS, draw_confusions, draw_scored, draw_timeline

EPOCHS = make_epochs(n_epochs=20)
SPLITS = make_splits(EPOCHS)


def predict(model="m", certainty=0.9):
    return make_predictions(EPOCHS, SPLITS, model=model, certainty=certainty)


def save(figure: Figure, path) -> Figure:
    """Draw everything once: what cannot be drawn fails here."""
    figure.savefig(path)
    assert path.read_bytes().startswith(b"\x89PNG")
    return figure


def footer(figure):
    return figure.get_supxlabel()


def drawn(figure):
    return [axes for axes in figure.axes if axes.axison]


@pytest.mark.slow
def test_every_model_and_role_has_its_confusion_matrix(tmp_path):
    predictions = pd.concat([predict("a"), predict("b"), predict("c")])
    figure = save(draw_confusions(predictions, EPOCHS, CLASSES), tmp_path / "a.png")
    titles = [axes.get_title() for axes in drawn(figure)]
    assert titles == ["a (oof)", "a (test)", "b (oof)", "b (test)", "c (oof)", "c (test)"]
    assert len(figure.axes) == 8  # two rows of four, the last two left empty


@pytest.mark.slow
def test_a_confusion_matrix_shows_shares_of_the_truth(tmp_path):
    wrong = predict(certainty=0.1)
    for predictions, share in ((predict(), "1.00"), (wrong, "0.00")):
        figure = save(draw_confusions(predictions, EPOCHS, CLASSES), tmp_path / "a.png")
        texts = {text.get_position(): text.get_text() for text in figure.axes[0].texts}
        assert {texts[i, i] for i in range(3)} == {share}
    labels = [tick.get_text() for tick in figure.axes[0].get_xticklabels()]
    assert labels == list(CLASSES)


@pytest.mark.slow
def test_a_class_that_never_occurs_has_a_row_of_zeros(tmp_path):
    epochs = EPOCHS.assign(label=EPOCHS["label"].replace("REM", "N2"))
    figure = save(draw_confusions(predict(), epochs, CLASSES), tmp_path / "a.png")
    texts = {text.get_position(): text.get_text() for text in figure.axes[0].texts}
    assert {texts[column, 2] for column in range(3)} == {"0.00"}


@pytest.mark.slow
def test_unscored_epochs_are_left_out_of_the_confusion(tmp_path):
    epochs = EPOCHS.assign(label=EPOCHS["label"].where(EPOCHS["subject_id"] != "s3"))
    figure = save(draw_confusions(predict(), epochs, CLASSES), tmp_path / "a.png")
    assert [axes.get_title() for axes in drawn(figure)] == ["m (oof)"]


@pytest.mark.slow
def test_a_timeline_shows_truth_prediction_and_probabilities_by_the_hour(tmp_path):
    rows = predict()[lambda table: table["recording_id"] == "r0"].sample(frac=1, random_state=0)
    figure = save(draw_timeline(rows, EPOCHS, CLASSES, model="stack"), tmp_path / "a.png")
    truth, guess, proba = figure.axes
    assert (truth.get_ylabel(), guess.get_ylabel()) == ("Scored", "stack")
    assert figure.get_suptitle() == "r0 (oof)"
    one, other = (axes.lines[0].get_xydata() for axes in (truth, guess))
    assert np.array_equal(one, other)  # right throughout, and in the order of time
    assert one[-1, 0] == pytest.approx(19 * 30 / 3600)
    assert proba.get_ylim() == (0, 1)


@pytest.mark.slow
def test_an_unscored_stretch_is_a_hole_in_the_line(tmp_path):
    epochs = EPOCHS.assign(label=EPOCHS["label"].where(EPOCHS["epoch"] != 5))
    rows = predict()[lambda table: table["recording_id"] == "r0"]
    figure = save(draw_timeline(rows, epochs, CLASSES, model="m"), tmp_path / "a.png")
    codes = figure.axes[0].lines[0].get_ydata()
    assert np.flatnonzero(np.isnan(codes)).tolist() == [5]


def scored_table():
    proba = np.full((4, 3), 1 / 3)
    table = pd.DataFrame(proba, columns=[f"proba_{name}" for name in CLASSES])
    return table.assign(
        onset_s=30.0 * np.arange(4),
        label=["W", "N2", "", "W"],
        flags=["", "flat", "missing;not_scored", ""],
    )


@pytest.mark.slow
def test_a_scored_recording_marks_its_flagged_epochs(tmp_path):
    summary = {"model": "stack", "recording_id": "night", "data_source": "real"}
    figure = save(draw_scored(scored_table(), summary, CLASSES), tmp_path / "a.png")
    flags = next(line for line in figure.axes[0].lines if line.get_label() == "flagged")
    assert flags.get_xdata() == pytest.approx([30 / 3600, 60 / 3600])
    assert figure.get_suptitle() == "night"
    assert np.isnan(figure.axes[0].lines[0].get_ydata()[2])


@pytest.mark.slow
@pytest.mark.parametrize("source", ["real", "simulated"])
def test_every_figure_says_what_its_data_are_and_what_it_is_for(source):
    epochs = EPOCHS.assign(data_source=source)
    rows = predict()[lambda table: table["recording_id"] == "r0"]
    summary = {"model": "stack", "recording_id": "night", "data_source": source}
    for figure in (
        draw_confusions(predict(), epochs, CLASSES),
        draw_timeline(rows, epochs, CLASSES, model="m"),
        draw_scored(scored_table(), summary, CLASSES),
    ):
        assert footer(figure) == f"Data: {source}. Research use only, not a medical device."


def test_mixed_data_are_called_mixed():
    mixed = np.where(EPOCHS["subject_id"] == "s0", "real", "simulated")
    figure = draw_confusions(predict(), EPOCHS.assign(data_source=mixed), CLASSES)
    assert footer(figure).startswith("Data: real and simulated.")


def test_there_is_a_colour_for_each_class_of_every_study():
    assert len(set(COLOURS)) == len(COLOURS) >= 6
