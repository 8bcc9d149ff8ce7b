"""What a recording goes through before its signals are taken, for features and networks alike."""

from __future__ import annotations

from epochal.options.features import FeatureOptions
from epochal.readers.aliases import rename_aliases
from epochal.recording import Recording
from epochal.signals.montage import apply_to_recording


def prepare_recording(recording: Recording, options: FeatureOptions) -> Recording:
    """Make the montage, take artefacts out, and give channels the names that are asked for."""
    if options.montage is not None:
        recording = apply_to_recording(recording, options.montage)
    if options.artefacts is not None:
        from epochal.signals.artefacts import remove_artefacts

        recording = remove_artefacts(recording, options.artefacts)
    return rename_aliases(recording, options.channels)
