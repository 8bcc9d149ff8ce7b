from typing import get_args

import pandas as pd
import pytest

from epochal.serving.service.collectors import SystemFacts
from epochal.serving.service.metrics import Metrics, Outcome

TABLE = pd.DataFrame(
    {
        "label": ["W", "N2", "N2", ""],
        "confidence": [0.95, 0.55, 0.65, float("nan")],
        "flags": ["", "flat;outside_reference", "flat", "not_scored"],
        "abstain": [False, True, False, True],
    }
)


@pytest.fixture
def metrics():
    return Metrics()


def value(metrics, name, **labels):
    return metrics.registry.get_sample_value(name, labels)


def test_two_services_in_one_process_measure_apart():
    first, second = Metrics(), Metrics()
    first.uploaded(10)
    assert value(first, "epochal_upload_bytes_count") == 1
    assert value(second, "epochal_upload_bytes_count") == 0


def test_a_scored_recording_is_counted_by_class_flag_and_confidence(metrics):
    metrics.scored("sleep", TABLE, None)
    assert value(metrics, "epochal_epochs_total", bundle="sleep", label="N2") == 2
    assert value(metrics, "epochal_epochs_total", bundle="sleep", label="W") == 1
    assert value(metrics, "epochal_epochs_total", bundle="sleep", label="") is None
    assert value(metrics, "epochal_flagged_epochs_total", bundle="sleep", flag="flat") == 2
    assert value(metrics, "epochal_abstentions_total", bundle="sleep") == 2
    assert value(metrics, "epochal_confidence_count", bundle="sleep") == 3
    assert value(metrics, "epochal_confidence_bucket", bundle="sleep", le="0.7") == 2


def test_a_bundle_without_rules_of_abstention_counts_none(metrics):
    metrics.scored("sleep", TABLE.drop(columns="abstain"), None)
    assert value(metrics, "epochal_abstentions_total", bundle="sleep") is None


def test_single_epochs_add_up_as_tables_do(metrics):
    for row in TABLE.itertuples():
        metrics.scored_epoch(
            "sleep",
            row.label,
            confidence=row.confidence,
            flags=row.flags.split(";") if row.flags else (),
            abstain=row.abstain,
        )
    other = Metrics()
    other.scored("sleep", TABLE, None)
    assert _model_lines(metrics) == _model_lines(other)


def _model_lines(metrics):
    lines = metrics.encode("")[0].decode().splitlines()
    return sorted(one for one in lines if "sleep" in one and "_created" not in one)


@pytest.mark.parametrize(
    ("verdict", "shown"),
    [
        ({"drift": True, "score": 9.5, "limit": 3.0}, (1.0, 9.5, 3.0)),
        ({"drift": False, "score": 1.0, "limit": 3.0}, (0.0, 1.0, 3.0)),
        ({"drift": None, "reason": "too few"}, (None, None, None)),
        (None, (None, None, None)),
    ],
)
def test_the_latest_verdict_of_drift_is_shown_where_there_is_one(metrics, verdict, shown):
    metrics.scored("sleep", TABLE, verdict)
    names = ("epochal_drift", "epochal_drift_score", "epochal_drift_limit")
    assert tuple(value(metrics, name, bundle="sleep") for name in names) == shown


def test_answers_are_timed_by_route_method_and_status(metrics):
    metrics.answered("GET", "/health", status=200, seconds=0.02)
    labels = {"method": "GET", "route": "/health", "status": "200"}
    assert value(metrics, "epochal_request_seconds_bucket", **labels, le="0.025") == 1
    assert value(metrics, "epochal_request_seconds_bucket", **labels, le="0.01") == 0


def test_methods_that_somebody_made_up_make_no_new_series(metrics):
    for number in range(3):
        metrics.answered(f"MADEUP{number}", "unrouted", status=405, seconds=0.1)
    labels = {"method": "OTHER", "route": "unrouted", "status": "405"}
    assert value(metrics, "epochal_request_seconds_count", **labels) == 3


