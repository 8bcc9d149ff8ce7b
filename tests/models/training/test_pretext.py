import math

import pytest
import torch

from epochal.errors import EpochalError
from epochal.models.networks.base import EpochNetwork
from epochal.models.networks.cnn1d import CNN1D
from epochal.models.networks.cnn_bilstm import CNNBiLSTM
from epochal.models.networks.fusion import AttentionFusion
from epochal.models.networks.spectrogram_net import SpectrogramNet
from epochal.models.training.pretext import (
    BootstrapAgreement,
    MaskedReconstruction,
    PretextTask,
    make_pretext_task,
)
from epochal.options.networks import AugmentationOptions, PretrainingOptions

pytestmark = pytest.mark.usefixtures("one_thread")

SHAPE = {"n_channels": 2, "n_times": 128, "sfreq": 32.0, "n_classes": 3}
TASKS = {
    "power": PretrainingOptions(task="masked"),
    "signal": PretrainingOptions(task="masked", target="signal", span_s=0.5),
    "byol": PretrainingOptions(task="byol"),
}


def make(kind, network=CNN1D, seed=0):
    torch.manual_seed(seed)
    options = TASKS[kind] if isinstance(kind, str) else kind
    return make_pretext_task(network(**SHAPE), options).train()


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def rhythms(n_sequences=16, n_epochs=2, seed=0, hz_range=(1.0, 6.0)):
    """Return sines, of one frequency in a sequence, with noise, `(B, L, 2, 128)`."""
    drawn = generator(seed)
    low_hz, high_hz = hz_range
    hz = low_hz + (high_hz - low_hz) * torch.rand(n_sequences, 1, 1, 1, generator=drawn)
    phase = 2 * math.pi * torch.rand(n_sequences, n_epochs, 1, 1, generator=drawn)
    waves = torch.sin(2 * math.pi * hz * torch.arange(128) / 32 + phase)
    noise = torch.randn(n_sequences, n_epochs, 2, 128, generator=drawn)
    return waves * torch.tensor([1.0, -0.5]).reshape(2, 1) + 0.1 * noise


def learn(task, n_steps=60, hz_range=(1.0, 6.0)):
    """Train on rhythms that are new at every step; return the losses."""
    trained = [weights for weights in task.parameters() if weights.requires_grad]
    optimiser = torch.optim.AdamW(trained, lr=3e-3)
    losses = []
    for step in range(n_steps):
        optimiser.zero_grad()
        loss = task.loss(rhythms(seed=100 + step, hz_range=hz_range), generator(step))
        loss.backward()
        optimiser.step()
        losses.append(loss.item())
    return losses


@pytest.mark.parametrize("network", [CNN1D, CNNBiLSTM])
@pytest.mark.parametrize("kind", TASKS)
def test_a_task_has_a_finite_loss_that_teaches_all_of_the_embedding(kind, network):
    task = make(kind, network)
    loss = task.loss(rhythms(), generator())
    loss.backward()
    assert loss.shape == ()
    assert torch.isfinite(loss)
    for name, weights in task.network.named_parameters():
        assert (weights.grad is None) == name.startswith("head."), name
        assert weights.grad is None or weights.grad.any(), name


@pytest.mark.parametrize("kind", TASKS)
def test_the_networks_own_weights_are_what_is_trained(kind):
    torch.manual_seed(0)
    network = CNN1D(**SHAPE)
    before = {name: weights.clone() for name, weights in network.state_dict().items()}
    task = make_pretext_task(network, TASKS[kind]).train()
    learn(task, n_steps=2)
    assert task.network is network
    assert network.state_dict().keys() == before.keys()
    assert not torch.equal(next(network.parameters()), next(iter(before.values())))


@pytest.mark.parametrize("kind", TASKS)
def test_seeds_alone_decide(kind):
    losses = []
    for seed in (1, 1, 2):
        task = make(kind, CNNBiLSTM)
        torch.manual_seed(7)  # dropout
        losses.append(task.loss(rhythms(), generator(seed)).item())
    assert losses[0] == losses[1]
    assert losses[0] != losses[2]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("kind", "hz_range"),
    [("power", (1.0, 6.0)), ("signal", (0.4, 0.8)), ("byol", (1.0, 6.0))],  # slow waves go on
)
def test_the_loss_falls_on_recordings_never_seen(kind, hz_range):
    losses = learn(make(kind), hz_range=hz_range)
    assert sum(losses[-10:]) < 0.9 * sum(losses[:10])


