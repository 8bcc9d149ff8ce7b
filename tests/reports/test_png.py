import base64
import io

import numpy as np

from epochal.reports.colours import palette
from epochal.reports.png import N_LEVELS, encode_png, picture_of


def read_back(data: bytes) -> np.ndarray:
    """Read a PNG as floats `(n_rows, n_columns, 4)` with another library."""
    from matplotlib.image import imread

    return imread(io.BytesIO(data), format="png")


def test_another_library_reads_the_picture_back():
    colours = np.array([(255, 0, 0), (0, 0, 255)], np.uint8)
    found = read_back(encode_png(np.array([[1, 2, 0], [2, 2, 1]], np.uint8), colours))
    assert found.shape == (2, 3, 4)
    assert found[0, 0].tolist() == [1, 0, 0, 1]
    assert found[0, 1].tolist() == [0, 0, 1, 1]
    assert found[0, 2, 3] == 0  # transparent


def test_low_and_high_span_the_colours_and_what_exceeds_them_is_cut():
    values = np.array([[-5.0, 0.0, 10.0, 99.0]])
    address = picture_of(values, low=0.0, high=10.0)
    kind, encoded = address.split(",")
    found = read_back(base64.b64decode(encoded))[0, :, :3]
    ends = palette(N_LEVELS)[[0, 0, -1, -1]] / 255
    assert kind == "data:image/png;base64"
    assert np.allclose(found, ends, atol=1e-3)


def test_what_is_missing_is_transparent():
    encoded = picture_of(np.array([[np.nan, 1.0, np.inf]]), low=0.0, high=1.0).split(",")[1]
    found = read_back(base64.b64decode(encoded))
    assert found[0, :, 3].tolist() == [0, 1, 0]


def test_a_picture_of_one_value_is_drawn_all_the_same():
    assert picture_of(np.ones((2, 2)), low=1.0, high=1.0).startswith("data:image/png")
