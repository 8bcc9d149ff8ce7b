"""The transforms of `scipy.fft`, without its import, which costs a command more than a night does.

`import scipy.fft` runs a third of a second, nearly all of it for array libraries that are not used
here. The transforms themselves are one compiled module, which is loaded by its place; where it is
not to be found there (another version of SciPy), `scipy.fft` is imported after all.
"""

from __future__ import annotations

from functools import cache
from importlib.machinery import PathFinder
from importlib.util import find_spec, module_from_spec
from pathlib import Path
from typing import Any

import numpy as np

_PLACE = ("fft", "_pocketfft")
_UNSCALED, _BY_LENGTH = 0, 2


def rfft(signal: np.ndarray) -> np.ndarray:
    """Return the transform of real signals along their last axis, as `scipy.fft.rfft` does.

    `(…, n)`, float32 or float64, gives `(…, n // 2 + 1)` of complex numbers of the same precision.
    """
    engine = _engine()
    if engine is None:
        from scipy import fft

        return np.asarray(fft.rfft(signal, axis=-1))
    return np.asarray(engine.r2c(signal, (signal.ndim - 1,), True, _UNSCALED, None, 1))


def irfft(transform: np.ndarray, n: int) -> np.ndarray:
    """Return the `n` samples behind each transform, as `scipy.fft.irfft` does."""
    engine = _engine()
    if engine is None:
        from scipy import fft

        return np.asarray(fft.irfft(transform, n, axis=-1))
    axes = (transform.ndim - 1,)
    return np.asarray(engine.c2r(transform, axes, n, False, _BY_LENGTH, None, 1))


def next_fast_len(n: int) -> int:
    """Return the smallest length from `n` up without a prime factor above 5."""
    length = max(n, 1)
    while _left_of(length) > 1:
        length += 1
    return length


def _left_of(length: int) -> int:
    for factor in (2, 3, 5):
        while length % factor == 0:
            length //= factor
    return length


@cache
def _engine() -> Any:
    """Return SciPy's own compiled transforms; None where they are not where they were."""
    scipy = find_spec("scipy")
    if scipy is None or not scipy.submodule_search_locations:
        return None
    folder = Path(scipy.submodule_search_locations[0], *_PLACE)
    found = PathFinder.find_spec("pypocketfft", [str(folder)])
    if found is None or found.loader is None:
        return None
    try:
        module = module_from_spec(found)
        found.loader.exec_module(module)
    except ImportError:
        return None
    return module if hasattr(module, "r2c") and hasattr(module, "c2r") else None
