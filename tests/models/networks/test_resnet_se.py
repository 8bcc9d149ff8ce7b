import pytest
import torch
from small_networks import answer, make_inputs, make_network

from epochal.errors import EpochalError
from epochal.models.networks.residual1d import SqueezeExcitation


@pytest.mark.parametrize(
    ("sfreq", "length_s"), [(35.0, 60), (64.0, 4), (100.0, 30), (125.0, 10), (200.0, 50)]
)
def test_windows_of_the_five_studies_will_do(sfreq, length_s):
    shape = (2, round(sfreq * length_s), sfreq)
    assert answer(make_network("resnet_se", shape), make_inputs(2, 1, shape)).shape == (2, 1, 3)


def test_every_block_squeezes_and_excites():
    network = make_network("resnet_se")
    excitations = [m for m in network.modules() if isinstance(m, SqueezeExcitation)]
    assert len(excitations) == 3


def test_blocks_are_an_option_and_each_halves_the_frames():
    shape = (2, 640, 64.0)
    for n_filters in ((8,), (8, 12), (8, 12, 16, 20)):
        network = make_network("resnet_se", shape, n_filters=n_filters)
        frames = network.blocks(torch.randn(1, 2, 640))
        assert frames.shape == (1, n_filters[-1], 160 // 2 ** len(n_filters))
        assert network.width == 2 * n_filters[-1]


def test_the_window_is_read_by_its_mean_and_its_maximum():
    network = make_network("resnet_se").eval()
    windows = torch.randn(3, 2, 128)
    frames = network.blocks(windows)
    expected = torch.cat([frames.mean(dim=2), frames.max(dim=2).values], dim=1)
    assert torch.equal(network.read(windows), expected)


def test_windows_that_leave_nothing_are_refused_with_what_is_needed():
    with pytest.raises(EpochalError, match=r"windows of 15 samples at 35 Hz .* which needs 16"):
        make_network("resnet_se", (6, 15, 35.0))
    assert make_network("resnet_se", (6, 16, 35.0)).width == 128
