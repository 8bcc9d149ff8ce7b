"""Results are one file each: what is there is not fitted again, and a failure loses no other."""

import json

import pytest

from epochal.errors import EpochalError
from epochal.experiments.results import (
    Observer,
    Task,
    list_tasks,
    read_result,
    result_path,
    run_tasks,
    write_result,
)
from experiment_material import make_judged, make_material, make_options


class Witness:
    """An observer that writes down what it is told."""

    def __init__(self):
        self.told = []

    def observer(self):
        return Observer(
            lambda task: self.told.append(("begins", task.name)),
            lambda judged: self.told.append(("ends", judged.name)),
            lambda judged: self.told.append(("found", judged.name)),
            lambda task, reason: self.told.append(("fails", task.name, reason)),
        )


def task(name, run=None):
    return Task(name, name, run or (lambda: make_judged({"s1": [[1, 0], [0, 1]]}, name=name)))


def fail():
    raise EpochalError("no memory left")


def run(folder, *tasks):
    witness = Witness()
    done = run_tasks(list(tasks), folder, witness.observer())
    return [one.name for one in done], witness.told


def test_a_second_call_finds_everything_and_fits_nothing(tmp_path):
    first, _ = run(tmp_path, task("a"), task("b"))
    second, told = run(tmp_path, task("a", fail), task("b", fail))
    assert first == second == ["a", "b"]
    assert told == [("found", "a"), ("found", "b")]


def test_a_failure_loses_no_other_cell_and_is_tried_again(tmp_path):
    names, told = run(tmp_path, task("a"), task("b", fail), task("c"))
    assert names == ["a", "c"]
    assert ("fails", "b", "no memory left") in told
    names, told = run(tmp_path, task("a", fail), task("b"), task("c", fail))
    assert names == ["a", "b", "c"]
    assert ("begins", "b") in told
    assert ("found", "a") in told


def test_a_kill_between_two_cells_keeps_the_first(tmp_path):
    def kill():
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run(tmp_path, task("a"), task("b", kill))
    names, told = run(tmp_path, task("a", fail), task("b"))
    assert names == ["a", "b"]
    assert told[0] == ("found", "a")


def test_a_result_comes_back_as_it_was(tmp_path):
    judged = make_judged({"s1": [[3, 1], [0, 2]]}, name="a")
    write_result(tmp_path, judged)
    assert read_result(tmp_path, task("a")) == judged
    assert [path.name for path in tmp_path.iterdir()] == ["a.a.json"]


def test_a_result_of_another_key_is_none(tmp_path):
    write_result(tmp_path, make_judged({}, name="a"))
    assert read_result(tmp_path, Task("a", "other", fail)) is None


def test_a_broken_result_is_named(tmp_path):
    result_path(tmp_path, "a", "a").write_text("{")
    with pytest.raises(EpochalError, match="not a cell's result; remove it"):
        read_result(tmp_path, task("a"))


def test_a_results_file_is_plain_json_without_the_labels(tmp_path):
    write_result(tmp_path, make_judged({"s1": [[3, 1], [0, 2]]}, name="a"))
    content = json.loads((tmp_path / "a.a.json").read_text())
    assert content["tables"] == {"none": {"s1": [[3, 1], [0, 2]]}}
    assert content["data_source"] == "simulated"


def test_checkpoints_go_when_the_result_is_there(tmp_path):
    for name in ("a", "b"):
        (tmp_path / "ckpt" / name).mkdir(parents=True)
    tasks = [task("a"), task("b", fail)]
    run_tasks(tasks, tmp_path / "out", Witness().observer(), checkpoints=str(tmp_path / "ckpt"))
    assert [path.name for path in (tmp_path / "ckpt").iterdir()] == ["b"]


def test_a_subset_of_a_grid_has_the_same_keys_as_the_whole(tmp_path):
    material = make_material(tmp_path)
    whole = list_tasks(
        make_options(loss=("weighted_cross_entropy", "focal"), baselines=("one_column",)), material
    )
    part = list_tasks(make_options(loss=("focal",)), material)
    assert next(one.name for one in whole) == "one_column"
    assert [(one.name, one.key) for one in part] == [(one.name, one.key) for one in whole[2:]]


@pytest.mark.slow
def test_tasks_of_a_material_run_to_results(tmp_path):
    material = make_material(tmp_path)
    options = make_options(model={"training": {"max_epochs": 1}}, baselines=("one_column",))
    names, told = run(tmp_path / "out", *list_tasks(options, material))
    assert names == ["one_column", "cnn1d-1-weighted_cross_entropy-emg_channel"]
    assert [kind for kind, *_ in told] == ["begins", "ends"] * 2
