"""Compare networks over a grid: what context, backbone, loss, EMG and smoothing each add."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import pandas as pd

from epochal.errors import EpochalError
from epochal.places import writing
from epochal.provenance import RESEARCH_USE

if TYPE_CHECKING:
    from kedro.framework.context import KedroContext

    from epochal.experiments.cells import Judged, Material
    from epochal.experiments.options import ExperimentOptions
    from epochal.experiments.results import Observer, Task
    from epochal.options.models import FamilyOptions

PREPARED_BY = ["ingestion", "feature_engineering", "splitting"]
_PATTERN = "experiment*.yml"


def _words(ctx: click.Context, parameter: click.Parameter, value: str | None) -> Any:
    del ctx, parameter
    return None if value is None else tuple(one.strip() for one in value.split(",") if one.strip())


def _axis(flag: str, text: str) -> Callable[[Any], Any]:
    return click.option(flag, callback=_words, metavar="A,B,…", help=text)


@click.command()
@click.argument("study")
@_axis("--context", "Epochs in a sequence, such as 1,7.")
@_axis("--backbone", "Networks, such as cnn_bilstm,s4d.")
@_axis("--loss", "Losses, such as weighted_cross_entropy,focal.")
@_axis("--emg", "Which channels are seen, by name in experiment.yml: channel,none,alone.")
@_axis("--pretraining", "none, masked, byol.")
@_axis("--labelled", "How many training subjects keep their labels; 0: all.")
@_axis("--label-noise", "Shares of the training labels that are made wrong.")
@_axis("--smoothing", "none, forward, forward_backward, viterbi, mode, median_probability.")
@_axis("--baselines", "Classical models of the study to stand beside the networks.")
@click.option("--reference", help="The row that the others are compared with. Default: the first.")
@click.option(
    "--design",
    type=click.Choice(["grid", "one_at_a_time"]),
    help="Every combination, or the first of each axis and one change at a time.",
)
@click.option("--params", default="", help="Other parameters of the study, as for `epochal run`.")
@click.option("--list", "only_list", is_flag=True, help="Say which cells there are; fit none.")
def experiment(study: str, params: str, only_list: bool, **asked: Any) -> None:
    """Fit a grid of networks on a study's training subjects, and judge them on held-out ones.

    Axes that are not given are those of conf/<study>/experiment.yml. What has a result is not
    fitted again, so that a call that was interrupted goes on. Results, comparison.csv and
    comparison.png go to data/<study>/08_reporting/experiment.
    """
    from epochal.experiments.cells import check_baselines
    from epochal.experiments.results import list_tasks, run_tasks
    from epochal.options.results import EvaluationOptions

    session_params = _read_params(params)
    context = _open_context(study, session_params)
    options = read_options(context, study, asked)
    check_baselines(options.baselines, _read_classical(context))
    if only_list:
        _list_cells(options)
        return
    _try_cells(options, context.params)
    _prepare(study, session_params)
    context = _open_context(study, session_params)
    material = load_material(context, study)
    material.check()
    tasks = list_tasks(options, material)
    folder = Path(context.project_path) / "data" / study / "08_reporting" / "experiment"
    failures: list[str] = []
    observer = _observe(len(tasks), failures)
    done = run_tasks(tasks, folder / "cells", observer, checkpoints=material.checkpoints)
    n_bootstrap = EvaluationOptions.model_validate(context.params["evaluation"]).n_bootstrap
    _report(done, options, folder, n_bootstrap=n_bootstrap, seed=material.study.seed)
    if failures:
        raise click.ClickException(
            f"{len(failures)} of {len(tasks)} failed; call again to try those alone"
        )


def read_options(context: KedroContext, study: str, asked: dict[str, Any]) -> ExperimentOptions:
    """Return conf/<study>/experiment.yml with what the command line asks for instead.

    What no fit could be made with (`grid.check`), or a study without that file, raises
    `EpochalError`.
    """
    from kedro.config import MissingConfigException
    from pydantic import ValidationError

    from epochal.experiments.grid import check
    from epochal.experiments.options import ExperimentOptions
    from epochal.options.base import say_fault

    loader: Any = context.config_loader
    loader.config_patterns["experiment"] = [_PATTERN]
    try:
        given = dict(loader["experiment"])
    except MissingConfigException as error:
        raise EpochalError(
            f"conf/{study} has no experiment.yml: nothing says what to vary"
        ) from error
    named = {name: value for name, value in asked.items() if value is not None}
    try:
        options = ExperimentOptions(**(given | named))
    except ValidationError as error:
        raise EpochalError(f"experiment: {say_fault(error.errors()[0])}") from error
    check(options)
    return options


def _try_cells(options: ExperimentOptions, params: dict[str, Any]) -> None:
    """Raise `EpochalError` for a cell whose network cannot be made, before anything is prepared."""
    from epochal.experiments.grid import expand
    from epochal.experiments.model_options import network_options
    from epochal.models.trial import try_networks
    from epochal.options.checking import check_study
    from epochal.options.deep import DeepOptions

    networks = {cell.name: network_options(cell, options) for cell in expand(options)}
    try_networks(DeepOptions(models=networks), check_study(params), where="experiment")


def load_material(context: KedroContext, study: str) -> Material:
    """Load what the graph prepared; a study without inputs for networks raises `EpochalError`."""
    from epochal.epoch_inputs import gather_inputs
    from epochal.experiments.cells import Material
    from epochal.options.features import FeatureOptions
    from epochal.options.models import StackingOptions
    from epochal.options.study import StudyOptions

    catalog, params = context.catalog, context.params
    features = FeatureOptions.model_validate(params["feature_engineering"])
    if not features.network_inputs.listed:
        raise EpochalError(
            f"{study} prepares nothing for networks: give feature_engineering.network_inputs"
        )
    return Material(
        features=catalog.load("features"),
        epochs=catalog.load("epochs"),
        splits=catalog.load("splits"),
        store=gather_inputs(catalog.load("network_inputs")),
        study=StudyOptions.model_validate(params["study"]),
        stacking=StackingOptions.model_validate(params["stacking"]),
        classical=_read_classical(context),
        checkpoints=str(Path(context.project_path) / "data" / study / "06_models" / "experiment"),
    )


def _read_classical(context: KedroContext) -> FamilyOptions:
    from epochal.options.models import ClassicalOptions

    return ClassicalOptions.model_validate(context.params["classical_models"])


def _open_context(study: str, params: dict[str, Any]) -> KedroContext:
    from kedro.framework.project import PACKAGE_NAME, configure_project
    from kedro.framework.session import KedroSession

    from epochal.commands.run import list_environments, refuse_unknown

    if PACKAGE_NAME is None:
        configure_project("epochal")
    refuse_unknown("study", [study], list_environments(None))
    return KedroSession.create(env=study, runtime_params=params).load_context()


def _prepare(study: str, params: dict[str, Any]) -> None:
    """Run what is missing of the graph's first three pipelines."""
    from kedro.framework.session import KedroSession

    session: Any = KedroSession.create(env=study, runtime_params=params)
    with session:
        session.run(pipeline_names=PREPARED_BY, only_missing_outputs=True)


