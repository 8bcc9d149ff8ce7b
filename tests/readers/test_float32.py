import numpy as np

from epochal.readers.float32 import as_float32


def test_numbers_become_float32():
    for values in ([1, 2], np.array([1.5, 2.5]), np.array([True, False])):
        assert as_float32(np.asarray(values)).dtype == np.float32


def test_what_float32_cannot_hold_is_infinite_without_a_warning():
    assert as_float32(np.array([1e39, -1e300, np.nan])).tolist()[:2] == [np.inf, -np.inf]


def test_float32_is_not_copied():
    values = np.ones(3, dtype=np.float32)
    assert np.shares_memory(as_float32(values), values)
