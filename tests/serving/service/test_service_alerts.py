import json
import logging
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from builders import make_bundle
from epochal.errors import EpochalError
from epochal.provenance import RESEARCH_USE
from epochal.serving.bundle import write_bundle
from epochal.serving.scoring import Scored
from epochal.serving.service.alert_rules import AlertRule
from epochal.serving.service.alerts import probabilities
from epochal.serving.service.options import ServiceOptions
from epochal.serving.service.state import Service
from service_material import NAME, client_of
from waiting import until

RULE = AlertRule(label="REM", probability=0.8, for_s=60)
FACTS = {"source": "job-1", "data_source": "simulated"}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    path = tmp_path_factory.mktemp("alerts") / "bundle"
    write_bundle(path, make_bundle())
    return path


@pytest.fixture
def make(folder):
    def make(*rules, **given):
        bundles = given.pop("bundles", {NAME: folder})
        return Service(ServiceOptions(bundles=bundles, alerts=rules, watch_s=0, **given))

    return make


def make_epochs(values):
    onset_s = 30.0 * np.arange(len(values))
    return pd.DataFrame({"onset_s": onset_s, "proba_REM": values, "proba_W": 0.1})


def raise_one(service, values=(0.9, 0.95, 0.1)):
    found = service.alerts.see_recording(service.shelf.get(), make_epochs(values), **FACTS)
    assert len(found) == 1
    return found[0]


def test_a_recording_raises_an_alert_that_says_what_when_and_of_what(make):
    alert = raise_one(make(RULE))
    assert (alert.label, alert.bundle, alert.kind) == ("REM", NAME, "recording")
    assert (alert.onset_s, alert.duration_s, alert.peak_probability) == (0.0, 60.0, 0.95)
    assert alert.rule == "REM ≥ 0.8 for ≥ 60 s"
    assert alert.model == "logistic_regression"
    assert alert.source == "job-1"


def test_every_alert_says_that_it_is_for_research_and_what_it_stands_on(make):
    alert = raise_one(make(RULE))
    assert alert.notice == RESEARCH_USE
    assert alert.data_source == "simulated"


def test_an_alert_says_when_nobody_knows_how_often_it_is_false(make):
    alert = raise_one(make(RULE))
    assert alert.false_alarms_per_hour is None
    assert "not known" in alert.false_alarms


def test_an_alert_states_the_operators_figure_where_there_is_one(make):
    alert = raise_one(make(RULE.model_copy(update={"false_alarms_per_hour": 0.25})))
    assert alert.false_alarms_per_hour == 0.25
    assert alert.false_alarms.startswith("0.25 false alarms per hour")


def test_else_it_states_the_bundles_figure_and_what_data_it_comes_from(tmp_path):
    bundle = make_bundle()
    metrics = {**bundle.manifest.metrics, "false_alarms_per_hour_REM": 1.5}
    changed = bundle.manifest.model_copy(update={"metrics": metrics})
    write_bundle(tmp_path / "bundle", replace(bundle, manifest=changed))
    given = {"bundles": {NAME: tmp_path / "bundle"}, "watch_s": 0, "alerts": (RULE,)}
    alert = raise_one(Service(ServiceOptions(**given)))
    assert alert.false_alarms_per_hour == 1.5
    assert "1.5 false alarms per hour" in alert.false_alarms
    assert "simulated data" in alert.false_alarms


def test_the_latest_alert_stands_first_and_each_has_an_id_of_its_own(make):
    service = make(RULE)
    alerts = [raise_one(service) for _ in range(3)]
    assert service.alerts.recent() == alerts[::-1]
    assert len({one.id for one in alerts}) == 3


@pytest.mark.slow
def test_no_more_than_a_thousand_are_kept(make):
    service = make(RULE.model_copy(update={"for_s": 0.0}))
    for _ in range(3):
        service.alerts.see_recording(service.shelf.get(), make_epochs([0.9, 0.1] * 400), **FACTS)
    assert len(service.alerts.recent()) == 1000


def test_a_rule_of_another_bundle_does_not_hold(make):
    elsewhere = RULE.model_copy(update={"bundles": (NAME,)})
    service = make(elsewhere)
    assert service.alerts.of_bundle(NAME) == [elsewhere]
    assert service.alerts.of_bundle("other") == []


def test_a_stream_raises_while_it_runs(make):
    service = make(RULE)
    stream = service.alerts.stream(service.shelf.get(), **FACTS)
    found = [stream.see(30.0 * n, {"REM": value}) for n, value in enumerate([0.9, 0.9, 0.9, 0.1])]
    assert [len(one) for one in found] == [0, 1, 0, 0]
    assert found[1][0].kind == "stream"
    assert service.alerts.recent() == found[1]


def test_a_streams_epoch_without_probabilities_raises_nothing(make):
    service = make(RULE)
    stream = service.alerts.stream(service.shelf.get(), **FACTS)
    assert [stream.see(30.0 * n, {}) for n in range(5)] == [[]] * 5


