"""What must be settled before Kedro loads its plugins; importing `epochal` sets the environment."""

import logging
import re
import sys

_OF_MLFLOW_ITSELF = "Add type hints to the `predict` method"
_OF_ANOTHER_VERSION = re.compile(
    r"Trying to unpickle estimator \w+ from version (\S+) when using version (\S+)\. "
)
_told: set[tuple[str, ...]] = set()


def prepare() -> None:
    """Log warnings, but for those that `_is_worth_saying` mends or leaves out."""
    logging.captureWarnings(True)
    logging.getLogger("py.warnings").addFilter(_is_worth_saying)
    if sys.argv[1:2] == ["run"]:
        leave_out_plugins_commands()


def leave_out_plugins_commands() -> None:
    """Let Kedro find no commands of plugins: `run` is the project's, and MLflow's take seconds."""
    from kedro.framework.cli.utils import ENTRY_POINT_GROUPS

    ENTRY_POINT_GROUPS["project"] = "epochal.no_commands"


def _is_worth_saying(record: logging.LogRecord) -> bool:
    """Leave out MLflow's warning of its own code; say once what another scikit-learn means."""
    text = record.getMessage()
    versions = _OF_ANOTHER_VERSION.search(text)
    if versions is None:
        return _OF_MLFLOW_ITSELF not in text
    if versions.groups() in _told:
        return False
    _told.add(versions.groups())
    record.msg, record.args = describe_other_version(*versions.groups()), ()
    return True


def describe_other_version(fitted: str, here: str) -> str:
    """Say what to do about models of `06_models` that another scikit-learn pickled."""
    return (
        f"Models in 06_models were fitted with scikit-learn {fitted}, here is {here}: they may "
        "predict otherwise, or fail. Remove data/<study>/06_models and run again, or install "
        f"scikit-learn {fitted}. A bundle is not affected: it holds ONNX."
    )
