"""Colours of classes and of power, in a light and in a dark page.

The hues are those of Okabe and Ito, told apart with any colour vision, each made as dark or light
as it takes to stand out 3 : 1 from its page (WCAG 2.2, 1.4.11).
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np


class Shade(NamedTuple):
    """A colour on a light page, and on a dark one."""

    light: str
    dark: str


PAGE = Shade("#ffffff", "#14171c")
TEXT = Shade("#1c2024", "#e7e9ec")
MUTED = Shade("#5b636c", "#a2abb5")
CLASSES = (
    Shade("#b87400", "#e69f00"),
    Shade("#2a8cc7", "#56b4e9"),
    Shade("#00875f", "#1fbf93"),
    Shade("#0a5a9c", "#5f9bff"),
    Shade("#c44e00", "#ff8a4c"),
    Shade("#b04f86", "#e59ac3"),
    Shade("#707070", "#a8a8a8"),
)
# Anchors of viridis (van der Walt and Smith 2015, CC0): evenly bright steps, also in grey.
_VIRIDIS = np.array(
    [
        (68, 1, 84), (71, 44, 122), (59, 81, 139), (44, 113, 142), (33, 144, 141),
        (39, 173, 129), (92, 200, 99), (170, 220, 50), (253, 231, 37),
    ]
)  # fmt: skip


def colour_of(number: int) -> str:
    """Return the colour of a class as CSS, which follows the page's light or dark."""
    place = number % len(CLASSES)
    return f"var(--class-{place},{CLASSES[place].light})"


def declare(which: str) -> str:
    """Return the colours as CSS variables, for `light` or `dark`."""
    named = {"page": PAGE, "text": TEXT, "muted": MUTED}
    named |= {f"class-{place}": shade for place, shade in enumerate(CLASSES)}
    return ";".join(f"--{name}:{getattr(shade, which)}" for name, shade in named.items())


def palette(n_colours: int) -> np.ndarray:
    """Return viridis in so many steps, uint8 `(n_colours, 3)`."""
    places = np.linspace(0, len(_VIRIDIS) - 1, n_colours)
    known = np.arange(len(_VIRIDIS))
    columns = [np.interp(places, known, channel) for channel in _VIRIDIS.T]
    return np.stack(columns, axis=1).round().astype(np.uint8)


def contrast(first: str, second: str) -> float:
    """Return the contrast of two colours by WCAG 2.2: 1 to 21."""
    low, high = sorted((_luminance(first), _luminance(second)))
    return (high + 0.05) / (low + 0.05)


def _luminance(colour: str) -> float:
    parts = np.array([int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5)])
    linear = np.where(parts <= 0.04045, parts / 12.92, ((parts + 0.055) / 1.055) ** 2.4)
    return float(linear @ (0.2126, 0.7152, 0.0722))
