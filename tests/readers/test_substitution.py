import pytest

from builders import make_channel, make_recording
from epochal.errors import RecordingError
from epochal.readers.substitution import substitute_channels, substitutions_of
from epochal.recording import Recording, read_recording, write_recording

SUBSTITUTES = {"EEG Fpz-Cz": ("EEG F4-M1", "EEG C4-M1")}


def recording(*names):
    return make_recording(*(make_channel(name) for name in names))


def test_the_first_substitute_that_is_there_stands_in_and_keeps_its_own_name():
    found = substitute_channels(recording("EEG C4-M1", "EMG"), SUBSTITUTES, allow=True)
    assert found.channel_names == ["EEG C4-M1", "EMG", "EEG Fpz-Cz"]
    assert found.channel("EEG Fpz-Cz").data is found.channel("EEG C4-M1").data
    assert substitutions_of(found) == {"EEG Fpz-Cz": "EEG C4-M1"}


def test_the_order_is_that_of_the_substitutes_not_of_the_file():
    found = substitute_channels(recording("EEG C4-M1", "EEG F4-M1"), SUBSTITUTES, allow=True)
    assert substitutions_of(found) == {"EEG Fpz-Cz": "EEG F4-M1"}


def test_another_spelling_of_a_substitute_is_the_same_derivation():
    found = substitute_channels(recording("F4-A1"), SUBSTITUTES, allow=True)
    assert substitutions_of(found) == {"EEG Fpz-Cz": "F4-A1"}


@pytest.mark.parametrize("name", ["EEG Fpz-Cz", "Fpz-Cz", "EEG FPZ-CZ"])
@pytest.mark.parametrize("allow", [True, False])
def test_the_derivation_itself_needs_no_substitute(name, allow):
    given = recording(name, "EEG F4-M1")
    assert substitute_channels(given, SUBSTITUTES, allow=allow) is given


def test_it_is_said_in_one_sentence_and_kept_in_the_file(tmp_path):
    found = substitute_channels(recording("EEG F4-M1"), SUBSTITUTES, allow=True)
    assert found.problems == (
        "'EEG F4-M1' stands in for 'EEG Fpz-Cz': another derivation; results with it are flagged",
    )
    write_recording(tmp_path / "r.h5", found)
    assert substitutions_of(read_recording(tmp_path / "r.h5")) == {"EEG Fpz-Cz": "EEG F4-M1"}


def test_without_leave_it_is_refused_with_the_name_of_what_could_stand_in():
    with pytest.raises(
        RecordingError, match=r"^r1: No channel 'EEG Fpz-Cz'; 'EEG C4-M1' could stand in, but is "
        r"another derivation: allow substitutions \(--substitute; \?substitute=true of the service"
        r", allow_substitution of a stream; ingestion\.allow_substitution of a study\)",
    ):  # fmt: skip
        substitute_channels(recording("EEG C4-M1"), SUBSTITUTES, allow=False)


def test_what_nothing_could_replace_is_left_to_whoever_needs_it():
    given = recording("EMG")
    for allow in (True, False):
        assert substitute_channels(given, SUBSTITUTES, allow=allow) is given


@pytest.mark.parametrize("allow", [True, False])
def test_several_channels_of_one_derivation_are_told_and_not_passed_over(allow):
    refusal = (
        "r1: Several channels are 'EEG F4-M1': F4-A1, EEG_F4-M1; name one of them",
        "r1: Several channels are 'EEG Fpz-Cz': Fpz-Cz, EEG FPZ-CZ; name one of them",
    )
    for names, told in zip(
        (("F4-A1", "EEG_F4-M1"), ("Fpz-Cz", "EEG FPZ-CZ")), refusal, strict=True
    ):
        with pytest.raises(RecordingError) as error:
            substitute_channels(recording(*names), SUBSTITUTES, allow=allow)
        assert str(error.value) == told


def test_muscles_of_the_legs_are_not_the_eyes():
    substitutes = {"EOG horizontal": ("EOG E1-M2", "EOG E2-M1", "EOG E1", "EOG E2")}
    given = recording("EEG Fpz-Cz", "EMG L", "EMG R")
    assert substitute_channels(given, substitutes, allow=True) is given
    found = substitute_channels(recording("EMG L", "EMG R", "E1", "E2"), substitutes, allow=True)
    assert substitutions_of(found) == {"EOG horizontal": "E1"}


def test_only_wanted_channels_are_looked_at():
    given = recording("EEG F4-M1")
    assert substitute_channels(given, SUBSTITUTES, allow=False, wanted=["EMG"]) is given
    assert substitute_channels(given, SUBSTITUTES, allow=True, wanted=[]) is given


def test_a_recording_without_channels_has_none_to_replace():
    given = Recording("rows", "rows")
    assert substitute_channels(given, SUBSTITUTES, allow=False) is given


def test_one_channel_may_stand_in_for_two():
    substitutes = {**SUBSTITUTES, "EEG Pz-Oz": ("EEG F4-M1",)}
    found = substitute_channels(recording("EEG F4-M1"), substitutes, allow=True)
    assert found.channel_names == ["EEG F4-M1", "EEG Fpz-Cz", "EEG Pz-Oz"]
    assert len(found.problems) == 2
