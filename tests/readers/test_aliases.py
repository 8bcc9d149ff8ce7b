import pytest

from builders import make_channel, make_recording
from epochal.errors import EpochalError
from epochal.readers.aliases import (
    ALIASES,
    canonical_name,
    electrodes_of,
    kind_of,
    match_channel,
    rename_aliases,
)


@pytest.mark.parametrize(
    ("canonical", "spellings"),
    [
        (
            "EEG Fpz-Cz",
            ["EEG Fpz-Cz", "Fpz-Cz", "FPZ-CZ", "eeg fpz cz", "Fpz_Cz", "FpzCz", "Fpz/Cz"],
        ),
        ("EEG C3-M2", ["C3-M2", "C3-A2", "EEG C3-A2", "C3A2", "C3:A2", "EEG(C3-A2)", "c3m2"]),
        ("EEG C4-M1", ["C4-M1", "C4-A1", "EEG C4:M1", "C4A1"]),
        ("EEG T7", ["T3", "T7", "EEG T3-REF", "EEG T7", "POL T3"]),
        ("EEG F7-T7", ["F7-T3", "F7-T7", "EEG F7-T3"]),
        ("EOG E1", ["E1", "LOC", "EOG left", "EOG(L)", "EOGL", "Left Eye", "LEOG"]),
        ("EOG E1-M2", ["E1-M2", "LOC-A2", "EOG LOC-A2", "E1-A2", "EOG L-M2", "LOCA2"]),
        ("EOG horizontal", ["EOG horizontal", "horizontal EOG", "HEOG", "EOG horiz"]),
        ("EMG submental", ["EMG submental", "chin", "Chin EMG", "EMG Chin", "Chin1-Chin2"]),
        ("EOG E1-M2", ["EEG LOC-A2", "EEG E1-M2"]),  # an amplifier puts EEG before any input
        ("EOG E1", ["EEG EOGL", "EEG EOG left", "EEG LOC-REF"]),
        ("EMG submental", ["EEG Chin1-Chin2"]),
        ("ECG", ["ECG", "EKG", "ekg"]),
        ("Resp oro-nasal", ["Resp oro-nasal", "RESP ORONASAL"]),
    ],
)
def test_the_spellings_of_a_derivation_lead_to_one_name(canonical, spellings):
    assert {canonical_name(spelling) for spelling in spellings} == {canonical}


@pytest.mark.parametrize("name", ["C3-M1", "C3", "C4-M1", "C3-C4", "Cz-Oz", "F3-M2"])
def test_another_derivation_is_not_an_alias_of_c3_m2(name):
    assert canonical_name(name) != "EEG C3-M2"


def test_every_canonical_name_is_its_own_alias():
    assert {canonical_name(name) for name in ALIASES} == set(ALIASES)
    assert all(canonical_name(name) == name for name in ALIASES)


@pytest.mark.parametrize(
    "name",
    [
        "EMG L", "EMG right", "EEG L", "EEG left", "ECG L", "EMG frontal", "EMG frontal EEG",
        "EOG parietal", "EMG horizontal", "EMG vertical", "EMG E1", "EMG C3", "EOG Fp1",
    ],
)  # fmt: skip
def test_no_name_has_a_canonical_one_of_another_kind(name):
    assert canonical_name(name) is None


@pytest.mark.parametrize("name", ["Event marker", "SpO2", "EMG1", "EOG EOG1", "", "---", "Pleth"])
def test_an_unknown_name_has_no_canonical_one(name):
    assert canonical_name(name) is None


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("EEG Fpz-Cz", "EEG"), ("C3-A2", "EEG"), ("EEG2", "EEG"), ("Fp1", "EEG"), ("T3", "EEG"),
        ("C3-LE", "EEG"), ("frontal", "EEG"),
        ("EOG EOG1", "EOG"), ("LOC", "EOG"), ("E2-M1", "EOG"), ("HEOG", "EOG"),
        ("EMG EMG2", "EMG"), ("Chin", "EMG"), ("submental", "EMG"),
        ("EKG", "ECG"), ("ECG II", "ECG"), ("EKG1", "ECG"),
        ("Resp oro-nasal", None), ("Temp rectal", None), ("SpO2", None), ("Light", None),
        ("", None),
    ],
)  # fmt: skip
def test_the_kind_of_a_channel_is_told_by_its_name(name, kind):
    assert kind_of(name) == kind


