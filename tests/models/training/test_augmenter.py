import pytest
import torch

from epochal.errors import EpochalError
from epochal.models.training.augmentation import AUGMENTATIONS
from epochal.models.training.augmenter import Augmenter
from epochal.options.network_inputs import QUALITY
from epochal.options.networks import AugmentationOptions

NAMES = ("EEG C3-M2", "EEG C4-M1")


def make(*steps, **known):
    return Augmenter(
        [AugmentationOptions(**step) for step in steps],
        **{"sfreq": 64.0, "channel_names": NAMES} | known,
    )


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def inputs(n_sequences=200):
    drawn = generator(9)
    return (
        torch.randn(n_sequences, 2, 2, 64, generator=drawn),
        torch.rand(n_sequences, 2, 4, 6, 8, generator=drawn),
    )


def changed_rows(before, after):
    return (before != after).flatten(1).any(dim=1)


@pytest.mark.parametrize("kind", AUGMENTATIONS)
def test_every_change_can_be_listed(kind):
    signal, spectrogram = make({"kind": kind, "probability": 1.0})(*inputs(), generator=generator())
    assert changed_rows(inputs()[0], signal).any() == (kind != "spec_augment")
    touches = kind in ("spec_augment", "left_right_flip")
    assert changed_rows(inputs()[1], spectrogram).any() == touches


def test_flags_of_quality_stay_as_they_are():
    flags = torch.ones(200, 2, 1, 64)
    before = torch.cat([inputs()[0], flags], dim=2)
    steps = [{"kind": kind, "probability": 1.0} for kind in ("left_right_flip", "sign_flip")]
    signal, _ = make(*steps, channel_names=(*NAMES, QUALITY))(before, generator=generator())
    assert torch.equal(signal[:, :, :2], -before[:, :, [1, 0]])
    assert torch.equal(signal[:, :, 2:], flags)


def test_a_share_of_the_sequences_is_changed_whole():
    step = {"kind": "sign_flip", "probability": 0.3}
    signal, _ = make(step)(inputs()[0], generator=generator())
    flipped = (signal == -inputs()[0]).flatten(1).all(dim=1)
    assert torch.equal(flipped, changed_rows(inputs()[0], signal))
    assert 40 < flipped.sum() < 80


@pytest.mark.parametrize(("probability", "share"), [(0.0, 0.0), (1.0, 1.0)])
def test_never_is_never_and_always_is_always(probability, share):
    step = {"kind": "sign_flip", "probability": probability}
    signal, _ = make(step)(inputs()[0], generator=generator())
    assert changed_rows(inputs()[0], signal).float().mean() == share


def test_signal_and_spectrogram_are_flipped_together():
    step = {"kind": "left_right_flip", "probability": 0.5}
    signal, spectrogram = make(step)(*inputs(), generator=generator())
    flipped = changed_rows(inputs()[0], signal)
    assert torch.equal(flipped, changed_rows(inputs()[1], spectrogram))
    assert 0 < flipped.sum() < 200
    assert torch.equal(spectrogram[flipped], inputs()[1][flipped][:, :, [1, 0, 3, 2]])


def test_without_a_spectrogram_there_is_none_afterwards():
    step = {"kind": "spec_augment", "probability": 1.0}
    signal, spectrogram = make(step)(inputs()[0], generator=generator())
    assert spectrogram is None
    assert torch.equal(signal, inputs()[0])


def test_spectrograms_alone_are_changed_as_well():
    steps = [{"kind": kind, "probability": 1.0} for kind in ("shift", "left_right_flip")]
    signal, spectrogram = make(*steps)(None, inputs()[1], generator=generator())
    assert signal is None
    assert torch.equal(spectrogram, inputs()[1][:, :, [1, 0, 3, 2]])


def test_changes_follow_each_other_with_their_own_strength():
    steps = [
        {"kind": "sign_flip", "probability": 1.0},
        {"kind": "channel_dropout", "params": {"channels": ["EEG C3*"]}, "probability": 1.0},
    ]
    signal, _ = make(*steps)(inputs()[0], generator=generator())
    assert not signal[:, :, 0].any()
    assert torch.equal(signal[:, :, 1], -inputs()[0][:, :, 1])


def test_no_change_is_listed_and_nothing_changes():
    signal, spectrogram = make()(*inputs(), generator=generator())
    assert torch.equal(signal, inputs()[0])
    assert torch.equal(spectrogram, inputs()[1])


def test_the_seed_alone_decides():
    steps = [{"kind": kind} for kind in ("shift", "amplitude", "noise", "notch")]
    one, other, another = (
        make(*steps)(inputs()[0], generator=generator(seed))[0] for seed in (1, 1, 2)
    )
    assert torch.equal(one, other)
    assert not torch.equal(one, another)


@pytest.mark.parametrize(
    ("step", "reason"),
    [
        ({"kind": "nois"}, "no augmentation 'nois'; did you mean 'noise'"),
        ({"kind": "noise", "params": {"snr_db": 3}}, "'noise' takes no 'snr_db'"),
        ({"kind": "noise", "params": {"sfreq": 3}}, "'noise' takes no 'sfreq'"),
        ({"kind": "sign_flip", "params": {"a": 1}}, "takes no 'a'; it has: nothing"),
    ],
)
def test_what_is_unknown_is_refused_at_once(step, reason):
    with pytest.raises(EpochalError, match=reason):
        make(step)


def test_channels_that_cannot_change_sides_are_refused_at_once():
    with pytest.raises(EpochalError, match="'EEG C3-M2' would be 'EEG C4-M1'"):
        make({"kind": "left_right_flip"}, channel_names=("EEG C3-M2",))
