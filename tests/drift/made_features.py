"""Made-up features of subjects who differ from each other as people do."""

import numpy as np
import pandas as pd

SIGNALS = ("one", "two")


def make_subjects(n_subjects=24, n_epochs=80, *, seed=0):
    """Return features of two signals, and each row's recording and subject.

    A subject's amplitude differs by a quarter from the next one's, the same in both signals for
    the most part; within a night it varies more than that.
    """
    random = np.random.default_rng(seed)
    parts = []
    for subject in range(n_subjects):
        size = random.normal(0, 0.25)
        columns = {}
        for signal, level in zip(SIGNALS, (2.0, 3.0), strict=True):
            loud = level + size + random.normal(0, 0.05) + random.normal(0, 0.4, n_epochs)
            pitch = random.normal(5 * level, 0.5) + random.normal(0, 1, n_epochs)
            columns |= {
                f"{signal}_sd_uv": np.exp(loud),
                f"{signal}_iqr_uv": np.exp(loud + random.normal(0, 0.1, n_epochs)),
                f"{signal}_pitch": pitch,
                f"{signal}_entropy": random.normal(level / 4, 0.1, n_epochs),
            }
        parts.append(pd.DataFrame(columns).assign(subject=f"s{subject}"))
    table = pd.concat(parts, ignore_index=True)
    return table.drop(columns="subject"), table["subject"], table["subject"]


def louder(features, *signals, factor=2.0):
    """Return features of signals that were multiplied."""
    names = [f"{signal}_{what}_uv" for signal in signals for what in ("sd", "iqr")]
    return features.assign(**{name: features[name] * factor for name in names})


def swapped(features):
    """Return features of two signals that changed places."""
    renamed = {
        f"{a}_{what}": f"{b}_{what}"
        for a, b in (SIGNALS, SIGNALS[::-1])
        for what in ("sd_uv", "iqr_uv", "pitch", "entropy")
    }
    return features.assign(**{name: features[source] for name, source in renamed.items()})
