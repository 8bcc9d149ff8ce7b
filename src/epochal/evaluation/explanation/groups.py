"""What a column's name says: its signal, its feature, and how it was seen."""

from __future__ import annotations

import re
from typing import NamedTuple

OTHER = "other"  # age and sex, a clock: no signal
OWN = "the epoch itself"


class ColumnParts(NamedTuple):
    """`fpz_cz_log_delta__session__past5`: signal, feature, and `__session__past5`."""

    signal: str
    feature: str
    view: str


def split_column(column: str, signals: tuple[str, ...]) -> ColumnParts:
    """Take a column's name apart; `signals` are the prefixes that the study gives.

    The columns of a stack, `<model>__<class>`, come out as feature and view.
    """
    feature, _, suffix = column.partition("__")
    view = re.sub(r"__", " ", suffix) if suffix else OWN
    of = [signal for signal in signals if feature.startswith(f"{signal}_")]
    return ColumnParts(max(of, key=len, default=OTHER), feature, view)
