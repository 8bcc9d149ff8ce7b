"""The page on networks shows what the benchmark measured, and what was measured is good enough."""

import copy
import importlib.util
import json

import pytest

from projects import ROOT


def load(path):
    spec = importlib.util.spec_from_file_location(f"deep_{path.stem}", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


page = load(ROOT / "benchmarks/deep/page.py")
benchmark = load(ROOT / "benchmarks/deep.py")


@pytest.fixture
def report():
    return json.loads((ROOT / "benchmarks/results/deep.json").read_text(encoding="utf-8"))


def rows_of(report, part):
    return [row for row in report["rows"] if row["part"] == part and "ours" in row]


def test_every_table_of_the_page_is_that_of_the_results(report):
    text = page.PAGE.read_text(encoding="utf-8")
    assert page.fill(text, report) == text


def test_another_result_changes_the_page(report):
    changed = copy.deepcopy(report)
    rows_of(changed, "peers")[0]["ratio"] = 12.34
    assert "| 12.34 |" in page.fill(page.PAGE.read_text(encoding="utf-8"), changed)


def test_a_page_without_a_table_is_refused_by_its_name(report):
    with pytest.raises(SystemExit, match=r"networks\.md has no table 'peers'"):
        page.fill("nothing", report)


def test_a_pair_is_one_line_with_its_sizes_and_ratios():
    row = {"peer_name": "braindecode USleep", "ours_parameters": 1200, "peer_parameters": 3_000_000}
    ways = {"forward, 1 epoch": 2.5, "training step, 64 epochs": 0.5}
    rows = [row | {"case": f"s4d: {way}, warm, 1 thread", "ratio": r} for way, r in ways.items()]
    lines = page.write_peers(rows).splitlines()
    assert lines[2:] == ["| `s4d` | USleep | 1,200 | 3,000,000 | 2.5 |  |  | 0.5 |"]


def test_a_network_over_sequences_has_figures_for_one_epoch_and_for_twenty():
    row = {"peer": 1.0, "ratio": 4.0}
    cases = {"one epoch": 0.123, "20 epochs at once": 2.0}
    rows = [row | {"case": f"s4d, sleep, {c}, ONNX Runtime", "ours": v} for c, v in cases.items()]
    rows.append({"case": "s4d, sleep, on a GPU", "ours": 0.1, "peer": None})
    assert page.write_latency(rows).splitlines()[2:] == ["| `s4d` | sleep | 0.12 | 4 | 2 | 4 |"]


def test_every_network_of_the_roster_answers_within_ten_milliseconds(report):
    roster = pytest.importorskip("epochal.models.networks.roster", reason="needs PyTorch")
    rows = rows_of(report, "latency")
    assert {row["case"].split(",")[0] for row in rows} == {*roster.NETWORKS, "residual_mlp"}
    assert [row["case"] for row in rows if not row["within_10_ms"]] == []


def test_training_from_files_keeps_nine_tenths_of_the_speed_of_memory(report):
    rows = [r for r in rows_of(report, "loading") if r["case"].startswith("training from files")]
    assert len(rows) == 2
    assert min(row["ratio"] for row in rows) >= 0.9


def test_memory_does_not_grow_with_the_recordings(report):
    (row,) = [r for r in rows_of(report, "loading") if r["unit"] == "MB"]
    assert row["ours"] - row["peer"] < 30  # of the 173 MB that the windows take


class TestWithoutPeers:
    def test_there_is_one_row_that_says_why(self, monkeypatch):
        def fail():
            raise OSError("no room")

        monkeypatch.setattr(benchmark, "find_peers", fail)
        assert [row["skipped"] for row in benchmark.compare_peers()] == ["no room"]

    def test_the_environment_is_where_it_is_told_to_be(self, monkeypatch, tmp_path):
        monkeypatch.setenv("EPOCHAL_DEEP_PEERS", str(tmp_path))
        assert benchmark.peers_python() == tmp_path / "bin" / "python"

    def test_it_is_in_the_users_cache_otherwise(self, monkeypatch, tmp_path):
        monkeypatch.delenv("EPOCHAL_DEEP_PEERS", raising=False)
        monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
        assert benchmark.peers_python().is_relative_to(tmp_path / "epochal")

    def test_versions_found_before_are_kept(self, monkeypatch, tmp_path):
        monkeypatch.setenv("EPOCHAL_DEEP_PEERS", str(tmp_path))
        found = {"versions": {"torch": "2", "peers' torch": "1"}}
        assert benchmark.read_peer_versions(found) == {"peers' torch": "1"}


class StandIn:
    n_parameters = 7

    def __init__(self, second):
        self.second, self.calls = second, []

    def compute(self, way, layout, n_times):
        self.calls.append((way, layout, n_times))
        return self.second, 2 * self.second


class TestTurns:
    def test_a_row_tells_milliseconds_an_epoch_and_how_often_ours_is_as_fast(self):
        workers = [StandIn(0.064), StandIn(0.128)]
        row = benchmark.compare_case(workers, ("a", "b"), "train", (4, 16))
        assert (row["ours"], row["peer"], row["ratio"]) == (1.0, 2.0, 2.0)
        assert row["case"] == "a: training step, 64 epochs, warm, 1 thread"
        assert (row["ours_parameters"], row["ratio_elapsed"]) == (7, 2.0)

    def test_fast_calls_are_repeated_until_a_round_can_be_measured(self):
        worker = StandIn(0.001)
        benchmark.take_turns([worker], "forward", (1, 1))
        warm, *rounds = [n_times for _, _, n_times in worker.calls]
        assert warm == 2
        assert rounds == [1 + int(benchmark.ROUND_S / 0.001)] * benchmark.N_ROUNDS

    def test_a_network_that_fails_leaves_a_row_with_the_reason(self, monkeypatch):
        def fail(python, name, n_channels):
            raise RuntimeError("no such network")

        monkeypatch.setattr(benchmark, "Worker", fail)
        (row,) = benchmark.compare_pair(ROOT, "a", "b", 2, (1, 1))
        assert row["failed"] == "no such network"
