import json
from functools import partial
from pathlib import Path

import pytest
from pydantic import BaseModel, ValidationError

from epochal import simulation
from epochal.errors import EpochalError
from epochal.parallel import ParallelOptions
from epochal.provenance import MARK, data_source_of
from epochal.simulation import SIMULATORS, Simulator, cohort, simulator
from epochal.simulation.cohort import RECIPE, write_cohort

SEQUENTIAL = ParallelOptions(backend="sequential", progress=False)


class Options(BaseModel, extra="forbid", frozen=True):
    seed: int = 0
    n: int = 2
    broken: str = ""


def write_one(folder: Path, name: str, options: Options) -> None:
    if name == options.broken:
        raise OSError("disk full")
    with (folder / f"{name}.txt").open("a") as file:
        file.write(f"{name} {options.seed}\n")


def jobs(folder, options):
    return {f"p{i}": partial(write_one, folder, f"p{i}", options) for i in range(options.n)}


def finish(folder, options):
    (folder / "RECORDS").write_text(str(options.n))


@pytest.fixture(autouse=True)
def made_up(monkeypatch):
    """A simulator that writes one line per person."""
    monkeypatch.setattr(cohort, "simulator", lambda name: Simulator(Options, jobs, finish))


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "raw"


def write(folder, **options):
    write_cohort("made_up", folder, options, parallel=SEQUENTIAL)


def names(folder):
    return {path.name for path in folder.iterdir()}


def test_a_cohort_is_written_whole_and_marked(folder):
    write(folder)
    assert names(folder) == {"p0.txt", "p1.txt", "RECORDS", MARK, RECIPE}
    assert data_source_of(folder / "p0.txt") == "simulated"


def test_the_same_cohort_is_written_only_once(folder):
    write(folder)
    write(folder)
    assert (folder / "p0.txt").read_text() == "p0 0\n"


def test_another_cohort_replaces_the_first(folder):
    write(folder, n=3)
    write(folder, seed=5)
    assert "p2.txt" not in names(folder)
    assert (folder / "p0.txt").read_text() == "p0 5\n"


def test_another_version_of_epochal_writes_anew(folder, monkeypatch):
    write(folder)
    (folder / "p0.txt").unlink()
    monkeypatch.setattr(cohort, "__version__", "99")
    write(folder)
    assert "p0.txt" in names(folder)
    assert json.loads((folder / RECIPE).read_text())["version"] == "99"


def test_an_interrupted_cohort_is_begun_again(folder):
    with pytest.raises(EpochalError, match="could not simulate p1: disk full"):
        write(folder, broken="p1")
    assert names(folder) == {"p0.txt", MARK}  # no recipe, no table that belongs to all
    write(folder)
    assert (folder / "p0.txt").read_text() == "p0 0\n"
    assert RECIPE in names(folder)


def test_all_failures_are_named_and_none_hides_the_others(folder, monkeypatch):
    def fail(*_):
        raise ValueError("no")

    monkeypatch.setattr(f"{__name__}.write_one", fail)
    with pytest.raises(EpochalError, match="p0: no; p1: no"):
        write(folder)


def test_a_recipe_appears_whole_or_not_at_all(folder, monkeypatch):
    def kill(self, target):
        raise KeyboardInterrupt

    monkeypatch.setattr(Path, "replace", kill)
    with pytest.raises(KeyboardInterrupt):
        write(folder)
    assert RECIPE not in names(folder)
    monkeypatch.undo()
    monkeypatch.setattr(cohort, "simulator", lambda name: Simulator(Options, jobs, finish))
    write(folder)
    assert (folder / "p0.txt").read_text() == "p0 0\n"


def test_files_that_no_simulation_wrote_stop_it(folder):
    folder.mkdir()
    (folder / "night.edf").write_text("real")
    with pytest.raises(EpochalError, match="files that no simulation wrote; choose another folder"):
        write(folder)
    assert names(folder) == {"night.edf"}


def test_an_empty_folder_is_taken(folder):
    folder.mkdir()
    write(folder)
    assert "p0.txt" in names(folder)


def test_an_option_that_the_simulator_does_not_know_writes_nothing(folder):
    with pytest.raises(ValidationError, match="people"):
        write(folder, people=3)
    assert not folder.exists()


def test_the_pieces_may_be_written_side_by_side(folder):
    write_cohort("made_up", folder, {"n": 6})
    assert len(list(folder.glob("p*.txt"))) == 6


@pytest.mark.parametrize("name", SIMULATORS)
def test_every_simulator_has_options_with_a_seed_and_a_sentence_each(name):
    module = simulator(name)
    assert module.Options().model_dump()["seed"] == 0
    assert all(field.description for field in module.Options.model_fields.values())
    assert module.jobs(Path("nowhere"), module.Options())  # lists, and writes nothing
    assert not Path("nowhere").exists()


def test_an_unknown_simulator_is_refused_with_the_near_miss():
    with pytest.raises(EpochalError, match="No simulator 'slep'; did you mean 'sleep'"):
        simulation.simulator("slep")