def test_a_network_that_knows_the_mean_alone_has_a_loss_of_one():
    task = make("power")
    with torch.no_grad():
        for layer in (task.decode[2].weight, task.decode[2].bias):
            layer.zero_()
    assert task.loss(rhythms(), generator()).item() == pytest.approx(1.0, abs=1e-4)


def test_the_loss_does_not_depend_on_units():
    task = make("power")
    task.network.eval()
    torch.nn.init.zeros_(task.decode[0].weight)  # what the embedding makes of the units is its own
    one = task.loss(rhythms(), generator())
    other = task.loss(1000 * rhythms(), generator())
    assert one.item() == pytest.approx(other.item(), rel=1e-3)


def hidden_share(task, n_epochs=10):
    return task.hide(rhythms(20, n_epochs), generator()).float()


@pytest.mark.parametrize(("share", "expected"), [(0.25, 0.25), (0.5, 0.5), (0.01, 0.25)])
def test_so_much_of_every_window_is_hidden_on_all_channels(share, expected):
    task = make(PretrainingOptions(task="masked", masked_share=share))
    hidden = hidden_share(task)
    assert hidden.shape == (20, 10, 1, 128)
    assert torch.allclose(hidden.mean(dim=-1), torch.tensor(expected))


def test_hidden_stretches_are_spans():
    hidden = hidden_share(make("power"))
    blocks = hidden.reshape(20, 10, 4, 32)  # of a second
    assert torch.equal(blocks.amin(dim=-1), blocks.amax(dim=-1))
    assert blocks[..., 0].mean(dim=(0, 1)).min() > 0.3  # each of them now and then


def test_whole_epochs_are_hidden_where_there_is_no_span():
    options = PretrainingOptions(task="masked", span_s=None, masked_share=0.3)
    hidden = hidden_share(make(options, CNNBiLSTM))
    assert torch.equal(hidden.amin(dim=-1), hidden.amax(dim=-1))
    assert (hidden[..., 0].sum(dim=(1, 2)) == 3).all()


def test_never_is_all_of_it_hidden():
    options = PretrainingOptions(task="masked", span_s=None, masked_share=0.99)
    hidden = make(options, CNNBiLSTM).hide(rhythms(5, 4), generator())
    assert (hidden[..., 0, 0].sum(dim=1) == 3).all()


@pytest.mark.slow
def test_the_neighbours_of_a_hidden_epoch_tell_its_rhythm():
    options = PretrainingOptions(task="masked", span_s=None)
    losses = learn(make(options, CNNBiLSTM), n_steps=80)
    assert sum(losses[-10:]) / 10 < 0.85  # 1 is what the mean tells


def test_a_network_that_sees_each_epoch_alone_cannot_fill_in_whole_ones():
    with pytest.raises(EpochalError, match="CNN1D sees each epoch by itself"):
        MaskedReconstruction(CNN1D(**SHAPE), span_s=None)


def test_hidden_samples_never_reach_the_network():
    task = make("power")
    seen = []
    task.network.embed = lambda signal, _: (
        seen.append(signal) or torch.zeros(*signal.shape[:2], task.network.width)
    )
    task.loss(rhythms(), generator(5))
    hidden = task.hide(rhythms(), generator(5)).expand_as(rhythms())
    assert not seen[0][hidden].any()
    assert torch.equal(seen[0][~hidden], rhythms()[~hidden])


def test_missing_epochs_are_no_target():
    task = make("signal")
    signal = rhythms()
    signal[:, 0] = 0
    task.network.eval()
    with torch.no_grad():
        task.decode[2].bias.fill_(3.0)
        one = task.loss(signal, generator())
        task.network.embed = lambda given, _: torch.where(
            (given != 0).flatten(2).any(2, keepdim=True), 0.0, 1e3
        ).expand(-1, -1, task.network.width)
        torch.nn.init.zeros_(task.decode[0].bias)
        other = task.loss(signal, generator())
    assert torch.isfinite(one)
    assert other.item() < 100  # however wrong it is about the missing epochs


def test_silence_alone_is_no_loss():
    for kind in ("power", "signal"):
        assert make(kind).loss(torch.zeros(3, 2, 2, 128), generator()).item() == 0


def test_a_tone_is_in_the_band_of_its_frequency():
    task = make("power")
    tones = [torch.sin(2 * math.pi * hz * torch.arange(128) / 32) for hz in (1, 4, 12)]
    power = task.describe(torch.stack(tones)[:, None, None].expand(-1, 1, 2, -1))
    loudest = power.argmax(dim=-1)[:, 0, 0]  # (tone, block)
    assert (loudest == loudest[:, :1]).all()
    assert loudest[0, 0] < loudest[1, 0] < loudest[2, 0] == power.shape[-1] - 1


