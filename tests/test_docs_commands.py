"""Every command in README, CONTRIBUTING and the docs is run, or says here why not."""

import os
import re
import sys
from types import ModuleType

import pytest

from documented import (
    PAGES,
    arguments_of,
    assignments,
    blocks_of,
    call_ours,
    call_shell,
    fault_of,
    find_commands,
    statements_of,
)
from documented_elsewhere import ELSEWHERE, elsewhere, has_test
from documented_project import (
    RUN_ID,
    copy_project,
    make_documented_project,
    serving_bundle,
    small_sleep_edfx,
    wait_for_job,
    write_rows,
)
from downloads.fake_kaggle import FakeApi
from downloads.physionet import Remote, serving
from required_tools import require

COMMANDS = find_commands()
RUN = [command for command in COMMANDS if elsewhere(command) is None]
NOT_RUN = [command for command in COMMANDS if elsewhere(command) is not None]
PROGRAMS = {"epochal", "kedro", "make", "curl", "docker", "dask", "python", "pip", "dvc", "sbatch"}
KNOWN = {"epochal", "kedro", "source", "export", "mkdir", "cp", "head", "grep", "curl"}
PLACEHOLDERS = {" FILE ": " night.edf ", " DIR": " out", "<RUN_ID>": RUN_ID, "=…": "=data"}
# What a command is given beside its own words, so that it ends soon and leaves the network alone.
GIVEN = {
    ("kedro", "run"): ["--runner=documented.Listed"],
    ("epochal", "experiment"): ["--list"],
}
INLINE = re.compile(r"`((?:epochal|kedro run)\s[^`]*)`")
MADE_UP = {"epochal simulate my_kind OUT"}  # a kind that the reader of the page is to add
JOB = re.compile(r"location: /api/jobs/(\w+)")
SHOWN_JOB = re.compile(r"(?<=/api/jobs/)\w{32}")


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    return make_documented_project(tmp_path_factory.mktemp("documented"))


@pytest.fixture
def here(project, tmp_path, monkeypatch):
    """Go to a copy of the project, where nothing can reach Kaggle and no service stays."""
    folder = copy_project(project, tmp_path / "here")
    kaggle = ModuleType("kaggle")
    kaggle.api = FakeApi()
    monkeypatch.setitem(sys.modules, "kaggle", kaggle)
    monkeypatch.setattr("epochal.serving.service.running.serve", lambda app, host, port: None)
    monkeypatch.setenv("KAGGLE_USERNAME", "somebody")
    monkeypatch.setenv("KAGGLE_KEY", "secret-key")
    monkeypatch.setenv("HOME", str(folder))
    monkeypatch.chdir(folder)
    return folder


@pytest.fixture(scope="module")
def sleep_edfx():
    with serving(Remote(small_sleep_edfx())) as remote:
        yield ["--base-url", remote.base_url]


def run_ours(command, folder, monkeypatch, given):
    """Call the command line in this process with the words that the shell makes of a command."""
    text = fill(command.text)
    words = arguments_of(text, folder)
    with monkeypatch.context() as patched:
        for name, value in assignments(text).items():
            patched.setenv(name, value)
        result = call_ours([*words, *given.get(tuple(words[:2]), [])])
    assert result.exit_code == 0, f"{command}\n{result.output}\n{result.exception!r}"


def run_shell(text, folder, command):
    done = call_shell(text, folder, **os.environ)
    assert done.returncode == 0, f"{command}\n{done.stdout}{done.stderr}"
    return done.stdout


def fill(text, **more):
    """Put what is there in the place of what stands for it on the page."""
    for shown, real in {**PLACEHOLDERS, **more}.items():
        text = text.replace(shown, real)
    return text


def pages_of(*, served):
    """Return the commands that are run by page, those of a service or the others."""
    pages = dict.fromkeys(command.page for command in RUN)
    chosen = {page: [c for c in RUN if c.page == page] for page in pages}
    return [
        pytest.param(commands, id=page)
        for page, commands in chosen.items()
        if any(command.program == "curl" for command in commands) == served
    ]


@pytest.mark.slow
@pytest.mark.parametrize("commands", pages_of(served=False))
def test_the_commands_of_a_page_run_as_written(commands, here, monkeypatch, sleep_edfx):
    given = GIVEN | {("epochal", "download"): sleep_edfx}
    if commands[0].page.endswith("run-directories.md"):
        write_rows(here)
    for command in commands:
        if not command.is_ours:
            run_shell(command.text, here, command)
        elif "download" in command.text and "sleep-edfx" not in command.text:
            run_ours(command, here, monkeypatch, GIVEN)
        else:
            run_ours(command, here, monkeypatch, given)


@pytest.mark.slow
@pytest.mark.parametrize("commands", pages_of(served=True))
def test_the_calls_of_a_service_run_as_written(commands, here, monkeypatch):
    require("curl")
    job = ""
    with serving_bundle(here) as address:
        for command in commands:
            if command.is_ours:
                run_ours(command, here, monkeypatch, GIVEN)
                continue
            text = SHOWN_JOB.sub(job, fill(command.text, **{"localhost:8000": address}))
            said = run_shell(text, here, command)
            assert '"status":4' not in said or "detla" in text, said
            if found := JOB.search(said):
                job = found[1]
                wait_for_job(address, job)


@pytest.mark.parametrize("command", NOT_RUN, ids=str)
def test_a_command_that_is_not_run_is_covered_in_another_way(command):
    entry = elsewhere(command)
    assert entry.reason
    assert entry.tests or entry.check is not bool
    assert [name for name in entry.tests if not has_test(name)] == []
    assert entry.check(command), command


def test_every_command_is_run_here_or_elsewhere():
    unknown = [str(c) for c in RUN if c.program not in KNOWN]
    assert unknown == []
    assert len(RUN) > 60


def test_no_exception_is_left_of_a_command_that_is_gone():
    assert [e.pattern for e in ELSEWHERE if not any(map(e.matches, COMMANDS))] == []


def test_no_command_hides_in_a_block_that_is_not_marked_as_shell():
    hidden = [
        f"{page.name}:{number + offset}"
        for page in PAGES
        for language, number, lines in blocks_of(page.read_text(encoding="utf-8"))
        for offset, line in enumerate(lines)
        if language not in {"bash", "sh", "shell", "console"}
        and line.split(maxsplit=1)[:1]
        and line.split()[0].removeprefix(".venv/bin/") in PROGRAMS
    ]
    assert hidden == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_commands_within_a_sentence_have_options_and_values_that_exist(page):
    prose = re.sub(r"^ *```.*?^ *```", "", page.read_text(encoding="utf-8"), flags=re.S | re.M)
    calls = [" ".join(found.split()) for found in INLINE.findall(prose)]
    assert [fault for call in calls if (fault := fault_of(call)) and call not in MADE_UP] == []


def test_a_planted_option_or_value_within_a_sentence_is_found():
    assert fault_of("epochal score --report") is None
    assert "--reprot" in fault_of("epochal score night.edf --reprot")
    assert "SC400" in fault_of("epochal download sleep-edfx --subjects SC400")


def test_planted_commands_are_found_with_their_lines():
    told = "# A page\n```console\n$ epochal scor \\\n    x.edf\nsaid\n$ make tea # soon\n```\n"
    assert list(statements_of(told)) == [(3, "epochal scor x.edf"), (6, "make tea")]
    loop = "```bash\nfor x in 1 2; do\n  epochal models list\ndone\n```\n"
    assert [line for line, _ in statements_of(loop)] == [2]
