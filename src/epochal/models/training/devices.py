"""On what networks are trained, in a sentence."""

from __future__ import annotations

import torch


def choose_device() -> torch.device:
    """Return the device that Lightning too would choose: a GPU where one is."""
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


def describe_device() -> str:
    """Say which GPU trains networks over signals, or why none does."""
    if torch.cuda.is_available():
        name = torch.cuda.get_device_name()
        return f"Networks over signals train on {name}, others on the processor"
    build = "" if torch.version.cuda else ", which is built without CUDA"
    return f"Networks train on the processor: torch {torch.__version__}{build} finds no GPU"
