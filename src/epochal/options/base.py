"""The parent of all parameters."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, TypeVar

from pydantic import BaseModel, ConfigDict, ModelWrapValidatorHandler, ValidationError
from pydantic import model_validator as validator
from pydantic_core import InitErrorDetails, PydanticCustomError

from epochal.errors import did_you_mean

_UNKNOWN = "extra_forbidden"
_TOLD = (_UNKNOWN, "missing", "value_error")  # whose message says what was given, if anything was
Model = TypeVar("Model", bound=BaseModel)


class Options(BaseModel):
    """Parameters that refuse an unknown key and cannot be changed once made."""

    model_config = ConfigDict(extra="forbid", frozen=True, defer_build=True)

    @validator(mode="wrap")
    @classmethod
    def _suggest(cls, values: Any, make: ModelWrapValidatorHandler[Any]) -> Any:
        """Name the near miss of a key that is not known; base's `???` is a value not given."""
        if isinstance(values, dict):
            values = {name: value for name, value in values.items() if value != "???"}
        try:
            return make(values)
        except ValidationError as error:
            raise _with_suggestions(error, cls.model_fields) from None

    def is_set(self, name: str) -> bool:
        """Say whether an option differs from its default."""
        return bool(getattr(self, name) != type(self).model_fields[name].default)


def say_fault(fault: Mapping[str, Any], *within: str) -> str:
    """Say where an option of a `ValidationError` is, what is wrong with it, and what was given."""
    where = ".".join(map(str, (*within, *fault["loc"])))
    simple = fault["type"] not in _TOLD and isinstance(fault["input"], str | float | bool | None)
    said = f"{fault['msg']}, and not {fault['input']!r}" if simple else str(fault["msg"])
    return f"{where}: {said}" if where else said


def make_options(model: type[Model], values: dict[str, Any]) -> Model:
    """Make a component's own options; of an unknown key the `ValidationError` names a near miss."""
    try:
        return model(**values)
    except ValidationError as error:
        raise _with_suggestions(error, model.model_fields) from None


def _with_suggestions(error: ValidationError, known: Iterable[str]) -> ValidationError:
    known = list(known)
    return ValidationError.from_exception_data(
        error.title, [_with_suggestion(one, known) for one in error.errors()]
    )


def _with_suggestion(one: Any, known: list[str]) -> InitErrorDetails:
    text, where = str(one["msg"]), one["loc"]
    if one["type"] == _UNKNOWN and len(where) == 1 and not text.startswith("no option"):
        text = f"no option '{where[0]}'{did_you_mean(str(where[0]), known)}"
    return InitErrorDetails(
        type=PydanticCustomError(one["type"], "{text}", {"text": text}),
        loc=where,
        input=one["input"],
    )
