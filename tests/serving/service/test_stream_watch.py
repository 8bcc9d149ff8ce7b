import pytest

from epochal.serving.service import logs
from epochal.serving.service.alert_rules import AlertRule
from epochal.serving.service.state import Service
from epochal.serving.service.stream_watch import StreamWatch
from service_material import NAME, make_options

RULE = AlertRule(label="REM", probability=0.8, for_s=60)


@pytest.fixture(scope="module")
def service(tmp_path_factory):
    return Service(make_options(tmp_path_factory.mktemp("watched"), alerts=(RULE,)))


def make_epochs(values, first=0):
    classes = ("W", "N1", "N2", "N3", "REM")
    return [
        {
            "epoch": number,
            "onset_s": 30.0 * number,
            "label": "REM",
            "confidence": value,
            "flags": "",
        }
        | {f"proba_{name}": value if name == "REM" else 0.0 for name in classes}
        for number, value in enumerate(values, start=first)
    ]


def count(service):
    labels = {"bundle": NAME, "label": "REM"}
    return service.metrics.registry.get_sample_value("epochal_epochs_total", labels) or 0


def test_a_streams_epochs_are_counted_once_and_raise_their_alert_when_it_is_due(service):
    watch = StreamWatch(service, service.shelf.get(), source="s-1", data_source="simulated")
    before = count(service)
    assert watch.see([]) == []
    assert watch.see(make_epochs([0.9])) == []
    (alert,) = watch.see(make_epochs([0.9, 0.9], first=1))
    assert (alert.kind, alert.source, alert.onset_s) == ("stream", "s-1", 0.0)
    assert alert.epoch == 1  # the one that made it a minute
    assert count(service) == before + 3
    assert [one.model_dump() for one in service.alerts.recent()] == [
        alert.model_dump(exclude={"epoch"})
    ]


def test_the_line_of_a_stream_says_how_many_epochs_it_had(service, monkeypatch):
    facts = {}
    monkeypatch.setattr(logs, "note", lambda **given: facts.update(given))
    watch = StreamWatch(service, service.shelf.get(), source="s-2", data_source="simulated")
    for number in range(3):
        watch.see(make_epochs([0.1], first=number))
    assert facts == {"bundle": NAME, "n_epochs": 3}


def test_every_answer_of_a_model_is_timed(service):
    shelved = service.shelf.get()
    import numpy as np
    import pandas as pd

    columns = shelved.scorer.models["logistic_regression"].columns
    table = pd.DataFrame(np.zeros((4, len(columns)), np.float32), columns=columns)
    shelved.scorer.predict(table)
    labels = {"bundle": NAME, "model": "logistic_regression"}
    value = service.metrics.registry.get_sample_value
    assert value("epochal_inference_seconds_count", labels) == 1
    assert value("epochal_inference_seconds_sum", labels) > 0