def test_the_signal_is_filled_in_at_the_rate_that_is_asked_for():
    options = PretrainingOptions(task="masked", target="signal", target_hz=8.0)
    task = make(options)
    filled = task.describe(torch.arange(128.0).expand(1, 1, 2, 128))
    assert filled.shape == (1, 1, 2, 32, 1)
    assert filled[0, 0, 0, :3, 0].tolist() == [1.5, 5.5, 9.5]


@pytest.mark.parametrize("n_times", [64, 83, 129])
@pytest.mark.parametrize("kind", ["power", "signal"])
def test_windows_that_no_span_fills_will_do(kind, n_times):
    network = CNN1D(n_channels=1, n_times=n_times, sfreq=4.0, n_classes=2)
    task = make_pretext_task(network, TASKS[kind])
    loss = task.loss(torch.randn(4, 1, 1, n_times), generator())
    assert torch.isfinite(loss)


@pytest.mark.slow
def test_agreement_with_itself_does_not_collapse():
    task = make("byol")
    losses = learn(task)
    with torch.inference_mode():
        embedded = task.network.eval().embed(rhythms(40, 1, seed=3), None)[:, 0]
    spread = torch.nn.functional.normalize(embedded - embedded.mean(0), dim=-1).std(dim=0).mean()
    assert losses[-1] < 0.5 * losses[0]
    assert embedded.std(dim=0).mean() > 0.05
    assert spread > 0.3 / math.sqrt(embedded.shape[1])


def test_the_target_follows_slowly_and_is_never_trained():
    torch.manual_seed(0)
    task = BootstrapAgreement(CNN1D(**SHAPE), augment=lambda signal, *, generator: signal)
    task.momentum = 0.9
    task.train()
    slow, fast = (next(part.parameters()) for part in (task.target[0], task.network))
    with torch.no_grad():
        fast.add_(1.0)
    before = slow.clone()
    task.loss(rhythms(), generator()).backward()
    assert torch.allclose(slow - before, torch.full_like(slow, 0.1), atol=1e-5)
    assert all(weights.grad is None for weights in task.target.parameters())
    assert not any(weights.requires_grad for weights in task.target.parameters())
    task.eval().loss(rhythms(), generator())
    assert torch.allclose(slow - before, torch.full_like(slow, 0.1), atol=1e-5)


def test_the_two_copies_are_changed_differently():
    seen = []

    def augment(signal, *, generator):
        changed = signal + torch.randn(signal.shape, generator=generator)
        seen.append(changed)
        return changed

    BootstrapAgreement(CNN1D(**SHAPE), augment=augment).loss(rhythms(), generator())
    assert len(seen) == 2
    assert not torch.equal(*seen)


def test_a_single_window_teaches_nothing_and_stops_nothing():
    loss = make("byol").loss(rhythms(1, 1), generator())
    loss.backward()
    assert loss.item() == 0


def test_byol_takes_the_studys_own_changes():
    steps = (AugmentationOptions(kind="left_right_flip"),)
    options = PretrainingOptions(task="byol", augmentations=steps)
    network = CNN1D(**SHAPE)
    task = make_pretext_task(network, options, channel_names=("EEG C3-M2", "EEG C4-M1"))
    assert torch.isfinite(task.loss(rhythms(), generator()))
    with pytest.raises(EpochalError, match="left and a right"):
        make_pretext_task(network, options, channel_names=("EMG", "EEG Fpz-Cz"))


def test_without_a_task_there_is_none():
    assert make_pretext_task(CNN1D(**SHAPE), PretrainingOptions()) is None


def test_of_a_fusion_the_signals_branch_learns():
    fusion = AttentionFusion(**SHAPE, spectrogram_shape=(2, 16, 12))
    assert make_pretext_task(fusion, TASKS["power"]).network is fusion.signal_branch


def test_a_network_that_looks_at_spectrograms_is_refused_by_name():
    network = SpectrogramNet(**SHAPE, spectrogram_shape=(2, 16, 12))
    with pytest.raises(EpochalError, match="SpectrogramNet looks at spectrogram; only networks"):
        make_pretext_task(network, TASKS["power"])


def test_every_task_is_a_pretext_task_around_an_epoch_network():
    for kind in TASKS:
        task = make(kind)
        assert isinstance(task, PretextTask)
        assert isinstance(task.network, EpochNetwork)
