"""What holds for every network of the roster."""

import copy
import pickle
import re
from pathlib import Path

import pytest
import torch
from small_networks import (
    N_CLASSES,
    N_FEATURES,
    STUDIES,
    answer,
    answer_onnx,
    export,
    inputs_of,
    make_inputs,
    make_network,
    settle,
    without_dropout,
)

from epochal.models.networks.base import EpochNetwork
from epochal.models.networks.roster import NETWORKS

pytestmark = pytest.mark.usefixtures("one_thread")

PAGE = Path(__file__).parents[3] / "docs/reference/networks.md"
CAUSAL_BY_OPTION = {
    "cnn_bilstm": {"bidirectional": False},
    "cnn_transformer": {"causal": True},
    "column_gru": {"bidirectional": False},
}
SEQUENTIAL = [name for name, network in NETWORKS.items() if network.SEQUENTIAL]
VARIANTS = [(name, {}) for name in NETWORKS] + list(CAUSAL_BY_OPTION.items())


def change_epochs(network, inputs, where):
    """Change what a network looks at in some epochs: samples, or columns where it sees no more."""
    seen = network.INPUTS or ("features",)
    return inputs | {
        name: inputs[name].clone().index_fill_(1, torch.tensor(where), 2.0) for name in seen
    }


def differ(one, other):
    return float((one - other).abs().max())


@pytest.mark.parametrize("name", NETWORKS)
def test_a_network_is_an_epoch_network_that_says_what_it_looks_at(name):
    network = NETWORKS[name]
    assert issubclass(network, EpochNetwork)
    assert set(network.INPUTS) <= {"signal", "spectrogram"}


@pytest.mark.parametrize("study", STUDIES)
@pytest.mark.parametrize("name", NETWORKS)
def test_sequences_of_epochs_become_logits_and_every_weight_learns(name, study):
    shape = STUDIES[study]
    network = make_network(name, shape, n_features=N_FEATURES).train()
    logits = network(**make_inputs(2, 3, shape))
    assert logits.shape == (2, 3, N_CLASSES)
    logits.square().sum().backward()
    gradients = {key: weights.grad for key, weights in network.named_parameters()}
    assert [k for k, gradient in gradients.items() if gradient is None or not gradient.any()] == []
    assert all(torch.isfinite(gradient).all() for gradient in gradients.values())


@pytest.mark.parametrize("name", NETWORKS)
def test_missing_epochs_at_the_edge_are_zeros_and_do_no_harm(name):
    network, inputs = make_network(name), make_inputs(2, 4)
    for values in inputs.values():
        values[:, 0] = 0.0
    network.train()(**inputs_of(network, inputs)).square().sum().backward()
    assert all(torch.isfinite(weights.grad).all() for weights in network.parameters())
    assert torch.isfinite(answer(network, inputs)).all()


@pytest.mark.parametrize(("name", "params"), VARIANTS)
def test_an_epoch_hears_of_others_just_as_the_flags_say(name, params):
    inputs = make_inputs(2, 6)
    network = settle(make_network(name, **params), inputs)
    changed = change_epochs(network, inputs, [3, 4, 5])
    moved = differ(answer(network, inputs)[:, :3], answer(network, changed)[:, :3])
    assert moved < 1e-6 if network.CAUSAL else moved > 1e-4


@pytest.mark.parametrize(("name", "params"), VARIANTS)
def test_an_epoch_hears_of_those_before_it_only_in_sequences(name, params):
    inputs = make_inputs(2, 6)
    network = settle(make_network(name, **params), inputs)
    before = answer(network, inputs)
    after = answer(network, change_epochs(network, inputs, [0, 1, 2]))
    moved = differ(before[:, 3:], after[:, 3:])
    assert moved > 1e-4 if network.SEQUENTIAL else moved < 1e-6
    assert differ(before[:, :3], after[:, :3]) > 1e-4


@pytest.mark.parametrize("name", CAUSAL_BY_OPTION)
def test_what_an_option_makes_causal_is_no_claim_of_the_class(name):
    assert not NETWORKS[name].CAUSAL
    assert make_network(name, **CAUSAL_BY_OPTION[name]).CAUSAL
    assert not make_network(name).CAUSAL


@pytest.mark.parametrize("name", NETWORKS)
def test_a_sequences_logits_do_not_depend_on_its_batch(name):
    inputs = make_inputs(5, 3)
    network = settle(make_network(name, n_features=N_FEATURES), inputs)
    alone = [answer(network, {k: v[i : i + 1] for k, v in inputs.items()}) for i in range(5)]
    assert differ(torch.cat(alone), answer(network, inputs)) < 1e-5


