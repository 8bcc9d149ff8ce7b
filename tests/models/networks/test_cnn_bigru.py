import pytest
import torch
from small_networks import answer, make_inputs, make_network

from epochal.models.networks.front_end import embed_each


def test_the_ends_of_a_sequence_hear_of_each_other():
    signal = make_inputs(1, 20)["signal"].requires_grad_()
    network = make_network("cnn_bigru").eval()
    network(signal)[0, 0].sum().backward()
    assert signal.grad[0, 19].any()
    signal.grad = None
    network(signal)[0, 19].sum().backward()
    assert signal.grad[0, 0].any()


def test_embeddings_are_normed_epoch_by_epoch():
    network = make_network("cnn_bigru").eval()
    embedded = network.embed(make_inputs(2, 6)["signal"], None)
    assert embedded.mean(dim=-1).detach().numpy() == pytest.approx(0, abs=1e-5)
    assert embedded.var(dim=-1, unbiased=False).detach().numpy() == pytest.approx(1, abs=2e-2)


def test_a_sequence_run_backwards_by_a_mirrored_network_gives_the_same():
    """With the weights of both directions exchanged, time may run the other way round."""
    network = make_network("cnn_bigru", n_layers=1).eval()
    epochs = embed_each(network.front_end, make_inputs(2, 6)["signal"])
    forwards, _ = network.recur(epochs)
    for name in ("weight_ih_l0", "weight_hh_l0", "bias_ih_l0", "bias_hh_l0"):
        one, other = getattr(network.recur, name), getattr(network.recur, f"{name}_reverse")
        one.data, other.data = other.data, one.data
    backwards, _ = network.recur(epochs.flip(1))
    mirrored = torch.cat(backwards.flip(1).chunk(2, dim=-1)[::-1], dim=-1)
    assert torch.allclose(mirrored, forwards, atol=1e-6)


@pytest.mark.parametrize("n_layers", [1, 2, 3])
def test_layers_and_units_are_options(n_layers):
    network = make_network("cnn_bigru", n_layers=n_layers, units=10)
    assert network.recur.num_layers == n_layers
    assert network.width == 20
    assert answer(network, make_inputs(2, 3)).shape == (2, 3, 3)


def test_one_layer_has_no_dropout_between_layers():
    assert make_network("cnn_bigru", n_layers=1, dropout=0.5).recur.dropout == 0
    assert make_network("cnn_bigru", n_layers=2, dropout=0.5).recur.dropout == 0.5
