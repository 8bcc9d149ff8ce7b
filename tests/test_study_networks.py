"""What the networks of the stress and the harmful-EEG study are shown, and what they are not."""

from collections import Counter

import numpy as np
import pandas as pd
import pytest
from omegaconf import OmegaConf

from builders import make_channel, make_recording
from epochal.features import prepare_inputs
from epochal.models.training.mirroring import mirror_channels
from epochal.options.deep import DeepOptions
from epochal.options.features import FeatureOptions
from projects import ROOT

MINUTES, WINDOW_S = 20, 60
FOLDER = ROOT / "conf"
TASKS = ("stroop", "interview", "hyperventilation")


def section(study, name):
    """Return one section of a study's own parameters."""
    files = sorted((FOLDER / study).glob("parameters*.yml"))
    for path in files:
        own = OmegaConf.load(path)
        if name in own:
            return OmegaConf.to_container(own[name], resolve=False)
    raise AssertionError(f"{study} has no {name}")


def networks(study):
    return DeepOptions.model_validate(
        {
            "models": {
                name: {"kind": "residual_mlp"} | model
                for name, model in section(study, "deep_models")["models"].items()
            }
        }
    ).listed


def wristband(**changed):
    """Return 20 minutes of a wristband: noise, and what a test changes."""
    rng = np.random.default_rng(0)
    n = MINUTES * 60
    signals = {
        "BVP": (64, rng.normal(0, 20, n * 64)),
        "EDA": (4, 1 + 0.01 * rng.normal(0, 1, n * 4)),
        "TEMP": (4, np.full(n * 4, 33.0)),
        **{f"ACC {axis}": (32, 0.02 * rng.normal(0, 1, n * 32)) for axis in "xyz"},
    }
    signals |= changed
    channels = (
        make_channel(name, samples, sfreq=rate) for name, (rate, samples) in signals.items()
    )
    return make_recording(*channels)


@pytest.fixture
def windows():
    n = MINUTES * 60 // WINDOW_S
    onsets = WINDOW_S * np.arange(n, dtype=float)
    return pd.DataFrame(
        {"recording_id": "r1", "epoch": range(n), "onset_s": onsets, "length_s": WINDOW_S, "run": 0}
    )


@pytest.fixture
def wrist():
    return FeatureOptions.model_validate(section("wearable_stress", "feature_engineering"))


def test_a_window_of_the_stress_study_has_35_samples_a_second_of_five_channels(wrist, windows):
    made = prepare_inputs(wristband(), windows, wrist)
    assert made.arrays["signal"].shape == (MINUTES, 5, 60 * 35)
    assert made.channels == ("BVP", "EDA", "ACC x", "ACC y", "ACC z")


def test_skin_temperature_which_drifts_reaches_no_network(wrist, windows):
    drifting = wristband(TEMP=(4, np.linspace(30, 36, MINUTES * 240)))
    plain, warmer = (prepare_inputs(one, windows, wrist) for one in (wristband(), drifting))
    np.testing.assert_array_equal(plain.arrays["signal"], warmer.arrays["signal"])


def test_a_hand_that_turns_slowly_over_the_session_tells_no_time(wrist, windows):
    rng = np.random.default_rng(1)
    tilt = np.linspace(-1, 1, MINUTES * 60 * 32)
    turning = wristband(**{"ACC x": (32, tilt + 0.02 * rng.normal(size=len(tilt)))})
    level = prepare_inputs(turning, windows, wrist).arrays["signal"][1:-1, 2].mean(axis=1)
    assert np.abs(level).max() < 0.1
    assert abs(np.corrcoef(level, np.arange(len(level)))[0, 1]) < 0.7


def test_no_network_of_the_stress_study_has_side_features_or_neighbours():
    for name, model in networks("wearable_stress").items():
        if model.kind == "residual_mlp":
            continue
        assert model.columns == (), name
        assert model.sequence.n_epochs == 1, name


