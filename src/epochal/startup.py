"""What must be settled before Kedro loads its plugins; importing `epochal` sets the environment."""

import warnings


def prepare() -> None:
    """Silence the warning that MLflow raises of its own code while kedro-mlflow imports it."""
    warnings.filterwarnings("ignore", message=".*Add type hints to the `predict` method")
