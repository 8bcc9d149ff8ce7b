from dataclasses import replace

import edfio
import numpy as np
import pytest

from edf_files import GAIN, build, noise, save, signal, trio
from epochal.errors import RecordingError
from epochal.readers import edf_samples
from epochal.readers.edf_header import read_header
from epochal.readers.edf_samples import read_samples, write_plain_header
from epochal.readers.edf_timeline import Run

WHOLE = (Run(0, 60, 0.0),)


@pytest.fixture
def header(tmp_path):
    return read_header(save(tmp_path / "night.edf", build(texts={})))


def test_blocks_of_any_size_give_the_same_samples(header, monkeypatch):
    whole = read_samples(header, WHOLE, wanted=[0, 2], factors=[1.0, 1.0])
    for n_bytes in (1, 3 * header.record_bytes + 1, 59 * header.record_bytes):
        monkeypatch.setattr(edf_samples, "BLOCK_BYTES", n_bytes)
        blocks = read_samples(header, WHOLE, wanted=[0, 2], factors=[1.0, 1.0])
        for ours, theirs in zip(blocks, whole, strict=True):
            np.testing.assert_array_equal(ours, theirs)


def test_samples_are_float32_in_physical_units_times_the_factor(header):
    (data,) = read_samples(header, WHOLE, wanted=[1], factors=[1e3])
    assert data.dtype == np.float32
    np.testing.assert_allclose(data, trio()[1]["data"] * GAIN * 1e3, rtol=1e-6, atol=0.05)


def test_gaps_hold_nan_and_the_rest_its_samples(header):
    runs = (Run(0, 20, 0.0), Run(20, 40, 25.5))
    fast, slow = read_samples(header, runs, wanted=[0, 2], factors=[1.0, 1.0])
    assert (len(fast), len(slow)) == (6550, 66)
    assert np.isnan(fast[2000:2550]).all()
    assert np.isfinite(fast).sum() == 6000
    assert np.isfinite(slow).sum() == 60
    np.testing.assert_allclose(fast[2550:], trio()[0]["data"][2000:] * GAIN, atol=1e-4)


def test_a_file_that_shrinks_while_it_is_read_is_refused(header):
    longer = replace(header, n_records=70)
    with pytest.raises(RecordingError, match="ends while it is being read"):
        read_samples(longer, (Run(0, 70, 0.0),), wanted=[0], factors=[1.0])


def test_a_file_that_vanishes_is_refused(header):
    header.path.unlink()
    with pytest.raises(RecordingError, match="cannot be read"):
        read_samples(header, WHOLE, wanted=[0], factors=[1.0])


@pytest.mark.parametrize("bdf", [False, True])
def test_edfio_accepts_the_plain_header_without_a_warning(tmp_path, bdf):
    raw = build([signal("Ünreadable", noise(), dimension="?")], bdf=bdf, texts={})
    header = read_header(save(tmp_path / "night", raw))
    read = edfio.read_bdf if bdf else edfio.read_edf
    block = read(write_plain_header(header, 60) + raw[header.n_bytes :])
    assert len(block.signals) == 2
    np.testing.assert_array_equal(block.signals[0].digital, noise())
