import numpy as np
import pandas as pd
import pytest

from builders import make_epochs, make_predictions, make_splits
from epochal.evaluation.sleep_agreement import (
    COLUMNS,
    SHOWN,
    STATISTICS,
    compare_sleep_statistics,
    draw_sleep_agreement,
    pair_statistics,
)
from epochal.evaluation.structure import list_sequences
from epochal.hypnogram.sleep_statistics import CLASSES, DEFINITIONS
from epochal.labels import proba_columns
from epochal.serving.report.sleep import measure_night
from made_report import material_of

NIGHT = ["W"] * 20 + ["N1"] * 4 + ["N2"] * 40 + ["N3"] * 20 + ["W"] * 6 + ["REM"] * 20 + ["W"] * 10
EPOCHS = make_epochs(NIGHT, n_subjects=14)
SPLITS = make_splits(EPOCHS, n_test=4)
COLUMNS_OF = proba_columns(CLASSES)


def predict(**given):
    return make_predictions(EPOCHS, SPLITS, classes=CLASSES, **given)


def overslept(n_epochs):
    """Call the first epochs of wake in the middle of the night N2."""
    found = predict()
    at = found["epoch"].between(84, 84 + n_epochs - 1)
    found.loc[at, COLUMNS_OF] = np.eye(5)[2]
    return found


def pairs_of(predictions, epochs=EPOCHS, classes=CLASSES):
    return pair_statistics(list_sequences(predictions, epochs, classes), classes)


def test_a_perfect_model_has_the_scorings_statistics():
    found = pairs_of(predict())
    assert set(found["statistic"]) == set(STATISTICS)
    known = found.dropna()
    assert (known["scored"] == known["predicted"]).all()
    tst = known[known["statistic"] == "tst_min"]["scored"]
    assert set(tst) == {(4 + 40 + 20 + 20) / 2}


@pytest.mark.parametrize("gaps_s", [(3600,), (30,), (45,), (75, 3600), (3600, 45, 100)])
def test_a_night_with_gaps_has_the_statistics_of_its_report(gaps_s):
    epochs = make_epochs(NIGHT, n_subjects=3)
    for number, gap_s in enumerate(gaps_s, start=1):
        later = epochs["epoch"] >= 30 * number
        epochs["onset_s"] += gap_s * later
        epochs["run"] += later
    predictions = make_predictions(epochs, make_splits(epochs), classes=CLASSES)
    graph = pairs_of(predictions, epochs).query("recording_id == 'r0'").set_index("statistic")
    onsets_s = epochs.loc[epochs["recording_id"] == "r0", "onset_s"].to_numpy()
    report = measure_night(material_of(NIGHT, onsets_s=onsets_s)).statistics.values
    expected = pytest.approx({name: report[name] for name in STATISTICS})
    assert graph["scored"].to_dict() == expected
    assert graph["predicted"].to_dict() == expected


@pytest.mark.slow
def test_a_constant_bias_is_found_with_limits_of_no_width():
    agreement = compare_sleep_statistics(pairs_of(overslept(4)), seed=0)
    assert list(agreement) == COLUMNS
    rows = agreement[agreement["role"] == "oof"].set_index("statistic")
    assert rows.loc["tst_min", ["bias", "lower", "upper"]].tolist() == pytest.approx([2, 2, 2])
    assert rows.loc["waso_spt_min", "bias"] == pytest.approx(-2)
    assert rows.loc["n2_min", "bias"] == pytest.approx(2)
    assert rows.loc["rem_min", "bias"] == 0
    assert rows.loc["tst_min", "unit"] == "min"
    assert rows.loc["tst_min", "n_pairs"] == 10


@pytest.mark.slow
def test_intervals_resample_subjects_not_nights():
    nights = EPOCHS.assign(
        subject_id=EPOCHS["subject_id"].map(lambda name: f"t{int(name[1:]) // 2}")
    )
    agreement = compare_sleep_statistics(pairs_of(predict(), nights), seed=0)
    rows = agreement[agreement["role"] == "oof"].set_index("statistic")
    assert (rows.loc["tst_min", "n_pairs"], rows.loc["tst_min", "n_recordings"]) == (10, 5)


@pytest.mark.slow
def test_a_night_without_rem_has_no_latency_and_is_counted_as_missing():
    lacking = EPOCHS.assign(
        label=EPOCHS["label"].where(
            (EPOCHS["label"] != "REM") | (EPOCHS["recording_id"] != "r0"), "N2"
        )
    )
    agreement = compare_sleep_statistics(pairs_of(predict(), lacking), seed=0)
    row = agreement[(agreement["role"] == "oof") & (agreement["statistic"] == "rem_latency_min")]
    assert row[["n_pairs", "n_missing"]].to_numpy().tolist() == [[9, 1]]


@pytest.mark.slow
def test_what_either_left_out_counts_as_unscored_in_both():
    predictions = predict()
    found = pairs_of(predictions[~predictions["epoch"].between(24, 33)])
    assert set(found[found["statistic"] == "n2_min"]["scored"]) == {15.0}


@pytest.mark.slow
@pytest.mark.parametrize("classes", [("W", "NREM", "REM"), ("baseline", "stress")])
def test_other_studies_have_no_sleep_statistics_but_a_picture_that_says_so(classes):
    epochs = make_epochs([classes[0]] * 10, n_subjects=3)
    predictions = make_predictions(epochs, make_splits(epochs), classes=classes)
    pairs = pair_statistics(list_sequences(predictions, epochs, classes), classes)
    agreement = compare_sleep_statistics(pairs, seed=0)
    assert pairs.empty
    assert agreement.empty
    assert list(agreement) == COLUMNS
    figure = draw_sleep_agreement(pairs, agreement, model="m")
    assert "No nights" in figure.get_suptitle()


def test_statistics_need_no_lights():
    needing = {"tib_min", "se_percent", "sol_min", "waso_min"}
    assert not needing & set(STATISTICS)
    assert set(SHOWN) <= set(STATISTICS) <= set(DEFINITIONS)


@pytest.mark.slow
@pytest.mark.parametrize(("n_test", "words"), [(4, "out of fold"), (10, "test")])
def test_the_picture_shows_test_nights_where_there_are_enough(n_test, words):
    splits = make_splits(EPOCHS, n_test=n_test)
    predictions = make_predictions(EPOCHS, splits, classes=CLASSES)
    pairs = pairs_of(predictions)
    figure = draw_sleep_agreement(pairs, compare_sleep_statistics(pairs, seed=0), model="m")
    assert words in figure.get_suptitle()
    panels = [axes for axes in figure.axes if axes.get_title()]
    assert [axes.get_title().split(",")[0] for axes in panels] == [
        DEFINITIONS[name].name for name in SHOWN
    ]
    assert len(panels[0].lines[0].get_xdata()) == 10
    assert "simulated" in figure.get_supxlabel()


def test_no_predictions_give_no_rows():
    assert isinstance(pairs_of(predict()[:0]), pd.DataFrame)
    assert compare_sleep_statistics(pairs_of(predict()[:0]), seed=0).empty
