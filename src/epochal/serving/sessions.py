"""ONNX Runtime sessions: on what they run, and what runs in its place where that is not there."""

from __future__ import annotations

import logging
import os
from typing import Any

from epochal.errors import EpochalError

logger = logging.getLogger(__name__)
VARIABLE = "EPOCHAL_PROVIDER"
CPU = "CPUExecutionProvider"
_CUDA = "CUDAExecutionProvider"
# Each provider, and what it falls back to. CUDA's TF32 would round to 11 bits: more than the 1e-4
# of a probability that an exported model may differ from its original by.
PROVIDERS: dict[str, tuple[str, ...]] = {
    "cpu": (CPU,),
    "cuda": (_CUDA, CPU),
    "tensorrt": ("TensorrtExecutionProvider", _CUDA, CPU),
}
_SETTINGS: dict[str, dict[str, str]] = {_CUDA: {"use_tf32": "0"}}
_warned: set[str] = set()


def open_session(model: bytes, *, n_threads: int = 1, provider: str | None = None) -> Any:
    """Return an ONNX Runtime session with so many threads of the processor.

    `provider` is `cpu`, `cuda` or `tensorrt`; None: what EPOCHAL_PROVIDER says, or `cpu`. Where it
    is not to be had, the next one that is runs instead, and one warning says so. An unknown name
    raises `EpochalError`.
    """
    import onnxruntime

    asked = name_provider(provider)
    wanted = PROVIDERS[asked]
    there = [one for one in wanted if one in onnxruntime.get_available_providers()]
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = n_threads
    options.inter_op_num_threads = 1
    options.log_severity_level = 3
    given = [(one, _SETTINGS.get(one, {})) for one in there]
    session = onnxruntime.InferenceSession(model, options, providers=given)
    _warn_of_another(asked, wanted[0], session.get_providers()[0])
    return session


def name_provider(given: str | None = None) -> str:
    """Return the provider that is asked for, by argument or EPOCHAL_PROVIDER; else `cpu`."""
    said, where = given, "provider"
    if said is None:
        said, where = os.environ.get(VARIABLE) or "cpu", VARIABLE
    if said.lower() not in PROVIDERS:
        raise EpochalError(f"{where}: no provider '{said}'; there are: {', '.join(PROVIDERS)}")
    return said.lower()


def _warn_of_another(asked: str, wanted: str, runs: str) -> None:
    """Say once that something else runs: absent from the build, or without its libraries."""
    if runs == wanted or asked in _warned:
        return
    _warned.add(asked)
    logger.warning(
        "provider '%s' is not to be had here (%s): models run on %s instead",
        asked,
        "is onnxruntime-gpu installed, with its libraries?",
        runs.removesuffix("ExecutionProvider"),
    )