@pytest.mark.parametrize(
    ("name", "parts"),
    [
        ("EEG C3-A2", ("C3", "M2")),
        ("Fp1", ("Fp1", None)),
        ("EEG T3-REF", ("T7", None)),
        ("FPZ-CZ", ("Fpz", "Cz")),
        ("C3-LE", ("C3", "LE")),
        ("EEG", ("EEG", None)),
    ],
)
def test_a_derivation_is_split_into_electrode_and_reference(name, parts):
    assert electrodes_of(name) == parts


def test_a_channel_is_found_by_its_own_name_first():
    match = match_channel("EEG Fpz-Cz", ["Fpz-Cz", "EEG Fpz-Cz"])
    assert (match.name, match.note) == ("EEG Fpz-Cz", "")


def test_a_channel_is_found_by_another_spelling_without_a_note():
    match = match_channel("EEG C3-M2", ["EOG", "C3-A2", "C4-A1"])
    assert (match.name, match.wanted, match.note) == ("C3-A2", "EEG C3-M2", "")


def test_a_name_that_no_table_knows_is_found_without_case_and_separators():
    assert match_channel("EMG neck-2", ["EMG NECK_2", "EEG"]).name == "EMG NECK_2"


@pytest.mark.parametrize(
    ("wanted", "there"),
    [
        ("EMG 2", "EEG 2"), ("EEG 1", "EMG 1"), ("EOG left", "EEG left"), ("EMG L", "EOG L"),
        ("EOG left", "EMG left"), ("EMG 1", "EOG 1"),
    ],
)  # fmt: skip
def test_a_channel_of_another_kind_is_never_the_one_that_is_wanted(wanted, there):
    with pytest.raises(EpochalError, match=f"No channel '{wanted}'"):
        match_channel(wanted, [there, "ECG"])
    (renamed,) = rename_aliases(make_recording(make_channel(there)), [wanted]).channels
    assert renamed.name == there


def test_a_number_that_several_kinds_share_finds_the_kind_that_is_wanted():
    available = ["EMG 2", "EEG EEG2", "EEG_2", "EOG 2"]
    assert match_channel("EEG 2", available).name == "EEG_2"
    assert match_channel("EEG LOC-LE", ["EOG E1-LE", "EMG LE"]).name == "EOG E1-LE"


def test_a_substitute_that_several_channels_are_is_no_matter_after_one_that_is_there():
    match = match_channel(
        "EOG horizontal", ["E1-M2", "E2", "EOG right"], substitutes=["EOG E1-M2", "EOG E2"],
        allow_substitution=True,
    )  # fmt: skip
    assert match.name == "E1-M2"


def test_two_channels_of_one_derivation_are_refused():
    with pytest.raises(EpochalError, match="Several channels are 'EEG C3-M2': C3-M2, C3-A2"):
        match_channel("EEG C3-M2", ["C3-M2", "C3-A2"])


def test_another_derivation_is_a_substitution_that_must_be_allowed():
    substitutes = ["EEG F4-M1", "EEG C4-M1"]
    with pytest.raises(EpochalError, match="'C4-A1' could stand in, but is another derivation"):
        match_channel("EEG Fpz-Cz", ["C4-A1", "EOG"], substitutes=substitutes)
    match = match_channel(
        "EEG Fpz-Cz", ["C4-A1", "EOG"], substitutes=substitutes, allow_substitution=True
    )
    assert match.name == "C4-A1"
    assert match.note == "'C4-A1' stands in for 'EEG Fpz-Cz': another derivation"


def test_substitutes_are_taken_in_their_order():
    match = match_channel(
        "EEG Fpz-Cz", ["C3-M2", "F3-M2"], substitutes=["F3-M2", "C3-M2"], allow_substitution=True
    )
    assert match.name == "F3-M2"


def test_a_missing_channel_is_refused_with_what_there_is():
    with pytest.raises(EpochalError, match="No channel 'EOG horizontal'; it has: ECG, Fp1"):
        match_channel("EOG horizontal", ["Fp1", "ECG"])


def test_spellings_of_ones_own_join_the_table():
    extra = {"EEG Fpz-Cz": ["channel one"]}
    assert canonical_name("Channel_One", extra) == "EEG Fpz-Cz"
    assert match_channel("EEG Fpz-Cz", ["channel one"], extra=extra).name == "channel one"
    assert canonical_name("EMG channel one", extra) is None


def test_a_spelling_of_ones_own_may_write_another_kind():
    extra = {"EOG E1": ["EEG left"]}
    assert match_channel("EOG E1", ["EEG left", "EMG left"], extra=extra).name == "EEG left"
