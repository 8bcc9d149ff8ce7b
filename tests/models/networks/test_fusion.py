import pytest
import torch

from epochal.models.networks.fusion import BRANCHES, AttentionFusion
from epochal.models.networks.resnet_gru import ResNetGRU

pytestmark = pytest.mark.usefixtures("one_thread")

SHAPE = (2, 16, 12)


def make(seed=0, **params):
    torch.manual_seed(seed)
    return AttentionFusion(
        n_channels=2, n_times=320, sfreq=32.0, n_classes=2, spectrogram_shape=SHAPE, **params
    )


def inputs(n_sequences=6, n_epochs=2, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return (
        torch.randn(n_sequences, n_epochs, 2, 320, generator=generator),
        torch.randn(n_sequences, n_epochs, *SHAPE, generator=generator),
    )


@pytest.mark.slow
def test_the_weights_of_the_branches_sum_to_one():
    signal, spectrogram = inputs()
    weights = make().eval().branch_weights(signal, spectrogram)
    assert weights.shape == (6, 2, len(BRANCHES))
    assert torch.allclose(weights.sum(-1), torch.ones(6, 2))
    assert weights.min() > 0


def test_the_embedding_is_the_weighted_sum_of_the_branches():
    network, (signal, spectrogram) = make().eval(), inputs()
    weights = network.branch_weights(signal, spectrogram)
    parts = [
        network.bring[0](network.signal_branch.embed(signal, None)),
        network.bring[1](network.spectrogram_branch.embed(None, spectrogram)),
    ]
    expected = weights[..., :1] * parts[0] + weights[..., 1:] * parts[1]
    assert torch.allclose(network.embed(signal, spectrogram), expected, atol=1e-6)


def test_an_absent_branch_has_no_weight_and_no_say():
    network, (signal, spectrogram) = make().eval(), inputs()
    nothing = torch.zeros_like(spectrogram)
    assert network.branch_weights(signal, nothing)[..., 1].abs().max() == 0
    assert network.branch_weights(torch.zeros_like(signal), spectrogram)[..., 0].abs().max() == 0
    expected = network.bring[0](network.signal_branch.embed(signal, None))
    assert torch.allclose(network.embed(signal, nothing), expected, atol=1e-6)


def test_an_absent_epoch_leaves_the_others_as_they_are():
    network, (signal, spectrogram) = make().eval(), inputs()
    holed = spectrogram.clone()
    holed[:, 1] = 0
    one, other = network(signal, None, spectrogram), network(signal, None, holed)
    assert torch.allclose(one[:, 0], other[:, 0], atol=1e-6)
    assert (one[:, 1] - other[:, 1]).abs().max() > 1e-5


def test_nothing_at_all_is_shared_evenly_and_finite():
    network = make().eval()
    signal, spectrogram = (torch.zeros_like(values) for values in inputs())
    weights = network.branch_weights(signal, spectrogram)
    assert torch.allclose(weights, torch.full_like(weights, 0.5))
    assert torch.isfinite(network(signal, None, spectrogram)).all()


@pytest.mark.slow
def test_in_training_one_branch_at_a_time_is_taken_away():
    network, (signal, spectrogram) = make(branch_dropout=1.0).train(), inputs(20)
    weights = network.branch_weights(signal, spectrogram)
    assert set(weights.unique().tolist()) == {0.0, 1.0}
    assert 5 < weights[..., 0].sum() < 35
    never = make(branch_dropout=0.0).train().branch_weights(signal, spectrogram)
    assert never.min() > 0


def test_parameters_reach_the_branches_and_no_weight_is_idle():
    network = make(signal_params={"units": 8}, spectrogram_params={"width_factor": 0.5})
    assert (
        network.signal_branch.width
        == ResNetGRU(n_channels=2, n_times=320, sfreq=32.0, n_classes=2, units=8).width
    )
    assert network.spectrogram_branch.width == 80
    assert not [name for name, _ in network.named_parameters() if "branch.head" in name]


def test_side_features_go_to_the_fusions_head_alone():
    network, (signal, spectrogram) = make(n_features=3).eval(), inputs()
    assert network.head.in_features == network.width + 3
    assert network(signal, torch.zeros(6, 2, 3), spectrogram).shape == (6, 2, 2)


@pytest.mark.slow
def test_it_learns_which_branch_knows():
    """The class is in the spectrogram only, the signal is other noise at every step."""
    target = torch.arange(24) % 2
    spectrogram = 0.3 * inputs(24, 1)[1]
    spectrogram[target == 1, :, :, 4:8] += 2
    network = make(branch_dropout=0.0)
    optimiser = torch.optim.AdamW(network.parameters(), lr=5e-3)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, 5e-3, total_steps=40)
    for step in range(40):
        optimiser.zero_grad()
        logits = network.train()(inputs(24, 1, seed=step)[0], None, spectrogram)[:, 0]
        torch.nn.functional.cross_entropy(logits, target).backward()
        optimiser.step()
        schedule.step()
    signal = inputs(24, 1, seed=100)[0]
    with torch.inference_mode():
        guess = network.eval()(signal, None, spectrogram)[:, 0].argmax(1)
        weights = network.branch_weights(signal, spectrogram).mean(dim=(0, 1))
    assert (guess == target).float().mean() > 0.9
    assert weights[1] > 0.8
