"""Another derivation in the place of a missing one: only where it is allowed, and never unsaid."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from epochal.errors import EpochalError, RecordingError
from epochal.readers.aliases import UnsettledChannelError, match_channel
from epochal.recording import Recording

SUBSTITUTIONS = "substitutions"  # in a recording's metadata: {wanted channel: what stands in}


def substitute_channels(
    recording: Recording,
    substitutes: Mapping[str, Sequence[str]],
    *,
    allow: bool,
    wanted: Sequence[str] | None = None,
) -> Recording:
    """Return the recording with stand-ins under the names of the channels that it lacks.

    Only those of `wanted` are looked at, by default all that have substitutes. Each stand-in is
    said in `problems`, and in `metadata["substitutions"]`. A channel that is missing although it
    could be replaced raises `RecordingError` unless that is allowed, and so does one that several
    channels are, or its substitute; one that nothing could replace is left to whoever needs it.
    """
    for name in substitutes if wanted is None else wanted:
        if substitutes.get(name) and recording.channels:
            recording = _settle(recording, name, substitutes[name], allow=allow)
    return recording


def substitutions_of(recording: Recording) -> dict[str, str]:
    """Return what stands in for what in this recording, by the channel that was wanted."""
    return dict(recording.metadata.get(SUBSTITUTIONS, {}))


def _settle(
    recording: Recording, wanted: str, substitutes: Sequence[str], *, allow: bool
) -> Recording:
    names = recording.channel_names
    try:
        match = match_channel(wanted, names, substitutes=substitutes, allow_substitution=allow)
    except UnsettledChannelError as error:
        raise RecordingError(recording.recording_id, str(error)) from error
    except EpochalError:
        return recording
    return _stand_in(recording, wanted, match.name, match.note) if match.note else recording


def _stand_in(recording: Recording, wanted: str, used: str, note: str) -> Recording:
    """Give a channel the name that was wanted; it keeps its own, too, where others may want it."""
    channel = recording.channel(used)
    return replace(
        recording,
        channels=(*recording.channels, replace(channel, name=wanted)),
        problems=(*recording.problems, f"{note}; results with it are flagged"),
        metadata={
            **recording.metadata,
            SUBSTITUTIONS: {**substitutions_of(recording), wanted: used},
        },
    )
