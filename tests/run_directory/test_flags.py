"""The document's table of flags, and what goes with what."""

import os
import re
from pathlib import Path

import click
import pytest

from epochal.commands.analyze import analyze
from epochal.commands.evaluate import evaluate
from epochal.commands.optimize import optimize
from epochal.commands.predict import predict
from epochal.commands.train import train
from epochal.run_directory.flags import LSTM_FAST, PROFILES, TrainFlags, find_conflict, settle

COMMANDS = {
    "train": train, "predict": predict, "evaluate": evaluate, "analyze": analyze,
    "optimize": optimize,
}  # fmt: skip
# flag -> its default, where the document says one; "" where it does not
TRAIN = {
    "--run-dir": None, "--save": True, "--no-save": True, "--refit-final": True,
    "--no-refit-final": True, "--splits": "", "--timing": False, "--with-hgb": True,
    "--no-with-hgb": True, "--with-lstm": False, "--no-with-lstm": False, "--with-cnn": False,
    "--no-with-cnn": False, "--x-csv": None, "--y-csv": None, "--x-h5": None,
    "--h5-dataset-key": "features", "--drop-cols": ("id", "label"), "--hgb-fe": False,
    "--hgb-fe-chunk-size": "", "--undersample-balanced": False, "--undersample-seed": "",
    "--class-weights-auto": False, "--meta-C": "", "--optimize": False, "--opt-targets": "",
    "--opt-trials": "", "--opt-seed": "", "--opt-budget-lstm-epochs": "",
    "--opt-budget-lstm-max-train-samples": "", "--opt-budget-cnn-epochs": "",
    "--opt-budget-cnn-max-train-samples": "", "--lstm-fast": False, "--lstm-downsample": 5,
    "--lstm-epochs": 3, "--lstm-max-train-samples": 50_000, "--lstm-units": 64,
    "--lstm-dense-units": 32, "--lstm-batch-size": 32, "--lstm-predict-batch-size": 1024,
    "--lstm-verbose": 1, "--lstm-load-model": None, "--cnn-epochs": 20, "--cnn-batch-size": 64,
    "--cnn-downsample": 1, "--cnn-max-train-samples": 0, "--cnn-predict-batch-size": 4096,
    "--cnn-verbose": 1, "--cnn-load-only": False, "--cnn-load-model": None,
}  # fmt: skip
OTHERS = {
    "predict": {"--run-dir": None, "--x-csv": None, "--x-h5": None, "--out": None},
    "evaluate": {"--run-dir": None, "--x-csv": None, "--y-csv": None, "--x-h5": None},
    "analyze": {
        "--run-dir": None, "--source": "oof", "--print-report": True, "--no-print-report": True,
        "--save-json": True, "--no-save-json": True,
    },
}  # fmt: skip
EXPECTED = {"train": TRAIN, **OTHERS}
H5 = {"x_h5": Path("X.h5"), "hgb_fe": True}


def options_of(command):
    return {
        flag: option
        for option in command.params
        for flag in (*option.opts, *option.secondary_opts)
        if isinstance(option, click.Option)
    }


def default_of(command, option):
    """Return what a command takes where the flag is not given."""
    return command.make_context("x", [], resilient_parsing=True).params[option.name]


@pytest.mark.parametrize(
    ("command", "flag"), [(name, flag) for name in EXPECTED for flag in EXPECTED[name]]
)
def test_every_flag_of_the_document_is_there_with_its_default(command, flag):
    option = options_of(COMMANDS[command])[flag]
    expected = EXPECTED[command][flag]
    if expected != "":
        assert default_of(COMMANDS[command], option) == expected
    assert option.help


def find_document():
    """Return the text that the data's folder has beside it."""
    data = os.environ.get("EPOCHAL_DATA")
    if not data:
        pytest.skip("EPOCHAL_DATA is not set: the document lies beside that folder")
    found = sorted((Path(data).parent / "seeds").glob("003_*.txt"))
    if not found:
        pytest.skip(f"no seeds/003_* beside {data}")
    return found[0].read_text(encoding="utf-8")


def read_table(text):
    """Return the document's (command, flag) pairs."""
    pairs = []
    for command, flags in re.findall(r"^\| `(\w+)` \| `([^`]+)` \|", text, flags=re.M):
        pairs += [(command, flag) for flag in flags.split("/")]
    return pairs


def test_the_documents_table_holds_no_flag_that_is_not_here():
    pairs = read_table(find_document())
    assert len(pairs) > 60
    missing = [(c, flag) for c, flag in pairs if flag not in options_of(COMMANDS[c])]
    assert missing == []


def test_the_documents_defaults_are_ours():
    text = find_document()
    said = re.findall(r"`?(--(?:lstm|cnn)-[a-z-]+) (\d+)[`,]", text[text.index("Valeurs par") :])
    stated = dict(reversed(said))  # the first mention of each, in the section of defaults
    assert len(stated) >= 10
    for flag, value in stated.items():
        assert default_of(train, options_of(train)[flag]) == int(value), flag


