"""A study's report: what it counts, draws, and refuses to be written with."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import precision_recall_fscore_support, roc_auc_score

from builders import CLASSES, make_epochs, make_splits, make_study
from epochal.errors import LeakageError
from epochal.evaluation.report.data import (
    count_predictions,
    describe_data,
    describe_protocol,
    list_environment,
    list_guards,
    list_parts,
)
from epochal.evaluation.report.figures import draw_calibration, draw_differences, trace_roc
from epochal.evaluation.report.models import (
    lay_confusion,
    list_confusions,
    list_sure_errors,
    measure_burden,
    measure_classes,
    show_worst,
)
from epochal.evaluation.report.page import write_research_report
from made_study import LABELS, make_results
from page_checks import check_page


@pytest.fixture(scope="module")
def results():
    return make_results()


@pytest.fixture(scope="module")
def page(results):
    return check_page(write_research_report(results))


def test_the_page_has_every_section(page):
    for head in (
        "Before you quote a figure", "Data", "Protocol", "Guards against leakage", "Counts",
        "Leaderboard", "Classes", "Comparisons and ablations", "Calibration, prediction sets",
        "Where it fails", "Environment",
    ):  # fmt: skip
        assert head in page.shown


def test_the_page_says_what_the_data_are_and_repeats_the_studys_caveats(page):
    assert "Data: simulated. Research use only" in page.shown
    assert "Made up." in page.shown


def test_data_are_counted(results):
    told = dict(describe_data(results))
    assert told["Recordings"] == "4 of 4 read"
    assert told["Subjects"] == "4 with labels"
    assert told["Recorded"] == "0.8 hours"
    assert told["Epochs"] == "96 of 30 s; 96 of labelled subjects"
    assert told["Recordings repaired"] == "1"
    assert told["Age, years"] == "30 to 60, median 45"
    assert told["Sex"] == "F 3, M 1"
    assert told["Flagged for a fault"] == "not looked for"


@pytest.mark.slow
def test_flagged_epochs_are_told_where_faults_were_looked_for():
    epochs = make_epochs(LABELS).assign(quality_flat=False)
    epochs.loc[:23, "quality_flat"] = True
    assert dict(describe_data(make_results(epochs=epochs)))["Flagged for a fault"] == "25.0 %"


def test_each_role_is_told_with_its_class_balance(results):
    parts = {part.name: part for part in list_parts(results)}
    assert set(parts) == {"train", "test", "all"}
    assert (parts["train"].n_subjects, parts["train"].n_epochs) == (3, 72)
    assert (parts["test"].n_subjects, parts["all"].n_labelled) == (1, 96)
    assert parts["all"].shares == pytest.approx((8 / 24, 12 / 24, 4 / 24))


def test_epochs_without_a_label_are_no_part_of_the_balance(results):
    epochs = results.epochs.assign(
        label=results.epochs["label"].where(results.epochs["epoch"] < 20)
    )
    parts = list_parts(replace(results, epochs=epochs))
    assert (parts[-1].n_epochs, parts[-1].n_labelled) == (96, 80)
    assert parts[-1].shares == pytest.approx((0.4, 0.6, 0.0))


def test_the_protocol_names_scheme_folds_and_what_was_held_out(results):
    told = dict(describe_protocol(results))
    assert told["Scheme"] == "group_folds, 2 folds"
    assert told["Held out"].startswith("one subject as test")
    assert told["Headline"].startswith("model: the best κ out of fold")
    assert told["Kept whole"] == "subject"


def test_each_model_is_counted_against_the_split(results):
    counts = {(count.model, count.role): count for count in count_predictions(results)}
    assert counts["model", "oof"][2:] == (72, 72, 0)
    assert counts["majority", "test"][2:] == (24, 24, 0)


def test_a_silent_model_is_seen_in_the_counts(results):
    fewer = results.predictions.drop(results.predictions.index[:5])
    counts = count_predictions(replace(results, predictions=fewer))
    assert (counts[0].n_expected, counts[0].n_predicted) == (72, 67)


def test_an_epoch_predicted_twice_stops_the_report(results):
    twice = pd.concat([results.predictions, results.predictions.head(1)], ignore_index=True)
    with pytest.raises(LeakageError, match="'model' predicts an epoch twice as out of fold"):
        write_research_report(replace(results, predictions=twice))


def test_a_prediction_in_another_role_stops_the_report(results):
    moved = results.predictions.copy()
    moved.loc[moved["recording_id"] == "r3", "role"] = "oof"
    with pytest.raises(
        LeakageError, match="24 epochs as out of fold that the split has in another"
    ):
        count_predictions(replace(results, predictions=moved))


def test_a_subject_in_two_roles_stops_the_report(results):
    splits = results.splits.copy()
    splits.loc[0, "role"] = "test"
    with pytest.raises(LeakageError, match="Subjects in more than one role: s0"):
        list_guards(replace(results, splits=splits))


@pytest.mark.slow
def test_the_guard_against_clocks_is_listed_where_tasks_follow_one_order(results):
    clock = ("No feature tells the time in session.", "feature engineering")
    assert clock not in list_guards(results)
    ordered = replace(results, study=make_study(fixed_task_order=True))
    assert clock in list_guards(ordered)
    assert "schedule_only" in check_page(write_research_report(ordered)).shown


@pytest.mark.slow
def test_unknown_subjects_are_told_beside_every_figure(results):
    blocks = replace(results, study=make_study(subjects_known=False, caveats=("Made up.",)))
    shown = check_page(write_research_report(blocks)).shown
    assert "The data name no subjects: every interval is too narrow." in shown


def test_every_model_stands_on_the_leaderboard_with_its_interval_and_origin(results, page):
    for row in results.leaderboard.itertuples():
        assert row.model in page.shown
        assert f"{row.kappa:.3f}" in page.shown
    assert "out of fold yes simulated 72 3" in page.shown


def test_classes_are_measured_as_scikit_learn_does(results):
    truth, proba = results.codes("oof")
    expected = precision_recall_fscore_support(truth, proba.argmax(axis=1), zero_division=0)
    found = [row for row in measure_classes(results) if row.role == "out of fold"]
    assert [row.precision for row in found] == pytest.approx(expected[0])
    assert [row.recall for row in found] == pytest.approx(expected[1])
    assert [row.f1 for row in found] == pytest.approx(expected[2])
    assert [row.n_epochs for row in found] == expected[3].tolist()


def test_the_area_under_the_roc_is_scikit_learns():
    random = np.random.default_rng(0)
    truth = random.integers(0, 3, 300)
    proba = random.dirichlet([1, 1, 1], 300).round(1)  # with ties
    for code, curve in enumerate(trace_roc(truth, proba, CLASSES)):
        assert curve.area == pytest.approx(roc_auc_score(truth == code, proba[:, code]))


def test_a_roc_runs_from_corner_to_corner_and_a_class_that_never_came_has_none():
    truth = np.array([0, 0, 2, 2])
    proba = np.array([[0.9, 0, 0.1], [0.8, 0, 0.2], [0.3, 0, 0.7], [0.85, 0, 0.15]])
    curves = trace_roc(truth, proba, CLASSES)
    assert [curve.name for curve in curves] == ["W", "REM"]
    assert (curves[0].false_positive[[0, -1]].tolist(), curves[0].area) == ([0, 1], 0.75)


def test_the_confusion_has_the_expert_in_rows(results):
    cells = lay_confusion(results, "oof")
    assert [cell.n_epochs for cell in cells[0]] == [18, 0, 6]
    assert cells[0][2].share == pytest.approx(0.25)


def test_the_most_frequent_errors_are_named(results):
    (most,) = list_confusions(results, "test")
    assert most == ("W", "N2", 6, 1.0)


def test_the_surest_errors_are_those_of_the_most_independent_role(results):
    found = list_sure_errors(results)
    assert len(found) == 6
    assert found[0][:2] == ("r3", 0)
    assert (found[1].onset_s, found[1].truth, found[1].guess) == (30.0, "W", "N2")
    assert found[0].proba == pytest.approx(0.9)


@pytest.mark.slow
def test_the_worst_recordings_are_drawn_with_expert_model_and_signal(results):
    shown = show_worst(results, n=2)
    assert [one.told.split(",")[0] for one in shown] == ["r3", "r0"]
    assert all("data:image/png" in one.drawing for one in shown)
    assert 'id="worst-1-title"' in shown[1].drawing


def test_a_recording_whose_signals_are_gone_is_drawn_without_them(results):
    bare = replace(results, recordings={})
    assert "data:image/png" not in show_worst(bare, n=1)[0].drawing


def test_burden_is_each_recordings_share_by_expert_and_model(results):
    wake, light, rem = measure_burden(results, "oof")
    # of three recordings, one has 6 of its 8 W called REM
    assert wake.expert == pytest.approx(8 / 24)
    assert wake.bias == pytest.approx(-6 / 24 / 3)
    assert rem.bias == pytest.approx(6 / 24 / 3)
    assert light.bias == 0
    spread = 1.96 * np.std([-0.25, 0, 0], ddof=1)
    assert (wake.low, wake.high) == pytest.approx((wake.bias - spread, wake.bias + spread))


def test_reliability_is_drawn_by_class_without_bins_of_a_few_epochs(results):
    charts = draw_calibration(results)
    assert [chart.name for chart in charts] == list(CLASSES)
    assert charts[0].errors == "ECE 0.040 out of fold, ECE 0.040 test"
    assert charts[0].drawing.count("<circle") == 6  # three bins of two roles


@pytest.mark.slow
def test_baselines_do_not_set_the_scale_of_the_differences(results):
    rows = [
        {"model": name, "reference": "model", "role": "oof", "data_source": "simulated",
         "figure": "kappa", "n_epochs": 72, "n_subjects": 3, "value": 0.5, "difference": gap,
         "low": gap - 0.1, "high": gap + 0.1, "p": 0.5, "p_holm": 0.5}
        for name, gap in (("stack", 0.01), ("majority", -0.8))
    ]  # fmt: skip
    compared = replace(results, comparisons=pd.DataFrame(rows))
    drawn = draw_differences(compared, "oof")
    assert "stack" in drawn
    assert "majority" not in drawn
    shown = check_page(write_research_report(compared)).shown
    assert "Every model against model, the best single one out of fold" in shown
    assert "majority out of fold kappa 3 0.500 -0.800 -0.900 to -0.700 0.500" in shown


def test_a_study_of_one_model_has_nothing_to_compare(page):
    assert "There is one model only: nothing to compare." in page.shown


@pytest.mark.slow
def test_results_by_task_stand_beside_those_of_the_schedule(results):
    rows = [("model", 0.9), ("schedule_only", 0.8), ("other", 0.7)]
    tasks = pd.DataFrame(
        [
            {"model": name, "role": "oof", "task": "relax", "label": "W", "n_epochs": 9,
             "accuracy": value}
            for name, value in rows
        ]
    )  # fmt: skip
    shown = check_page(write_research_report(replace(results, by_task=tasks))).shown
    assert "model out of fold relax W 9 0.900" in shown
    assert "schedule_only out of fold relax W 9 0.800" in shown
    assert "other out of fold relax" not in shown


@pytest.mark.slow
def test_agreement_with_people_stands_where_a_study_has_it(results, page):
    assert "Agreement with people" not in page.shown
    known = {"model": "model", "role": "oof"}
    nights = {"statistic": "tst_min", "unit": "min", "n_pairs": 3, "bias": -4.04, "bias_low": -9.0,
              "bias_high": 1.0, "lower": -20.0, "upper": 12.0}  # fmt: skip
    votes = {"votes": "10 and more", "n_epochs": 9, "kl": 0.5, "kl_low": 0.4, "kl_high": 0.6,
             "skill": 0.25}  # fmt: skip
    scorer = {"judged": "model", "judge": "scorer 1", "role": "oof", "n_epochs": 72,
              "accuracy": 0.9, "kappa": 0.8, "kappa_low": 0.7, "kappa_high": np.nan}  # fmt: skip
    tables = {
        "sleep_agreement": pd.DataFrame([known | nights, nights | {"model": "x", "role": "oof"}]),
        "vote_bands": pd.DataFrame([known | votes]),
        "scorer_agreement": pd.DataFrame([scorer]),
    }
    shown = check_page(write_research_report(replace(results, **tables))).shown
    assert shown.count("TST out of fold min 3 -4.0 -9.0 to 1.0 -20.0 to 12.0") == 1
    assert "10 and more out of fold 9 0.500 0.400 to 0.600 0.250" in shown
    assert "scorer 1 out of fold 72 0.900 0.800 –" in shown


def test_the_environment_names_the_versions_and_the_seed(page):
    names = dict(list_environment())
    assert {"Python", "epochal", "numpy", "scikit-learn"} <= set(names)
    assert f"numpy {names['numpy']}" in page.shown
    assert "Seed 0." in page.shown


@pytest.mark.slow
def test_a_study_without_a_test_role_reports_out_of_fold(results):
    epochs = make_epochs(LABELS)
    splits = make_splits(epochs, n_test=0)
    shown = check_page(write_research_report(make_results(epochs=epochs, splits=splits))).shown
    assert "none: every figure is out of fold" in shown
    assert "κ test" not in shown


@pytest.mark.slow
def test_hostile_names_are_text(results):
    name = "<script>alert(1)</script>"
    swap = {"recording_id": {"r0": name}, "subject_id": {"s0": name}}
    study = make_study(caveats=(name,))
    changed = {
        table: getattr(results, table).replace(swap)
        for table in ("epochs", "splits", "predictions", "by_recording", "summary")
    }
    shown = check_page(write_research_report(replace(results, study=study, **changed))).shown
    assert name in shown
