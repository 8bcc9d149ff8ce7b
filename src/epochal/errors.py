"""The errors that a user can cause; each names what was given, what is allowed, and where."""

import re
from collections.abc import Iterable
from difflib import get_close_matches
from pathlib import Path

# Python's, torch's, and what joblib raises when the system has killed a worker.
_OF_MEMORY = {"MemoryError", "OutOfMemoryError", "TerminatedWorkerError", "KilledWorker"}
_OUT_OF_MEMORY = (
    "; out of memory: fewer workers (parallel.n_jobs in globals.yml, EPOCHAL_BACKEND=sequential), "
    "smaller models or batches, or fewer features need less; see docs/how-to/troubleshoot.md"
)
# How pydantic says what was given, where that is a single value and the reason does not say it.
_GIVEN = re.compile(
    r" \[type=(?!extra_forbidden|missing|value_error)\w+, "
    r"input_value=('[^']*'|-?[\d.]+|True|False|None), input_type=\w+\]"
)
# What Kedro and pydantic put around a reason.
_FRAMEWORKS = re.compile(
    r"Parameter validation failed:|- Parameter '[^']*': Failed to instantiate \w+ for parameter"
    r"|\d+ validation errors? for \w+|\[type=\w+, input_value=.*?, input_type=\w+\]"
    r"|For further information visit \S+",
    re.DOTALL,
)


class EpochalError(Exception):
    """Anything that a user can mend; commands print it in one line and exit 1."""


class RecordingError(EpochalError):
    """A raw file that cannot be read or believed: `<path>: <reason>`."""

    def __init__(self, path: str | Path, reason: str) -> None:
        super().__init__(f"{path}: {reason}")
        self.path, self.reason = str(path), reason

    def __reduce__(self) -> tuple[type["RecordingError"], tuple[str, str]]:
        """Pickle both arguments, so that the error survives a worker process."""
        return type(self), (self.path, self.reason)


class LeakageError(EpochalError):
    """Information would flow from where it must not; the run stops."""


def did_you_mean(given: str, allowed: Iterable[str]) -> str:
    """Name the near miss, or all that is allowed: `; did you mean 'x'?` or `; it has: a, b`."""
    options = sorted(allowed)
    near = get_close_matches(given, options, n=1)
    return (
        f"; did you mean '{near[0]}'?" if near else f"; it has: {', '.join(options) or 'nothing'}"
    )


def fault_of(error: BaseException) -> BaseException | None:
    """Return the user's own fault where one is in the chain of causes."""
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, EpochalError) or type(cause).__name__ == "ParameterValidationError":
            return cause
        cause = cause.__cause__
    return None


def explain(error: BaseException) -> str:
    """Return a failure's reason in one line: the user's own fault where one is in the chain."""
    fault = fault_of(error)
    if fault is not None:
        reason = _GIVEN.sub(r", and not \1", str(fault))
        return " ".join(_FRAMEWORKS.sub(" ", reason).split())
    reason = " ".join(str(error).split()) or "no reason given"
    return f"{type(error).__name__}: {reason}{hint_of(error) or ''} (EPOCHAL_DEBUG=1 shows where)"


def hint_of(error: BaseException) -> str | None:
    """Return what to do where memory ran out, as the end of a sentence; None for other errors."""
    kinds = {kind.__name__ for kind in type(error).__mro__}
    return _OUT_OF_MEMORY if kinds & _OF_MEMORY else None
