"""Which bundles are at hand, and which of them a recording is scored with when none is named.

A bundle is chosen only where the recording's kind, its channels and their rates all match, and no
other matches as well: a rat's EEG must never get a human hypnogram.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

import epochal
from epochal.errors import EpochalError, RecordingError
from epochal.readers import reader
from epochal.readers.aliases import kind_of, rename_aliases
from epochal.readers.detection import columns_of, detect_reader, list_sources
from epochal.recording import Channel, Recording
from epochal.serving.bundle import MANIFEST, Manifest, read_manifest
from epochal.serving.trial import missing_channels

SHIPPED = Path(epochal.__file__).parent / "bundles"
DATA = Path("data")  # of the working directory: the studies' folders
OF_STUDIES = f"*/07_model_output/bundle/{MANIFEST}"
# what a reader says by itself of the recordings that it reads; others are told by their channels
_KINDS_OF_READERS = {
    "sleep_edfx": ("polysomnogram",),
    "e4": ("wrist",),
    "wesad": ("wrist", "chest"),
    "rodent": ("rodent", "mouse", "rat"),
    "hms": ("icu_eeg",),
    "irr": ("icu_eeg",),
    "slow_oscillation": ("slow_oscillation_rows",),
    "feature_table": ("feature_table",),
}
_MOST_EEG = 9  # more EEG channels beside an EOG: a cap, and nobody can say what for
_EDF = (".edf", ".bdf", ".rec")


class NoChoiceError(EpochalError):
    """No bundle matches a recording, or several do: whoever calls has to name one."""


class Candidate(NamedTuple):
    """A bundle at hand: the name that it is called by, where it is, and what it says of itself."""

    name: str
    path: Path
    manifest: Manifest
    shipped: bool


class Sight(NamedTuple):
    """What is known of a file before it is scored: what it may be of, and its channels.

    `recording` may be without samples. `columns` are those of a table of features.
    """

    kinds: tuple[str, ...]
    recording: Recording
    columns: tuple[str, ...] = ()


def list_bundles(
    data: Path = DATA, *, passed_over: Callable[[str], object] | None = None
) -> list[Candidate]:
    """List the bundles that came with the package, then those of the studies below `data`.

    `passed_over` is told of each that cannot be read. Manifests alone are read: no hash is checked.
    """
    shipped = {path.parent.name: path for path in sorted(SHIPPED.glob(f"*/{MANIFEST}"))}
    made = {path.parents[2].name: path for path in sorted(data.glob(OF_STUDIES))}
    found = []
    for name, path in (*shipped.items(), *made.items()):
        try:
            manifest = read_manifest(path.parent)
        except EpochalError as error:
            if passed_over is not None:
                passed_over(f"Bundle passed over: {error}")
            continue
        found.append(Candidate(name, path.parent, manifest, path in shipped.values()))
    return found


def find_bundle(given: str | Path, candidates: Iterable[Candidate] | None = None) -> Path:
    """Return a bundle's folder by its own path, or by the name of one at hand.

    A folder with a manifest comes before a name; what is neither raises `EpochalError`.
    """
    folder = Path(given)
    if (folder / MANIFEST).is_file():
        return folder
    by_name: dict[str, Path] = {}
    for one in list_bundles() if candidates is None else candidates:
        by_name.setdefault(one.name, one.path)  # one that is shipped keeps its name
    if str(given) in by_name:
        return by_name[str(given)]
    if folder.is_dir():
        return folder  # whoever reads it says what it lacks
    known = ", ".join(by_name) or "none"
    raise EpochalError(f"No bundle '{given}': no such folder; by name there are: {known}")


def pick_default(candidates: Sequence[Candidate]) -> Candidate:
    """Return the bundle for who has no recording yet: the demo's, or the first at hand."""
    ranked = sorted(candidates, key=lambda one: one.name != "demo")
    if not ranked:
        raise EpochalError(f"No bundle at hand: none came with the package, none is in {DATA}/")
    return ranked[0]


