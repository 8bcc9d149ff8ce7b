import numpy as np
import pytest
from hms_files import spectrogram

from epochal.errors import RecordingError
from epochal.readers.hms_spectrogram import REGIONS, Spectrogram, column_names


def save(folder, frame):
    path = folder / "70.parquet"
    frame.to_parquet(path, index=False)
    return path


def test_power_is_frames_by_regions_by_frequencies(tmp_path):
    file = Spectrogram(save(tmp_path, spectrogram(310)))
    assert file.power.shape == (310, 4, 100)
    assert file.power.dtype == np.float32
    assert file.power[7, 3, 42] == 73_042
    assert file.frames.tolist() == list(range(310))


@pytest.mark.slow
def test_columns_are_found_by_name_not_by_place(tmp_path):
    shuffled = spectrogram().sample(frac=1, axis=1, random_state=1)
    assert shuffled.columns[0] != "time"
    file = Spectrogram(save(tmp_path, shuffled))
    assert file.power[2, 1, 3] == 21_003


@pytest.mark.slow
def test_further_columns_are_ignored(tmp_path):
    file = Spectrogram(save(tmp_path, spectrogram().assign(CZ_1=0.0)))
    assert file.power.shape == (300, 4, 100)


@pytest.mark.parametrize("offset_s", [0.0, 2.0, 18.0, 20.0])
def test_a_window_begins_with_the_frame_one_second_after_its_offset(tmp_path, offset_s):
    file = Spectrogram(save(tmp_path, spectrogram(310)))
    window, missing = file.window(offset_s)
    assert window.shape == (4, 100, 300)
    assert missing == 0
    assert window[0, 0, 0] == 10_000 * offset_s / 2


@pytest.mark.slow
def test_a_window_past_the_end_is_filled_with_nan(tmp_path):
    file = Spectrogram(save(tmp_path, spectrogram(300)))
    window, missing = file.window(20.0)
    assert missing == 10
    assert np.isnan(window[..., 290:]).all()
    assert np.isfinite(window[..., :290]).all()


@pytest.mark.slow
def test_a_file_that_starts_late_keeps_its_times(tmp_path):
    file = Spectrogram(save(tmp_path, spectrogram(310)[5:]))
    window, missing = file.window(0.0)
    assert missing == 5
    assert np.isnan(window[0, 0, :5]).all()
    assert window[0, 0, 5] == 50_000


def test_a_window_does_not_share_memory_with_the_file(tmp_path):
    file = Spectrogram(save(tmp_path, spectrogram()))
    window, _ = file.window(0.0)
    window[:] = 0
    assert file.power[5, 0, 0] == 50_000


def test_a_window_beyond_the_file_is_refused(tmp_path):
    file = Spectrogram(save(tmp_path, spectrogram()))
    with pytest.raises(RecordingError, match="no frame in the window at 600 s"):
        file.window(600.0)


@pytest.mark.parametrize("region", REGIONS)
def test_each_region_has_a_hundred_columns_of_its_own(region):
    names = column_names(region)
    assert all(name.startswith(f"{region}_") for name in names)
    assert names[-1] == f"{region}_19.92"


@pytest.mark.parametrize("times", [[0, 2, 4], [1, 3, 4], [1, 1, 3], [-1, 1, 3], [1, 3, np.nan]])
def test_times_off_the_grid_are_refused(tmp_path, times):
    path = save(tmp_path, spectrogram(3).assign(time=times))
    with pytest.raises(RecordingError, match="not ascending in steps of 2 s from 1 s"):
        Spectrogram(path)


def test_times_of_text_are_refused(tmp_path):
    path = save(tmp_path, spectrogram(3).assign(time=["a", "b", "c"]))
    with pytest.raises(RecordingError, match="'time'"):
        Spectrogram(path)
