import pytest

from required_tools import require


@pytest.fixture(autouse=True)
def outside_of_ci(monkeypatch):
    monkeypatch.delenv("CI", raising=False)
    monkeypatch.delenv("EPOCHAL_CI", raising=False)


def test_a_program_that_is_there_is_found(monkeypatch, tmp_path):
    program = tmp_path / "there"
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert require("there") == str(program)


def test_without_a_program_a_test_skips_and_says_why():
    with pytest.raises(pytest.skip.Exception, match="no-such-program"):
        require("no-such-program")


@pytest.mark.parametrize("name", ["CI", "EPOCHAL_CI"])
def test_in_ci_nothing_is_skipped_silently(monkeypatch, name):
    monkeypatch.setenv(name, "1")
    with pytest.raises(pytest.fail.Exception, match="no-such-program"):
        require("no-such-program")
