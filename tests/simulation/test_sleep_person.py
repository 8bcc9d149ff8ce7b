import numpy as np
import pytest

from epochal.simulation.sleep_person import averaged, draw_person


def draw(age, number, sex=None):
    rng = np.random.default_rng([age, number])
    return draw_person(number, age_range=(age, age), sex=sex, rng=rng)


def mean_of(field, age, n=300):
    return np.mean([getattr(draw(age, number), field) for number in range(n)])


@pytest.mark.slow
@pytest.mark.parametrize(
    "field", ["deep_drive", "spindles_per_min", "spindle_uv", "k_complexes_per_min", "alpha_hz"]
)
def test_age_lowers(field):
    assert mean_of(field, 75) < mean_of(field, 30)


@pytest.mark.slow
@pytest.mark.parametrize("field", ["wake_drive", "light_drive"])
def test_age_raises(field):
    assert mean_of(field, 75) > mean_of(field, 30)


def test_spindles_are_in_the_sigma_band_of_everybody():
    assert all(11 <= draw(40, number).spindle_hz <= 16 for number in range(200))


def test_alpha_is_in_the_alpha_band_of_everybody():
    assert all(8 <= draw(40, number).alpha_hz <= 13 for number in range(200))


def test_ages_stay_in_their_range_and_reach_its_ends():
    ages = [
        draw_person(n, age_range=(30, 33), sex=None, rng=np.random.default_rng(n)).age
        for n in range(80)
    ]
    assert set(ages) == {30, 31, 32, 33}


def test_the_sex_is_drawn_unless_given():
    assert {draw(40, number).sex for number in range(40)} == {"F", "M"}
    assert {draw(40, number, sex="F").sex for number in range(40)} == {"F"}


def test_giving_the_sex_changes_nothing_else():
    drawn, given = draw(40, 3), draw(40, 3, sex="M")
    assert drawn.spindle_hz == given.spindle_hz
    assert np.array_equal(drawn.band_offsets, given.band_offsets)


def test_people_differ():
    assert not np.array_equal(draw(40, 1).band_offsets, draw(40, 2).band_offsets)


def test_the_average_person_has_no_spectrum_of_their_own():
    person = averaged(draw(40, 1))
    assert not person.band_offsets.any()
    assert person.alpha_drive == 0
