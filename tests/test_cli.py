"""The command line: fast help, one-line errors, exit codes, suggestions."""

import subprocess
import sys

import click
import pytest
from click.testing import CliRunner

from epochal.cli import COMMANDS, cli, one_line_errors
from epochal.errors import EpochalError


def test_help_lists_every_command_without_importing_any_library():
    script = (
        "import sys; from epochal.cli import cli; "
        "cli(['--help'], standalone_mode=False); "
        "heavy = {'numpy', 'pandas', 'kedro', 'torch', 'sklearn', 'mlflow'} & set(sys.modules); "
        "sys.exit(f'imported {heavy}' if heavy else 0)"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    assert all(name in done.stdout for name in COMMANDS)


def test_ctrl_c_while_the_command_line_is_imported_is_one_line():
    script = """
import signal, sys
from epochal.__main__ import main

class PressingCtrlC:
    def find_spec(self, *_):
        signal.raise_signal(signal.SIGINT)

signal.signal(signal.SIGINT, signal.default_int_handler)
sys.meta_path.insert(0, PressingCtrlC())
main()
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (1, "Aborted!\n")


@pytest.mark.parametrize("name", list(COMMANDS))
def test_every_command_has_help(name):
    result = CliRunner().invoke(cli, [name, "--help"])
    assert result.exit_code == 0, result.output
    assert "Usage" in result.output


def test_an_unknown_command_is_wrong_usage():
    result = CliRunner().invoke(cli, ["scor"])
    assert result.exit_code == 2
    assert "No such command" in result.output


def test_an_error_of_the_user_is_one_line_with_exit_code_1():
    with pytest.raises(click.ClickException) as caught, one_line_errors():
        raise EpochalError("night.edf: it is empty")
    assert caught.value.exit_code == 1
    assert caught.value.message == "night.edf: it is empty"


def test_an_unexpected_error_is_one_line_too_unless_debugging(monkeypatch):
    with pytest.raises(click.ClickException, match="ZeroDivisionError"), one_line_errors():
        _ = 1 / 0
    monkeypatch.setenv("EPOCHAL_DEBUG", "1")
    with pytest.raises(ZeroDivisionError), one_line_errors():
        _ = 1 / 0


def test_a_missing_extra_is_named():
    with (
        pytest.raises(click.ClickException, match=r"pip install 'epochal\[deep\]'"),
        one_line_errors(),
    ):
        raise ModuleNotFoundError("No module named 'torch.nn'", name="torch.nn")
