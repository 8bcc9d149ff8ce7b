import zipfile

import numpy as np
import pytest

from epochal.readers.e4_files import E4Files, read_signal, read_tags
from epochal.simulation.wearable_course import draw_course, draw_person
from epochal.simulation.wearable_e4 import (
    E4_STEP_US,
    e4_texts,
    simulate_wrist,
    write_folder,
    write_zip,
)
from epochal.simulation.wearable_tasks import Stretch

START = 1644226200


@pytest.fixture(scope="module")
def signals():
    rng = np.random.default_rng(0)
    person = draw_person(rng)
    course = draw_course(person, [Stretch("relax", 60), Stretch("stroop", 60)], effect=1, rng=rng)
    return simulate_wrist(person, course, rng)


@pytest.fixture(scope="module")
def texts(signals):
    return e4_texts(signals, start_unix_s=START, tags={"tags.csv": [START + 60]})


def test_every_signal_lasts_the_protocol(signals):
    lengths = {name: len(getattr(signals, name)) for name in ("acc", "bvp", "eda", "temp", "hr")}
    assert lengths == {"acc": 120 * 32, "bvp": 120 * 64, "eda": 480, "temp": 480, "hr": 110}


def test_counts_and_conductance_come_in_the_devices_steps(signals):
    assert signals.acc.dtype.kind == "i"
    assert np.abs(signals.acc).max() <= 128
    steps = signals.eda / E4_STEP_US
    np.testing.assert_allclose(steps, np.round(steps), atol=1e-6)


def test_intervals_are_those_of_the_heart_rate(signals):
    if len(signals.ibi):
        assert 60 / signals.ibi[:, 1].mean() == pytest.approx(signals.hr.mean(), rel=0.15)
    assert (np.diff(signals.ibi[:, 0]) > 0).all()


def test_texts_read_back_as_the_signals(signals, texts, tmp_path):
    write_folder(tmp_path / "S02", texts)
    files = E4Files(tmp_path / "S02")
    for name, expected, step in [
        ("BVP", signals.bvp[:, None], 0.0051),
        ("EDA", signals.eda[:, None], 1e-6),
        ("TEMP", signals.temp[:, None], 0.0051),
        ("HR", signals.hr[:, None], 0.0051),
        ("ACC", signals.acc / 64, 1e-6),
    ]:
        found = read_signal(files, name)
        np.testing.assert_allclose(found.samples, expected, atol=step, rtol=1e-5, err_msg=name)
        assert found.start_unix_s == START + (10 if name == "HR" else 0)
        assert found.problems == ()


def test_tags_are_unix_times_that_read_back_from_the_start(texts, tmp_path):
    assert texts["tags.csv"] == f"{START + 60}\r\n"
    write_folder(tmp_path / "S02", texts)
    assert read_tags(E4Files(tmp_path / "S02"), START) == {"tags_s": [60.0]}


def test_a_zip_holds_the_same_texts_and_the_same_bytes_each_time(texts, tmp_path):
    for name in ("a.zip", "b.zip"):
        write_zip(tmp_path / name, texts)
    with zipfile.ZipFile(tmp_path / "a.zip") as archive:
        assert {name: archive.read(name).decode() for name in archive.namelist()} == texts
    assert (tmp_path / "a.zip").read_bytes() == (tmp_path / "b.zip").read_bytes()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.zip", "b.zip"]


def test_the_information_says_that_it_is_simulated(texts):
    assert "simulated" in texts["info.txt"]
