"""What is settled before Kedro loads its plugins."""

import logging
import os
import subprocess
import sys

from epochal.startup import prepare


def test_importing_epochal_keeps_openmp_from_spinning_and_kedro_from_the_network():
    script = "import os, epochal; print(os.environ['OMP_WAIT_POLICY'], os.environ['DO_NOT_TRACK'])"
    clean = {k: v for k, v in os.environ.items() if k not in {"OMP_WAIT_POLICY", "DO_NOT_TRACK"}}
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True, env=clean
    )
    assert done.stdout.split() == ["PASSIVE", "1"]


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
