import numpy as np
import pytest

from epochal.features.cardiac import ecg_features
from epochal.features.respiration import belt_features
from epochal.readers.wesad_notes import read_quest, read_readme
from epochal.simulation.wearable_course import draw_course, draw_person
from epochal.simulation.wearable_e4 import simulate_wrist
from epochal.simulation.wearable_tasks import Stretch
from epochal.simulation.wearable_wesad import (
    CHEST_HZ,
    quest_text,
    readme_text,
    respiban_text,
    simulate_chest,
    wesad_content,
)

STRETCHES = [Stretch("transient", 30), Stretch("baseline", 60), Stretch("tsst", 60)]
CONDITIONS = ["", "Base", "TSST"]
PERSON = draw_person(np.random.default_rng(3))


@pytest.fixture(scope="module")
def course():
    return draw_course(PERSON, STRETCHES, effect=1, rng=np.random.default_rng(0))


@pytest.fixture(scope="module")
def chest(course):
    return simulate_chest(PERSON, course, np.random.default_rng(1))


def test_the_chest_has_wesads_signals_and_shapes(chest):
    shapes = {name: signal.shape for name, signal in chest.items()}
    n_samples = 150 * CHEST_HZ
    assert shapes == {
        "ACC": (n_samples, 3),
        **dict.fromkeys(["ECG", "EMG", "EDA", "Temp", "Resp"], (n_samples, 1)),
    }
    assert chest["Temp"].dtype == np.float32
    assert all(np.isfinite(signal).all() for signal in chest.values())


def test_the_chests_ecg_beats_at_the_courses_rate(chest, course):
    ecg = chest["ECG"][30 * CHEST_HZ : 90 * CHEST_HZ, 0][None]
    found = ecg_features(ecg, CHEST_HZ)
    assert found["rate_mean"][0] == pytest.approx(course.heart_bpm[30:90].mean(), rel=0.05)
    assert found["valid_share"][0] > 0.9


def test_the_belt_breathes_at_the_courses_rate(chest, course):
    belt = chest["Resp"][30 * CHEST_HZ : 90 * CHEST_HZ, 0][None]
    rate = belt_features(belt, CHEST_HZ)["breathing_rate"][0]
    assert rate == pytest.approx(60 * course.breathing_hz[30:90].mean(), rel=0.25)


def test_the_chest_is_upright_and_warmer_than_the_wrist(chest, course):
    wrist = simulate_wrist(PERSON, course, np.random.default_rng(1))
    assert np.median(chest["ACC"][:, 0]) > 0.5
    assert chest["Temp"].mean() > wrist.temp.mean()


def test_labels_are_the_conditions_codes_at_700_hz(chest, course):
    wrist = simulate_wrist(PERSON, course, np.random.default_rng(1))
    content = wesad_content("S2", chest, wrist, course)
    assert list(content) == ["signal", "label", "subject"]
    codes, counts = np.unique(content["label"], return_counts=True)
    assert dict(zip(codes.tolist(), (counts / CHEST_HZ).tolist(), strict=True)) == {
        0: 30,
        1: 60,
        2: 60,
    }
    assert content["signal"]["wrist"]["ACC"].shape == (150 * 32, 3)
    assert content["signal"]["wrist"]["BVP"].shape == (150 * 64, 1)


def test_the_quest_file_gives_order_start_and_end_in_minutes_and_seconds(course):
    lines = quest_text("S2", course, CONDITIONS).splitlines()
    assert lines[0].startswith("# Subj;S2;")
    assert lines[1].startswith("# ORDER;Base;TSST;;")
    assert lines[2].startswith("# START;0.30;1.30;;")
    assert lines[3].startswith("# END;1.30;2.30;;")
    assert {line.count(";") for line in lines} == {26}
    assert read_quest("\n".join(lines)) == {"condition_order": ["Base", "TSST"]}


def test_the_readme_gives_age_and_sex():
    assert read_readme(readme_text(PERSON)) == {"age": float(PERSON.age), "sex": PERSON.sex}


def test_respiban_has_ten_columns_of_sixteen_bits(chest):
    lines = respiban_text(chest, seconds=1).splitlines()
    rows = np.array([line.split("\t")[:10] for line in lines[3:]], dtype=int)
    assert rows.shape == (CHEST_HZ, 10)
    assert rows[:, 0].tolist() == list(range(CHEST_HZ))
    assert (rows[:, 2:] >= 0).all()
    assert (rows[:, 2:] < 65536).all()


def test_respiban_can_be_left_empty_but_for_its_header(chest):
    assert len(respiban_text(chest, seconds=0).splitlines()) == 3
