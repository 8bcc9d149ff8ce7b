import math

import numpy as np
import pytest
import torch
from small_networks import answer, make_inputs, make_network

from epochal.models.networks.s4d import STEPS, DiagonalStates


def make_states(width=3, n_states=8):
    torch.manual_seed(0)
    return DiagonalStates(width, n_states).double()


def read_system(states):
    """Return A, C, the step and D as complex numbers in NumPy, independent of the kernel's code."""
    decay, turn = states.log_decay.exp().detach().numpy(), states.turn.detach().numpy()
    readout = states.readout.detach().numpy()
    step, skip = states.log_step.exp().detach().numpy(), states.skip.detach().numpy()
    return -decay + 1j * turn, readout[0] + 1j * readout[1], step, skip


def step_through(states, inputs):
    """Return the outputs of the recurrence `x ← Ā x + B̄ u`, one sequence `(L, width)`."""
    a, c, step, skip = read_system(states)
    moved = np.exp(step * a)  # zero-order hold of B = 1
    held = (moved - 1) / a
    state, outputs = np.zeros_like(a), []
    for u in inputs:
        state = moved * state + held * u[:, None]
        outputs.append(2 * (c * state).sum(axis=1).real + skip * u)
    return np.array(outputs)


def test_it_begins_as_s4d_lin():
    a, _, step, _ = read_system(make_states())
    assert a.real == pytest.approx(-0.5)
    assert a.imag == pytest.approx(np.broadcast_to(math.pi * np.arange(8), (3, 8)))
    assert ((step >= STEPS[0]) & (step <= STEPS[1])).all()


def test_the_kernel_is_that_of_the_complex_system():
    states = make_states()
    a, c, step, _ = read_system(states)
    ago = np.arange(30)
    powers = np.exp((step * a)[..., None] * ago)
    expected = 2 * (c[..., None] * ((np.exp(step * a) - 1) / a)[..., None] * powers).sum(1).real
    kernel = states.make_kernel(torch.arange(30, dtype=torch.float64))
    assert kernel.detach().numpy() == pytest.approx(expected, abs=1e-9)


def test_the_convolution_is_the_recurrence_unrolled():
    states, inputs = make_states(), np.random.default_rng(0).normal(size=(2, 25, 3))
    convolved = states(torch.as_tensor(inputs)).detach().numpy()
    for sequence, expected in zip(inputs, convolved, strict=True):
        assert step_through(states, sequence) == pytest.approx(expected, abs=1e-6)


def test_an_impulse_is_answered_by_the_kernel_and_the_shortcut():
    states, impulse = make_states(), torch.zeros(1, 10, 3, dtype=torch.float64)
    impulse[0, 4] = 1.0
    answered = states(impulse)[0]
    kernel = states.make_kernel(torch.arange(6, dtype=torch.float64)).T
    kernel[0] += states.skip
    assert not answered[:4].any()
    assert torch.allclose(answered[4:], kernel, atol=1e-6)


def test_a_slow_channel_remembers_and_a_quick_one_forgets():
    states = make_states(width=2)
    states.log_step.data = torch.log(torch.tensor([[STEPS[0]], [STEPS[1]]])).double()
    kernel = states.make_kernel(torch.arange(60, dtype=torch.float64)).abs().detach()
    assert float(kernel[0, 50:].max()) > 0.1 * float(kernel[0].max())
    assert float(kernel[1, 50:].max()) < 1e-4 * float(kernel[1].max())


def test_channels_do_not_mix_in_the_states():
    states, inputs = make_states(), torch.randn(1, 8, 3, dtype=torch.float64)
    changed = inputs.clone()
    changed[..., 0] += 1
    assert torch.equal(states(changed)[..., 1:], states(inputs)[..., 1:])


def test_the_states_are_linear():
    states = make_states()
    one, other = torch.randn(2, 1, 8, 3, dtype=torch.float64)
    assert torch.allclose(states(2 * one - other), 2 * states(one) - states(other))


def test_the_last_of_sixty_epochs_still_hears_of_the_first():
    signal = make_inputs(1, 60)["signal"].requires_grad_()
    make_network("s4d").eval()(signal)[0, 59].sum().backward()
    assert float(signal.grad[0, 0].abs().max()) > 1e-6


def test_it_says_of_a_beginning_what_it_says_of_the_whole():
    network, inputs = make_network("s4d"), make_inputs(1, 9)
    beginning = {key: values[:, :4] for key, values in inputs.items()}
    assert torch.allclose(answer(network, inputs)[:, :4], answer(network, beginning), atol=1e-5)


def test_layers_and_states_are_options():
    network = make_network("s4d", n_layers=2, n_states=4, width=20)
    assert len(network.layers) == 2
    assert network.layers[0][1].turn.shape == (20, 4)
