"""The page on what networks add shows what its benchmark measured, by the calls that it states."""

import copy
import importlib.util
import json
import re

import numpy as np
import pandas as pd
import pytest

from projects import ROOT

pytest.importorskip("torch", reason="the benchmark fits networks")

FIGURE = re.compile(r"(?<!\d)\.\d{3}\b")
AIMS = {"macro_f1": 0.82, "f1_rem": 0.75, "kappa": 0.80}  # row R15 of the features


def load(path, monkeypatch=None):
    if monkeypatch is not None:
        monkeypatch.syspath_prepend(str(path.parent))
    spec = importlib.util.spec_from_file_location(f"rodent_{path.stem}", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


page = load(ROOT / "benchmarks/rodent_networks/page.py")


@pytest.fixture
def benchmark(monkeypatch):
    return load(ROOT / "benchmarks/rodent_networks.py", monkeypatch)


@pytest.fixture
def report():
    return json.loads((ROOT / "benchmarks/results/rodent_networks.json").read_text("utf-8"))


@pytest.fixture
def text():
    return page.PAGE.read_text(encoding="utf-8")


def networks_and_features(report):
    """Return the usual network's row and that of three features, of each part that has both."""
    rows = {(row["part"], row["cell"], row["smoothing"]): row for row in report["rows"]}
    usual = report["rows"][0]["cell"]
    return [
        (rows[part, usual, "none"], row)
        for (part, cell, _), row in rows.items()
        if cell == "three_features"
    ]


def test_every_table_of_the_page_is_that_of_the_results(report, text):
    assert page.fill(text, report) == text


def test_another_result_changes_the_page(report, text):
    changed = copy.deepcopy(report)
    changed["rows"][0]["figures"]["kappa"]["value"] = 0.1234
    assert "| .123 (" in page.fill(text, changed)


def test_a_page_without_a_table_is_refused_by_its_name(report):
    with pytest.raises(SystemExit, match=r"networks\.md has no table 'rows'"):
        page.fill("nothing", report)


def test_every_figure_of_the_sentences_is_in_a_table(text):
    written = "".join(re.findall(r"<!-- table: .*?<!-- end -->", text, flags=re.DOTALL))
    told = re.sub(
        r"<!-- table: .*?<!-- end -->|## The other studies.*?(?=\n## )", "", text, flags=re.DOTALL
    )
    assert set(FIGURE.findall(told)) <= set(FIGURE.findall(written))


@pytest.mark.parametrize(
    ("value", "plain", "signed"),
    [
        (0.9164, ".916", "+.916"),
        (-0.0432, "−.043", "−.043"),
        (-0.0003, "−.000", "−.000"),
        (0.0, ".000", ".000"),
        (1, "1.000", "+1.000"),
    ],
)
def test_a_figure_has_three_decimals_and_a_difference_its_sign(value, plain, signed):
    assert page.write_number(value) == plain
    assert page.write_number(value, sign=True) == signed


def test_the_calls_are_those_that_the_benchmark_makes(benchmark, report):
    assert [one["call"] for one in report["calls"]] == [benchmark.say(c) for c in benchmark.CALLS]
    assert [one.get("model", {}) for one in report["calls"]] == [c.model for c in benchmark.CALLS]


@pytest.mark.parametrize("kind", ["rows", "pairs"])
def test_every_line_of_the_benchmark_has_its_row(benchmark, report, kind):
    lines = {"rows": benchmark.LINES, "pairs": benchmark.PAIRS}[kind]
    described = [{name: row[name] for name in benchmark.Line._fields} for row in report[kind]]
    assert described == [line._asdict() for line in lines]


def test_the_experiments_own_table_says_the_same(report):
    table = pd.read_csv(ROOT / "docs/figures/rodent_sleep/comparison.csv")
    rows = [row for row in report["rows"] if not row["part"].startswith("site")]
    assert len(table) == len(rows)
    assert set(table["data_source"]) == {"simulated"}
    for name in ("macro_f1", "kappa"):
        for end, column in {"value": name, "low": f"{name}_low", "high": f"{name}_high"}.items():
            told = [row["figures"][name][end] for row in rows]
            np.testing.assert_allclose(table[column], told, atol=1.1e-4)
        told = [row.get("paired", {}).get(name, {}).get("difference", np.nan) for row in rows]
        np.testing.assert_allclose(table[f"d_{name}"], told, atol=1.1e-4)


def test_the_usual_network_reaches_the_aims_on_held_out_mice_and_in_every_laboratory(report):
    usual = [network for network, _ in networks_and_features(report)]
    assert [row["part"] for row in usual] == ["held-out mice", "site-1", "site-2", "site-3"]
    low = [
        (row["part"], name)
        for row in usual
        for name, aim in AIMS.items()
        if row["figures"][name]["value"] < aim
    ]
    assert low == []


def test_three_features_are_worse_everywhere_by_more_than_the_interval(report):
    gaps = [row["paired"]["kappa"]["high"] for _, row in networks_and_features(report)]
    assert max(gaps) < 0


def test_no_row_is_so_good_that_the_task_is_a_toy(report):
    assert max(row["figures"]["macro_f1"]["value"] for row in report["rows"]) < 0.95


class TestFigures:
    @pytest.fixture
    def line(self, benchmark):
        return benchmark.Line("what", "new", against="old")

    def judged(self, benchmark, name, tables):
        return benchmark.Judged(
            name=name, key="k", described={}, classes=("W", "NREM", "REM"), causal={"none": True},
            data_source="simulated", n_parameters=7, seconds=1.0, tables={"none": tables},
        )  # fmt: skip

    def test_what_is_always_right_beside_what_never_finds_rem(self, benchmark, line):
        right = {name: np.diag([50, 40, 10]).tolist() for name in ("a", "b")}
        blind = {name: [[50, 0, 0], [0, 40, 0], [0, 10, 0]] for name in ("a", "b")}
        cells = {"new": right, "old": blind}
        part = {name: self.judged(benchmark, name, tables) for name, tables in cells.items()}
        (row,) = benchmark.describe((line,), {benchmark.MICE: part})
        assert (row["n_subjects"], row["n_epochs"], row["n_parameters"]) == (2, 200, 7)
        assert row["figures"]["f1_rem"] == {"value": 1.0, "low": 1.0, "high": 1.0}
        difference = row["paired"]["f1_rem"]
        assert [difference[key] for key in ("difference", "low", "high")] == [1.0, 1.0, 1.0]
        assert row["paired"]["macro_f1"]["difference"] == round(1 - (1 + 80 / 90) / 3, 4)

    def test_a_cell_that_failed_is_named(self, benchmark, line):
        with pytest.raises(SystemExit, match="No result of new in the part 'held-out mice'"):
            list(benchmark.describe((line,), {benchmark.MICE: {}}))

    def test_other_animals_are_no_pair(self, benchmark, line):
        tables = {name: {name: np.eye(3, dtype=int).tolist()} for name in ("a", "b")}
        one, other = (self.judged(benchmark, name, tables[name]) for name in ("a", "b"))
        with pytest.raises(SystemExit, match="not the same animals as b"):
            benchmark.differ(line, one, other)

    def test_two_results_of_one_name_are_refused(self, benchmark, tmp_path):
        (tmp_path / "cells").mkdir()
        content = json.dumps(vars(self.judged(benchmark, "new", {})))
        for key in ("1", "2"):
            (tmp_path / f"cells/new.{key}.json").write_text(content)
        with pytest.raises(SystemExit, match="two results of new"):
            benchmark.read_part(tmp_path)


def test_a_call_may_give_the_model_more_and_leaves_the_repositorys_conf(benchmark, tmp_path):
    path = tmp_path / "experiment.yml"
    before = (ROOT / "conf/rodent_sleep/experiment.yml").read_text("utf-8")
    sampled = benchmark.Call("part", {}, model={"sampling": {"kind": "oversample"}})
    benchmark.give_model(sampled, path)
    assert "kind: oversample" in path.read_text()
    benchmark.give_model(benchmark.Call("part", {}), path)
    assert "oversample" not in path.read_text()
    assert (ROOT / "conf/rodent_sleep/experiment.yml").read_text("utf-8") == before