def test_optimize_takes_what_train_takes_but_what_it_does_not_do():
    left_out = set(options_of(train)) - set(options_of(optimize))
    assert left_out == {
        "--save", "--no-save", "--refit-final", "--no-refit-final", "--optimize", "--best-params",
        "--timing",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("given", "named"),
    [
        ({"undersample_balanced": True, "class_weights_auto": True, **H5},
         ("--undersample-balanced", "--class-weights-auto")),
        ({"undersample_balanced": True}, ("--undersample-balanced", "--hgb-fe")),
        ({"with_hgb": False}, ("--no-with-hgb", "--with-lstm", "--with-cnn")),
        ({"with_hgb": False, "with_cnn": True, **H5}, ("--hgb-fe", "--no-with-hgb")),
        ({"hgb_fe": True}, ("--hgb-fe", "--x-h5")),
        ({"with_lstm": True}, ("--with-lstm", "--x-h5")),
        ({"with_cnn": True}, ("--with-cnn", "--x-h5")),
        ({"cnn_load_only": True}, ("--cnn-load-only", "--with-cnn")),
        ({"cnn_load_only": True, "with_cnn": True, **H5}, ("--cnn-load-only", "--cnn-load-model")),
        ({"cnn_load_model": Path("a.onnx"), "with_cnn": True, **H5},
         ("--cnn-load-model", "--cnn-load-only")),
        ({"cnn_load_model": Path("a.onnx")}, ("--cnn-load-model", "--with-cnn")),
        ({"lstm_load_model": Path("a.onnx")}, ("--lstm-load-model", "--with-lstm")),
        ({"lstm_fast": True}, ("--lstm-fast", "--with-lstm")),
        ({"optimize": True, "opt_targets": ("cnn",)}, ("--opt-targets cnn", "--with-cnn")),
        ({"optimize": True, "opt_targets": ("lstm",), "with_lstm": True,
          "lstm_load_model": Path("a.onnx"), **H5}, ("--opt-targets lstm", "--lstm-load-model")),
        ({"optimize": True, "best_params": Path("b.json")}, ("--optimize", "--best-params")),
    ],
)  # fmt: skip
def test_flags_that_cannot_go_together_are_both_named(given, named):
    conflict = find_conflict(TrainFlags(**given))
    assert conflict is not None
    assert [flag for flag in named if flag not in conflict] == []


@pytest.mark.parametrize("target", ["lstm", "cnn"])
@pytest.mark.parametrize("name", ["m.keras", "m.h5", "m"])
def test_models_of_others_are_refused_by_name(target, name):
    given = {f"{target}_load_model": Path(name), f"with_{target}": True, **H5}
    flags = TrainFlags(**given, cnn_load_only=target == "cnn")
    conflict = find_conflict(flags)
    assert name in conflict
    assert f"--{target}-load-model" in conflict
    assert f"models/{target}_temporal.onnx" in conflict


@pytest.mark.parametrize(
    "given",
    [
        {},
        {"undersample_balanced": True, **H5},
        {"undersample_balanced": True, "with_hgb": False, "with_lstm": True, "x_h5": Path("X.h5")},
        {"class_weights_auto": True},
        {"hgb_fe": True, "x_h5": Path("X.h5"), "x_csv": Path("X.csv")},
        {"opt_targets": ("cnn",)},
        {"with_cnn": True, "cnn_load_only": True, "cnn_load_model": Path("c.onnx"), **H5},
    ],
)
def test_flags_that_go_together_are_taken(given):
    assert find_conflict(TrainFlags(**given)) is None


def test_the_fast_preset_overrides_what_it_is_about():
    flags = settle({"lstm_fast": True, "lstm_epochs": 9, "lstm_units": 8}, {"lstm_epochs"})
    assert flags.lstm_epochs == LSTM_FAST["lstm_epochs"]
    assert flags.lstm_units == 8
    for name, value in LSTM_FAST.items():
        assert getattr(flags, name) == value


def test_the_fast_preset_is_faster_than_the_defaults():
    defaults = TrainFlags()
    assert LSTM_FAST["lstm_downsample"] > defaults.lstm_downsample
    assert LSTM_FAST["lstm_epochs"] < defaults.lstm_epochs
    assert LSTM_FAST["lstm_max_train_samples"] < defaults.lstm_max_train_samples


@pytest.mark.parametrize("profile", PROFILES)
def test_a_profile_gives_way_to_the_users_own_flags(profile):
    flags = settle({"profile": profile, "splits": 7}, {"profile", "splits"})
    assert flags.splits == 7
    rest = {name: value for name, value in PROFILES[profile].items() if name != "splits"}
    overridden = LSTM_FAST if rest.get("lstm_fast") else {}
    for name, value in rest.items():
        assert getattr(flags, name) == overridden.get(name, value)


def test_the_profiles_take_more_and_more_folds():
    assert [PROFILES[name]["splits"] for name in ("quick", "intermediate", "thorough")] == [2, 3, 5]