def test_what_is_under_way_is_counted_until_it_is_over_even_when_it_fails(metrics):
    def fail():
        assert value(metrics, "epochal_in_flight_requests", kind="http") == 1
        raise ValueError("x")

    with pytest.raises(ValueError, match="x"), metrics.in_flight("http"):
        fail()
    assert value(metrics, "epochal_in_flight_requests", kind="http") == 0


def test_a_stream_is_counted_while_it_is_open(metrics):
    with metrics.stream(), metrics.stream():
        assert value(metrics, "epochal_open_streams") == 2
    assert value(metrics, "epochal_open_streams") == 0


def test_a_models_answer_is_timed(metrics):
    with metrics.inference("sleep", "stack"):
        pass
    labels = {"bundle": "sleep", "model": "stack"}
    assert value(metrics, "epochal_inference_seconds_count", **labels) == 1
    assert 0 <= value(metrics, "epochal_inference_seconds_sum", **labels) < 1


def test_jobs_and_the_queue_are_looked_up_when_asked_for(metrics):
    states, taken = {"running": 1}, [3]
    metrics.watch_jobs(lambda: states, ["waiting", "running"])
    metrics.watch_queue(lambda: taken[0], 66)
    states["running"], taken[0] = 2, 5
    assert value(metrics, "epochal_jobs", state="running") == 2
    assert value(metrics, "epochal_jobs", state="waiting") == 0
    assert value(metrics, "epochal_queue_requests") == 5
    assert value(metrics, "epochal_queue_places") == 66


def test_recordings_that_could_not_be_scored_and_limits_met_are_counted(metrics):
    metrics.refused("sleep")
    metrics.turned_away("rate")
    assert value(metrics, "epochal_refused_total", bundle="sleep") == 1
    assert value(metrics, "epochal_turned_away_total", reason="rate") == 1


@pytest.mark.parametrize("outcome", get_args(Outcome))
def test_every_outcome_of_a_delivery_is_counted_from_zero(metrics, outcome):
    """To Prometheus a series that begins at 1 has not increased."""
    assert value(metrics, "epochal_alert_deliveries_total", outcome=outcome) == 0
    metrics.delivered(outcome)
    assert value(metrics, "epochal_alert_deliveries_total", outcome=outcome) == 1


def test_the_process_is_measured(metrics):
    assert value(metrics, "process_resident_memory_bytes") > 1e7
    assert value(metrics, "process_cpu_seconds_total") > 0


def test_the_machines_memory_is_read_in_bytes(tmp_path):
    path = tmp_path / "meminfo"
    path.write_text("MemTotal:  1000 kB\nMemFree: 10 kB\nMemAvailable:  250 kB\n")
    families = {one.name: one for one in SystemFacts(path).collect()}
    samples = families["epochal_system_memory_bytes"].samples
    assert {one.labels["kind"]: one.value for one in samples} == {
        "total": 1_024_000.0,
        "available": 256_000.0,
    }


def test_what_the_service_may_use_is_told_from_the_machines_memory(tmp_path):
    path = tmp_path / "meminfo"
    path.write_text("MemTotal:  1000 kB\n")
    families = {one.name: one for one in SystemFacts(path, lambda total: total / 4).collect()}
    (sample,) = families["epochal_memory_limit_bytes"].samples
    assert sample.value == 256_000


def test_what_the_service_may_use_is_at_most_the_machines_memory(metrics):
    limit = value(metrics, "epochal_memory_limit_bytes")
    assert 1e7 < limit <= value(metrics, "epochal_system_memory_bytes", kind="total")


def test_a_system_that_tells_nothing_of_its_memory_has_no_measure_of_it(tmp_path):
    facts = SystemFacts(tmp_path / "none", lambda total: total)
    names = {one.name for one in facts.collect()}
    assert not {"epochal_system_memory_bytes", "epochal_memory_limit_bytes"} & names
    assert "epochal_system_cores" in names


def test_the_format_is_what_the_scraper_asks_for(metrics):
    assert metrics.encode("")[1].startswith("text/plain")
    content, media_type = metrics.encode("application/openmetrics-text; version=1.0.0")
    assert media_type.startswith("application/openmetrics-text")
    assert content.endswith(b"# EOF\n")
