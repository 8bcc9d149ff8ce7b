"""What one section of a study's parameters must have in common with another, and with the disk."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ValidationError

from epochal.errors import EpochalError, RecordingError, did_you_mean
from epochal.options.base import say_fault
from epochal.options.deep import DeepOptions
from epochal.options.features import FeatureOptions
from epochal.options.ingestion import IngestionOptions
from epochal.options.kinds import check_kinds
from epochal.options.models import ClassicalOptions, StackingOptions
from epochal.options.results import EvaluationOptions, ExportOptions
from epochal.options.splitting import SplitOptions
from epochal.options.study import StudyOptions
from epochal.places import mirror

SECTIONS: dict[str, type[BaseModel]] = {
    "study": StudyOptions,
    "ingestion": IngestionOptions,
    "feature_engineering": FeatureOptions,
    "splitting": SplitOptions,
    "classical_models": ClassicalOptions,
    "deep_models": DeepOptions,
    "stacking": StackingOptions,
    "evaluation": EvaluationOptions,
    "serving_export": ExportOptions,
}
GLOBALS = ("study", "storage", "parallel")


def check_globals(given: Mapping[str, Any], folder: Path) -> None:
    """Refuse misspelt globals, and a study that has another environment's name, and so its data.

    `given` is what `globals.yml` says, `folder` the environment's own, beside the others. Either
    raises `EpochalError`. A study may have further globals, for its own `${globals:…}`.
    """
    for name in given:
        if _is_misspelt(name):
            raise EpochalError(f"globals.yml: no option '{name}'{did_you_mean(name, GLOBALS)}")
    study = str(given.get("study"))
    if study != folder.name and (folder.parent / study).is_dir():
        raise EpochalError(
            f"{'/'.join(folder.parts[-2:])}/globals.yml names the study '{study}', another "
            f"environment's, whose data it would overwrite; write '{folder.name}', or a name that "
            "no environment has"
        )


def _is_misspelt(name: str) -> bool:
    """Say whether a global is a near miss; `storage_options` and the like are a study's own."""
    own = set(name.split("_")) & set(GLOBALS)
    return not own and bool(get_close_matches(name, GLOBALS, n=1))


def check_study(parameters: Mapping[str, Any], *, reads_files: bool = False) -> dict[str, Any]:
    """Check all sections of a study, whichever of its pipelines run, and return their options.

    Sections are mappings, or options already made of them. A section that does not exist, an
    option that is misspelt, an unknown feature or kind of model, a label's class that the study
    does not have and, where `reads_files`, a missing folder raise `EpochalError` naming it.
    """
    for name in parameters:
        if name not in SECTIONS:
            raise EpochalError(
                f"No section '{name}' in the parameters{did_you_mean(name, SECTIONS)}"
            )
    made = {name: _make(name, values) for name, values in parameters.items()}
    check_kinds(made)
    if "feature_engineering" in made:
        check_features(made["feature_engineering"])
    if "ingestion" in made and "study" in made:
        check_classes(made["ingestion"], made["study"])
    if reads_files:
        check_folder(made["ingestion"])
    return made


def _make(name: str, values: Any) -> Any:
    try:
        return SECTIONS[name].model_validate(values)
    except ValidationError as error:
        raise EpochalError(f"{name}: {'; '.join(map(say_fault, error.errors()))}") from error


def check_features(options: FeatureOptions) -> None:
    """Refuse a feature set that the roster does not have, `EpochalError`."""
    from epochal.features.roster import FEATURE_SETS

    for signal, one in options.signals.items():
        for name in one.features:
            if name not in FEATURE_SETS:
                raise EpochalError(
                    f"feature_engineering.signals.{signal}: no feature set '{name}'"
                    f"{did_you_mean(name, FEATURE_SETS)}"
                )


def check_classes(ingestion: IngestionOptions, study: StudyOptions) -> None:
    """Refuse a class that is named where labels are read and that the study lacks, and the reverse.

    Only a map that the study itself gives is looked at; a reader's own knows more than one study's.
    """
    stages = ingestion.reader_options.get("stages") or {}
    named = [label for label in getattr(stages, "values", list)() if label is not None]
    _refuse_unknown("ingestion.reader_options.stages", map(str, named), study.classes)
    if ingestion.trim is not None:
        _refuse_unknown("ingestion.trim.label", [ingestion.trim.label], study.classes)
    absent = [name for name in study.classes if name not in map(str, named)]
    if named and absent:
        raise EpochalError(
            f"ingestion.reader_options.stages: no label becomes '{absent[0]}' of study.classes"
        )


def _refuse_unknown(where: str, named: Iterable[str], classes: tuple[str, ...]) -> None:
    for name in named:
        if name not in classes:
            raise EpochalError(
                f"{where}: '{name}' is not in study.classes{did_you_mean(name, classes)} "
                "(null leaves epochs unscored)"
            )


def check_folder(options: IngestionOptions) -> None:
    """Refuse a missing folder of raw files, `RecordingError`; copy what lies in a bucket."""
    if options.is_remote:
        mirror(str(options.path), options.folder)
    if options.source == "files" and not options.folder.is_dir():
        raise RecordingError(options.folder, "no such folder (ingestion.path)")
