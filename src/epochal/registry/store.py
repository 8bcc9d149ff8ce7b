"""Bundles as versions of MLflow's registered models, a stage being an alias of one of them."""

from __future__ import annotations

import hashlib
import json
import logging
import os
from pathlib import Path
from typing import Any, Literal, NamedTuple

from epochal.errors import EpochalError, did_you_mean
from epochal.serving.bundle import MANIFEST, Manifest, read_manifest

Stage = Literal["staging", "challenger", "champion"]
STAGES: tuple[Stage, ...] = ("staging", "challenger", "champion")
VARIABLE = "MLFLOW_TRACKING_URI"
ARTIFACT = "bundle"  # the folder within a run, as the hook that logs a run's outputs names it
_HISTORY = "epochal.history."
_TAGGED = ("kappa", "kappa_low", "kappa_high", "accuracy", "macro_f1", "log_loss", "ece")
_SQLITE = "sqlite:///"


class Registered(NamedTuple):
    """One version of a registered bundle."""

    name: str
    version: int
    stages: tuple[str, ...]
    source: str
    run_id: str
    tags: dict[str, str]


def locate_registry(uri: str | None = None) -> str:
    """Return the store's URI: as given, MLFLOW_TRACKING_URI's, or `mlflow.db` here."""
    return uri or os.environ.get(VARIABLE) or f"{_SQLITE}{Path('mlflow.db').absolute()}"


def is_missing(where: str) -> bool:
    """Say whether a store is a file of SQLite that is not there."""
    file = _file_of(where)
    return file is not None and not file.is_file()


def open_registry(uri: str | None = None, *, make: bool = False) -> Any:
    """Return MLflow's client of a store (`locate_registry`).

    A file of SQLite that is not there is made where `make` says so; else, and where its folder is
    not there either, it raises `EpochalError`.
    """
    os.environ.setdefault("MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR", "false")
    from mlflow import MlflowClient

    where = locate_registry(uri)
    if is_missing(where):
        _refuse_missing(where, make=make)
        logging.getLogger("mlflow.store.db.utils").setLevel(logging.WARNING)  # of its tables
    return MlflowClient(tracking_uri=where, registry_uri=where)


def register_bundle(client: Any, folder: str | Path, *, run_id: str, name: str = "") -> Registered:
    """Register the bundle that a run holds as its artifact `bundle`, under its study's name.

    The new version is at the stage `staging`. A bundle that is the newest version already, by the
    hash of its manifest, is not registered again.
    """
    manifest, tags = read_manifest(folder), describe_bundle(folder)
    called = name or manifest.study
    _ensure_model(client, called, manifest)
    newest = max(list_versions(client, called), key=lambda one: one.version, default=None)
    if newest is not None and newest.tags.get("manifest_sha256") == tags["manifest_sha256"]:
        return newest
    made = client.create_model_version(called, f"runs:/{run_id}/{ARTIFACT}", run_id, tags=tags)
    client.set_registered_model_alias(called, "staging", made.version)
    return find_version(client, f"{called}:{made.version}")


def log_and_register(client: Any, folder: str | Path, *, name: str = "") -> Registered:
    """Register a bundle that no run holds: one is made for it in the study's experiment."""
    manifest = read_manifest(folder)
    experiment = client.get_experiment_by_name(manifest.study)
    number = experiment.experiment_id if experiment else _create_experiment(client, manifest.study)
    run_id = client.create_run(number, run_name="a bundle registered by hand").info.run_id
    client.log_artifacts(run_id, str(folder), ARTIFACT)
    for figure in _TAGGED:
        value = manifest.metrics.get(figure)
        if isinstance(value, float):
            client.log_metric(run_id, figure, value)
    client.set_terminated(run_id)
    return register_bundle(client, folder, run_id=run_id, name=name)


def describe_bundle(folder: str | Path) -> dict[str, str]:
    """Return the tags of a bundle's version: data source, headline, figures, hashes."""
    manifest = read_manifest(folder)
    figures = {name: manifest.metrics.get(name) for name in _TAGGED}
    content = (Path(folder) / MANIFEST).read_bytes()
    return {
        "data_source": manifest.data_source,
        "study": manifest.study,
        "headline": manifest.headline,
        "causal": str(manifest.causal).lower(),
        "adapted": str(manifest.adaptation is not None).lower(),
        "epochal_version": manifest.epochal_version,
        "training_data_sha256": manifest.training_data_sha256,
        "manifest_sha256": hashlib.sha256(content).hexdigest(),
        **{name: str(value) for name, value in figures.items() if value is not None},
    }


def list_versions(client: Any, name: str | None = None) -> list[Registered]:
    """Return the versions of one registered bundle, or of all; an unknown name raises."""
    known = _list_models(client)
    if name is not None and name not in known:
        raise EpochalError(f"No registered bundle '{name}'{did_you_mean(name, known)}")
    return [
        _as_registered(version, known[called])
        for called in known
        if name in (None, called)
        for version in sorted(_versions(client, called), key=lambda one: int(one.version))
    ]


