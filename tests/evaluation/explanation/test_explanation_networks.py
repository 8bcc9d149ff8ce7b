"""Explanations of networks on the signal's own time axis, by tiny networks of known taste."""

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("captum")

from torch import nn  # noqa: E402

from epochal.evaluation.explanation.figures import draw_epoch, smooth_over_time  # noqa: E402
from epochal.evaluation.explanation.networks import (  # noqa: E402
    delete_stretches,
    explain_windows,
    map_attention,
)
from epochal.models.networks.base import EpochNetwork  # noqa: E402
from epochal.models.networks.roster import NETWORKS  # noqa: E402

SHAPE = {"n_channels": 2, "n_times": 300, "sfreq": 100.0, "n_classes": 3}


class Listener(EpochNetwork):
    """Hears the power of the second channel between 1 and 2 s, and nothing else."""

    def __init__(self, **shape):
        super().__init__(**shape)
        self.finish(1)
        with torch.no_grad():
            self.head.weight[:] = torch.tensor([[1.0], [0.0], [-1.0]])
            self.head.bias.zero_()

    def embed(self, signal, spectrogram):
        del spectrogram
        return (signal[:, :, 1, 100:200] ** 2).sum(dim=-1, keepdim=True) / 100


class Attentive(EpochNetwork):
    """Each epoch's mean, then attention of torch's own kind over the sequence."""

    SEQUENTIAL = True

    def __init__(self, **shape):
        super().__init__(**shape)
        self.mix = nn.MultiheadAttention(2, 1, batch_first=True)
        self.finish(2)

    def embed(self, signal, spectrogram):
        del spectrogram
        means = signal.mean(dim=-1)
        return self.mix(means, means, means, need_weights=False)[0]


def windows(n=4, length=1, seed=0):
    return torch.randn(n, length, 2, 300, generator=torch.Generator().manual_seed(seed))


def test_the_planted_channel_and_second_get_all_the_credit():
    found = explain_windows(Listener(**SHAPE), {"signal": windows()}, epoch=0, class_=0)["signal"]
    assert found.shape == (4, 1, 2, 300)
    assert found[:, :, 0].abs().max() == 0
    assert found[:, :, 1, :100].abs().max() == 0
    assert found[:, :, 1, 200:].abs().max() == 0
    assert (found[:, :, 1, 100:200] >= 0).all()  # power speaks for the first class


def test_attributions_add_up_to_the_logit_against_the_mean_of_all():
    network, signal = Listener(**SHAPE), windows()
    found = explain_windows(network, {"signal": signal}, epoch=0, class_=2)["signal"]
    logits = network(signal)[:, 0]
    expected = logits[:, 2] - logits.mean(dim=-1)
    assert found.sum(dim=(1, 2, 3)).numpy() == pytest.approx(expected.detach().numpy(), abs=1e-3)


def test_silencing_the_ranked_stretches_first_beats_a_random_order():
    network, signal = Listener(**SHAPE), windows()
    found = explain_windows(network, {"signal": signal}, epoch=0, class_=0)["signal"]

    def score(given):
        return network(given)[:, 0, 0]

    ranked, random = delete_stretches(score, signal, found, n_stretches=30)
    assert ranked[0] == random[0]
    assert ranked[10] == pytest.approx(0, abs=1e-6)  # a third of the stretches is all it hears
    assert ranked.mean() < random.mean() - 0.1
    assert ranked[-1] == pytest.approx(random[-1], abs=1e-6)


def test_attention_of_torchs_own_layers_is_had_although_nobody_asked_for_it():
    (weights,) = map_attention(Attentive(**SHAPE), {"signal": windows(3, 5)})
    assert weights.shape == (3, 1, 5, 5)
    assert weights.sum(axis=-1) == pytest.approx(np.ones((3, 1, 5)), abs=1e-5)


def test_a_network_without_attention_has_no_map():
    assert map_attention(Listener(**SHAPE), {"signal": windows()}) == []


@pytest.mark.parametrize("name", [name for name, kind in NETWORKS.items() if kind.INPUTS])
def test_every_network_over_windows_can_be_explained(name):
    kind = NETWORKS[name]
    shape = SHAPE | {"n_times": 1000}
    length = 3 if kind.SEQUENTIAL else 1
    inputs = {"signal": torch.randn(1, length, 2, 1000)}
    if "spectrogram" in kind.INPUTS:
        shape |= {"spectrogram_shape": (2, 32, 32)}
        inputs["spectrogram"] = torch.randn(1, length, 2, 32, 32)
    torch.manual_seed(0)
    network = kind(**shape).eval()
    found = explain_windows(network, inputs, epoch=length // 2, class_=1, n_steps=4)
    assert found.keys() == set(kind.INPUTS)
    for input_name, values in found.items():
        assert values.shape == inputs[input_name].shape
        assert torch.isfinite(values).all()
        assert values.abs().max() > 0
    for weights in map_attention(network, inputs):
        assert weights.shape[-2:] == (length, length)
        assert weights.sum(axis=-1) == pytest.approx(np.ones(weights.shape[:-1]), abs=1e-4)


# Figures


def test_the_picture_has_the_signals_own_time_axis():
    signal = windows(1)[0, 0].numpy()
    figure = draw_epoch(
        signal, np.abs(signal), sfreq=100.0, channels=("EEG", "EOG"), title="REM",
        data_source="simulated", onset_s=9000.0,
    )  # fmt: skip
    first = figure.axes[0]
    assert first.get_xlim() == pytest.approx((9000.0, 9002.99), abs=0.02)
    assert [axes.get_ylabel() for axes in figure.axes[:2]] == ["EEG", "EOG"]
    assert "Data: simulated" in figure.get_supxlabel()


def test_smoothing_over_time_keeps_the_place_and_the_sum():
    spike = np.zeros((1, 400))
    spike[0, 200] = 1.0
    smooth = smooth_over_time(spike)
    assert smooth.sum() == pytest.approx(10)  # the moving sum over a fortieth
    assert abs(int(np.flatnonzero(smooth[0]).mean()) - 200) <= 1
