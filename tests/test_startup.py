"""What is settled before Kedro loads its plugins."""

import logging
import os
import subprocess
import sys

import pytest

from epochal.startup import prepare


def test_importing_epochal_keeps_openmp_from_spinning_and_kedro_and_mlflow_from_the_network():
    names = ("OMP_WAIT_POLICY", "DO_NOT_TRACK", "MLFLOW_DISABLE_TELEMETRY")
    script = f"import os, epochal; print(*(os.environ[name] for name in {names}))"
    clean = {key: value for key, value in os.environ.items() if key not in names}
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True, env=clean
    )
    assert done.stdout.split() == ["PASSIVE", "1", "true"]


def test_mlflow_takes_its_telemetry_for_disabled():
    telemetry = pytest.importorskip("mlflow.telemetry.utils")
    assert telemetry.is_telemetry_disabled()


def test_a_users_own_setting_is_left_alone():
    script = "import os, epochal; print(os.environ['OMP_WAIT_POLICY'])"
    done = subprocess.run(
        [sys.executable, "-c", script],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "OMP_WAIT_POLICY": "ACTIVE"},
    )
    assert done.stdout.strip() == "ACTIVE"


def test_warnings_are_logged_but_for_mlflows_own(caplog):
    logger = logging.getLogger("py.warnings")
    before = list(logger.filters)
    try:
        prepare()
        with caplog.at_level(logging.WARNING, logger="py.warnings"):
            logger.warning("Add type hints to the `predict` method to enable data validation")
            logger.warning("a warning of ours")
        assert caplog.messages == ["a warning of ours"]
    finally:
        logging.captureWarnings(False)
        logger.filters[:] = before
