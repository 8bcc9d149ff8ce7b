import torch
from small_networks import SMALL, answer, make_inputs, make_network

from epochal.models.networks.front_end import embed_each


def heard_from(network, epoch, n_epochs=7):
    """Return which epochs of a sequence the logits of one of them owe something to."""
    signal = make_inputs(1, n_epochs)["signal"].requires_grad_()
    network.eval()(signal)[0, epoch].sum().backward()
    return [i for i in range(n_epochs) if signal.grad[0, i].any()]


def test_the_middle_of_seven_epochs_hears_of_three_on_either_side():
    assert heard_from(make_network("cnn_bilstm"), 3) == [0, 1, 2, 3, 4, 5, 6]


def test_in_one_direction_it_hears_of_the_past_alone():
    network = make_network("cnn_bilstm", bidirectional=False)
    assert heard_from(network, 3) == [0, 1, 2, 3]
    assert heard_from(network, 0) == [0]


def test_both_directions_are_read_side_by_side():
    assert make_network("cnn_bilstm", units=10).width == 20
    assert make_network("cnn_bilstm", units=10, bidirectional=False).width == 10


def test_the_shortcut_carries_an_epoch_past_the_recurrence():
    network = make_network("cnn_bilstm", bidirectional=False).eval()
    for weights in network.recur.parameters():
        weights.data.zero_()  # gates half open upon a candidate of 0: the state stays 0
    signal = make_inputs(2, 4)["signal"]
    epochs = embed_each(network.front_end, signal)
    assert torch.equal(network.embed(signal, None), network.shortcut(epochs))


def test_streaming_in_one_direction_needs_the_last_state_alone():
    """Epochs one after the other, with the state carried along, say what the sequence says."""
    network, inputs = make_network("cnn_bilstm", bidirectional=False), make_inputs(1, 5)
    expected, state, said = answer(network, inputs), None, []
    epochs = embed_each(network.front_end, inputs["signal"])
    for i in range(5):
        hidden, state = network.recur(epochs[:, i : i + 1], state)
        said.append(network.head(hidden + network.shortcut(epochs[:, i : i + 1])))
    assert torch.allclose(torch.cat(said, dim=1), expected, atol=1e-5)


def test_its_sizes_are_options():
    network = make_network("cnn_bilstm", SMALL, width=12, n_filters=6, units=9, dropout=0.4)
    assert network.recur.input_size == 12
    assert network.front_end.convolve[0].out_channels == 6
    assert network.drop.p == 0.4
