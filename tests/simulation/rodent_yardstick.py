"""How separable simulated mice are: logistic regressions across animals, kappa out of fold."""

import numpy as np
import pandas as pd
from scipy.signal import welch
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import cohen_kappa_score
from sklearn.model_selection import GroupKFold

from epochal.simulation import rodent

BANDS = ((0.5, 2), (2, 4), (4, 6), (6, 7), (7, 8), (8, 9.5), (10, 15), (15, 30), (30, 45))


def load_features(options):
    """Return the three plain features, many with their context, labels and animals of a cohort."""
    plain, rich, labels, animals = [], [], [], []
    for index in range(options.n_subjects):
        made = rodent.simulate(options, index)
        three, many = features(made)
        plain.append(zscore(three))
        rich.append(with_context(zscore(many)))
        labels.append(made.stages)
        animals.append(np.full(len(made.stages), index))
    return tuple(np.concatenate(parts) for parts in (plain, rich, labels, animals))


def features(made):
    eeg, emg = (epochs(channel, made.epoch_s, len(made.stages)) for channel in made.channels)
    freqs, psd = welch(eeg, made.channels[0].sfreq, nperseg=512, axis=1)

    def log_power(low_hz, high_hz):
        return np.log(psd[:, (freqs >= low_hz) & (freqs < high_hz)].sum(axis=1) + 1e-9)

    delta, tone = log_power(0.5, 4), np.log(emg.std(axis=1) + 1e-6)
    three = np.column_stack([delta, log_power(6, 9) - delta, tone])
    halves = emg.reshape(len(emg), -1, int(made.channels[1].sfreq / 2)).std(axis=2)
    spread = np.log(np.quantile(halves, [0.1, 0.5, 0.9], axis=1).T + 1e-6)
    return three, np.column_stack([three, *(log_power(*band) for band in BANDS), spread])


def epochs(channel, epoch_s, n_epochs):
    n_samples = int(epoch_s * channel.sfreq)
    return np.asarray(channel.data)[: n_epochs * n_samples].reshape(n_epochs, n_samples)


def zscore(columns):
    return (columns - columns.mean(axis=0)) / (columns.std(axis=0) + 1e-9)


def with_context(columns):
    frame = pd.DataFrame(columns)
    shifted = [frame.shift(by).bfill().ffill() for by in (-2, -1, 1, 2)]
    means = [frame.rolling(n, center=True, min_periods=1).mean() for n in (3, 7)]
    return np.column_stack([frame, *shifted, *means])


def kappa_of(columns, labels, animals):
    found = np.empty(len(labels), dtype=labels.dtype)
    for train, test in GroupKFold(4).split(columns, labels, animals):
        model = LogisticRegression(max_iter=400).fit(columns[train], labels[train])
        found[test] = model.predict(columns[test])
    return cohen_kappa_score(labels, found)
