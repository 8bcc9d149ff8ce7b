"""What neurokit2 says of a few signals, and how it was asked.

neurokit2 is no dependency of the tests: these are the numbers of 0.2.12 (MIT), with numpy 2.4
(`numpy.trapz = numpy.trapezoid` set before its import) and astropy for its `lomb`. To have them
again, in an environment that holds it: `python tests/features/neurokit_reference.py`.
"""

import numpy as np

VERSION = "0.2.12"
LENGTH_S = 180.0


def r_peaks_ms(seed):
    """Beats in whole milliseconds, slow and fast waves and noise in their intervals.

    No difference of intervals is exactly 50 ms, where rounding would decide on pNN50.
    """
    rng = np.random.default_rng(seed)
    times_s = [0.5]
    while times_s[-1] < LENGTH_S - 1.5:
        now_s = times_s[-1]
        slow, fast = np.sin(2 * np.pi * 0.1 * now_s), np.sin(2 * np.pi * 0.25 * now_s)
        times_s.append(now_s + 0.85 + 0.03 * slow + 0.04 * fast + rng.normal(0, 0.012))
    peaks = np.round(1000 * np.array(times_s)).astype(int)
    while (tied := np.flatnonzero(np.abs(np.diff(peaks, 2)) == 50)).size:
        peaks[tied[0] + 1] += 1
    return peaks


def conductance(n_responses, *, sfreq=4.0, length_s=60.0):
    """A slowly falling level with responses of 0.3 uS: a second's rise, several of recovery."""
    time_s = np.arange(round(sfreq * length_s)) / sfreq
    level = 2.0 - 0.002 * time_s
    for onset_s in np.linspace(5, length_s - 10, n_responses):
        since = np.clip(time_s - onset_s, 0, None)
        level = level + 0.45 * (np.exp(-since / 4.0) - np.exp(-since / 0.7))
    return level


# seed -> SDNN, RMSSD (ms), pNN50 (%), SD1, SD2 (ms), SD1/SD2 (hrv_time, hrv_nonlinear)
HRV = {
    0: (37.59507398058125, 41.26597124478133, 26.190476190476193,
        29.24901536300936, 44.46003770885987, 0.6578720322853144),
    1: (37.580148722909534, 40.99842452335369, 24.761904761904763,
        29.05905798119596, 44.52506939219557, 0.6526448667655413),
    2: (36.304335304544026, 39.404296270753285, 23.809523809523807,
        27.92942850522786, 43.1290680606212, 0.647577834651352),
}  # fmt: skip
# seed -> LF/HF (hrv_frequency, psd_method="lomb", on the intervals as they are)
LF_HF = {0: 0.46409788427031123, 1: 0.4897855492172869, 2: 0.5496840439639904}
# responses -> the phasic part's sd, the mean rise (uS; eda_phasic "highpass", eda_peaks), the count
EDA = {
    1: (0.0322383404779992, 0.23576268103529496, 1),
    3: (0.055268946751102985, 0.23531652902187639, 3),
    5: (0.07335201647917312, 0.2394086068514368, 5),
}


if __name__ == "__main__":
    np.trapz = np.trapezoid
    import neurokit2 as nk

    for seed in range(3):
        peaks = r_peaks_ms(seed)
        time = nk.hrv_time(peaks, sampling_rate=1000).iloc[0]
        pairs = nk.hrv_nonlinear(peaks, sampling_rate=1000).iloc[0]
        spectrum = nk.hrv_frequency(
            peaks, sampling_rate=1000, psd_method="lomb", interpolation_rate=None, silent=True
        ).iloc[0]
        named = ["HRV_SDNN", "HRV_RMSSD", "HRV_pNN50"], ["HRV_SD1", "HRV_SD2", "HRV_SD1SD2"]
        print("HRV", seed, tuple(float(v) for v in (*time[named[0]], *pairs[named[1]])))
        print("LF_HF", seed, float(spectrum["HRV_LFHF"]))
    for n_responses in (1, 3, 5):
        phasic = nk.eda_phasic(conductance(n_responses), sampling_rate=4, method="highpass")
        phasic = phasic["EDA_Phasic"].to_numpy()
        _, found = nk.eda_peaks(phasic, sampling_rate=4, method="neurokit", amplitude_min=0.1)
        rises = found["SCR_Amplitude"]
        print("EDA", n_responses, float(phasic.std()), float(np.nanmean(rises)), len(rises))