def find_version(client: Any, spec: str) -> Registered:
    """Return the version that `NAME@STAGE`, `NAME:VERSION` or `NAME` (its newest) names."""
    name, _, stage = spec.partition("@")
    name, _, number = name.partition(":")
    versions = list_versions(client, name)
    if stage:
        found = [one for one in versions if stage in one.stages]
        held = sorted({held for one in versions for held in one.stages})
        reason = f"nothing is at the stage '{stage}'; there are: {', '.join(held) or 'none'}"
    else:
        found = [one for one in versions if number in ("", str(one.version))][-1:]
        reason = f"no version {number}; there are: {', '.join(str(v.version) for v in versions)}"
    if not found:
        raise EpochalError(f"{name}: {reason}")
    return found[0]


def promote(
    client: Any, spec: str, stage: str = "champion"
) -> tuple[Registered, Registered | None]:
    """Put a version at a stage; return it, and the one that was there, which is remembered."""
    _refuse_unknown(stage)
    chosen = find_version(client, spec)
    before = _at_stage(client, chosen.name, stage)
    if before is not None and before.version == chosen.version:
        return chosen, before
    if before is not None:
        _remember(
            client, chosen.name, stage, [*_history(client, chosen.name, stage), before.version]
        )
    client.set_registered_model_alias(chosen.name, stage, str(chosen.version))
    return find_version(client, f"{chosen.name}:{chosen.version}"), before


def roll_back(client: Any, name: str, stage: str = "champion") -> tuple[Registered, Registered]:
    """Put back what was at a stage before the last promotion; return it, and what it replaces.

    Called again it goes back further. Nothing to go back to raises `EpochalError`.
    """
    _refuse_unknown(stage)
    present = find_version(client, f"{name}@{stage}")
    earlier = _history(client, name, stage)
    if not earlier:
        raise EpochalError(f"{name}: nothing was at the stage '{stage}' before version "
                           f"{present.version}")  # fmt: skip
    client.set_registered_model_alias(name, stage, str(earlier[-1]))
    _remember(client, name, stage, earlier[:-1])
    return find_version(client, f"{name}:{earlier[-1]}"), present


def _file_of(where: str) -> Path | None:
    return Path(where.removeprefix(_SQLITE)) if where.startswith(_SQLITE) else None


def _refuse_missing(where: str, *, make: bool) -> None:
    if not make:
        raise EpochalError(
            f"{where}: no registry there; `epochal models register BUNDLE` and tracked runs make "
            "one, and --store names another"
        )
    file = Path(where.removeprefix(_SQLITE))
    if not file.parent.is_dir():
        raise EpochalError(f"{where}: no registry can be made there: no folder {file.parent}")


def _create_experiment(client: Any, name: str) -> str:
    """Create an experiment whose files lie beside a store of SQLite, not where the call is made."""
    file = _file_of(client.tracking_uri)
    beside = None if file is None else (file.absolute().parent / "mlruns" / name).as_uri()
    number: str = client.create_experiment(name, artifact_location=beside)
    return number


def _refuse_unknown(stage: str) -> None:
    if stage not in STAGES:
        raise EpochalError(f"no stage '{stage}'{did_you_mean(stage, STAGES)}")


def _ensure_model(client: Any, name: str, manifest: Manifest) -> None:
    if name not in _list_models(client):
        classes = ", ".join(manifest.classes)
        client.create_registered_model(
            name, tags={"study": manifest.study}, description=f"Epochal bundles: {classes}"
        )


def _list_models(client: Any) -> dict[str, Any]:
    found: dict[str, Any] = {}
    token = None
    while True:
        page = client.search_registered_models(page_token=token)
        found |= {model.name: model for model in page}
        token = page.token
        if not token:
            return found


def _versions(client: Any, name: str) -> list[Any]:
    found: list[Any] = []
    token = None
    while True:
        page = client.search_model_versions(f"name='{name}'", page_token=token)
        found += page
        token = page.token
        if not token:
            return found


def _as_registered(version: Any, model: Any) -> Registered:
    held = {stage: int(number) for stage, number in model.aliases.items()}
    stages = [stage for stage, number in held.items() if number == int(version.version)]
    return Registered(
        version.name, int(version.version), tuple(sorted(stages)), version.source,
        version.run_id or "", dict(version.tags),
    )  # fmt: skip


def _at_stage(client: Any, name: str, stage: str) -> Registered | None:
    found = [one for one in list_versions(client, name) if stage in one.stages]
    return found[0] if found else None


def _history(client: Any, name: str, stage: str) -> list[int]:
    told = _list_models(client)[name].tags.get(f"{_HISTORY}{stage}", "[]")
    there = {one.version for one in list_versions(client, name)}  # some may be deleted since
    return [number for number in json.loads(told) if number in there]


def _remember(client: Any, name: str, stage: str, versions: list[int]) -> None:
    client.set_registered_model_tag(name, f"{_HISTORY}{stage}", json.dumps(versions))
