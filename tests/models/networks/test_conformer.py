import pytest
import torch
from small_networks import make_inputs, make_network

from epochal.errors import EpochalError
from epochal.models.networks.conformer import Conformer


def make_block(**params):
    return make_network("conformer", n_blocks=1, **params).eval().blocks[0]


def silence(module):
    for weights in module.parameters():
        weights.data.zero_()


def test_a_block_whose_parts_add_nothing_is_a_norm():
    block, epochs = make_block(), torch.randn(2, 5, 64)
    for part in (block.before, block.attend, block.convolve.mix, block.after):
        silence(part)
    assert torch.allclose(block(epochs), torch.nn.functional.layer_norm(epochs, (64,)), atol=1e-5)


def test_dense_steps_count_by_half():
    block, epochs = make_block(), torch.randn(2, 5, 64)
    for part in (block.attend, block.convolve.mix, block.after):
        silence(part)
    expected = block.norm(epochs + 0.5 * block.before(epochs))
    assert torch.allclose(block(epochs), expected, atol=1e-5)


def test_the_convolution_reaches_half_its_kernel_to_either_side():
    block = make_block(kernel=5)
    epochs = torch.randn(1, 9, 64, requires_grad=True)
    block.convolve(epochs)[0, 4].sum().backward()
    assert [i for i in range(9) if epochs.grad[0, i].any()] == [2, 3, 4, 5, 6]


def test_attention_reaches_the_whole_sequence():
    signal = make_inputs(1, 12)["signal"].requires_grad_()
    make_network("conformer", n_blocks=1, kernel=3).eval()(signal)[0, 0].sum().backward()
    assert all(signal.grad[0, i].any() for i in range(12))


def test_no_place_in_the_sequence_is_special():
    """Far from the edges, the same epochs a step later are told the same, a step later."""
    network = make_network("conformer", n_blocks=1, kernel=3).eval()
    attend = network.blocks[0].attend[1]
    attend.project.weight.data[:64].zero_()  # the query: all distances alike, whoever asks
    attend.distance.place_bias.data.normal_()
    epochs = torch.zeros(1, 20, 64)
    epochs[0, 8] = torch.randn(64)
    moved = epochs.roll(1, dims=1)
    attend.merge.weight.data.zero_()  # what is left is local
    one, other = network.relate(epochs), network.relate(moved)
    assert torch.allclose(one[:, 4:14], other[:, 5:15], atol=1e-5)


def test_blocks_heads_and_kernel_are_options():
    network = make_network("conformer", n_blocks=3, n_heads=2, kernel=9, width=16)
    assert len(network.blocks) == 3
    assert network.blocks[0].attend[1].n_heads == 2
    assert network.blocks[0].convolve.mix[2].kernel_size == (9,)
    assert network.width == 16
    assert not Conformer.CAUSAL


def test_a_kernel_without_a_middle_is_refused():
    with pytest.raises(EpochalError, match="a kernel of 6 epochs has no middle; it must be odd"):
        make_network("conformer", kernel=6)
