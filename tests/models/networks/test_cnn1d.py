import pytest
import torch
from small_networks import answer, make_inputs, make_network

from epochal.errors import EpochalError
from epochal.models.networks.cnn1d import CNN1D


def make_cnn(n_times=256, n_channels=1, **params):
    torch.manual_seed(0)
    return CNN1D(n_channels=n_channels, n_times=n_times, sfreq=1.0, n_classes=3, **params)


def test_an_epoch_by_itself_is_blocks_dropout_and_a_linear_layer():
    network, windows = make_cnn().eval(), torch.randn(4, 1, 256)
    expected = network.head(network.blocks[:3](windows).flatten(1))
    assert torch.allclose(network(windows.unsqueeze(1))[:, 0], expected, atol=1e-6)


def test_a_window_is_divided_by_sixty_four_and_kept_in_its_order():
    network = make_cnn(n_times=300)
    assert network.width == 64 * (300 // 64)
    assert network.blocks[:3](torch.randn(2, 1, 300)).shape == (2, 64, 4)


def test_when_in_the_window_something_was_makes_a_difference():
    network, burst = make_cnn().eval(), torch.sin(torch.arange(64.0))
    early, late = torch.zeros(1, 1, 1, 256), torch.zeros(1, 1, 1, 256)
    early[..., :64], late[..., 192:] = burst, burst
    assert float((network(early) - network(late)).detach().abs().max()) > 1e-2


@pytest.mark.parametrize("n_times", [1, 50, 63])
def test_windows_shorter_than_its_pools_are_refused_with_what_is_needed(n_times):
    with pytest.raises(EpochalError, match=rf"{n_times} samples are too short .* needs 64"):
        make_cnn(n_times)


def test_a_window_of_just_sixty_four_samples_will_do():
    assert make_cnn(64).eval()(torch.randn(2, 3, 1, 64)).shape == (2, 3, 3)


def test_the_rate_makes_no_difference():
    networks = [make_network("cnn1d", (2, 128, sfreq)) for sfreq in (1.0, 200.0)]
    inputs = make_inputs(2, 2)
    assert torch.equal(answer(networks[0], inputs), answer(networks[1], inputs))


def test_dropout_is_an_option_and_side_features_are_laid_beside_it():
    assert make_cnn(dropout=0.7).blocks[-1].p == 0.7
    assert make_cnn(n_features=5).head.in_features == make_cnn().width + 5
