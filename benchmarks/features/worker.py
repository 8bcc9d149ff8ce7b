"""One library computing the features of one night, as often as it is told to.

`python worker.py NAME NIGHT.npy N_EPOCHS N_THREADS`: prepares, then for every line that it reads
computes once and prints the processor seconds and the seconds it took; at the end of its input,
the processor seconds of its whole life. Run by the environment of the library.
"""

import sys
import time
import warnings
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from pathlib import Path

import numpy as np

SFREQ, EPOCH_S = 100, 30
NAMES = ("EEG Fpz-Cz", "EOG horizontal", "EMG submental")
BANDS_HZ = np.array([0.5, 4.0, 8.0, 12.0, 16.0, 30.0])


def prepare_ours(night):
    import pandas as pd

    from epochal.features import extract_features
    from epochal.options.features import ContextOptions, FeatureOptions, SignalOptions
    from epochal.recording import Channel, Recording

    sets = ("band_power", "spectral_shape", "aperiodic", "statistics", "amplitude", "quantiles",
            "hjorth", "complexity")  # fmt: skip
    bands_hz = ((0.3, 35.0), (0.3, 35.0), (10.0, None))
    signals = {
        prefix: SignalOptions(channels=(name,), band_hz=band_hz, features=sets)
        for prefix, name, band_hz in zip(("eeg", "eog", "emg"), NAMES, bands_hz, strict=True)
    }
    context = ContextOptions(causal_epochs=(5, 15))
    channels = [Channel(name, "uV", SFREQ, data) for name, data in zip(NAMES, night, strict=True)]
    length_s = night.shape[1] / SFREQ
    recording = Recording("night", "somebody", channels=tuple(channels), runs=((0.0, length_s),))
    index = np.arange(round(length_s / EPOCH_S))
    epochs = pd.DataFrame(
        {"recording_id": "night", "epoch": index, "onset_s": 30.0 * index, "length_s": 30.0,
         "run": 0}
    )  # fmt: skip
    options = FeatureOptions(signals=signals, context=context)
    return lambda: extract_features(recording, epochs, options)


def prepare_yasa(night):
    import mne
    import yasa

    mne.set_log_level("error")
    info = mne.create_info(["C4", "EOG", "EMG"], SFREQ, ["eeg", "eog", "emg"])
    raw = mne.io.RawArray(night.astype(np.float64) * 1e-6, info)
    names = {"eeg_name": "C4", "eog_name": "EOG", "emg_name": "EMG"}
    return lambda: yasa.SleepStaging(raw, **names).get_features()


def prepare_antropy(night):
    import antropy

    epochs = night.reshape(-1, SFREQ * EPOCH_S).astype(np.float64)
    return lambda: [
        antropy.hjorth_params(epochs, axis=1),
        antropy.num_zerocross(epochs, axis=1),
        antropy.petrosian_fd(epochs, axis=1),
        antropy.perm_entropy(epochs, normalize=True),
        [antropy.higuchi_fd(epoch) for epoch in epochs],
        antropy.spectral_entropy(epochs, SFREQ, method="welch", nperseg=400, axis=1),
    ]


def prepare_mne_features(night):
    from mne_features.feature_extraction import extract_features

    epochs = night.reshape(len(night), -1, SFREQ * EPOCH_S).transpose(1, 0, 2).astype(np.float64)
    # Without spect_slope, which fails in mne-features 0.3.2 with numpy 2.4.
    functions = [
        "mean", "std", "skewness", "kurtosis", "quantile", "ptp_amp", "rms", "line_length",
        "zero_crossings", "hjorth_mobility", "hjorth_complexity", "higuchi_fd", "spect_entropy",
        "spect_edge_freq", "pow_freq_bands",
    ]  # fmt: skip
    parameters = {"pow_freq_bands__freq_bands": BANDS_HZ}
    return lambda: extract_features(epochs, SFREQ, functions, funcs_params=parameters)


def prepare_neurokit2(night):
    import neurokit2

    epochs = night.reshape(-1, SFREQ * EPOCH_S).astype(np.float64)
    bands = list(pairwise(BANDS_HZ))
    return lambda: [
        [
            neurokit2.complexity_hjorth(epoch),
            neurokit2.fractal_petrosian(epoch),
            neurokit2.fractal_higuchi(epoch, k_max=10),
            neurokit2.entropy_permutation(epoch),
            neurokit2.signal_power(epoch, bands, sampling_rate=SFREQ),
        ]
        for epoch in epochs
    ]


def prepare_tsfresh(night):
    import pandas as pd
    from tsfresh import extract_features
    from tsfresh.feature_extraction import EfficientFCParameters

    epochs = night.reshape(-1, SFREQ * EPOCH_S).astype(np.float64)
    ids = np.repeat(np.arange(len(epochs)), epochs.shape[1])
    table = pd.DataFrame({"id": ids, "value": epochs.ravel()})
    settings = EfficientFCParameters()
    return lambda: extract_features(
        table, column_id="id", default_fc_parameters=settings, n_jobs=0, disable_progressbar=True
    )


PREPARE = {
    "ours": prepare_ours,
    "yasa": prepare_yasa,
    "antropy": prepare_antropy,
    "mne-features": prepare_mne_features,
    "neurokit2": prepare_neurokit2,
    "tsfresh": prepare_tsfresh,
}


def main() -> None:
    warnings.simplefilter("ignore")
    name, path, n_epochs, n_threads = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
    night = np.load(Path(path))[:, : n_epochs * SFREQ * EPOCH_S]
    compute = PREPARE[name](night)
    for _ in sys.stdin:
        start, processor = time.perf_counter(), time.process_time()
        if n_threads == 1:
            compute()
        else:  # as many nights side by side
            with ThreadPoolExecutor(n_threads) as pool:
                list(pool.map(lambda _: compute(), range(n_threads)))
        print(time.process_time() - processor, time.perf_counter() - start, flush=True)
    print(time.process_time(), flush=True)


if __name__ == "__main__":
    main()
