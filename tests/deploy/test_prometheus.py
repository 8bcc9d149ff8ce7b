import contextlib
import json
import subprocess
import sys

import httpx
import pytest
import yaml
from containers import DEPLOY, panels

from held_port import HeldPort
from projects import ROOT
from required_tools import require
from service_material import NAME, PATIENCE_S, running, write_night
from waiting import until

FOLDER = DEPLOY / "prometheus"


def promtool(*arguments):
    return subprocess.run(
        [require("promtool"), *arguments], cwd=FOLDER, capture_output=True, text=True, timeout=300
    )


def test_the_configuration_and_its_rules_are_right():
    found = promtool("check", "config", "prometheus.yml")
    assert found.returncode == 0, found.stdout + found.stderr
    assert "rules found" in found.stdout


@pytest.mark.slow
def test_the_rules_do_what_their_own_tests_say():
    found = promtool("test", "rules", "rules.test.yml")
    assert found.returncode == 0, found.stdout + found.stderr


class Prometheus:
    """A real Prometheus on 127.0.0.1 that scrapes one service every second."""

    def __init__(self, folder, target):
        self._held = HeldPort()
        address = f"127.0.0.1:{self._held.number}"
        self.url = f"http://{address}"
        config = yaml.safe_load((FOLDER / "prometheus.yml").read_text())
        config["global"] = {"scrape_interval": "1s", "evaluation_interval": "1s"}
        config["rule_files"] = [str(FOLDER / "rules.yml")]
        config["scrape_configs"][0]["static_configs"] = [{"targets": [target]}]
        del config["scrape_configs"][1:]
        (folder / "prometheus.yml").write_text(yaml.safe_dump(config))
        self.process = subprocess.Popen(
            [
                require("prometheus"),
                f"--config.file={folder / 'prometheus.yml'}",
                f"--storage.tsdb.path={folder / 'tsdb'}",
                f"--web.listen-address={address}",
            ],
            stderr=subprocess.DEVNULL,
        )

    def ask(self, expression):
        """Return the samples that an expression gives."""
        answer = self.get("query", query=expression)
        if answer.status_code == 503:
            raise LookupError("it is still starting")
        assert answer.status_code == 200, answer.text
        return answer.json()["data"]["result"]

    def get(self, of, **params):
        """Return what its API answers."""
        return httpx.get(f"{self.url}/api/v1/{of}", params=params, timeout=PATIENCE_S)

    def wait_for(self, expression):
        """Return the first sample's value once there is one."""

        def samples():
            with contextlib.suppress(httpx.TransportError, LookupError):
                return self.ask(expression)

        return float(until(samples, within_s=180, pause_s=0.3)[0]["value"][1])

    def end(self):
        self.process.terminate()
        self.process.wait()
        self._held.close()


@contextlib.contextmanager
def observing(folder, **options):
    """Give a real service, and a Prometheus that scrapes it."""
    require("prometheus")
    with running(folder, metrics_open="true", **options) as server:
        prometheus = Prometheus(folder, server.url.removeprefix("http://"))
        try:
            prometheus.wait_for('up{job="epochal"} == 1')
            yield server, prometheus
        finally:
            prometheus.end()


def score_night(server, folder):
    with write_night(folder / "night.edf").open("rb") as file:
        assert server.post("/score", files={"file": ("night.edf", file)}).status_code == 200


@pytest.fixture(scope="module")
def observed(tmp_path_factory):
    """Give a Prometheus that scrapes a real service which has scored a recording."""
    folder = tmp_path_factory.mktemp("observed")
    with observing(folder) as (server, prometheus):
        score_night(server, folder)
        server.get("/api/models")
        yield prometheus


@pytest.mark.slow
def test_a_real_prometheus_reads_the_running_service(observed):
    labels = 'route="/api/models",status="200"'
    assert observed.wait_for(f"epochal_request_seconds_count{{{labels}}}") == 1
    assert observed.wait_for(f'epochal_bundle_info{{bundle="{NAME}"}}') == 1
    assert observed.wait_for("epochal_queue_places") > 0


@pytest.mark.slow
def test_a_scored_recording_is_seen_by_prometheus(observed):
    assert observed.wait_for(f'sum(epochal_epochs_total{{bundle="{NAME}"}}) == 12')
    assert observed.wait_for(f'epochal_confidence_count{{bundle="{NAME}"}} == 12')


@pytest.mark.slow
def test_a_real_prometheus_understands_every_panel(observed):
    for _, _, expression in panels():
        observed.ask(expression)
    assert observed.wait_for("epochal:requests:rate5m") >= 0


@pytest.mark.slow
def test_a_healthy_service_raises_no_alert(observed):
    observed.wait_for("epochal:requests:rate5m")
    firing = observed.get("alerts").json()["data"]["alerts"]
    assert [one["labels"]["alertname"] for one in firing if one["state"] == "firing"] == []


@pytest.mark.slow
def test_the_first_alert_of_a_class_fires_in_a_real_prometheus(tmp_path):
    rule = json.dumps([{"label": "W", "probability": 0.0}])
    with observing(tmp_path, alerts=rule) as (server, prometheus):
        prometheus.wait_for('epochal_alerts_total{label="W"} == 0')
        score_night(server, tmp_path)
        firing = '{alertname="EpochalClinicalAlert",label="W",alertstate="firing"}'
        assert prometheus.wait_for(f"ALERTS{firing}") == 1


def test_health_is_asked_by_one_command(tmp_path):
    script = ROOT / "deploy/health.py"

    def ask(url):
        return subprocess.run([sys.executable, str(script), url], capture_output=True, text=True)

    with contextlib.closing(HeldPort()) as port:  # where nobody listens
        gone = ask(f"http://127.0.0.1:{port.number}")
    assert gone.returncode == 1
    assert "no answer" in gone.stdout