@pytest.mark.slow
@pytest.mark.parametrize("name", NETWORKS)
def test_eight_epochs_are_learnt_by_heart(name):
    network, inputs = make_network(name, **without_dropout(name)), make_inputs(2, 4)
    target = torch.tensor([0, 1, 2, 0, 2, 1, 1, 0])
    optimizer = torch.optim.AdamW(network.parameters(), lr=5e-3)
    for step in range(400):
        optimizer.zero_grad()
        logits = network.train()(**inputs_of(network, inputs)).flatten(0, 1)
        torch.nn.functional.cross_entropy(logits, target).backward()
        optimizer.step()
        if step % 20 == 19 and (answer(network, inputs).flatten(0, 1).argmax(1) == target).all():
            return
    raise AssertionError(f"{name} has not learnt eight epochs in 400 steps")


@pytest.mark.slow
@pytest.mark.parametrize(("name", "params"), VARIANTS)
def test_the_onnx_form_says_the_same_of_other_batches_and_lengths(name, params):
    exported_with, inputs = make_inputs(2, 3), make_inputs(5, 7, seed=1)
    network = settle(make_network(name, n_features=N_FEATURES, **params), inputs)
    session = export(network, exported_with)
    for given in (exported_with, inputs, make_inputs(1, 1, seed=2)):
        assert differ(answer_onnx(session, given), answer(network, given)) < 1e-4


@pytest.mark.parametrize("name", NETWORKS)
def test_side_features_change_the_logits_of_their_epoch(name):
    inputs = make_inputs(2, 3)
    network = settle(make_network(name, n_features=N_FEATURES), inputs)
    changed = inputs | {"features": inputs["features"].index_fill(1, torch.tensor([1]), 3.0)}
    before, after = answer(network, inputs), answer(network, changed)
    assert differ(before[:, 1], after[:, 1]) > 1e-3


@pytest.mark.parametrize("name", NETWORKS)
def test_the_same_seed_gives_the_same_network_and_another_another(name):
    inputs = make_inputs(2, 3)
    one, same, other = (answer(make_network(name, seed=seed), inputs) for seed in (1, 1, 2))
    assert torch.equal(one, same)
    assert differ(one, other) > 1e-4


@pytest.mark.parametrize("name", NETWORKS)
def test_weights_alone_make_another_network_the_same(name):
    """What a checkpoint keeps is all there is: buffers included, nothing beside them."""
    inputs = make_inputs(2, 3)
    network, other = settle(make_network(name), inputs), make_network(name, seed=2)
    other.load_state_dict(network.state_dict())
    assert torch.equal(answer(other, inputs), answer(network, inputs))


@pytest.mark.parametrize("name", NETWORKS)
def test_a_network_is_copied_and_pickled_whole(name):
    network, inputs = make_network(name), make_inputs(2, 3)
    expected = answer(network, inputs)
    for twin in (copy.deepcopy(network), pickle.loads(pickle.dumps(network))):
        assert torch.equal(answer(twin, inputs), expected)


@pytest.mark.parametrize("name", NETWORKS)
def test_a_misspelt_hyper_parameter_is_named(name):
    with pytest.raises(TypeError, match="unexpected keyword argument 'widht'"):
        make_network(name, widht=8)


@pytest.mark.parametrize("name", NETWORKS)
def test_dropout_rests_in_eval_mode(name):
    inputs = make_inputs(2, 3)
    network = settle(make_network(name), inputs)
    assert torch.equal(answer(network, inputs), answer(network, inputs))


@pytest.mark.parametrize("name", SEQUENTIAL)
def test_a_sequence_of_one_epoch_will_do(name):
    assert answer(make_network(name), make_inputs(2, 1)).shape == (2, 1, N_CLASSES)


@pytest.mark.parametrize("name", NETWORKS)
def test_a_batch_of_one_epoch_is_learnt_from(name):
    network, inputs = make_network(name), make_inputs(1, 1)
    logits = network.train()(**inputs_of(network, inputs))
    logits.sum().backward()
    assert logits.shape == (1, 1, N_CLASSES)


def read_table():
    """Return the rows of the page's table of networks: name to cells."""
    text, _, _ = PAGE.read_text(encoding="utf-8").partition("\n## ")
    rows = re.findall(r"^\| `(\w+)` \|(.+)\|$", text, flags=re.MULTILINE)
    return {name: [cell.strip() for cell in cells.split("|")] for name, cells in rows}


@pytest.mark.parametrize("name", NETWORKS)
def test_the_docs_state_what_it_sees_and_how_many_parameters_it_has(name):
    n_columns = 0 if NETWORKS[name].INPUTS else 41  # of the sleep table
    network = make_network(name, (3, 3000, 100.0), n_features=n_columns)
    cells = read_table()[name]
    assert cells[3] == ("yes" if network.CAUSAL else "no") or name in CAUSAL_BY_OPTION
    if network.INPUTS in ((), ("signal",)):
        with_three_classes = sum(weights.numel() for weights in network.parameters())
        with_five = with_three_classes + 2 * (network.width + 1)
        assert int(cells[4].replace(",", "")) == with_five


def test_the_docs_name_no_network_that_is_not_there():
    assert set(read_table()) <= set(NETWORKS)
