import sys
from importlib.machinery import PathFinder

import numpy as np
import pytest
from scipy import fft

from epochal.signals import fourier


@pytest.fixture(params=["compiled", "imported"])
def way(request, monkeypatch):
    """Both ways to the transforms: by the compiled module's place, and by importing scipy.fft."""
    fourier._engine.cache_clear()
    if request.param == "imported":
        monkeypatch.setattr(PathFinder, "find_spec", lambda *given: None)
    yield request.param
    fourier._engine.cache_clear()


def test_the_compiled_transforms_are_where_they_are_looked_for():
    fourier._engine.cache_clear()
    assert fourier._engine() is not None


def test_a_scipy_without_them_there_is_imported(way):
    assert (fourier._engine() is None) == (way == "imported")


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("shape", [(7,), (8,), (3, 400), (2, 3, 81)])
def test_transforms_are_scipys_to_the_bit(way, dtype, shape):
    signal = np.random.default_rng(0).normal(size=shape).astype(dtype)
    found = fourier.rfft(signal)
    assert found.dtype == fft.rfft(signal).dtype
    np.testing.assert_array_equal(found, fft.rfft(signal, axis=-1))
    back = fourier.irfft(found, shape[-1])
    np.testing.assert_array_equal(back, fft.irfft(found, shape[-1], axis=-1))
    assert back.dtype == dtype


def test_the_signal_itself_is_left_alone(way):
    signal = np.arange(12, dtype=np.float32).reshape(2, 6)
    before = signal.copy()
    fourier.rfft(signal[:, ::2])
    fourier.irfft(fourier.rfft(signal), 6)
    np.testing.assert_array_equal(signal, before)


def test_a_ten_hertz_sine_has_its_power_at_ten_hertz(way):
    time_s = np.arange(400) / 100
    power = np.abs(fourier.rfft(np.sin(2 * np.pi * 10 * time_s))) ** 2
    assert np.fft.rfftfreq(400, 0.01)[power.argmax()] == 10.0


@pytest.mark.parametrize("n", [1, 2, 7, 8192, 8193, 12345, 99991])
def test_fast_lengths_are_scipys(n):
    assert fourier.next_fast_len(n) == fft.next_fast_len(n, real=True)


@pytest.mark.slow
def test_the_module_does_not_import_scipys_fft_by_itself():
    import subprocess

    script = (
        "import sys, numpy as np; from epochal.signals import fourier; "
        "fourier.rfft(np.ones(8)); print('scipy.fft' in sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "False"
