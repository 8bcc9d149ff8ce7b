import numpy as np
import pandas as pd
import pytest

from epochal.errors import EpochalError
from epochal.serving.reviewing import (
    ConflictError,
    Origin,
    ReviewCard,
    Reviews,
    order_for_review,
    safe_id,
)

LABELS = ["W", "N2", "N2", "REM", ""]


def make_card(**changed):
    given = {
        "id": "r1", "recording_id": "r1", "origin": Origin(kind="study", name="made"),
        "model": "m", "classes": ["W", "N2", "REM"], "data_source": "simulated",
        "epoch_length_s": 30.0, "made_at": "2026-01-01T00:00:00+00:00",
    }  # fmt: skip
    return ReviewCard(**given | changed)


def make_scored_epochs():
    return pd.DataFrame(
        {
            "epoch": np.arange(5), "onset_s": 30.0 * np.arange(5), "label": LABELS,
            "confidence": [0.9, 0.5, 0.99, 0.7, np.nan], "flags": ["", "flat", "", "", ""],
            "proba_W": [0.9, 0.3, 0.01, 0.2, np.nan],
        }
    )  # fmt: skip


@pytest.fixture
def reviews(tmp_path):
    return Reviews(tmp_path / "reviews")


@pytest.fixture
def review(reviews):
    return reviews.begin(make_card(), make_scored_epochs())


def test_the_least_confident_come_first_and_the_unscored_before_them():
    assert order_for_review(np.array([0.9, 0.5, 0.99, 0.5, np.nan])).tolist() == [4, 1, 3, 0, 2]


def test_a_review_gives_back_what_it_began_with(review):
    assert review.labels() == LABELS
    assert review.order() == [4, 1, 3, 0, 2]
    assert review.epochs["flags"].tolist() == ["", "flat", "", "", ""]
    assert np.isnan(review.epochs["proba_W"].iloc[-1])
    assert review.card == make_card()


def test_a_correction_is_kept_with_who_when_old_and_new(review):
    entry = review.correct(1, old="N2", new="REM", who="AB")
    assert (entry.number, entry.epoch, entry.onset_s) == (1, 1, 30.0)
    assert (entry.old, entry.new, entry.who, entry.undoes) == ("N2", "REM", "AB", None)
    assert entry.at.endswith("+00:00")
    assert review.labels() == ["W", "REM", "N2", "REM", ""]
    assert review.corrections() == [entry]


def test_what_was_corrected_is_there_for_the_next_process(review, tmp_path):
    review.correct(1, old="N2", new="REM", who="AB")
    again = Reviews(tmp_path / "reviews").get("r1")
    assert again.labels()[1] == "REM"
    assert again.corrections()[0].who == "AB"


def test_an_epoch_without_a_label_can_be_given_one_and_a_label_confirmed(review):
    review.correct(4, old="", new="W", who="AB")
    review.correct(0, old="W", new="W", who="AB")
    assert review.labels() == ["W", "N2", "N2", "REM", "W"]


def test_an_epoch_that_another_person_changed_meanwhile_is_a_conflict(review):
    review.correct(1, old="N2", new="REM", who="AB")
    with pytest.raises(ConflictError, match="Epoch 1 is 'REM' by now, not 'N2'"):
        review.correct(1, old="N2", new="W", who="CD")
    assert len(review.corrections()) == 1


def test_a_class_or_an_epoch_that_is_not_there_is_refused_by_name(review):
    with pytest.raises(EpochalError, match="No class 'N3'; "):
        review.correct(1, old="N2", new="N3", who="AB")
    with pytest.raises(EpochalError, match="no epoch 5"):
        review.correct(5, old="", new="W", who="AB")
    assert not review.trail.path.exists()


def test_undoing_takes_back_ones_own_latest_and_the_trail_keeps_both(review):
    review.correct(1, old="N2", new="REM", who="AB")
    review.correct(2, old="N2", new="W", who="CD")
    entry = review.undo("AB")
    assert (entry.epoch, entry.old, entry.new, entry.undoes) == (1, "REM", "N2", 1)
    assert review.labels() == ["W", "N2", "W", "REM", ""]
    assert [one.number for one in review.corrections()] == [1, 2, 3]


def test_undoing_again_goes_on_backwards_until_nothing_is_left(review):
    review.correct(1, old="N2", new="REM", who="AB")
    review.correct(1, old="REM", new="W", who="AB")
    assert [review.undo("AB").undoes for _ in range(2)] == [2, 1]
    assert review.labels() == LABELS
    with pytest.raises(EpochalError, match="'AB' has nothing to undo"):
        review.undo("AB")


def test_what_somebody_else_built_upon_cannot_be_undone(review):
    review.correct(1, old="N2", new="REM", who="AB")
    review.correct(1, old="REM", new="W", who="CD")
    with pytest.raises(ConflictError, match="by now"):
        review.undo("AB")


def test_beginning_again_goes_on_with_what_is_there(reviews, review):
    review.correct(1, old="N2", new="REM", who="AB")
    again = reviews.begin(make_card(model="another"), make_scored_epochs())
    assert again is review
    assert again.card.model == "m"
    assert [path.name for path in reviews.folder.iterdir()] == ["r1"]


def test_reviews_are_listed_the_latest_first(reviews):
    for name, day in (("a", 1), ("b", 3), ("c", 2)):
        card = make_card(id=name, made_at=f"2026-01-0{day}T00:00:00+00:00")
        reviews.begin(card, make_scored_epochs())
    assert [one.card.id for one in reviews.list()] == ["b", "c", "a"]


@pytest.mark.parametrize("name", ["../r1", "..", ".part-x", "", "r1/../r1", "nothing"])
def test_a_review_is_found_by_its_own_name_only(reviews, review, name):
    with pytest.raises(EpochalError, match="No review"):
        reviews.get(name)


def test_a_name_that_is_no_folders_name_is_refused(reviews):
    with pytest.raises(EpochalError, match="cannot be a review's name"):
        reviews.begin(make_card(id="../x"), make_scored_epochs())


@pytest.mark.parametrize(
    ("text", "name"),
    [("made--r1", "made--r1"), ("../a b/ç", "a_b__"), ("...", "review"), ("x" * 300, "x" * 200)],
)
def test_any_text_becomes_a_harmless_name(text, name):
    assert safe_id(text) == name
