import math

import pytest
import torch

from epochal.errors import EpochalError
from epochal.models.training.augmentation import (
    AUGMENTATIONS,
    OF_SIGNALS,
    OF_SPECTROGRAMS,
    amplitude,
    channel_dropout,
    left_right_flip,
    noise,
    notch,
    shift,
    sign_flip,
    spec_augment,
)

SFREQ = 64.0
NAMES = ("EEG C3-M2", "EEG C4-M1", "EMG submental")
NOTHING = {  # what leaves everything as it was
    "shift": {"max_shift_s": 0.0},
    "amplitude": {"strength": 0.0},
    "noise": {"min_snr_db": math.inf},
    "notch": {"max_width_hz": 0.0},
    "spec_augment": {"n_masks": 0},
}


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def signals(n_sequences=5, n_epochs=2, n_times=256, dtype=torch.float32):
    drawn = torch.randn(n_sequences, n_epochs, len(NAMES), n_times, generator=generator(99))
    return drawn.to(dtype)


def spectrograms():
    return torch.rand(5, 2, len(NAMES), 30, 40, generator=generator(98))


def given(kind):
    return spectrograms() if kind == "spec_augment" else signals()


def change(kind, values, seed=0, **params):
    if kind == "left_right_flip":
        params = {"channel_names": NAMES, **params}
    return AUGMENTATIONS[kind](values, generator=generator(seed), sfreq=SFREQ, **params)


def shared(values, change_of_it):
    """Return what was done to each window, `(B, L, C)`: the ratio of the first samples."""
    return change_of_it[..., 0] / values[..., 0]


@pytest.mark.parametrize("kind", AUGMENTATIONS)
def test_shape_and_type_stay_and_the_original_is_untouched(kind):
    values = given(kind)
    before = values.clone()
    changed = change(kind, values)
    assert changed.shape == values.shape
    assert changed.dtype == values.dtype
    assert torch.isfinite(changed).all()
    assert torch.equal(values, before)
    assert not torch.equal(changed, values)


@pytest.mark.parametrize("kind", [kind for kind in OF_SIGNALS if kind != "notch"])
def test_a_type_of_16_bits_stays_one(kind):
    assert change(kind, signals(dtype=torch.float16)).dtype == torch.float16


@pytest.mark.parametrize("kind", AUGMENTATIONS)
def test_the_seed_alone_decides(kind):
    values = given(kind)
    torch.manual_seed(0)
    one = change(kind, values, seed=3)
    torch.manual_seed(1)
    assert torch.equal(one, change(kind, values, seed=3))
    if kind not in ("sign_flip", "left_right_flip"):
        assert not torch.equal(one, change(kind, values, seed=4))


@pytest.mark.parametrize("kind", NOTHING)
def test_at_no_strength_nothing_changes(kind):
    values = given(kind)
    assert torch.equal(change(kind, values, **NOTHING[kind]), values)


@pytest.mark.parametrize("kind", [kind for kind in OF_SIGNALS if kind != "left_right_flip"])
def test_an_epoch_that_is_missing_stays_zeros(kind):
    values = signals()
    values[:, 0] = 0
    assert change(kind, values)[:, 0].abs().max() == 0


def test_every_change_is_of_signals_or_of_spectrograms():
    assert set(OF_SIGNALS) | set(OF_SPECTROGRAMS) == set(AUGMENTATIONS)


@pytest.mark.parametrize("kind", AUGMENTATIONS)
def test_a_missing_sample_stays_missing_and_spoils_no_other(kind):
    values = given(kind)
    values[2, 1, 1, 5:9] = torch.nan
    before = values.isnan().sum()
    changed = change(kind, values)
    allowed = 0 if kind in ("channel_dropout", "spec_augment", "shift") else before
    assert allowed <= changed.isnan().sum() <= before * (2 if kind == "shift" else 1)


@pytest.mark.slow  # torch imports much for it
@pytest.mark.parametrize("kind", AUGMENTATIONS)
def test_what_is_drawn_follows_the_signal_to_its_device(kind):
    """On torch's device without memory: operands of two devices are refused there as on a GPU."""
    values = given(kind).to("meta")
    assert change(kind, values).device.type == "meta"


