"""A bundle written anew with a lab's adaptation."""

from __future__ import annotations

from epochal import answers
from epochal.drift import reference as drift
from epochal.drift.reference import DriftReference
from epochal.models.card import write_card
from epochal.recording import DataSource
from epochal.serving.bundle import CARD, Bundle, data_source_of_result
from epochal.serving.entries import Adaptation

_SETS_CAVEAT = (
    "Adapted to a lab: prediction sets and abstention follow limits that were fitted before."
)


def adapt_bundle(bundle: Bundle, adaptation: Adaptation) -> Bundle:
    """Return the bundle with an adaptation, its card and its caveats.

    How confident the models were in training says no more
    what they are to be now: that part of the drift reference is left out.
    """
    manifest, files = bundle.manifest, dict(bundle.files)
    told = [_SETS_CAVEAT] if answers.FILE in files else []
    lab: DataSource = "real" if adaptation.data_source == "real" else "simulated"
    adapted = manifest.model_copy(
        update={
            "adaptation": adaptation,
            "caveats": tuple(dict.fromkeys((*manifest.caveats, *told))),
            "data_source": data_source_of_result(manifest.data_source, lab),
        }
    )
    if drift.FILE in files:
        reference = DriftReference.model_validate_json(files[drift.FILE])
        kept = reference.model_copy(update={"confidence": None})
        files[drift.FILE] = kept.model_dump_json().encode()
    files[CARD] = write_card(adapted).encode()
    return Bundle(adapted, files)
