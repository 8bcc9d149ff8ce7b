import pytest
import torch

from epochal.models.networks.spectrogram_net import SpectrogramNet

pytestmark = pytest.mark.usefixtures("one_thread")

SHAPE = (2, 16, 24)


def make(seed=0, shape=SHAPE, n_classes=2, **params):
    torch.manual_seed(seed)
    return SpectrogramNet(
        n_channels=1, n_times=100, sfreq=100.0, n_classes=n_classes, spectrogram_shape=shape,
        **params,
    )  # fmt: skip


def noise(n_images, shape=SHAPE, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(n_images, 1, *shape, generator=generator)


def learn(network, images, target, n_steps=40):
    optimiser = torch.optim.AdamW(network.parameters(), lr=5e-3)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, 5e-3, total_steps=n_steps)
    for _ in range(n_steps):
        optimiser.zero_grad()
        logits = network.train()(None, None, images)[:, 0]
        torch.nn.functional.cross_entropy(logits, target).backward()
        optimiser.step()
        schedule.step()  # small steps at the end: BatchNorm's statistics catch up
    return network.eval()


def accuracy(network, images, target):
    with torch.inference_mode():
        return float((network(None, None, images)[:, 0].argmax(1) == target).float().mean())


@pytest.mark.parametrize("shape", [(4, 100, 300), (1, 5, 3), (2, 64, 1)])
def test_spectrograms_of_any_size_will_do(shape):
    network = make(shape=shape).eval()
    assert network(None, None, noise(2, shape)).shape == (2, 1, 2)


def test_the_signal_is_not_looked_at():
    network, images = make().eval(), noise(2)
    with torch.inference_mode():
        one = network(torch.zeros(2, 1, 1, 100), None, images)
        other = network(torch.ones(2, 1, 1, 100), None, images)
    assert torch.equal(one, other)


def test_factors_make_it_wider_and_deeper():
    def count(network):
        return sum(weights.numel() for weights in network.parameters())

    base = make()
    assert count(make(width_factor=2.0)) > 3 * count(base)
    assert count(make(depth_factor=2.0)) > 1.5 * count(base)
    assert make(width_factor=2.0).width == 2 * base.width
    assert make(width_factor=0.01).width == 8


def test_at_the_size_of_the_harmful_eeg_study_it_is_small():
    network = make(shape=(4, 100, 300), n_classes=6)
    assert sum(weights.numel() for weights in network.parameters()) < 200_000


def test_variance_neither_dies_nor_explodes_at_the_start():
    network = make(dropout=0.0).train()
    embedded = network.embed(None, noise(16))
    assert 0.01 < embedded.std(dim=0).mean().item() < 10


def test_a_new_network_tells_two_images_apart_in_eval_mode_too():
    network = make().eval()
    with torch.inference_mode():
        logits = network(None, None, noise(2))
    assert (logits[0] - logits[1]).abs().max().item() > 1e-3


def with_blocks(columns, rows, target):
    """Return noise with a patch at a time and frequency that the class decides."""
    images = 0.3 * noise(len(target))
    for image, code in zip(images, target, strict=True):
        image[:, :, rows[code], columns[code]] += 2
    return images


@pytest.mark.slow
@pytest.mark.parametrize(
    ("columns", "rows"),
    [
        ([slice(10, 14), slice(2, 6)], [slice(6, 10)] * 2),
        ([slice(10, 14)] * 2, [slice(2, 6), slice(9, 13)]),
    ],
    ids=["when", "how high"],
)
def test_it_learns_where_in_the_spectrogram_something_is(columns, rows):
    target = torch.arange(48) % 2
    images = with_blocks(columns, rows, target)
    network = learn(make(dropout=0.0), images[:32], target[:32])
    assert accuracy(network, images[32:], target[32:]) > 0.9


def test_the_units_of_a_region_do_not_matter():
    images = noise(8)
    units = torch.tensor([1000.0, 0.3]).reshape(2, 1, 1)
    one, other = make(dropout=0.0).train(), make(dropout=0.0).train()
    with torch.inference_mode():
        in_units = other(None, None, images * units - 5 * units)
        assert torch.allclose(one(None, None, images), in_units, atol=1e-2)
