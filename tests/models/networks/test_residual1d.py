import pytest
import torch

from epochal.models.networks.residual1d import ResidualBlock, SqueezeExcitation


def make_block(n_in, n_out, **params):
    torch.manual_seed(0)
    return ResidualBlock(n_in, n_out, kernel=5, **params).eval()


@pytest.mark.parametrize("squeeze", [False, True])
@pytest.mark.parametrize(("stride", "n_left"), [(1, 33), (2, 17), (3, 11)])
def test_a_block_keeps_time_but_for_its_stride(stride, n_left, squeeze):
    block = make_block(4, 6, stride=stride, squeeze=squeeze)
    assert block(torch.randn(2, 4, 33)).shape == (2, 6, n_left)


def test_a_block_whose_convolutions_say_nothing_is_its_shortcut():
    block, frames = make_block(4, 4), torch.randn(2, 4, 20)
    block.convolve[3].weight.data.zero_()
    assert torch.equal(block(frames), torch.relu(frames))


def test_the_shortcut_of_a_block_that_changes_size_is_a_projection():
    block, frames = make_block(4, 6, stride=2), torch.randn(2, 4, 20)
    block.convolve[3].weight.data.zero_()
    projected = torch.einsum("oc,bct->bot", block.shortcut[0].weight[..., 0], frames[..., ::2])
    expected = torch.relu(block.shortcut[1](projected))
    assert torch.allclose(block(frames), expected, atol=1e-5)


def test_a_gate_of_nought_lets_half_of_every_channel_through():
    excitation, frames = SqueezeExcitation(8), torch.randn(2, 8, 20)
    for weights in excitation.parameters():
        weights.data.zero_()
    assert torch.allclose(excitation(frames), frames / 2)


def test_a_gate_weighs_channels_and_never_moments():
    torch.manual_seed(0)
    excitation, frames = SqueezeExcitation(8), torch.randn(2, 8, 20)
    weights = excitation(frames) / frames
    assert torch.allclose(weights, weights[..., :1].expand_as(weights), atol=1e-5)
    assert bool(((weights > 0) & (weights < 1)).all())


def test_a_gate_has_seen_the_whole_window_and_all_channels():
    torch.manual_seed(0)
    excitation, frames = SqueezeExcitation(8), torch.randn(1, 8, 20)
    changed = frames.clone()
    changed[0, 7, 19] += 50
    assert float((excitation(changed) - excitation(frames)).detach()[0, :7, :19].abs().max()) > 1e-4


@pytest.mark.parametrize(("n_channels", "n_squeezed"), [(8, 4), (32, 4), (64, 8), (96, 12)])
def test_channels_are_squeezed_to_an_eighth_but_no_fewer_than_four(n_channels, n_squeezed):
    assert SqueezeExcitation(n_channels).gate[0].out_features == n_squeezed