def find_shift(original, shifted, most):
    """Return by how many samples one window was moved, from its middle."""
    middle = slice(most, len(original) - most)
    return next(
        lag for lag in range(-most, most + 1)
        if torch.equal(shifted[middle], original.roll(lag)[middle])
    )  # fmt: skip


def test_a_sequence_is_shifted_as_one_by_a_tenth_of_a_second_at_most():
    values = signals(n_sequences=60)
    changed = shift(values, generator=generator(), sfreq=SFREQ)
    lags = []
    for original, moved in zip(values, changed, strict=True):
        found = {
            find_shift(original[epoch, channel], moved[epoch, channel], most=8)
            for epoch in range(2)
            for channel in range(3)
        }
        assert len(found) == 1
        lags.append(found.pop())
    assert max(lags) == 6  # 0.1 s at 64 Hz
    assert min(lags) == -6
    assert len(set(lags)) > 8


def test_what_comes_in_at_an_end_is_the_end_mirrored():
    ramp = torch.arange(20.0).reshape(1, 1, 1, 20)
    for seed in range(20):
        moved = shift(ramp, generator=generator(seed), sfreq=10.0, max_shift_s=0.3).flatten()
        lag = int(moved[10]) - 10
        expected = [abs(place + lag) for place in range(20)]
        expected = [place if place < 20 else 38 - place for place in expected]
        assert moved.tolist() == expected


def test_a_shift_longer_than_the_window_stays_within_it():
    values = signals(n_times=5)
    moved = shift(values, generator=generator(), sfreq=SFREQ, max_shift_s=10.0)
    assert torch.isin(moved, values).all()


def test_a_channels_gain_is_one_for_a_sequence_and_within_its_bounds():
    values = signals(n_sequences=200)
    gains = shared(values, amplitude(values, generator=generator(), sfreq=SFREQ, strength=0.25))
    assert torch.allclose(gains[:, 0], gains[:, 1], atol=1e-4)
    assert (gains[:, 0, 0] - gains[:, 0, 1]).abs().max() > 0.1
    assert 1.2 < gains.max() < 1.2501
    assert 1 / 1.2501 < gains.min() < 1 / 1.2
    assert gains.log().mean().abs() < 0.02  # as often up as down


@pytest.mark.parametrize("least_db", [20.0, 30.0])
def test_noise_is_as_far_below_every_window_as_it_says(least_db):
    values = signals(n_sequences=50) * torch.tensor([1.0, 50.0, 0.01]).reshape(3, 1) + 300
    values = values.double()
    added = noise(values, generator=generator(), sfreq=SFREQ, min_snr_db=least_db) - values
    power = values.var(dim=-1, correction=0)
    snr_db = 10 * torch.log10(power / added.square().mean(dim=-1))
    assert snr_db.min() > least_db - 0.01
    assert snr_db.max() < least_db + 20.01
    assert snr_db.min() < least_db + 1
    assert snr_db.max() > least_db + 19


def test_noise_is_white_and_another_in_every_channel():
    values = signals(n_sequences=1, n_epochs=1, n_times=4096)
    added = (noise(values, generator=generator(), sfreq=SFREQ) - values)[0, 0]
    correlation = torch.corrcoef(added)
    assert (correlation - torch.eye(3)).abs().max() < 0.1
    spectrum = torch.fft.rfft(added).abs().square()
    low, high = spectrum[:, :1000].mean(), spectrum[:, 1000:].mean()
    assert 0.8 < low / high < 1.25


def test_a_notch_takes_one_band_of_a_width_that_varies():
    values = signals(n_sequences=1, n_epochs=2, n_times=1280)
    widths, centres = [], []
    for seed in range(60):
        changed = notch(values, generator=generator(seed), sfreq=SFREQ, max_width_hz=4.0)
        gone = (torch.fft.rfft(changed).abs() < 0.01 * torch.fft.rfft(values).abs()).all(2)[0, 0]
        places = torch.nonzero(gone).flatten()
        if len(places):
            assert (places.diff() == 1).all()
            widths.append((len(places) - 1) * SFREQ / 1280)
            centres.append(places.float().mean().item() * SFREQ / 1280)
    assert 3 < max(widths) <= 4.0
    assert min(widths) < 1
    assert min(centres) < 8
    assert max(centres) > 24


