"""The service's options from the environment: what is wrong is said, and no value quoted."""

import pytest

from epochal.errors import EpochalError
from epochal.serving.service.options import read_options


@pytest.mark.parametrize(
    ("name", "value", "told"),
    [
        ("API_KEY", "a key of sixteen characters", "did you mean 'EPOCHAL_SERVE_API_KEYS'?"),
        ("N_WORKERS", "two", "EPOCHAL_SERVE_N_WORKERS: Input should be a valid integer"),
        ("API_KEYS", "no list", 'EPOCHAL_SERVE_API_KEYS: no JSON; a list is written as ["one",'),
        ("API_KEYS", '["too short"]', "EPOCHAL_SERVE_API_KEYS, 0: Value should have at least 16"),
        ("PROVIDER", "gpu", "EPOCHAL_SERVE_PROVIDER: Input should be 'cpu', 'cuda' or 'tensorrt'"),
        ("WEBHOOK_URL", "http://127.0.0.1/x", "webhook_url needs webhook_secret"),
    ],
)
def test_a_wrong_variable_is_named_with_what_is_allowed_and_its_value_is_not(
    monkeypatch, name, value, told
):
    monkeypatch.setenv(f"EPOCHAL_SERVE_{name}", value)
    with pytest.raises(EpochalError) as caught:
        read_options()
    assert told in str(caught.value)
    assert value not in str(caught.value)


def test_what_is_given_comes_before_the_environment(monkeypatch):
    monkeypatch.setenv("EPOCHAL_SERVE_N_WORKERS", "7")
    monkeypatch.setenv("EPOCHAL_SERVE_MAX_WAITING", "3")
    options = read_options(n_workers=5)
    assert (options.n_workers, options.max_waiting) == (5, 3)