def counted(service, label="REM", bundle=NAME):
    labels = {"bundle": bundle, "label": label}
    return service.metrics.registry.get_sample_value("epochal_alerts_total", labels)


def test_alerts_are_counted_from_zero_so_that_the_first_one_is_an_increase(make):
    service = make(RULE)
    assert counted(service) == 0
    raise_one(service)
    assert counted(service) == 1


def test_only_the_alerts_that_a_rule_asks_for_are_expected(make, folder):
    elsewhere = RULE.model_copy(update={"bundles": ("other",)})
    service = make(elsewhere, bundles={NAME: folder, "other": folder})
    assert counted(service, bundle="other") == 0
    assert counted(service) is None
    assert counted(service, "W", bundle="other") is None


def test_an_alert_is_expected_of_a_bundle_whose_next_version_may_have_its_class(
    make, folder, tmp_path
):
    bundle = make_bundle()
    without = bundle.manifest.model_copy(update={"classes": ("W", "N2")})
    write_bundle(tmp_path / "bundle", replace(bundle, manifest=without))
    service = make(RULE, bundles={NAME: folder, "other": tmp_path / "bundle"})
    assert counted(service, bundle="other") == 0


def test_alerts_are_counted_and_logged_without_a_file_or_a_person(make, caplog):
    service = make(RULE)
    with caplog.at_level(logging.WARNING):
        alert = raise_one(service)
    assert counted(service) == 1
    (record,) = [one for one in caplog.records if one.message == "alert"]
    assert record.facts == {"alert": alert.id, "rule": alert.rule, "source": "job-1"}


def test_rules_come_from_a_file_and_from_the_environment(make, tmp_path, monkeypatch):
    path = tmp_path / "rules.json"
    path.write_text(json.dumps([{"label": "W", "probability": 0.5}]))
    monkeypatch.setenv("EPOCHAL_SERVE_ALERTS", '[{"label": "REM", "probability": 0.9}]')
    options = ServiceOptions(alert_file=path)
    assert [rule.label for rule in options.alerts] == ["REM"]
    service = make(*options.alerts, alert_file=path)
    assert [rule.label for rule in service.alerts.rules] == ["W", "REM"]


def test_a_service_does_not_start_with_a_rule_that_could_never_be_met(make):
    with pytest.raises(EpochalError, match="Seizure"):
        make(AlertRule(label="Seizure", probability=0.8))


def test_alerts_are_never_sent_unsigned():
    with pytest.raises(ValueError, match="webhook_secret"):
        ServiceOptions(webhook_url="https://alerts.example/hook")


@pytest.mark.parametrize("url", ["file:///etc/passwd", "ftp://x.example/", "alerts.example"])
def test_alerts_go_to_a_web_address_only(url):
    with pytest.raises(ValueError, match="webhook_url"):
        ServiceOptions(webhook_url=url, webhook_secret="s" * 16)


def test_what_a_recording_raises_is_sent_to_the_operators_address(make):
    service = make(RULE, webhook_url="http://127.0.0.1:9/", webhook_secret="s" * 16)
    service.start()
    alert = raise_one(service)
    service.stop()
    value = service.metrics.registry.get_sample_value
    asked = ("epochal_alert_deliveries_total", {"outcome": "failed"})
    assert until(lambda: value(*asked)) == 1  # nobody listens there: it was tried
    assert alert.label == "REM"


def test_taking_down_a_recording_measures_it_and_raises_its_alerts(make):
    service = make(RULE)
    epochs = make_epochs([0.9, 0.9, 0.1]).assign(label="REM", confidence=0.9, flags="flat")
    summary = {"data_source": "simulated", "drift": {"drift": True, "score": 4.0, "limit": 3.0}}
    scored = Scored("a-recording", epochs, summary)
    (alert,) = service.take_down(service.shelf.get(), scored, source="request-1")
    assert alert.source == "request-1"
    value = service.metrics.registry.get_sample_value
    assert value("epochal_epochs_total", {"bundle": NAME, "label": "REM"}) == 3
    assert value("epochal_drift_score", {"bundle": NAME}) == 4.0


def test_probabilities_of_a_row_are_given_by_class():
    row = {"onset_s": 0.0, "proba_W": 0.25, "proba_REM": 0.75}
    assert probabilities(row, ("W", "REM")) == {"W": 0.25, "REM": 0.75}


def test_the_route_shows_the_rules_and_the_latest_alerts(tmp_path):
    with client_of(tmp_path, alerts=(RULE,)) as client:
        empty = client.get("/api/alerts").json()
        service = client.app.state.service
        alerts = [raise_one(service) for _ in range(3)]
        shown = client.get("/api/alerts", params={"limit": 2}).json()
        other = client.get("/api/alerts", params={"source": "job-2"}).json()
        wrong = client.get("/api/alerts", params={"limit": 0})
    assert empty["alerts"] == []
    assert empty["notice"] == RESEARCH_USE
    assert empty["rules"][0]["label"] == "REM"
    assert [one["id"] for one in shown["alerts"]] == [alerts[2].id, alerts[1].id]
    assert other["alerts"] == []
    assert wrong.status_code == 422
