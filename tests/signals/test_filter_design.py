import subprocess
import sys

import numpy as np
import pytest
from scipy import signal

from epochal.signals.filter_design import SETTLED, Filter

DESIGNS = [
    Filter(100.0, 0.3, 35.0),
    Filter(512.0, 0.5, 100.0),
    Filter(100.0, 10.0),
    Filter(100.0, None, 20.0),
    Filter(4.0, 0.05, 1.0),
    Filter(256.0, notch_hz=50.0),
    Filter(256.0, 0.3, 100.0, 60.0),
]


@pytest.mark.parametrize("design", DESIGNS)
def test_the_gain_is_the_squared_response_of_scipys_sections(design):
    frequencies = np.linspace(0, design.sfreq / 2, 1000)
    _, response = signal.freqz_sos(design.sections(), worN=frequencies, fs=design.sfreq)
    assert np.allclose(design.gain(frequencies), np.abs(response) ** 2, rtol=1e-6, atol=1e-9)


@pytest.mark.parametrize("design", DESIGNS)
def test_the_response_has_settled_when_the_slowest_pole_of_the_sections_has(design):
    poles = np.concatenate([np.roots(section[3:]) for section in design.sections()])
    radius = np.abs(poles).max()
    assert radius**design.n_settling <= SETTLED * 1.001
    assert radius ** (design.n_settling - 1) >= SETTLED * 0.999


@pytest.mark.parametrize("design", DESIGNS[:4])
def test_half_of_the_power_passes_at_an_edge(design):
    edges = np.array([edge for edge in (design.low_hz, design.high_hz) if edge])
    assert design.gain(edges) == pytest.approx(np.full(len(edges), 0.5))


def test_a_notch_and_its_harmonics_let_nothing_through():
    design = Filter(256.0, notch_hz=50.0)
    assert design.notches_hz.tolist() == [50.0, 100.0]
    assert design.gain(np.array([50.0, 100.0])) == pytest.approx([0.0, 0.0], abs=1e-20)
    assert design.gain(np.array([10.0, 75.0])) == pytest.approx([1.0, 1.0], abs=0.01)


def test_without_an_edge_everything_passes():
    assert Filter(100.0).passes_all
    assert Filter(100.0).gain(np.array([0.0, 25.0, 50.0])).tolist() == [1.0, 1.0, 1.0]
    assert not Filter(100.0, notch_hz=25.0).passes_all


@pytest.mark.slow
def test_the_design_does_without_the_slow_import_of_scipy_signal():
    code = (
        "import sys, numpy as np; from epochal.signals.filter_design import Filter; "
        "Filter(100.0, 0.3, 35.0).gain(np.arange(5.0)); sys.exit('scipy.signal' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
