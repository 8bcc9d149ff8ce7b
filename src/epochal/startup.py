"""What must be settled before Kedro loads its plugins; importing `epochal` sets the environment."""

import logging

_OF_MLFLOW_ITSELF = "Add type hints to the `predict` method"


def prepare() -> None:
    """Log warnings, but for the one that MLflow raises of its own code at every import."""
    logging.captureWarnings(True)
    logging.getLogger("py.warnings").addFilter(_is_of_ours)


def _is_of_ours(record: logging.LogRecord) -> bool:
    return _OF_MLFLOW_ITSELF not in record.getMessage()
