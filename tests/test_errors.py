import pickle

import pytest

from epochal.errors import EpochalError, LeakageError, RecordingError, did_you_mean, explain


class ParameterValidationError(Exception):
    """Named as Kedro's, which the domain may not import."""


def raised(outer, cause):
    try:
        try:
            raise cause
        except Exception as error:
            raise outer from error
    except Exception as error:
        return error


def test_a_recording_error_says_the_path_and_the_reason():
    error = RecordingError("night.edf", "no signal")
    assert str(error) == "night.edf: no signal"
    assert (error.path, error.reason) == ("night.edf", "no signal")


def test_a_recording_error_survives_a_worker_process():
    error = pickle.loads(pickle.dumps(RecordingError("night.edf", "no signal")))
    assert isinstance(error, RecordingError)
    assert (error.path, error.reason) == ("night.edf", "no signal")


@pytest.mark.parametrize("kind", [RecordingError("a", "b"), LeakageError("c")])
def test_every_fault_of_a_user_is_an_epochal_error(kind):
    assert isinstance(kind, EpochalError)


def test_a_near_miss_is_suggested():
    assert did_you_mean("EOG horizontl", ["EOG horizontal", "EMG"]) == (
        "; did you mean 'EOG horizontal'?"
    )


def test_without_a_near_miss_all_that_is_there_is_listed_in_order():
    assert did_you_mean("x", ["beta", "alpha"]) == "; it has: alpha, beta"
    assert did_you_mean("x", []) == "; it has: nothing"


def test_the_users_own_fault_is_found_down_the_chain():
    error = raised(RuntimeError("node failed"), RecordingError("a.edf", "is\nempty"))
    assert explain(error) == "a.edf: is empty"


def test_a_refused_parameter_is_the_users_own_fault():
    error = raised(RuntimeError("outer"), ParameterValidationError("epoch_length_s: too small"))
    assert explain(error) == "epoch_length_s: too small"


def test_any_other_failure_is_named_in_one_line():
    assert (
        explain(ValueError("two\n lines")) == "ValueError: two lines (EPOCHAL_DEBUG=1 shows where)"
    )


def test_a_failure_without_words_still_says_what_it_was():
    assert explain(KeyboardInterrupt()).startswith("KeyboardInterrupt: no reason given")
