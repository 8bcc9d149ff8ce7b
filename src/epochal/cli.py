"""The command line. Kedro imports this module too: `run` here is also `kedro run`.

Commands are imported when they are called, so that `epochal --help` answers at once.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from typing import Any

import click

from epochal import __version__
from epochal.errors import explain

# command -> (module and function, the one line that --help shows)
COMMANDS = {
    "run": ("epochal.commands.run:run", "Run a study, or one of its eight pipelines."),
    "experiment": ("epochal.commands.experiment:experiment", "Compare networks over a grid."),
    "simulate": ("epochal.commands.simulate:simulate", "Write simulated raw recordings."),
    "download": ("epochal.commands.download:download", "Fetch a public data set."),
    "inspect": ("epochal.commands.inspect:inspect", "Say what raw recordings hold."),
    "score": ("epochal.commands.score:score", "Score raw recordings with a bundle."),
    "serve": ("epochal.commands.serve:serve", "Serve bundles: REST, streams, dashboard."),
    "replay": ("epochal.commands.replay:replay", "Stream a recording at any speed."),
    "drift": ("epochal.commands.drift:drift", "Compare recordings with a bundle's training data."),
    "explain": ("epochal.commands.explain:explain", "Say why one epoch was scored as it was."),
    "compare": ("epochal.commands.compare:compare", "Compare scored recordings with your own."),
    "hypnogram": ("epochal.commands.hypnogram:hypnogram", "Convert a hypnogram: CSV, TSV, EDF+."),
    "adapt": ("epochal.commands.adapt:adapt", "Adapt a bundle to a lab by its own scoring."),
    "models": ("epochal.commands.models:models", "List, promote and fetch registered bundles."),
    "train": ("epochal.commands.train:train", "Train a stack on tables and rows, into a run."),
    "predict": ("epochal.commands.predict:predict", "Predict rows with a run."),
    "evaluate": ("epochal.commands.evaluate:evaluate", "Evaluate a run, or its models on rows."),
    "analyze": ("epochal.commands.analyze:analyze", "Analyse a run's out-of-fold predictions."),
    "optimize": ("epochal.commands.optimize:optimize", "Search for a run's parameters."),
}
# extra -> the imports whose absence means that it is not installed
_EXTRAS = {
    "train": {"kedro", "kedro_datasets", "omegaconf", "pandera", "sklearn", "lightgbm", "joblib",
              "matplotlib", "pyarrow", "yaml"},
    "download": {"httpx2", "httpx", "kaggle"},
    "deep": {"torch", "lightning"},
    "cluster": {"dask", "distributed", "s3fs", "upath"},
    "boost": {"xgboost"},
    "tune": {"optuna"},
    "onnx": {"onnx", "skl2onnx", "onnxmltools", "onnxscript"},
    "explain": {"shap", "captum"},
    "formats": {"mne", "openpyxl"},
    "tracking": {"mlflow", "kedro_mlflow"},
    "serve": {"fastapi", "uvicorn", "prometheus_client", "pydantic_settings", "jwt", "websockets",
              "multipart", "python_multipart"},
}  # fmt: skip


class LazyGroup(click.Group):
    """A group that imports a command when it is called, and turns errors into one line."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the commands' names."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, name: str) -> click.Command | None:
        """Import the command."""
        if name not in COMMANDS:
            return None
        module, function = COMMANDS[name][0].split(":")
        with one_line_errors():
            return getattr(import_module(module), function)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List the commands without importing them."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, text) for name, (_, text) in COMMANDS.items()])

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command."""
        with one_line_errors():
            return super().invoke(ctx)


@contextmanager
def one_line_errors() -> Iterator[None]:
    """Turn any failure into a message of one line and exit code 1; EPOCHAL_DEBUG=1 shows all."""
    try:
        yield
    except (click.ClickException, click.exceptions.Exit, click.Abort):
        raise
    except Exception as error:
        if os.environ.get("EPOCHAL_DEBUG"):
            raise
        raise click.ClickException(_missing_extra(error) or explain(error)) from error


def _missing_extra(error: Exception) -> str | None:
    """Say which extra to install when a library is absent."""
    missing = (getattr(error, "name", None) or "").split(".")[0]
    if isinstance(error, ModuleNotFoundError):
        for extra, imports in _EXTRAS.items():
            if missing in imports:
                return f"this needs '{missing}': pip install 'epochal[{extra}]'"
    return None


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__)
def cli() -> None:
    """Epochal: from biosignal recordings to calibrated, served classifiers of epochs.

    Research use only, not a medical device.
    """
