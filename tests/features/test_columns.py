from typing import NamedTuple

import numpy as np
import pytest

from epochal.features.columns import log_floored, slope, stack, undefined


class Pair(NamedTuple):
    left: float
    right: float


def test_fields_become_columns():
    columns = stack(Pair, [Pair(1, 2), Pair(3, 4)], prefix="a_")
    assert {name: column.tolist() for name, column in columns.items()} == {
        "a_left": [1, 3],
        "a_right": [2, 4],
    }


def test_no_records_still_name_every_column():
    columns = stack(Pair, [])
    assert list(columns) == ["left", "right"]
    assert all(column.shape == (0,) for column in columns.values())


def test_the_undefined_is_nan():
    assert np.isnan(undefined(Pair)).all()


def test_the_slope_of_a_line_is_its_own():
    time_s = np.arange(240) / 4.0
    slopes = slope(np.stack([3 + 0.5 * time_s, 9 - 2 * time_s, np.full(240, 5.0)]), 4.0)
    assert slopes == pytest.approx([0.5, -2.0, 0.0], abs=1e-9)


def test_logarithms_stop_at_the_floor():
    assert log_floored(np.array([0.0, -1.0, np.e]), 1.0).tolist() == [0.0, 0.0, 1.0]
