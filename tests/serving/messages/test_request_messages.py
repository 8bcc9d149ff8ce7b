import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from epochal.serving.messages.documented import inline, json_body, may_answer
from epochal.serving.messages.plain import as_json, clean
from epochal.serving.messages.requests import BatchRequest, Matrix, PredictRequest, Sample


def refusal(body: str, model=PredictRequest) -> str:
    with pytest.raises(ValidationError) as refused:
        model.model_validate_json(body)
    first = refused.value.errors()[0]
    return f"{'.'.join(map(str, first['loc']))}: {first['msg']}"


def test_features_come_as_a_row_as_rows_or_as_a_matrix():
    row = PredictRequest.model_validate_json('{"features": {"a": 1, "b": null}}')
    assert row.features == {"a": 1.0, "b": None}
    several = PredictRequest.model_validate_json('{"features": [{"a": 1}, {"a": 2}]}')
    assert several.features == [{"a": 1.0}, {"a": 2.0}]
    matrix = PredictRequest.model_validate_json('{"features": {"columns": ["a"], "rows": [[1]]}}')
    assert matrix.features == Matrix(columns=["a"], rows=[[1.0]])


@pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity", "1e999"])
def test_a_number_that_is_not_finite_is_refused_where_it_stands(number):
    said = refusal(f'{{"features": [{{"a": 1}}, {{"a": {number}}}]}}')
    assert said == "features.rows.1.a: Input should be a finite number"


@pytest.mark.parametrize("value", ['"1"', "true", "[1]", "{}"])
def test_text_and_truth_are_no_numbers(value):
    assert "valid number" in refusal(f'{{"features": {{"a": {value}}}}}')


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ("{}", "give one of features, signals, eeg_data; given: none of them"),
        ('{"features": {"a": 1}, "eeg_data": [[1]]}', "given: features, eeg_data"),
        ('{"signals": {"EEG": [1]}}', "'signals' need 'sfreq'"),
        ('{"features": {"a": 1}, "sfreq": 100}', "'sfreq' goes with 'signals'; given: features"),
        ('{"features": {"a": 1}, "age": 3}', "'age' goes with 'signals'"),
        ('{"signals": {"E": [1]}, "sfreq": 1, "spectrogram_data": [[1]]}', "'eeg_data'"),
        ('{"features": {"a": 1}, "labels": 1}', "Extra inputs are not permitted"),
        ('{"features": {"columns": ["a", "a"], "rows": [[1, 2]]}}', "'a' is named twice"),
        ('{"features": {"columns": ["a"], "rows": [[1], [1, 2]]}}', "row 1 has 2 values"),
        ('{"features": 3}', "give a row {column: number}, a list of rows, or {columns, rows}"),
        ('{"signals": {"EEG": [1]}, "sfreq": 0}', "greater than or equal to 0.1"),
        ('{"signals": {}, "sfreq": 1}', "at least 1"),
        ('{"features": {"a": 1}, "data_source": "made"}', "'real' or 'simulated'"),
        ("[1]", "Input should be an object"),
        ('{"features"', "Invalid JSON"),
    ],
)
def test_what_is_wrong_is_said(body, said):
    assert said in refusal(body)


def test_a_batch_is_one_run_or_samples_and_not_both():
    given_samples = BatchRequest.model_validate_json('{"samples": [{"features": {"a": 1}}]}')
    assert given_samples.samples == [Sample(features={"a": 1.0})]
    assert "samples" in refusal("{}", BatchRequest)
    both = '{"samples": [{"features": {"a": 1}}], "features": {"a": 1}}'
    assert "given: features, samples" in refusal(both, BatchRequest)
    assert "samples.0" in refusal('{"samples": [{}]}', BatchRequest)


def test_a_flood_of_faults_is_one_fault():
    body = json.dumps({"eeg_data": [["x"] * 100] * 100})
    with pytest.raises(ValidationError) as refused:
        PredictRequest.model_validate_json(body)
    assert refused.value.error_count() == 1


@pytest.mark.slow
@given(st.text(max_size=60))
def test_no_text_breaks_the_parser(text):
    try:
        found = BatchRequest.model_validate_json(text)
    except ValidationError as error:
        assert error.error_count() >= 1
    else:
        assert found.model_fields_set


@pytest.mark.slow
@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
        lambda inner: (
            st.lists(inner, max_size=4)
            | st.dictionaries(
                st.sampled_from(["features", "signals", "sfreq", "eeg_data", "samples", "a"]),
                inner,
                max_size=4,
            )
        ),
        max_leaves=12,
    )
)
def test_no_json_breaks_the_parser(value):
    try:
        BatchRequest.model_validate_json(json.dumps(value))
    except ValidationError as error:
        assert error.error_count() >= 1


def test_what_is_not_finite_becomes_null():
    assert json.loads(as_json({"a": float("nan"), "b": [float("inf"), 1.5]})) == {
        "a": None,
        "b": [None, 1.5],
    }


def test_numpy_becomes_plain():
    import numpy as np

    found = clean({1: np.float64(2), "n": np.int64(3), "t": (np.bool_(True),)})
    assert found == {"1": 2.0, "n": 3, "t": [True]}
    assert type(found["n"]) is int


def test_a_schema_in_line_refers_to_nothing():
    text = json.dumps(inline(BatchRequest))
    assert "$ref" not in text
    assert "samples" in text


def test_a_documented_body_keeps_its_examples():
    body = json_body(PredictRequest, {"row": ("One row", {"features": {"a": 1}})})
    media = body["requestBody"]["content"]["application/json"]
    assert media["examples"]["row"]["value"] == {"features": {"a": 1}}


def test_every_route_may_be_too_busy():
    assert set(may_answer(404)) == {404, 429, 503, 504}
    assert "application/problem+json" in may_answer()[429]["content"]
