import numpy as np
import pandas as pd
import pytest

from epochal.run_directory.figures import (
    analyze,
    summarise,
    write_confusion,
    write_figures,
    write_report,
)

CLASSES = ("0", "1", "2")


def make_rows(truth, guess):
    proba = np.full((len(truth), 3), 0.1)
    proba[np.arange(len(truth)), guess] = 0.8
    table = pd.DataFrame(proba, columns=[f"proba_{name}" for name in CLASSES])
    return table.assign(
        label=list(map(str, truth)), subject_id=[f"b{i % 4}" for i in range(len(truth))]
    )


ROWS = make_rows([0, 0, 0, 0, 1, 1, 2, 2], [0, 0, 0, 1, 1, 2, 2, 2])


def test_figures_of_a_known_table():
    figures = summarise(ROWS, CLASSES, seed=0)
    assert figures["accuracy"] == 0.75
    assert figures["balanced_accuracy"] == pytest.approx((0.75 + 0.5 + 1) / 3, abs=1e-5)
    assert figures["confusion"] == [[3, 1, 0], [0, 1, 1], [0, 0, 2]]
    f1 = [6 / 7, 0.5, 0.8]
    assert figures["macro_f1"] == pytest.approx(np.mean(f1), abs=1e-5)
    assert figures["weighted_f1"] == pytest.approx(np.dot(f1, [4, 2, 2]) / 8, abs=1e-5)
    assert figures["kappa_low"] <= figures["kappa"] <= figures["kappa_high"]
    assert figures["n_rows"] == 8


def test_errors_by_class_are_what_the_confusion_lacks():
    result = analyze(ROWS, CLASSES, seed=0)
    assert result["confusion_normalised"] == [[0.75, 0.25, 0], [0, 0.5, 0.5], [0, 0, 1]]
    assert result["error_by_class"] == {"0": 0.25, "1": 0.5, "2": 0.0}
    assert result["report"]["1"]["recall"] == 0.5


def test_a_class_that_never_came_has_no_error():
    result = analyze(make_rows([0, 0, 1, 1], [0, 0, 1, 2]), CLASSES, seed=0)
    assert result["error_by_class"]["2"] is None
    assert result["figures"]["confusion"][2] == [0, 0, 0]


def test_figures_and_tables_can_be_read():
    result = analyze(ROWS, CLASSES, seed=0)
    assert write_figures(result["figures"]).startswith("accuracy 0.7500, balanced accuracy 0.7500")
    lines = write_confusion(result["figures"]["confusion"], list(CLASSES)).splitlines()
    assert [line.split() for line in lines[1:]] == [
        ["0", "3", "1", "0"], ["1", "0", "1", "1"], ["2", "0", "0", "2"],
    ]  # fmt: skip
    shares = write_confusion(result["confusion_normalised"], list(CLASSES), digits=3)
    assert "0.250" in shares
    report = write_report(result["report"]).splitlines()
    assert report[1].split() == ["0", "1.0000", "0.7500", "0.8571", "4"]
    assert len({len(line) for line in report}) == 1
