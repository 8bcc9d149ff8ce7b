import pytest
from click.testing import CliRunner

from epochal.cli import cli
from epochal.provenance import MARK
from epochal.simulation import SIMULATORS, simulator

SMALL = ["--set", "n_subjects=1", "--set", "hours=0.5"]


def simulate(*arguments):
    return CliRunner().invoke(cli, ["simulate", *map(str, arguments)])


@pytest.mark.slow
def test_a_cohort_is_written_in_its_original_layout_and_marked(tmp_path):
    done = simulate("sleep", tmp_path / "raw", *SMALL)
    assert done.exit_code == 0, done.output
    names = {path.name for path in (tmp_path / "raw").rglob("*")}
    assert {"SC4001E0-PSG.edf", "SC4001EC-Hypnogram.edf", MARK} <= names
    n_files = sum(path.is_file() for path in (tmp_path / "raw").rglob("*"))
    assert done.output == f"{n_files} simulated files in {tmp_path / 'raw'}\n"


@pytest.mark.slow
def test_another_seed_gives_other_people(tmp_path):
    contents = []
    for name, seed in (("a", ["--seed", "1"]), ("b", ["--seed", "2"]), ("c", ["--set", "seed=2"])):
        assert simulate("sleep", tmp_path / name, *SMALL, *seed).exit_code == 0
        (psg,) = (tmp_path / name).rglob("*-PSG.edf")
        contents.append(psg.read_bytes())
    assert contents[0] != contents[1] == contents[2]


@pytest.mark.parametrize(
    ("option", "reason"),
    [("people=3", "people"), ("n_subjects=none", "n_subjects"), ("n_subjects=0", "n_subjects")],
)
def test_an_option_that_the_simulator_refuses_is_named_in_one_line(tmp_path, option, reason):
    done = simulate("sleep", tmp_path / "raw", "--set", option)
    assert done.exit_code == 1
    assert done.output.count("\n") == 1
    assert "--set: " in done.output
    assert reason in done.output
    assert not (tmp_path / "raw").exists()


def test_of_an_option_that_there_is_not_the_near_miss_and_all_options_are_named(tmp_path):
    near = simulate("sleep", tmp_path / "raw", "--set", "n_subject=2").output
    assert "no option 'n_subject'; did you mean 'n_subjects'?" in near
    far = simulate("sleep", tmp_path / "raw", "--set", "foo=1").output
    assert "no option 'foo'" in far
    for said in (near, far):
        assert all(said.count(f" {name}") >= 1 for name in simulator("sleep").Options.model_fields)
        assert "pydantic" not in said


@pytest.mark.parametrize("kind", SIMULATORS)
def test_every_simulator_says_which_options_it_has(tmp_path, kind):
    said = simulate(kind, tmp_path / "raw", "--set", "foo=1").output
    assert f"no option 'foo'; it has: {min(simulator(kind).Options.model_fields)}, " in said


def test_an_option_without_a_value_is_a_wrong_call(tmp_path):
    done = simulate("sleep", tmp_path, "--set", "n_subjects")
    assert done.exit_code == 2
    assert "write name=value" in done.output


def test_an_unknown_kind_is_a_wrong_call_that_lists_what_there_is(tmp_path):
    done = simulate("slep", tmp_path)
    assert done.exit_code == 2
    assert all(name in done.output for name in SIMULATORS)


def test_files_that_no_simulation_wrote_are_never_lost(tmp_path):
    (tmp_path / "night.edf").write_text("real")
    done = simulate("sleep", tmp_path, *SMALL)
    assert done.exit_code == 1
    assert "files that no simulation wrote" in done.output
    assert (tmp_path / "night.edf").read_text() == "real"
