"""The heart and the eyes taken out of the EEG, by the channels that record them.

Regression after Croft and Barry 2000, doi:10.1016/S0987-7053(00)00055-1, with lags. It assumes that
the reference holds no brain activity. Coefficients and components hold for a whole run. A bipolar
montage comes first: what all electrodes share with an EKG is mostly their reference, not the heart
(on the SPaRCNet samples up to 28 % of the EEG's variance, which regression would subtract).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from epochal.errors import EpochalError, RecordingError
from epochal.options.artefacts import ArtefactOptions
from epochal.readers.aliases import kind_of, match_channel
from epochal.recording import Channel, Recording
from epochal.signals.filtering import filter_channel
from epochal.signals.ica import find_components

_BLOCK = 1 << 16  # samples at once: a day of EEG with its lags would not fit into memory
_ICA_SAMPLES = 1 << 16  # that are enough to find components by
_RIDGE = 1e-7  # of the mean power: neighbouring lags are almost the same
_PASSED = 0.4  # of the rate: what is above goes before a reference is taken to a lower one


def remove_artefacts(recording: Recording, options: ArtefactOptions) -> Recording:
    """Return the recording with its EEG channels freed, run by run, of what the references hold.

    Samples that are missing stay so; where a reference is missing the EEG stays as it was. What
    was done otherwise than asked is in `problems`. A missing reference raises `RecordingError`,
    unless it is not `required`.
    """
    references, problems = _find_references(recording, options)
    data = {}
    for group in _on_one_time_base(recording, {channel.name for channel in references}):
        cleaned, remarks = _clean(group, references, recording, options)
        data.update(cleaned)
        problems += remarks
    channels = tuple(
        replace(channel, data=data.get(channel.name, channel.data))
        for channel in recording.channels
    )
    return replace(recording, channels=channels, problems=(*recording.problems, *problems))


def _find_references(
    recording: Recording, options: ArtefactOptions
) -> tuple[list[Channel], list[str]]:
    """Return the reference channels without their drift, and what is wrong with any."""
    found, problems = [], []
    for name in options.references:
        try:
            match = match_channel(name, recording.channel_names)
        except EpochalError as error:
            if options.required:
                raise RecordingError(recording.recording_id, str(error)) from error
            problems.append(f"Artefacts were not removed by '{name}': there is no such channel.")
            continue
        channel = recording.channel(match.name)
        filtered = filter_channel(channel, recording.runs, band_hz=(options.low_hz, None))
        if np.nanmax(np.abs(filtered.data), initial=0.0) > 0:
            found.append(filtered)
        else:
            problems.append(f"Artefacts were not removed by '{name}': it is flat or missing.")
    return found, problems


def _on_one_time_base(recording: Recording, references: set[str]) -> list[list[Channel]]:
    """Group the EEG channels that share rate, start and length."""
    groups = defaultdict(list)
    for channel in recording.channels:
        if kind_of(channel.name) == "EEG" and channel.name not in references:
            groups[channel.sfreq, channel.start_s, len(channel.data)].append(channel)
    return list(groups.values())


def _clean(
    channels: list[Channel],
    references: list[Channel],
    recording: Recording,
    options: ArtefactOptions,
) -> tuple[dict[str, np.ndarray], list[str]]:
    """Return the channels' samples without artefacts, and remarks."""
    if not references:
        return {}, []
    data = np.stack([np.asarray(channel.data, dtype=np.float32) for channel in channels])
    aligned = np.stack([_align(reference, channels[0], recording.runs) for reference in references])
    quick = [
        filter_channel(channel, recording.runs, band_hz=(options.low_hz, None)).data
        for channel in channels
    ]
    remarks = []
    for run in _slices(channels[0], recording.runs):
        eeg = np.stack([np.asarray(samples[run]) for samples in quick])
        remark = _clean_run(data[:, run], eeg, aligned[:, run], channels[0].sfreq, options)
        remarks += [remark] if remark else []
    return dict(zip([channel.name for channel in channels], data, strict=True)), remarks


def _clean_run(
    data: np.ndarray,
    eeg: np.ndarray,
    references: np.ndarray,
    sfreq: float,
    options: ArtefactOptions,
) -> str:
    """Subtract the artefacts of one run from `data`, where they can be told."""
    n_lags = round(options.lag_s * sfreq)
    if options.method == "regression":
        _subtract_explained(data, eeg, references, n_lags)
        return ""
    return _subtract_components(data, eeg, references, n_lags, options)


def _align(
    reference: Channel, target: Channel, runs: tuple[tuple[float, float], ...]
) -> np.ndarray:
    """Return a reference at a target's times, `(n_samples,)`; NaN where it has none."""
    same = (reference.sfreq, reference.start_s, len(reference.data))
    if same == (target.sfreq, target.start_s, len(target.data)):
        return np.asarray(reference.data)
    if reference.sfreq > target.sfreq:
        reference = filter_channel(reference, runs, band_hz=(None, _PASSED * target.sfreq))
    given_s = reference.start_s + np.arange(len(reference.data)) / reference.sfreq
    wanted_s = target.start_s + np.arange(len(target.data)) / target.sfreq
    return np.interp(
        wanted_s, given_s, np.asarray(reference.data), left=np.nan, right=np.nan
    ).astype(np.float32)