def choose_bundle(paths: Sequence[Path], candidates: Sequence[Candidate]) -> Candidate:
    """Return the one bundle for these files: of those that are shipped, else of the studies' own.

    Files that cannot be read are left to whoever scores them; where none can, the first one's
    `RecordingError` is raised. `NoChoiceError` names every bundle and why it was not taken.
    """
    looks = _look_at_all(paths)
    reasons = {one.path: _explain_any(looks, one) for one in candidates}
    for shipped in (True, False):
        fit = [one for one in candidates if one.shipped == shipped and reasons[one.path] is None]
        if len(fit) == 1:
            return fit[0]
        if fit:
            break
    said = "; ".join(
        f"{one.name} ({one.manifest.recording_kind}): {reasons[one.path] or 'matches'}"
        for one in candidates
    )
    shown = str(paths[0]) if len(paths) == 1 else f"all {len(paths)} recordings"
    raise NoChoiceError(
        f"No --bundle given, and not exactly one matches {shown}: {said or 'there is none'}. "
        "Name one: --bundle NAME or FOLDER"
    )


def look(path: Path) -> Sight:
    """Return what a file or folder says of itself; of an EDF file the header alone is read.

    Of a folder of several recordings it is the first. What no reader knows raises `RecordingError`.
    """
    if not path.exists():
        raise RecordingError(path, "no such file")
    name = detect_reader(path)
    if name == "feature_table" and path.is_file():
        nothing = Recording(path.stem, path.stem)
        return Sight(_KINDS_OF_READERS[name], nothing, tuple(map(str, columns_of(path))))
    if path.is_file() and path.suffix.lower() in _EDF:
        recording = _read_edf_header(path)
    else:
        sources, options = list_sources(path, name)
        recording = reader(name).read(sources[0], options)
    return Sight(_KINDS_OF_READERS.get(name) or tell_kinds(recording.channel_names), recording)


def tell_kinds(names: Sequence[str]) -> tuple[str, ...]:
    """Tell what a recording is of by its channels' names; where they leave a doubt, nothing.

    An EEG alone may be anybody's. Eye channels beside a few of EEG are a person's night, a pulse
    and a skin conductance a wrist's, a heart and a skin conductance a chest's.
    """
    kinds = [kind_of(name) for name in names]
    if "EOG" in kinds and 1 <= kinds.count("EEG") <= _MOST_EEG:
        return ("polysomnogram",)
    words = {word.upper() for name in names for word in name.split()}
    if {"BVP", "EDA"} <= words:
        return ("wrist",)
    return ("chest",) if "ECG" in kinds and "EDA" in words else ()


def explain_mismatch(sight: Sight, manifest: Manifest) -> str | None:
    """Say why a bundle does not match a recording's kind, channels or rates; None where it does."""
    if manifest.recording_kind not in sight.kinds:
        return f"the recording is of {' or '.join(sight.kinds) or 'a kind that nothing tells'}"
    if sight.columns:
        absent = sorted(set(manifest.reference) - set(sight.columns))
        return f"it lacks the columns {', '.join(absent[:4])}" if absent else None
    missing = missing_channels(sight.recording, manifest)
    if missing:
        return f"it lacks {', '.join(missing)}"
    return _explain_rates(sight.recording, manifest)


def _explain_rates(recording: Recording, manifest: Manifest) -> str | None:
    """Say which channel is too slow for the features of it."""
    features = manifest.feature_engineering
    named = rename_aliases(recording, features.channels)
    for signal in features.signals.values():
        needed_hz = max(signal.sfreq or 0.0, 2 * ((signal.band_hz or (None, None))[1] or 0.0))
        for channel in named.channels:
            if channel.name in signal.channels and signal.required and channel.sfreq < needed_hz:
                return f"{channel.name} has {channel.sfreq:g} Hz, {needed_hz:g} Hz are needed"
    return None


def _look_at_all(paths: Sequence[Path]) -> list[Sight]:
    looks, errors = [], []
    for path in paths:
        try:
            looks.append(look(path))
        except RecordingError as error:
            errors.append(error)
    if errors and not looks:
        raise errors[0]
    return looks


def _explain_any(looks: list[Sight], candidate: Candidate) -> str | None:
    reasons = (explain_mismatch(sight, candidate.manifest) for sight in looks)
    return next((reason for reason in reasons if reason is not None), None)


def _read_edf_header(path: Path) -> Recording:
    """Return the channels of an EDF or BDF file without their samples."""
    from epochal.readers.edf_header import read_header

    header = read_header(path)
    channels = tuple(
        Channel(one.label, one.unit, header.sfreq(one), np.empty(0, np.float32))
        for one in header.signals
        if not one.is_annotation and not one.unusable
    )
    return Recording(path.stem, path.stem, channels)
