import contextlib
import subprocess
import sys
import time

import httpx
import pytest
import yaml
from containers import DEPLOY, panels

from projects import ROOT
from required_tools import require
from service_material import NAME, free_port, running, write_night

FOLDER = DEPLOY / "prometheus"


def promtool(*arguments):
    return subprocess.run(
        [require("promtool"), *arguments], cwd=FOLDER, capture_output=True, text=True, timeout=60
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
        self.url = f"http://127.0.0.1:{(port := free_port())}"
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
                f"--web.listen-address=127.0.0.1:{port}",
            ],
            stderr=subprocess.DEVNULL,
        )

    def ask(self, expression):
        """Return the samples that an expression gives."""
        answer = httpx.get(f"{self.url}/api/v1/query", params={"query": expression}, timeout=10)
        if answer.status_code == 503:
            raise LookupError("it is still starting")
        assert answer.status_code == 200, answer.text
        return answer.json()["data"]["result"]

    def wait_for(self, expression, seconds=60):
        """Return the first sample's value once there is one."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            with contextlib.suppress(httpx.TransportError, LookupError):
                if found := self.ask(expression):
                    return float(found[0]["value"][1])
            time.sleep(0.3)
        raise AssertionError(f"never: {expression}")


@pytest.fixture(scope="module")
def observed(tmp_path_factory):
    """Give a Prometheus that scrapes a real service which has scored a recording."""
    folder = tmp_path_factory.mktemp("observed")
    require("prometheus")
    with running(folder, metrics_open="true") as server:
        night = write_night(folder / "night.edf")
        with night.open("rb") as file:
            httpx.post(f"{server.url}/score", files={"file": ("night.edf", file)}, timeout=60)
        httpx.get(f"{server.url}/api/models", timeout=10)
        prometheus = Prometheus(folder, server.url.removeprefix("http://"))
        try:
            prometheus.wait_for('up{job="epochal"} == 1')
            yield prometheus
        finally:
            prometheus.process.terminate()
            prometheus.process.wait()


@pytest.mark.slow
def test_a_real_prometheus_reads_the_running_service(observed):
    labels = 'route="/api/models",status="200"'
    assert observed.wait_for(f"epochal_request_seconds_count{{{labels}}}") == 1
    assert observed.wait_for(f'epochal_bundle_info{{bundle="{NAME}"}}') == 1
    assert observed.wait_for("epochal_queue_places") > 0


@pytest.mark.slow
def test_a_scored_recording_is_seen_by_prometheus(observed):
    assert observed.wait_for(f'sum(epochal_epochs_total{{bundle="{NAME}"}})') == 12
    assert observed.wait_for(f'epochal_confidence_count{{bundle="{NAME}"}}') == 12


@pytest.mark.slow
def test_a_real_prometheus_understands_every_panel(observed):
    for _, _, expression in panels():
        observed.ask(expression)
    assert observed.wait_for("epochal:requests:rate5m") >= 0


@pytest.mark.slow
def test_a_healthy_service_raises_no_alert(observed):
    observed.wait_for("epochal:requests:rate5m")
    firing = httpx.get(f"{observed.url}/api/v1/alerts", timeout=10).json()["data"]["alerts"]
    assert [one["labels"]["alertname"] for one in firing if one["state"] == "firing"] == []


def test_health_is_asked_by_one_command(tmp_path):
    script = ROOT / "deploy/health.py"

    def ask(url):
        return subprocess.run([sys.executable, str(script), url], capture_output=True, text=True)

    gone = ask(f"http://127.0.0.1:{free_port()}")
    assert gone.returncode == 1
    assert "no answer" in gone.stdout
