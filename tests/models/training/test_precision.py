"""In which precision networks are trained, where conf leaves it to the machine."""

import pytest
import torch

from epochal.models.training.trainer import _precision


def have(monkeypatch, *, gpu, emulates=False, computes=False):
    """Pretend to have a GPU that emulates bfloat16, or computes in it."""
    monkeypatch.setattr(torch.cuda, "is_available", lambda: gpu)
    monkeypatch.setattr(
        torch.cuda,
        "is_bf16_supported",
        lambda including_emulation=True: computes or (emulates and including_emulation),
    )


@pytest.mark.parametrize(
    ("machine", "precision"),
    [
        ({"gpu": False}, "32-true"),
        ({"gpu": True, "computes": True}, "bf16-mixed"),
        ({"gpu": True, "emulates": True}, "16-mixed"),
        ({"gpu": True}, "16-mixed"),
    ],
)
def test_it_is_the_best_that_the_device_computes_in_itself(monkeypatch, machine, precision):
    have(monkeypatch, **machine)
    assert _precision("auto") == precision


@pytest.mark.parametrize(("asked", "precision"), [("32", "32-true"), ("16-mixed", "16-mixed")])
def test_what_is_asked_for_is_what_is_used(monkeypatch, asked, precision):
    have(monkeypatch, gpu=True, computes=True)
    assert _precision(asked) == precision
