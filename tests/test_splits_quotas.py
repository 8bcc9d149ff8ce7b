import numpy as np
import pandas as pd
import pytest

from builders import make_epochs
from epochal.errors import EpochalError
from epochal.options.splitting import SplitOptions
from epochal.splits import split_subjects
from epochal.splits.quotas import name_age_groups, stratify
from epochal.splits.report import describe_split, report_split

OPTIONS = SplitOptions(
    scheme="quota_stratified", n_folds=5, test_share=0.25, val_share=0.25, age_edges_years=(40, 60)
)
# Twelve strata-mates each: young women, young men, old women, old men.
AGES = np.repeat([30.0, 30.0, 70.0, 70.0], 12)
SEXES = np.repeat(["F", "M", "F", "M"], 12)


@pytest.fixture
def epochs():
    return make_epochs(n_subjects=48, n_epochs=2)


def summary_of(epochs, ages=AGES, sexes=SEXES):
    recordings = epochs["recording_id"].unique()
    return pd.DataFrame({"recording_id": recordings, "age": ages, "sex": sexes})


def split(epochs, seed=0, options=OPTIONS, **facts):
    recordings = summary_of(epochs, **facts)
    return split_subjects(epochs, options, seed=seed, recordings=recordings)


@pytest.mark.slow
def test_every_stratum_has_its_share_of_every_role(epochs):
    for seed in range(5):
        roles = split(epochs, seed).drop_duplicates("subject_id")["role"].to_numpy()
        for stratum in roles.reshape(4, 12):
            assert sorted(np.unique(stratum, return_counts=True)[1]) == [3, 3, 6]


def test_every_stratum_is_dealt_to_the_folds_evenly(epochs):
    splits = split(epochs).drop_duplicates("subject_id")
    splits["stratum"] = np.repeat(range(4), 12)
    fitting = splits[splits["role"] != "test"]
    counts = pd.crosstab(fitting["stratum"], fitting["fold"])
    assert counts.to_numpy().max() - counts.to_numpy().min() <= 1


def test_another_seed_draws_other_subjects(epochs):
    first, other = (
        set(table.loc[table["role"] == "test", "subject_id"])
        for table in (split(epochs, 0), split(epochs, 1))
    )
    assert first != other


def test_the_oldest_of_a_cohort_alone_in_a_stratum_is_no_obstacle(epochs):
    ages = AGES.copy()
    ages[0] = 101.0
    options = OPTIONS.model_copy(update={"age_edges_years": (40.0, 60.0, 90.0)})
    splits = split(epochs, options=options, ages=ages)
    assert splits["subject_id"].nunique() == 48


def test_an_age_on_the_edge_belongs_to_the_older_group():
    epochs = make_epochs(n_subjects=3)
    strata = stratify(epochs, summary_of(epochs, [39.9, 40.0, 60.0], ["F"] * 3), OPTIONS)
    assert strata["age_group"].tolist() == ["below 40", "40 to 60", "60 and over"]


def test_age_groups_are_named_and_may_be_one():
    assert name_age_groups((40, 60.5)) == ["below 40", "40 to 60.5", "60.5 and over"]
    assert name_age_groups(()) == ["all ages"]


def test_who_is_of_no_known_age_or_sex_is_a_stratum_of_their_own(epochs):
    ages, sexes = AGES.copy(), SEXES.astype(object)
    ages[:8], sexes[4:12] = np.nan, None
    strata = stratify(epochs, summary_of(epochs, ages, sexes), OPTIONS)
    assert strata.loc["s0"].tolist() == ["unknown", "F"]
    assert strata.loc["s4"].tolist() == ["unknown", "unknown"]
    assert strata.loc["s9"].tolist() == ["below 40", "unknown"]


def test_a_subject_who_aged_between_two_nights_is_of_one_group():
    epochs = make_epochs(n_subjects=4).assign(subject_id="s0")
    strata = stratify(epochs, summary_of(epochs, [40.0, 39.0, 40.0, 40.0], ["F"] * 4), OPTIONS)
    assert strata.to_dict("index") == {"s0": {"age_group": "below 40", "sex": "F"}}


def test_without_any_age_or_sex_no_quota_can_be_kept(epochs):
    with pytest.raises(EpochalError, match="Neither age nor sex is known of any subject"):
        split(epochs, ages=np.nan, sexes=None)
    with pytest.raises(EpochalError, match="No column 'age' in the epochs or the recordings'"):
        split_subjects(epochs, OPTIONS, seed=0)


def test_too_few_subjects_for_the_folds_are_refused():
    epochs = make_epochs(n_subjects=6)
    facts = {"ages": [30.0] * 6, "sexes": ["F"] * 6}
    with pytest.raises(EpochalError, match=r"4 scored subjects for 5 folds.*splitting.n_folds"):
        split(epochs, **facts)


@pytest.mark.slow
def test_the_achieved_quotas_are_reported_beside_those_wanted(epochs):
    splits = split(epochs)
    report = report_split(splits, epochs, OPTIONS, summary_of(epochs))
    test = report[(report["part"] == "test") & report["quota"].notna()].set_index("stratum")
    assert test.index.tolist() == [
        "age 60 and over, sex F", "age 60 and over, sex M",
        "age below 40, sex F", "age below 40, sex M",
    ]  # fmt: skip
    assert test["quota"].tolist() == [3.0] * 4
    assert test["n_subjects"].tolist() == [3] * 4
    assert "test, age below 40, sex F: 3 of 3.0 subjects wanted" in describe_split(report)


@pytest.mark.slow
def test_the_report_counts_subjects_epochs_and_class_shares_of_each_role_and_fold(epochs):
    report = report_split(split(epochs), epochs, OPTIONS, summary_of(epochs))
    whole = report[report["stratum"] == "all"].set_index("part")
    assert whole["n_epochs"].to_dict() == {
        "train": 48, "val": 24, "test": 24,
        "fold 0": 16, "fold 1": 14, "fold 2": 14, "fold 3": 14, "fold 4": 14,
    }  # fmt: skip
    labels = report[report["stratum"].str.startswith("label ")]
    assert labels.groupby("part")["share"].sum().to_numpy() == pytest.approx(np.ones(8))


def test_another_scheme_reports_no_quota():
    epochs = make_epochs(n_subjects=6)
    options = SplitOptions(scheme="group_folds", n_folds=2, val_share=0)
    report = report_split(split_subjects(epochs, options, seed=0), epochs, options)
    assert report["quota"].isna().all()
    assert describe_split(report) == "train: 5 subjects, 60 epochs\ntest: 1 subjects, 12 epochs"
