import json

import pytest
import yaml
from containers import DASHBOARDS, DEPLOY, measures_in, panels, rules

from epochal.provenance import RESEARCH_USE
from epochal.serving.app import create_app
from epochal.serving.service.options import ServiceOptions

RECORDED = {rule["record"] for rule in rules() if "record" in rule}
KNOWN = RECORDED | {"up"}  # what Prometheus makes itself


@pytest.fixture(scope="module")
def measured():
    """Return the names of all samples that /metrics may have, from a service without a request."""
    registry = create_app(ServiceOptions()).state.service.metrics.registry
    endings = {"counter": ("_total",), "histogram": ("_bucket", "_count", "_sum"), "gauge": ("",)}
    return {one.name + end for one in registry.collect() for end in endings[one.type]}


def test_the_names_in_an_expression_are_found():
    text = 'sum by (le, x) (rate(a_bucket{b="c"}[1m])) / d:e:f > time() - g'
    assert measures_in(text) == {"a_bucket", "d:e:f", "g"}


@pytest.mark.parametrize(("dashboard", "panel", "expression"), panels())
def test_every_measure_in_a_panel_exists(measured, dashboard, panel, expression):
    names = measures_in(expression)
    assert names
    assert names <= measured | KNOWN


@pytest.mark.parametrize("rule", rules(), ids=lambda one: one.get("alert") or one["record"])
def test_every_measure_in_a_rule_exists(measured, rule):
    names = measures_in(rule["expr"])
    assert names
    assert names <= measured | KNOWN


def stem(name):
    for ending in ("_bucket", "_sum", "_count"):
        name = name.removesuffix(ending)
    return name


def test_every_measure_of_the_service_is_shown_somewhere(measured):
    asked = [text for *_, text in panels()] + [rule["expr"] for rule in rules()]
    shown = {stem(name) for text in asked for name in measures_in(text)}
    ours = {stem(name) for name in measured if name.startswith("epochal_")}
    assert ours - shown == {"epochal_bundle_loaded_seconds"}  # for those who ask themselves


@pytest.mark.parametrize("path", DASHBOARDS, ids=lambda one: one.stem)
def test_a_dashboard_is_whole(path):
    made = json.loads(path.read_text(encoding="utf-8"))
    assert made["uid"] == f"epochal-{path.stem}"
    assert RESEARCH_USE in made["description"]
    assert len({panel["id"] for panel in made["panels"]}) == len(made["panels"])
    for panel in made["panels"]:
        assert panel["datasource"]["uid"] == "prometheus"
        assert panel["gridPos"]["x"] + panel["gridPos"]["w"] <= 24


def test_latency_throughput_errors_drift_model_and_system_have_panels():
    titles = " ".join(title for _, title, _ in panels()).lower()
    for asked in ("latency", "throughput", "errors", "drift", "bundles that answer", "memory"):
        assert asked in titles


def test_panels_of_a_dashboard_do_not_lie_on_each_other():
    for path in DASHBOARDS:
        taken = set()
        for panel in json.loads(path.read_text(encoding="utf-8"))["panels"]:
            at = panel["gridPos"]
            cells = {
                (x, y)
                for x in range(at["x"], at["x"] + at["w"])
                for y in range(at["y"], at["y"] + at["h"])
            }
            assert not cells & taken, panel["title"]
            taken |= cells


def test_grafana_finds_its_source_and_its_dashboards_where_compose_puts_them():
    source = yaml.safe_load(
        (DEPLOY / "grafana/provisioning/datasources/prometheus.yaml").read_text()
    )["datasources"][0]
    folder = yaml.safe_load((DEPLOY / "grafana/provisioning/dashboards/epochal.yaml").read_text())
    grafana = yaml.safe_load((DEPLOY / "compose.yaml").read_text())["services"]["grafana"]
    assert source["uid"] == "prometheus"
    assert source["url"] == "http://prometheus:9090"
    mounted = {volume.split(":")[1]: volume.split(":")[0] for volume in grafana["volumes"]}
    assert mounted[folder["providers"][0]["options"]["path"]] == "./deploy/grafana/dashboards"
    home = grafana["environment"]["GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH"]
    assert home.rsplit("/", 1)[1] in {path.name for path in DASHBOARDS}


def test_every_alert_says_what_it_means_and_how_bad_it_is():
    for rule in rules():
        if "alert" in rule:
            assert rule["labels"]["severity"] in {"info", "warning", "critical"}
            assert set(rule["annotations"]) == {"summary", "description"}


def test_an_alert_about_a_person_says_that_it_is_for_research_and_may_be_false():
    (rule,) = [one for one in rules() if one.get("alert") == "EpochalClinicalAlert"]
    text = " ".join(rule["annotations"]["description"].split())
    assert RESEARCH_USE in text
    assert "how often such an alert is false" in text
