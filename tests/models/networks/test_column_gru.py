import pytest
import torch
from small_networks import N_FEATURES, answer, make_inputs, make_network

from epochal.errors import EpochalError

NAME = "column_gru"


def columns(n_sequences=2, n_epochs=6, *, seed=0):
    return {"features": make_inputs(n_sequences, n_epochs, seed=seed)["features"]}


def test_columns_are_all_that_it_asks_for():
    network = make_network(NAME)
    assert network.INPUTS == ()
    assert answer(network, columns()).shape == (2, 6, network.n_classes)


def test_samples_beside_the_columns_change_nothing():
    network, inputs = make_network(NAME), make_inputs(2, 6)
    louder = inputs | {"signal": 9 * inputs["signal"], "spectrogram": None}
    assert torch.equal(answer(network, inputs), answer(network, louder))


def test_a_study_that_names_no_column_is_refused():
    with pytest.raises(EpochalError, match="sees columns alone: name some"):
        make_network(NAME, n_features=0)


def test_the_head_reads_the_columns_through_the_embedding_alone():
    network = make_network(NAME, width=10, units=7)
    assert network.width == 2 * 7 + 10 == network.head.in_features
    assert network.n_features == N_FEATURES
    assert network.represent(**columns()).shape == (2, 6, network.width)


def test_what_is_beyond_the_clip_counts_as_the_clip():
    network = make_network(NAME, clip=3.0)
    far, at_the_clip = columns(), columns()
    far["features"][0, 2] = 1e6
    at_the_clip["features"][0, 2] = 3.0
    assert torch.equal(answer(network, far), answer(network, at_the_clip))


def test_one_strange_epoch_leaves_the_answers_finite():
    strange = columns()
    strange["features"][0, 2, 1] = torch.finfo(torch.float32).max
    assert torch.isfinite(answer(make_network(NAME), strange)).all()


def test_without_dropout_nothing_is_left_to_chance_in_training():
    network = make_network(NAME, dropout=0.0).train()
    first, again = (network(**columns()) for _ in range(2))
    assert torch.equal(first, again)


def test_columns_are_hidden_in_training_only():
    network = make_network(NAME, column_dropout=0.5)
    trained = [network.train()(**columns()) for _ in range(2)]
    assert not torch.equal(*trained)
    assert torch.equal(*(answer(network, columns()) for _ in range(2)))


def test_both_directions_hear_of_the_whole_night():
    network, given = make_network(NAME), columns(1, 40)
    moved = {"features": given["features"].clone()}
    moved["features"][:, 20] += 2.0
    changed = (answer(network, given) - answer(network, moved)).abs().amax(dim=(0, 2))
    assert (changed[19:22] > 1e-4).all()
    assert changed[20] == changed.max()


def test_in_one_direction_it_is_causal():
    network, given = make_network(NAME, bidirectional=False), columns()
    moved = {"features": given["features"].clone()}
    moved["features"][:, 4] += 2.0
    assert network.CAUSAL
    assert torch.equal(answer(network, given)[:, :4], answer(network, moved)[:, :4])


def test_its_layers_and_its_head_are_those_that_are_asked_for():
    network = make_network(NAME, n_layers=2, head="crf")
    assert network.recur.num_layers == 2
    loss = network.head.loss(
        network.represent(**columns()), torch.zeros(2, 6, dtype=torch.long), torch.ones(2, 6)
    )
    assert torch.isfinite(loss)
    assert not network.CAUSAL