def _slices(channel: Channel, runs: tuple[tuple[float, float], ...]) -> list[slice]:
    edges = [
        [max(0, round((edge_s - channel.start_s) * channel.sfreq)) for edge_s in run]
        for run in runs
    ]
    return [slice(first, last) for first, last in edges if first < min(last, len(channel.data))]


# Regression


def _subtract_explained(
    data: np.ndarray, eeg: np.ndarray, references: np.ndarray, n_lags: int
) -> None:
    """Subtract from `data` what lagged references `(n_references, n)` explain of `eeg`, in place.

    The coefficients of a channel come from those samples that it has.
    """
    usable = np.isfinite(references).all(axis=0)
    references = np.where(usable, references, 0.0).astype(np.float64)
    for rows, known in _rows_by_pattern(np.isfinite(eeg) & usable):
        coefficients = _fit(eeg[rows], references, known, n_lags)
        for block, design in _designs(references, n_lags):
            artefact = coefficients.T @ design
            data[rows, block] -= np.where(usable[block], artefact, 0.0)


def _rows_by_pattern(known: np.ndarray) -> Iterator[tuple[list[int], np.ndarray]]:
    """Group the channels that have the same samples, so that they are solved for at once."""
    groups = defaultdict(list)
    for row, samples in enumerate(known):
        groups[samples.tobytes()].append(row)
    for rows in groups.values():
        yield rows, known[rows[0]]


def _fit(eeg: np.ndarray, references: np.ndarray, known: np.ndarray, n_lags: int) -> np.ndarray:
    """Return the least-squares coefficients, `(n_references · n_lagged, n_channels)`."""
    n_columns = len(references) * (2 * n_lags + 1)
    gram, moments = np.zeros((n_columns, n_columns)), np.zeros((n_columns, len(eeg)))
    for block, design in _designs(references, n_lags):
        design = design[:, known[block]]
        gram += design @ design.T
        moments += design @ eeg[:, block][:, known[block]].T
    ridge = _RIDGE * np.trace(gram) / n_columns
    if ridge == 0:
        return np.zeros_like(moments)
    return np.linalg.solve(gram + ridge * np.eye(n_columns), moments)


def _designs(references: np.ndarray, n_lags: int) -> Iterator[tuple[slice, np.ndarray]]:
    """Yield blocks of samples with all lags of all references, `(n_columns, n_block)`."""
    padded = np.pad(references, ((0, 0), (n_lags, n_lags)))
    n_samples = references.shape[1]
    for first in range(0, n_samples, _BLOCK):
        last = min(first + _BLOCK, n_samples)
        lagged = [padded[:, first + lag : last + lag] for lag in range(2 * n_lags + 1)]
        yield slice(first, last), np.concatenate(lagged)


# Independent components


def _subtract_components(
    data: np.ndarray,
    eeg: np.ndarray,
    references: np.ndarray,
    n_lags: int,
    options: ArtefactOptions,
) -> str:
    """Subtract from `data` the components of `eeg` that follow a reference, in place.

    A sample that any of the channels lacks has no components: there all stay as they were. A
    channel that lacks most of the run takes no part.
    """
    present = np.flatnonzero(np.isfinite(eeg).mean(axis=1) > 0.5)
    known = np.isfinite(eeg[present]).all(axis=0) & np.isfinite(references).all(axis=0)
    if known.sum() <= 10 * len(present) or len(present) < 2:
        return "No independent components were sought: too few samples that all channels have."
    centred = np.where(known, eeg[present], 0.0)
    step = -(-int(known.sum()) // _ICA_SAMPLES)
    found = find_components(centred[:, known][:, ::step], seed=options.seed)
    courses = found.unmixing @ centred
    follows = _follow(courses, np.where(known, references, 0.0), n_lags)
    taken = follows >= options.min_correlation
    data[present] -= found.mixing[:, taken] @ courses[taken]
    names = ", ".join(options.references)
    doubt = "" if found.converged else " The components had not settled."
    return f"{taken.sum()} of {len(taken)} independent components followed {names}.{doubt}"


def _follow(courses: np.ndarray, references: np.ndarray, n_lags: int) -> np.ndarray:
    """Return each component's largest correlation with a reference at any lag."""
    sizes = np.linalg.norm(courses, axis=1)[:, None] * np.linalg.norm(references, axis=1)
    products = [
        np.abs(courses @ np.roll(references, lag, axis=1).T) for lag in range(-n_lags, n_lags + 1)
    ]
    return (np.max(products, axis=0) / np.maximum(sizes, np.finfo(float).tiny)).max(axis=1)
