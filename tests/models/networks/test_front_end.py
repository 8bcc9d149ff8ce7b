import numpy as np
import pytest
import torch

from epochal.errors import EpochalError
from epochal.models.networks.context_network import ContextNetwork
from epochal.models.networks.front_end import (
    FrontEnd,
    check_long_enough,
    convolution,
    embed_each,
    odd_samples,
    stride_to,
)

RATES = (35.0, 64.0, 100.0, 128.0, 200.0)


def make_front_end(sfreq=64.0, length_s=10.0, n_channels=2, **params):
    torch.manual_seed(0)
    return FrontEnd(
        n_channels=n_channels, n_times=round(length_s * sfreq), sfreq=sfreq, **params
    ).eval()


def make_tone(hz, sfreq, length_s=10.0):
    times = torch.arange(round(length_s * sfreq)) / sfreq
    return torch.sin(2 * torch.pi * hz * times).expand(1, 1, -1)


@pytest.mark.parametrize(
    ("length_s", "sfreq", "n_samples"),
    [(0.5, 35, 17), (0.5, 50, 25), (0.5, 100, 51), (0.5, 200, 101), (0.25, 35, 9), (0.01, 50, 3)],
)
def test_a_kernel_is_the_odd_number_of_samples_nearest_to_a_time(length_s, sfreq, n_samples):
    assert odd_samples(length_s, sfreq) == n_samples


@pytest.mark.parametrize(
    ("sfreq", "stride"), [(10, 1), (16, 1), (23, 1), (35, 2), (100, 6), (125, 8), (200, 12)]
)
def test_a_stride_brings_the_rate_near_to_sixteen_frames_a_second(sfreq, stride):
    assert stride_to(16.0, sfreq) == stride
    assert sfreq <= 16 or 11 < sfreq / stride < 24


@pytest.mark.parametrize("sfreq", RATES)
def test_the_first_kernel_is_half_a_second_at_every_rate(sfreq):
    kernel = make_front_end(sfreq).convolve[0].kernel_size[0]
    assert abs(kernel - 0.5 * sfreq) <= 1


@pytest.mark.parametrize("length_s", [4, 10, 30, 50, 60])
@pytest.mark.parametrize("sfreq", RATES)
def test_windows_of_four_to_sixty_seconds_become_so_many_numbers(sfreq, length_s):
    front_end = make_front_end(sfreq, length_s, width=24, n_filters=4)
    windows = torch.randn(3, 2, round(length_s * sfreq))
    assert front_end(windows).shape == (3, 24)


def test_the_weights_beyond_the_first_convolution_are_the_same_for_every_rate():
    sizes = [
        {key: value.shape for key, value in make_front_end(sfreq).state_dict().items()}
        for sfreq in (50.0, 200.0)
    ]
    differing = [key for key in sizes[0] if sizes[0][key] != sizes[1][key]]
    assert differing == ["convolve.0.weight"]


def test_a_window_of_another_length_than_told_needs_no_other_weights():
    front_end = make_front_end(64.0, 10.0)
    assert front_end(torch.randn(1, 2, 64 * 30)).shape == front_end(torch.randn(1, 2, 640)).shape


def test_one_front_end_hears_the_pitch_and_the_loudness_of_a_tone():
    front_end = make_front_end(n_channels=1)
    low, high = (front_end(make_tone(hz, 64.0)) for hz in (3.0, 12.0))
    assert float((low - high).detach().abs().max()) > 1e-2
    assert float((front_end(3 * make_tone(3.0, 64.0)) - low).detach().abs().max()) > 1e-2


def test_when_in_a_long_window_a_burst_is_matters_little():
    """A mean and a maximum over time stand for the window; only the strides' phase is left."""
    front_end = make_front_end(n_channels=1)
    burst, early, late = make_tone(10.0, 64.0, 1.0), torch.zeros(1, 1, 640), torch.zeros(1, 1, 640)
    early[..., 128:192], late[..., 448:512] = burst, burst  # both at a multiple of the strides
    assert torch.allclose(front_end(early), front_end(late), atol=1e-5)


def test_windows_that_leave_no_pooled_frame_are_refused_with_what_is_needed():
    with pytest.raises(EpochalError, match=r"windows of 95 samples at 200 Hz .* which needs 96"):
        FrontEnd(n_channels=1, n_times=95, sfreq=200.0)
    assert FrontEnd(n_channels=1, n_times=96, sfreq=200.0).eval()(torch.zeros(1, 1, 96)).any()


def test_a_window_just_long_enough_passes_the_check():
    check_long_enough(8, 8, 16.0)
    with pytest.raises(EpochalError, match="7 samples at 16 Hz are too short"):
        check_long_enough(7, 8, 16.0)


def test_epochs_are_encoded_each_by_itself_and_kept_in_order():
    signal = torch.arange(2 * 3 * 4.0).reshape(2, 3, 1, 4)
    sums = embed_each(lambda windows: windows.sum(dim=-1), signal)
    assert sums.shape == (2, 3, 1)
    assert sums.flatten().tolist() == [6, 22, 38, 54, 70, 86]


def test_a_convolution_keeps_the_length_but_for_its_stride():
    for stride, n_left in ((1, 50), (2, 25), (4, 13)):
        layers = torch.nn.Sequential(*convolution(2, 5, 7, stride=stride))
        assert layers(torch.randn(3, 2, 50)).shape == (3, 5, n_left)


def test_amplitude_survives_the_norm_once_it_is_trained():
    """BatchNorm in eval mode is a fixed scale: twice the input is twice the filtered output."""
    convolve, norm, _ = (layer.eval() for layer in convolution(1, 4, 5))
    windows = torch.randn(2, 1, 40)
    assert torch.allclose(norm(convolve(2 * windows)), 2 * norm(convolve(windows)), atol=1e-5)


def test_dropout_acts_in_training_alone():
    front_end = make_front_end(dropout=0.9)
    windows = torch.randn(2, 2, 640)
    assert torch.equal(front_end(windows), front_end(windows))
    assert int((front_end.train()(windows) == 0).sum()) > 64


def test_a_network_of_context_gives_its_front_ends_epochs_to_relate():
    class Doubling(ContextNetwork):
        def __init__(self, **shape):
            super().__init__(width=8, n_filters=4, dropout=0.0, **shape)
            self.finish(8)

        def relate(self, epochs):
            return 2 * epochs

    network = Doubling(n_channels=2, n_times=640, sfreq=64.0, n_classes=3).eval()
    signal = torch.randn(2, 5, 2, 640)
    expected = 2 * embed_each(network.front_end, signal)
    assert torch.equal(network.embed(signal, None), expected)
    assert network(signal).shape == (2, 5, 3)
    assert Doubling.SEQUENTIAL
    assert not Doubling.CAUSAL


def test_what_the_front_end_costs_does_not_grow_with_the_rate():
    """Frames are counted in time: 200 Hz leaves no more of them than 50 Hz."""
    n_frames = [
        make_front_end(sfreq).convolve(torch.randn(1, 2, round(10 * sfreq))).shape[-1]
        for sfreq in (50.0, 100.0, 200.0)
    ]
    assert np.ptp(n_frames) <= 2
