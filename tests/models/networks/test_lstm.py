import pytest
import torch

from epochal.models.networks.lstm import LSTM


def make_lstm(n_channels=2, **params):
    torch.manual_seed(0)
    return LSTM(n_channels=n_channels, n_times=40, sfreq=1.0, n_classes=3, **params).eval()


def test_an_epoch_by_itself_is_the_last_step_and_a_dense_layer():
    network, windows = make_lstm(), torch.randn(4, 2, 40)
    _, (last, _) = network.recur(windows.transpose(1, 2))
    expected = network.head(torch.relu(network.dense[0](last[0])))
    assert torch.allclose(network(windows.unsqueeze(1))[:, 0], expected, atol=1e-6)


def test_the_forget_gate_is_open_at_first():
    network = make_lstm(units=8)
    bias = network.recur.bias_ih_l0 + network.recur.bias_hh_l0
    assert bias[8:16].tolist() == pytest.approx([1.0] * 8)
    assert float(bias.detach()[:8].abs().max()) < 0.75


def test_the_gates_are_those_of_the_textbook():
    """One step from rest: the cell is input gate by candidate, let out by the output gate."""
    network = make_lstm(units=4)
    sample = torch.randn(1, 1, 2)
    gates = sample[0, 0] @ network.recur.weight_ih_l0.T
    gates = gates + network.recur.bias_ih_l0 + network.recur.bias_hh_l0
    enters, _, candidate, leaves = gates.chunk(4)
    cell = torch.sigmoid(enters) * torch.tanh(candidate)
    expected = torch.sigmoid(leaves) * torch.tanh(cell)
    assert torch.allclose(network.recur(sample)[0][0, 0], expected, atol=1e-6)


def test_units_and_dense_units_are_options():
    network = make_lstm(units=5, dense_units=7)
    assert network.recur.hidden_size == 5
    assert network.width == network.head.in_features == 7


def test_any_length_of_window_will_do():
    network = make_lstm()
    assert network(torch.randn(2, 3, 2, 1)).shape == (2, 3, 3)
    assert network(torch.randn(2, 3, 2, 90)).shape == (2, 3, 3)


def test_the_first_sample_of_a_window_is_heard_at_its_end():
    windows = torch.randn(1, 1, 2, 40, requires_grad=True)
    make_lstm()(windows).sum().backward()
    assert windows.grad[..., 0].any()