def test_a_notch_at_a_frequency_takes_that_and_keeps_the_mean():
    time = torch.arange(1280) / SFREQ
    tones = 7 + torch.sin(2 * math.pi * 5 * time) + torch.sin(2 * math.pi * 20 * time)
    values = tones.expand(1, 1, 1, 1280)
    changed = notch(values, generator=generator(), sfreq=SFREQ, max_width_hz=2.0, centre_hz=20.0)
    assert torch.allclose(changed[0, 0, 0], 7 + torch.sin(2 * math.pi * 5 * time), atol=1e-3)


@pytest.mark.parametrize("wanted", ["EMG submental", "EMG*", 2])
def test_only_the_named_channel_is_silenced(wanted):
    values = signals()
    changed = channel_dropout(
        values, generator=generator(), sfreq=SFREQ, channels=[wanted], channel_names=NAMES
    )
    assert not changed[:, :, 2].any()
    assert torch.equal(changed[:, :, :2], values[:, :, :2])


def test_a_pattern_may_silence_several():
    changed = channel_dropout(
        signals(), generator=generator(), sfreq=SFREQ, channels=["EEG*"], channel_names=NAMES
    )
    assert [bool(changed[:, :, place].any()) for place in range(3)] == [False, False, True]


def test_without_names_one_channel_of_a_sequence_at_random_is_silenced():
    changed = channel_dropout(signals(90), generator=generator(), sfreq=SFREQ)
    silent = ~changed.any(dim=-1)  # (B, L, C)
    assert torch.equal(silent[:, 0], silent[:, 1])
    assert (silent[:, 0].sum(dim=1) == 1).all()
    assert silent[:, 0].sum(dim=0).min() > 15


@pytest.mark.parametrize(("wanted", "hint"), [("EMG chin", "no channel 'EMG chin'"), (3, "'3'")])
def test_a_channel_that_is_not_there_is_refused_by_name(wanted, hint):
    with pytest.raises(EpochalError, match=hint):
        channel_dropout(
            signals(), generator=generator(), sfreq=SFREQ, channels=[wanted], channel_names=NAMES
        )


def test_a_sign_flip_turns_everything_upside_down():
    values = signals()
    assert torch.equal(sign_flip(values, generator=generator(), sfreq=SFREQ), -values)


def test_left_and_right_change_places_and_the_midline_stays():
    values = signals()
    flipped = left_right_flip(values, generator=generator(), sfreq=SFREQ, channel_names=NAMES)
    assert torch.equal(flipped[:, :, 0], values[:, :, 1])
    assert torch.equal(flipped[:, :, 1], values[:, :, 0])
    assert torch.equal(flipped[:, :, 2], values[:, :, 2])


def test_a_spectrograms_sides_change_places_with_all_their_pixels():
    values = torch.rand(2, 1, 4, 5, 6)
    flipped = left_right_flip(
        values, generator=generator(), sfreq=SFREQ, channel_names=("LL", "RL", "LP", "RP")
    )
    assert torch.equal(flipped, values[:, :, [1, 0, 3, 2]])


def test_masks_of_a_spectrogram_are_a_band_and_a_stretch_of_its_mean():
    values = spectrograms()
    changed = spec_augment(values, generator=generator(), sfreq=SFREQ)
    gone = changed != values
    mean = values.mean(dim=(3, 4), keepdim=True).expand_as(values)
    assert torch.equal(changed[gone], mean[gone])
    for mask in gone.flatten(0, 1):
        assert torch.equal(mask[0], mask[1])  # the same for all channels
        rows, columns = mask[0].all(dim=1), mask[0].all(dim=0)
        assert torch.equal(mask[0], rows[:, None] | columns[None, :])
        assert rows.sum() <= 6  # a fifth of 30
        assert columns.sum() <= 8  # and of 40


def test_epochs_have_masks_of_their_own():
    gone = spec_augment(spectrograms(), generator=generator(), sfreq=SFREQ) != spectrograms()
    assert not torch.equal(gone[:, 0], gone[:, 1])


def test_masks_reach_every_row_and_frame():
    values = torch.rand(400, 1, 1, 10, 10)
    changed = spec_augment(
        values, generator=generator(), sfreq=SFREQ, max_frequency_share=0.3, max_time_share=0.0
    )
    rows = (changed != values).all(dim=-1)[:, 0, 0].float().mean(dim=0)
    assert rows.min() > 0.03
    assert (changed != values).all(dim=-2).sum() == 0
