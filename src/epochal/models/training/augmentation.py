"""Random changes of training windows that do not change what they show.

Each change takes signals `(B, L, C, T)` at `sfreq` Hz, or spectrograms `(B, L, C, F, T)`, and draws
from its generator alone; it returns a new tensor of the same shape and type. What a sequence's
epochs share (gain, shift, polarity) is drawn once for a sequence. They are meant for signals around
0, as scaling leaves them; a sample that is missing (NaN) stays so, and spoils no other.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from fnmatch import fnmatchcase

import torch
from torch import Generator, Tensor

from epochal.errors import EpochalError, did_you_mean
from epochal.models.training.mirroring import mirror_channels

LOUDEST_SNR_DB = 20.0  # noise that an expert would not remark upon
QUIETEST_SNR_DB = 40.0


def shift(
    signal: Tensor, *, generator: Generator, sfreq: float, max_shift_s: float = 0.1
) -> Tensor:
    """Move a sequence's windows earlier or later by up to `max_shift_s`.

    What comes in at an end is the window's own end, mirrored.
    """
    n_times = signal.shape[-1]
    most = min(round(max_shift_s * sfreq), n_times - 1)
    drawn = torch.randint(
        -most, most + 1, (signal.shape[0], 1), generator=generator, device=generator.device
    )
    places = (torch.arange(n_times, device=signal.device) - drawn.to(signal.device)).abs()
    places = torch.where(places < n_times, places, 2 * (n_times - 1) - places)  # (B, T)
    return signal.gather(-1, places[:, None, None, :].expand(signal.shape))


def amplitude(
    signal: Tensor, *, generator: Generator, sfreq: float, strength: float = 0.2
) -> Tensor:
    """Multiply each channel of a sequence by 1/(1 + strength) to 1 + strength, log-uniform."""
    del sfreq
    largest = torch.log1p(torch.tensor(float(strength)))
    exponent = (2 * _uniform(signal, (0, 2), generator) - 1) * largest.to(signal.device)
    return signal * exponent.exp().to(signal.dtype)


def noise(
    signal: Tensor, *, generator: Generator, sfreq: float, min_snr_db: float = LOUDEST_SNR_DB
) -> Tensor:
    """Add white noise to each channel of each window, at `min_snr_db` to 20 dB more.

    The ratio is that of the signal's variance to the noise's power, and holds in every window: one
    that is flat gets none.
    """
    del sfreq
    span_db = QUIETEST_SNR_DB - LOUDEST_SNR_DB
    snr_db = min_snr_db + span_db * _uniform(signal, (0, 1, 2), generator)
    drawn = torch.randn(signal.shape, generator=generator, device=generator.device)
    drawn = drawn.to(signal.device)
    drawn = drawn / drawn.square().mean(dim=-1, keepdim=True).sqrt()
    known = signal.float()
    power = (known - known.nanmean(dim=-1, keepdim=True)).square().nanmean(dim=-1, keepdim=True)
    return signal + (drawn * (power * 10 ** (-snr_db / 10)).sqrt()).to(signal.dtype)


def notch(
    signal: Tensor,
    *,
    generator: Generator,
    sfreq: float,
    max_width_hz: float = 2.0,
    centre_hz: float | None = None,
) -> Tensor:
    """Take out a band of up to `max_width_hz` around `centre_hz`, or around any frequency.

    One band for a sequence, by Fourier transform of each window; the mean stays.
    """
    if max_width_hz <= 0:
        return signal.clone()
    anywhere = _uniform(signal, (0,), generator) * sfreq / 2
    centre = anywhere if centre_hz is None else torch.full_like(anywhere, centre_hz)
    half_width = _uniform(signal, (0,), generator) * max_width_hz / 2
    at_hz = torch.fft.rfftfreq(signal.shape[-1], 1 / sfreq, device=signal.device)
    taken = ((at_hz - centre).abs() <= half_width) & (at_hz > 0)  # (B, 1, 1, n_frequencies)
    known = signal.isfinite()
    mean = signal.float().nanmean(dim=-1, keepdim=True).nan_to_num()
    spectrum = torch.fft.rfft(torch.where(known, signal.float(), mean)).masked_fill(taken, 0)
    filtered = torch.fft.irfft(spectrum, n=signal.shape[-1])
    return torch.where(known, filtered.to(signal.dtype), signal)


def channel_dropout(
    signal: Tensor,
    *,
    generator: Generator,
    sfreq: float,
    channels: Sequence[str | int] = (),
    channel_names: Sequence[str] = (),
) -> Tensor:
    """Silence channels by name, pattern (`EMG*`) or number for a whole sequence.

    Without `channels`, one of all at random goes. A name that nothing has raises `EpochalError`.
    """
    del sfreq
    places = torch.arange(signal.shape[2], device=signal.device)
    if channels:
        named = _find_channels(channels, channel_names, signal.shape[2])
        gone = torch.isin(places, torch.tensor(named, device=signal.device))
        return signal.masked_fill(gone[:, None], 0)
    drawn = _uniform(signal, (0,), generator)[..., 0] * signal.shape[2]  # (B, 1, 1)
    return signal.masked_fill((drawn.long() == places)[..., None], 0)


def sign_flip(signal: Tensor, *, generator: Generator, sfreq: float) -> Tensor:
    """Turn all channels of all windows upside down."""
    del generator, sfreq
    return -signal


def left_right_flip(
    values: Tensor, *, generator: Generator, sfreq: float, channel_names: Sequence[str]
) -> Tensor:
    """Exchange left and right by the channels' names, of signals or of spectrograms.

    Names without their counterpart raise `EpochalError` (see `mirroring.mirror_channels`).
    """
    del generator, sfreq
    mirror = mirror_channels(tuple(channel_names))
    order = torch.tensor(mirror.order, device=values.device)
    signs = torch.tensor(mirror.signs, device=values.device, dtype=values.dtype)
    return values.index_select(2, order) * signs.reshape(-1, *[1] * (values.ndim - 3))


def spec_augment(
    spectrogram: Tensor,
    *,
    generator: Generator,
    sfreq: float,
    n_masks: int = 1,
    max_frequency_share: float = 0.2,
    max_time_share: float = 0.2,
) -> Tensor:
    """Mask bands of frequencies and stretches of frames, up to a share of each, with the mean.

    Park et al. 2019, arXiv:1904.08779, without time warping, which gained them least. The masks
    are drawn for each epoch and cover all its channels; the mean is the epoch's own, by channel.
    """
    del sfreq  # shares need no rate
    gone = torch.zeros_like(spectrogram[:, :, :1], dtype=torch.bool)
    for _ in range(n_masks):
        gone = gone | _draw_band(spectrogram, 3, max_frequency_share, generator)
        gone = gone | _draw_band(spectrogram, 4, max_time_share, generator)
    mean = spectrogram.nanmean(dim=(3, 4), keepdim=True)
    return torch.where(gone, mean, spectrogram)


AUGMENTATIONS: dict[str, Callable[..., Tensor]] = {
    "shift": shift,
    "amplitude": amplitude,
    "noise": noise,
    "notch": notch,
    "channel_dropout": channel_dropout,
    "sign_flip": sign_flip,
    "left_right_flip": left_right_flip,
    "spec_augment": spec_augment,
}
OF_SPECTROGRAMS = ("left_right_flip", "spec_augment")  # these change spectrograms
OF_SIGNALS = tuple(name for name in AUGMENTATIONS if name != "spec_augment")


def _uniform(values: Tensor, dims: Sequence[int], generator: Generator) -> Tensor:
    """Draw from 0 to 1 for each place along `dims`, with 1 along the others of `values`."""
    shape = [size if dim in dims else 1 for dim, size in enumerate(values.shape)]
    return torch.rand(shape, generator=generator, device=generator.device).to(values.device)


def _draw_band(values: Tensor, dim: int, max_share: float, generator: Generator) -> Tensor:
    """Draw for each epoch a stretch along a dimension, as a mask."""
    n_places = values.shape[dim]
    length = (_uniform(values, (0, 1), generator) * (int(max_share * n_places) + 1)).floor()
    first = (_uniform(values, (0, 1), generator) * (n_places - length + 1)).floor()
    shape = [1] * values.ndim
    shape[dim] = n_places
    places = torch.arange(n_places, device=values.device).reshape(shape)
    return (places >= first) & (places < first + length)


def _find_channels(wanted: Sequence[str | int], names: Sequence[str], n_channels: int) -> list[int]:
    places: list[int] = []
    for one in wanted:
        found = (
            [one] * (0 <= one < n_channels)
            if isinstance(one, int)
            else [place for place, name in enumerate(names) if fnmatchcase(name, one)]
        )
        if not found:
            raise EpochalError(f"no channel '{one}' to drop{did_you_mean(str(one), names)}")
        places += found
    return places
