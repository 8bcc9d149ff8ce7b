import pytest
import torch
from small_networks import answer, make_inputs, make_network

from epochal.errors import EpochalError

ICU = (19, 10_000, 200.0)  # fifty seconds, as they are


def test_fifty_seconds_of_nineteen_channels_are_few_steps_of_the_gru():
    """The stem strides early: what the recurrence has to walk is 157 steps, not 10,000."""
    frames = make_network("resnet_gru", ICU).eval().blocks(torch.randn(1, 19, 10_000))
    assert frames.shape == (1, 64, 157)


def test_the_first_convolution_leaves_an_eighth_of_two_hundred_hertz():
    assert make_network("resnet_gru", ICU).blocks[0].stride == (8,)
    assert make_network("resnet_gru", ICU).blocks[0].kernel_size == (51,)


@pytest.mark.parametrize(
    ("sfreq", "length_s"), [(35.0, 60), (64.0, 4), (100.0, 30), (125.0, 10), (200.0, 50)]
)
def test_windows_of_all_five_studies_will_do(sfreq, length_s):
    shape = (2, round(sfreq * length_s), sfreq)
    assert answer(make_network("resnet_gru", shape), make_inputs(2, 1, shape)).shape == (2, 1, 3)


class Known(torch.nn.Module):
    """A recurrence of which it is known what it says."""

    def __init__(self, hidden):
        super().__init__()
        self.hidden = hidden

    def forward(self, frames):
        return self.hidden, None


@pytest.mark.parametrize(
    ("n_steps", "first", "last"), [(1, 0, 1), (5, 2, 3), (7, 2, 5), (20, 8, 12)]
)
def test_the_middle_fifth_is_read_beside_the_whole(n_steps, first, last):
    network = make_network("resnet_gru").eval()
    hidden = torch.randn(2, n_steps, 96)
    network.blocks, network.recur = torch.nn.Identity(), Known(hidden)
    mean, highest, middle = network.read(torch.zeros(2, 64, n_steps)).split(96, dim=1)
    assert torch.allclose(mean, hidden.mean(dim=1))
    assert torch.equal(highest, hidden.max(dim=1).values)
    assert torch.allclose(middle, hidden[:, first:last].mean(dim=1))


def test_when_in_the_window_a_discharge_is_makes_a_difference():
    network = make_network("resnet_gru", (1, 500, 50.0)).eval()
    central, early = torch.zeros(1, 1, 1, 500), torch.zeros(1, 1, 1, 500)
    central[..., 240:260], early[..., 40:60] = 5.0, 5.0
    assert float((network(central) - network(early)).detach().abs().max()) > 1e-3


def test_filters_and_units_are_options():
    network = make_network("resnet_gru", n_filters=(8, 12), units=10)
    assert network.recur.input_size == 12
    assert network.width == 60


def test_windows_that_leave_no_step_are_refused_with_what_is_needed():
    with pytest.raises(EpochalError, match=r"windows of 63 samples at 200 Hz .* which needs 64"):
        make_network("resnet_gru", (1, 63, 200.0))
