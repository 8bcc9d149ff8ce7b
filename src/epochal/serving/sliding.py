"""Windows that slide over a continuous recording by another step than the bundle's own."""

from __future__ import annotations

from dataclasses import replace

from epochal.errors import EpochalError
from epochal.serving.bundle import Bundle, Manifest


def with_step(bundle: Bundle, step_s: float | None) -> Bundle:
    """Return a bundle whose epochs begin every `step_s` seconds; None leaves it as it is.

    A step that is not above 0, longer than an epoch, or one for models that look at the
    neighbouring epochs, which would then lie elsewhere, raises `EpochalError`.
    """
    if step_s is None:
        return bundle
    manifest = bundle.manifest
    length_s = manifest.ingestion.epoch_length_s
    if not 0 < step_s <= length_s:
        raise EpochalError(f"a step of {step_s:g} s; epochs of {length_s:g} s need one up to that")
    if sees_neighbours(manifest):
        raise EpochalError(
            f"a step of {step_s:g} s is not possible with this bundle: its models look at "
            "neighbouring epochs, which were spaced otherwise in training"
        )
    ingestion = manifest.ingestion.model_copy(update={"epoch_step_s": step_s})
    return replace(bundle, manifest=manifest.model_copy(update={"ingestion": ingestion}))


def sees_neighbours(manifest: Manifest) -> bool:
    """Say whether any of the models looks at the epochs around one."""
    context = manifest.feature_engineering.context
    around = (
        context.causal_epochs, context.centred_epochs, context.triangular_epochs, context.lags
    )  # fmt: skip
    sequences = any(one.sequence and one.sequence.length > 1 for one in manifest.models)
    return any(around) or sequences or manifest.headline in manifest.smoothing
