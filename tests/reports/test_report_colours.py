import numpy as np
import pytest

from epochal.reports.colours import (
    CLASSES,
    MUTED,
    PAGE,
    TEXT,
    colour_of,
    contrast,
    declare,
    palette,
)


def test_contrast_is_that_of_the_standard():
    assert contrast("#000000", "#ffffff") == pytest.approx(21.0)
    assert contrast("#ffffff", "#ffffff") == pytest.approx(1.0)
    assert contrast("#767676", "#ffffff") == pytest.approx(4.54, abs=0.01)  # WCAG's own example


@pytest.mark.parametrize("mode", ["light", "dark"])
def test_text_stands_out_of_the_page(mode):
    page = getattr(PAGE, mode)
    assert contrast(getattr(TEXT, mode), page) > 7
    assert contrast(getattr(MUTED, mode), page) > 4.5


@pytest.mark.parametrize("mode", ["light", "dark"])
@pytest.mark.parametrize("place", range(len(CLASSES)))
def test_every_class_stands_out_of_the_page(place, mode):
    assert contrast(getattr(CLASSES[place], mode), getattr(PAGE, mode)) >= 3


def test_each_class_has_a_colour_of_its_own_and_more_classes_begin_again():
    assert len({colour_of(place) for place in range(len(CLASSES))}) == len(CLASSES)
    assert colour_of(len(CLASSES)) == colour_of(0)


def test_a_drawing_outside_a_page_falls_back_to_the_light_colours():
    assert colour_of(0) == f"var(--class-0,{CLASSES[0].light})"


def test_both_modes_declare_the_same_names():
    names = [
        [part.split(":")[0] for part in declare(mode).split(";")] for mode in ("light", "dark")
    ]
    assert names[0] == names[1]
    assert "--class-6" in names[0]


def test_power_grows_brighter_step_by_step():
    brightness = palette(64).astype(float) @ (0.2126, 0.7152, 0.0722)
    assert (np.diff(brightness) > 0).all()
    assert palette(9)[0].tolist() == [68, 1, 84]
