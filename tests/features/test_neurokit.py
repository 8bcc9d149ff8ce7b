"""Against the numbers of neurokit2, an independent implementation; see `neurokit_reference`."""

import numpy as np
import pytest
from neurokit_reference import EDA, HRV, LENGTH_S, LF_HF, conductance, r_peaks_ms

from epochal.features.beats import Beats
from epochal.features.electrodermal import find_responses, split
from epochal.features.variability import measure_variability

every_seed = pytest.mark.parametrize("seed", HRV)


def variability(seed):
    times_s = r_peaks_ms(seed) / 1000
    intervals_s = np.diff(times_s)
    believed = np.ones(len(intervals_s), bool)
    nothing = np.zeros(len(times_s))
    return measure_variability(Beats(times_s, nothing, nothing, intervals_s, believed), LENGTH_S)


@every_seed
def test_the_same_beats_have_neurokits_variability_in_time_and_in_pairs(seed):
    found = variability(seed)
    sdnn, rmssd, _, sd1, sd2, ratio = HRV[seed]
    ours = (found.sdnn, found.rmssd, found.sd1, found.sd2, found.sd1_sd2)
    assert ours == pytest.approx((sdnn, rmssd, sd1, sd2, ratio), rel=1e-6)


@every_seed
def test_pnn50_is_neurokits_but_for_what_it_is_a_share_of(seed):
    n_steps = len(r_peaks_ms(seed)) - 2
    percent_of_intervals = 100 * variability(seed).pnn50 * n_steps / (n_steps + 1)
    assert percent_of_intervals == pytest.approx(HRV[seed][2], rel=1e-6)


@every_seed
def test_lf_over_hf_is_neurokits_within_what_two_spectra_differ(seed):
    assert variability(seed).lf_hf == pytest.approx(LF_HF[seed], rel=0.05)


@pytest.mark.parametrize("n_responses", EDA)
def test_the_phasic_part_and_its_responses_are_neurokits(n_responses):
    sd_us, rise_us, count = EDA[n_responses]
    _, phasic = split(conductance(n_responses)[None], 4.0)
    found = find_responses(phasic[0], 4.0)
    assert found.scr_rate == count == n_responses
    assert phasic.std() == pytest.approx(sd_us, rel=0.1)
    assert np.exp(found.scr_amplitude) - 0.01 == pytest.approx(rise_us, rel=0.1)