def _read_params(text: str) -> dict[str, Any]:
    from kedro.framework.cli.utils import _split_params

    nobody: Any = None  # the context and the option that asks are not looked at
    return _split_params(nobody, nobody, text) if text else {}


def _list_cells(options: ExperimentOptions) -> None:
    from epochal.experiments.grid import expand

    for name in [*options.baselines, *(cell.name for cell in expand(options))]:
        click.echo(name)


def _observe(n_tasks: int, failures: list[str]) -> Observer:
    """Say on the screen how far the experiment is, and track what is fitted."""
    from epochal.experiments.results import Observer

    place = iter(range(1, n_tasks + 1))

    def begins(task: Task) -> None:
        click.echo(f"[{next(place)}/{n_tasks}] {task.name}", err=True)

    def ends(judged: Judged) -> None:
        click.echo(f"  done in {judged.seconds:.0f} s", err=True)
        track(judged)

    def found(judged: Judged) -> None:
        click.echo(f"[{next(place)}/{n_tasks}] {judged.name}: there already", err=True)

    def fails(task: Task, reason: str) -> None:
        failures.append(task.name)
        click.echo(f"Failed: {task.name}: {reason}", err=True)

    return Observer(begins, ends, found, fails)


def track(judged: Judged) -> None:
    """Log a cell as an MLflow run of its own, where a session has set MLflow up."""
    from epochal.experiments.options import ExperimentOptions
    from epochal.experiments.table import compare

    mlflow = sys.modules.get("mlflow")
    if mlflow is None or not _tracking_is_on():
        return
    every = ExperimentOptions(smoothing=tuple(judged.tables))
    table = compare([judged], every, n_bootstrap=0, seed=0)
    with mlflow.start_run(run_name=judged.name, nested=mlflow.active_run() is not None):
        mlflow.set_tags({"epochal.experiment": "true", "data_source": judged.data_source})
        mlflow.log_params({**judged.described, "key": judged.key})
        for row in table.to_dict("records"):
            mlflow.log_metrics(
                {f"{row['smoothing']}.{name}": row[name] for name in table if _is_figure(name)}
            )
        mlflow.log_metric("seconds", judged.seconds)


def _tracking_is_on() -> bool:
    from epochal.tracking import is_tracking

    return is_tracking()


def _is_figure(name: str) -> bool:
    return name in ("macro_f1", "kappa") or name.startswith("f1_")


def _report(
    done: list[Judged], options: ExperimentOptions, folder: Path, *, n_bootstrap: int, seed: int
) -> None:
    """Print the comparison, and write it as a table and a figure."""
    from epochal.experiments.figure import draw_comparison
    from epochal.experiments.table import SHOWN, compare

    table = compare(done, options, n_bootstrap=n_bootstrap, seed=seed)
    with writing(folder / "comparison.csv") as path:
        table.to_csv(path, index=False)
    with writing(folder / "comparison.png") as path:
        draw_comparison(table).savefig(path, dpi=120, format="png")
    shown = table[[name for name in SHOWN if name in table]]
    with pd.option_context("display.width", 250):
        click.echo(shown.to_string(index=False, float_format="{:.3f}".format, na_rep=""))
    click.echo(f"differences from {table['reference'].iloc[0]}; {folder / 'comparison.csv'}")
    click.echo(RESEARCH_USE)
