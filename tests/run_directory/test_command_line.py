import logging
from typing import Literal

import click
import pytest
from pydantic import Field

from epochal.options.base import Options
from epochal.run_directory.command_line import SpacedCommand, list_options, show_progress


class Flags(Options):
    save: bool = Field(True, description="Save.")
    fast: bool = Field(False, description="Fast.")
    n_rows: int = Field(3, ge=1, description="Rows.")
    share: float = Field(0.5, gt=0, le=1, description="Share.")
    kind: Literal["a", "b"] | None = Field(None, description="Kind.")
    names: tuple[str, ...] = Field(("x",), description="Names.")


def run(*args):
    found = {}
    command = SpacedCommand("test", params=list_options(Flags), callback=found.update)
    command.main(list(args), standalone_mode=False)
    return found


def test_every_field_is_an_option_with_its_default():
    assert run() == {
        "save": True, "fast": False, "n_rows": 3, "share": 0.5, "kind": None, "names": ("x",),
    }  # fmt: skip


def test_values_are_of_the_fields_types():
    found = run("--no-save", "--fast", "--n-rows", "7", "--share", "1", "--kind", "b")
    assert found == {
        "save": False, "fast": True, "n_rows": 7, "share": 1.0, "kind": "b", "names": ("x",),
    }  # fmt: skip


@pytest.mark.parametrize(
    "args",
    [
        ["--names", "a", "b", "c", "--n-rows", "2"],
        ["--n-rows", "2", "--names", "a", "b", "c"],
        ["--names", "a", "--n-rows", "2", "--names", "b", "--names", "c"],
        ["--names", "a", "b", "--fast", "--names", "c", "--n-rows", "2"],
    ],
)
def test_lists_are_written_with_spaces_or_by_repeating_the_flag(args):
    found = run(*args)
    assert (found["names"], found["n_rows"]) == (("a", "b", "c"), 2)


def test_a_word_that_belongs_to_no_list_is_refused():
    with pytest.raises(click.UsageError, match="unexpected extra argument"):
        run("--n-rows", "2", "stray")


@pytest.mark.parametrize(
    "args",
    [["--n-rows", "0"], ["--share", "0"], ["--share", "1.5"], ["--kind", "c"], ["--no-fast"]],
)
def test_values_beyond_the_fields_limits_are_wrong_usage(args):
    with pytest.raises(click.UsageError):
        run(*args)


def test_fields_can_be_left_out_or_required():
    options = list_options(Flags, without=("save",), required=("kind",))
    assert [option.name for option in options] == ["fast", "n_rows", "share", "kind", "names"]
    assert [option.required for option in options] == [False, False, False, True, False]


def test_progress_is_shown_and_the_loggers_are_left_as_they_were(capsys):
    logger = logging.getLogger("epochal")
    before = (list(logger.handlers), logger.level)
    with show_progress():
        logging.getLogger("epochal.something").info("half way")
    assert capsys.readouterr().err == "half way\n"
    assert (list(logger.handlers), logger.level) == before
