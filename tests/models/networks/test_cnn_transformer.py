import pytest
import torch
from small_networks import answer, make_inputs, make_network

from epochal.errors import EpochalError


def test_it_has_four_layers_unless_told_otherwise():
    assert len(make_network("cnn_transformer").layers) == 4
    assert len(make_network("cnn_transformer", n_layers=2).layers) == 2


def test_the_order_of_epochs_matters():
    network, inputs = make_network("cnn_transformer"), make_inputs(1, 6)
    forwards = answer(network, inputs)
    backwards = answer(network, {key: values.flip(1) for key, values in inputs.items()}).flip(1)
    assert float((forwards - backwards).abs().max()) > 1e-3


def test_one_thing_twice_at_two_places_is_told_apart():
    network = make_network("cnn_transformer")
    inputs = {key: values.repeat(1, 3, *[1] * (values.ndim - 2))
              for key, values in make_inputs(1, 1).items()}  # fmt: skip
    logits = answer(network, inputs)
    assert float((logits[:, 0] - logits[:, 2]).abs().max()) > 1e-3


def test_with_layers_that_add_nothing_an_epoch_is_itself_at_its_place():
    network = make_network("cnn_transformer").eval()
    for layer in network.layers:
        for part in (layer.attend[1].merge, layer.think[4]):
            part.weight.data.zero_()
            part.bias.data.zero_()
    epochs = torch.randn(2, 3, 64)
    steps = 10_000 ** (torch.arange(0, 64, 2) / 64)
    angles = torch.arange(3.0)[:, None] / steps
    expected = network.norm(epochs + torch.cat([angles.sin(), angles.cos()], dim=-1))
    assert torch.allclose(network.relate(epochs), expected, atol=1e-5)


def test_a_causal_one_says_of_a_beginning_what_it_says_of_the_whole():
    network, inputs = make_network("cnn_transformer", causal=True), make_inputs(1, 8)
    beginning = {key: values[:, :5] for key, values in inputs.items()}
    assert torch.allclose(answer(network, inputs)[:, :5], answer(network, beginning), atol=1e-5)


def test_sixty_epochs_and_more_need_no_other_weights():
    network = make_network("cnn_transformer", n_layers=1)
    assert answer(network, make_inputs(1, 90)).shape == (1, 90, 3)


def test_a_width_that_the_heads_cannot_share_is_refused_when_it_is_made():
    with pytest.raises(EpochalError, match="a width of 30 cannot be shared by 4 heads"):
        make_network("cnn_transformer", width=30)