def test_left_and_right_of_the_double_banana_can_be_exchanged():
    options = FeatureOptions.model_validate(section("harmful_eeg", "feature_engineering"))
    names = options.network_inputs.signal.channels
    mirror = mirror_channels(names)
    assert set(mirror.signs) == {1.0}
    assert [names[place] for place in mirror.order][:4] == list(names[4:8])
    assert [mirror.order[place] for place in mirror.order] == list(range(len(names)))
    midline = [name for place, name in enumerate(names) if mirror.order[place] == place]
    assert midline == ["EEG Fz-Cz", "EEG Cz-Pz"]


def test_all_networks_over_the_eeg_learn_votes_and_judge_first_all_then_the_sure_ones():
    models = {n: m for n, m in networks("harmful_eeg").items() if m.kind != "residual_mlp"}
    assert Counter(model.kind for model in models.values()) == Counter(
        ["resnet_gru", "spectrogram_net", "attention_fusion"]
    )
    for name, model in models.items():
        assert (model.targets, model.loss.kind) == ("votes", "kl_votes"), name
        assert model.sampling.kind == "two_stage", name
        assert 0 < model.sampling.first_epochs < model.training.max_epochs, name
        assert "left_right_flip" in {one.kind for one in model.augmentations}, name


@pytest.mark.parametrize("study", ["wearable_stress", "harmful_eeg"])
def test_no_file_of_the_study_is_longer_than_a_screen(study):
    for path in (FOLDER / study).glob("*.yml"):
        assert len(path.read_text(encoding="utf-8").splitlines()) <= 60, path


def test_the_page_of_the_stress_study_quotes_the_leaderboard_of_the_network():
    board = pd.read_csv(ROOT / "docs/figures/wearable_stress/leaderboard.csv").set_index("model")
    tasks = pd.read_csv(ROOT / "docs/figures/wearable_stress/results_by_task.csv")
    found = tasks.set_index(["model", "task"])["accuracy"]
    text = (ROOT / "docs/how-to/run-the-stress-study.md").read_text(encoding="utf-8")
    for model in ("schedule_only", "lightgbm", "lightgbm_raw", "resnet_se"):
        row = next(one for one in text.splitlines() if one.startswith(f"| `{model}` | ."))
        for figure in ("accuracy", "macro_f1", "kappa"):
            assert f"| {_decimals(board.loc[model, figure])}" in row, (model, figure)
        shares = [1 - found[model, "relax"], *(found[model, task] for task in TASKS)]
        assert row.endswith("".join(f" {share:.0%} |".replace("%", " %") for share in shares))


def test_the_page_on_networks_quotes_the_leaderboard_of_the_sleep_study():
    board = pd.read_csv(ROOT / "docs/figures/sleep_edfx/leaderboard.csv")
    oof, test = (board[board["role"] == role].set_index("model") for role in ("oof", "test"))
    assert set(board["data_source"]) == {"simulated"}
    text = (ROOT / "docs/explanation/networks.md").read_text(encoding="utf-8")
    row = next(line for line in text.splitlines() if line.startswith("| `sleep_edfx` |"))
    described = " ".join(text.split())
    figures = ("accuracy", "macro_f1", "kappa", "f1_N1")
    network, trees = (
        [_decimals(oof.loc[model, name]) for name in figures]
        for model in ("cnn_bigru", "lightgbm_all")
    )
    said = "accuracy {}, macro-F1 {}, κ {}, N1 {} | `lightgbm_all`: {}, {}, {}, {} |"
    assert row.endswith(said.format(*network, *trees))
    (low, high), (tree_low, tree_high) = (
        map(_decimals, oof.loc[model, ["kappa_low", "kappa_high"]])
        for model in ("cnn_bigru", "lightgbm_all")
    )
    assert f"{low} to {high} over subjects, of the trees {tree_low} to {tree_high}" in described
    held_out = [_decimals(test.loc[model, "kappa"]) for model in ("cnn_bigru", "lightgbm_all")]
    assert "on four subjects held out, {} and {}".format(*held_out) in described
    smoothed = oof.filter(regex="^stack_(forward|viterbi|mode|median)", axis=0)["kappa"].max()
    assert f"(κ {_decimals(oof.loc['stack', 'kappa'])})" in described
    assert f"smoothing on top of it ({_decimals(smoothed)})" in described


def _decimals(value: float) -> str:
    return f"{value:.3f}".removeprefix("0")
