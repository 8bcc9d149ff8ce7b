"""One table of channel names: many spellings of one derivation lead to its canonical name.

An alias is another spelling of the *same* derivation (`C3-A2` for `EEG C3-M2`). Another derivation
(C4-M1 for Fpz-Cz) is a substitution: it happens only where it is asked for, and is reported.
Names that write different kinds (`EMG L`, `EOG L`) are never one derivation.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from itertools import chain
from typing import Literal, NamedTuple

from epochal.errors import EpochalError, did_you_mean
from epochal.recording import Recording

Kind = Literal["EEG", "EOG", "EMG", "ECG"]

# The 10-20 system's names of 1958 and those of the 10-10 system (Acharya et al. 2016,
# doi:10.1097/WNP.0000000000000316); ear and mastoid, and the two names of the outer canthi, are
# used for each other in sleep (AASM manual).
RENAMED = {
    "T3": "T7", "T4": "T8", "T5": "P7", "T6": "P8", "A1": "M1", "A2": "M2", "LOC": "E1",
    "ROC": "E2",
}  # fmt: skip
ELECTRODES = (
    "Fp1", "Fpz", "Fp2", "AF3", "AF4", "AF7", "AF8", "AFz", "F1", "F2", "F3", "F4", "F7", "F8",
    "Fz", "FC1", "FC2", "FC3", "FC4", "FC5", "FC6", "FCz", "FT7", "FT8", "C1", "C2", "C3", "C4",
    "C5", "C6", "Cz", "T7", "T8", "CP1", "CP2", "CP3", "CP4", "CP5", "CP6", "CPz", "TP7", "TP8",
    "P1", "P2", "P3", "P4", "P7", "P8", "Pz", "PO3", "PO4", "PO7", "PO8", "POz", "O1", "O2", "Oz",
)  # fmt: skip
REFERENCES = ("M1", "M2")
PAIRS = (
    "Fpz-Cz", "Pz-Oz", "F3-M1", "F3-M2", "F4-M1", "F4-M2", "C3-M1", "C3-M2", "C4-M1", "C4-M2",
    "O1-M1", "O1-M2", "O2-M1", "O2-M2", "Fz-Cz", "Cz-Oz", "C3-C4", "C4-O2", "C3-O1", "F3-F4",
    "F4-C4", "F3-C3", "Fp1-F7", "F7-T7", "T7-P7", "P7-O1", "Fp2-F8", "F8-T8", "T8-P8", "P8-O2",
    "Fp1-F3", "C3-P3", "P3-O1", "Fp2-F4", "C4-P4", "P4-O2", "Cz-Pz",
)  # fmt: skip

ALIASES: dict[str, tuple[str, ...]] = {
    **{f"EEG {pair}": (pair,) for pair in PAIRS},
    **{f"EEG {electrode}": (electrode,) for electrode in ELECTRODES},
    "EEG M1": ("M1",),
    "EEG M2": ("M2",),
    "EEG frontal": ("frontal", "frontal EEG"),
    "EEG parietal": ("parietal", "parietal EEG"),
    "EOG horizontal": ("horizontal EOG", "HEOG", "EOG horiz", "EOGH"),
    "EOG vertical": ("vertical EOG", "VEOG", "EOG vert", "EOGV"),
    "EOG E1": ("E1", "EOG left", "left EOG", "EOG L", "EOGL", "LEOG", "L EOG", "left eye"),
    "EOG E2": ("E2", "EOG right", "right EOG", "EOG R", "EOGR", "REOG", "R EOG", "right eye"),
    "EOG E1-M1": ("E1-M1", "EOG L-M1", "EOG left-M1"),
    "EOG E1-M2": ("E1-M2", "EOG L-M2", "EOG left-M2"),
    "EOG E2-M1": ("E2-M1", "EOG R-M1", "EOG right-M1"),
    "EOG E2-M2": ("E2-M2", "EOG R-M2", "EOG right-M2"),
    "EMG submental": (
        "submental", "submental EMG", "EMG submentalis", "chin", "EMG chin", "chin EMG",
        "chin1-chin2", "EMG chin1-chin2", "mentalis", "EMG mentalis",
    ),
    "EMG": (),
    "EEG": (),
    "ECG": ("EKG",),
    "Resp oro-nasal": ("oro-nasal", "oronasal", "Resp oronasal"),
    "Temp rectal": ("rectal temp", "Temp rect"),
}  # fmt: skip

_KIND_TOKENS: dict[str, Kind] = {
    "EEG": "EEG",
    "EOG": "EOG",
    "EMG": "EMG",
    "ECG": "ECG",
    "EKG": "ECG",
}
_KIND_WORDS: dict[str, Kind] = {
    "HEOG": "EOG", "VEOG": "EOG", "LEOG": "EOG", "REOG": "EOG", "E1": "EOG", "E2": "EOG",
    "EOGH": "EOG", "EOGV": "EOG", "EOGL": "EOG", "EOGR": "EOG",
    "CHIN": "EMG", "CHIN1": "EMG", "CHIN2": "EMG", "SUBMENTAL": "EMG", "MENTALIS": "EMG",
}  # fmt: skip
_SILENT = {"POL", "REF"}  # "EEG F3-REF" is F3 against whatever the amplifier refers to


class Match(NamedTuple):
    """The channel found for the one that was wanted; `note` is empty unless it is a substitute."""

    name: str
    wanted: str
    note: str = ""


def canonical_name(name: str, extra: Mapping[str, Sequence[str]] | None = None) -> str | None:
    """Return the canonical name of a derivation, or None where the table does not know it.

    `extra` adds to the table: canonical name to spellings.
    """
    key, kinds = _simplify(name), _written_kinds(name)
    for canonical, spellings in (extra or {}).items():
        for spelling in (canonical, *spellings):
            own = _written_kinds(spelling) or _written_kinds(canonical)
            if key == _simplify(spelling) and _agree(kinds, own):
                return canonical
    known = _TABLE.get(key)
    return known if known and _agree(kinds, _written_kinds(known)) else None


class UnsettledChannelError(EpochalError):
    """A channel that somebody has to settle: several are it, or another could stand in."""


def match_channel(
    wanted: str,
    available: Sequence[str],
    *,
    substitutes: Sequence[str] = (),
    allow_substitution: bool = False,
    extra: Mapping[str, Sequence[str]] | None = None,
) -> Match:
    """Find a channel by its own name, then by its canonical one, then among ordered substitutes.

    Substitutes count only when allowed, and the match then says so. Two channels of the same
    derivation, or none, raise `EpochalError`: `UnsettledChannelError` where a choice would mend it.
    """
    found = _find_same(wanted, available, extra)
    if found:
        return Match(found, wanted)
    # One by one: a later substitute that several channels are is no matter where an earlier one is.
    stand_in = next(filter(None, (_find_same(s, available, extra) for s in substitutes)), None)
    if stand_in is None:
        raise EpochalError(f"No channel '{wanted}'{did_you_mean(wanted, available)}")
    if allow_substitution:
        note = f"'{stand_in}' stands in for '{wanted}': another derivation"
        return Match(stand_in, wanted, note)
    raise UnsettledChannelError(
        f"No channel '{wanted}'; '{stand_in}' could stand in, but is another derivation: allow "
        "substitutions (--substitute; ?substitute=true of the service, allow_substitution of a "
        "stream; ingestion.allow_substitution of a study)"
    )


def rename_aliases(recording: Recording, wanted: Sequence[str]) -> Recording:
    """Return the recording with channels under the names that are wanted of the same derivation.

    Nothing stands in for another derivation here; what is not found keeps its name.
    """
    found = {_find_same(name, recording.channel_names, None): name for name in wanted}
    channels = [
        replace(channel, name=found.get(channel.name, channel.name))
        for channel in recording.channels
    ]
    return replace(recording, channels=tuple(channels))


def _find_same(
    wanted: str, available: Sequence[str], extra: Mapping[str, Sequence[str]] | None
) -> str | None:
    if wanted in available:
        return wanted
    same = [name for name in available if _is_same(name, wanted, extra)]
    if len(same) > 1:
        named = ", ".join(same)
        raise UnsettledChannelError(f"Several channels are '{wanted}': {named}; name one of them")
    return same[0] if same else None


def _is_same(name: str, wanted: str, extra: Mapping[str, Sequence[str]] | None) -> bool:
    known, target = canonical_name(name, extra), canonical_name(wanted, extra)
    if known or target:
        return known == target
    kinds_agree = _agree(_written_kinds(name), _written_kinds(wanted))
    return kinds_agree and _simplify(name) == _simplify(wanted)


def kind_of(name: str) -> Kind | None:
    """Tell EEG, EOG, EMG and ECG channels by their names; None for anything else."""
    tokens = _split(name)
    for token in tokens:
        kind = _KIND_TOKENS.get(token.rstrip("0123456789")) or _KIND_WORDS.get(token)
        if kind:
            return kind
    canonical = canonical_name(name)
    if canonical:
        return next((kind for kind in _KIND_TOKENS.values() if canonical.startswith(kind)), None)
    return "EEG" if tokens and tokens[0] in _ELECTRODE_TOKENS else None


def electrodes_of(name: str) -> tuple[str, str | None]:
    """Split a derivation into electrode and reference: `EEG C3-A2` is `('C3', 'M2')`.

    The reference is None where the name gives none; the electrodes have their canonical names.
    """
    tokens = [token for token in _split(name) if token not in _KIND_TOKENS]
    shown = [_SHOWN.get(token, token) for token in tokens]
    return (shown[0] if shown else name), ("-".join(shown[1:]) or None)


def _split(name: str) -> list[str]:
    """Cut a name into upper-case words, electrodes in their newer names."""
    words = re.findall(r"[A-Z0-9]+", name.upper())
    return [RENAMED.get(word, word) for word in words if word not in _SILENT]


def _simplify(name: str) -> str:
    """Return what is left of a name without its kind, separators, case and old electrode names."""
    words = _split(name)
    bare = [word for word in words if word not in _KIND_TOKENS]
    return "".join(bare) or "".join(_KIND_TOKENS[word] for word in words)


def _written_kinds(name: str) -> set[Kind]:
    """Return the kinds that a name writes, in a word for a kind or else in an electrode's name.

    Amplifiers put EEG before whatever they record (`EEG LOC-A2`), so another kind goes before it.
    """
    tokens = _split(name)
    stems = [token.rstrip("0123456789") for token in tokens]
    written = {_KIND_TOKENS[stem] for stem in stems if stem in _KIND_TOKENS}
    worded = {_KIND_WORDS[token] for token in tokens if token in _KIND_WORDS}
    return (written - {"EEG"}) or worded or written


def _agree(first: set[Kind], second: set[Kind]) -> bool:
    return not (first and second) or bool(first & second)


def _spell(canonical: str, spellings: Iterable[str]) -> Iterable[tuple[str, str]]:
    """Yield all keys of one derivation, also those with old names and no separator: `C3A2`."""
    old_names = {new: old for old, new in RENAMED.items()}
    for spelling in (canonical, *spellings):
        yield _simplify(spelling), canonical
        bare = [word for word in _split(spelling) if word not in _KIND_TOKENS]
        yield "".join(old_names.get(word, word) for word in bare) or _simplify(spelling), canonical


_SHOWN = {name.upper(): name for name in (*ELECTRODES, *REFERENCES, "E1", "E2")}
_ELECTRODE_TOKENS = {name.upper() for name in (*ELECTRODES, *REFERENCES)}
_TABLE = dict(chain.from_iterable(_spell(name, spellings) for name, spellings in ALIASES.items()))
