"""Every shell command of README, CONTRIBUTING and the docs: where it stands, how it is called."""

from __future__ import annotations

import re
import shlex
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import click
from click.testing import CliRunner, Result
from kedro.runner import SequentialRunner

from epochal.cli import cli
from projects import ROOT

PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")])
OURS = ("epochal", "kedro")
_FENCE = re.compile(r" *```(\w*)")
_SHELL, _SESSION = {"bash", "sh", "shell"}, {"console"}
_ASSIGNED = re.compile(r"[A-Z_]+=")
# In place of a program of ours: say which arguments the shell gives it, and end the call.
_TELL = r"""{0}() {{ printf '%s\0' {0} "$@" ''; }};"""


@dataclass(frozen=True)
class Command:
    """A command as a page has it, its lines joined, without the prompt."""

    page: str
    line: int
    text: str

    def __str__(self) -> str:
        return f"{self.page}:{self.line}: {self.text}"

    @property
    def program(self) -> str:
        """The first word that is no variable's assignment."""
        words = shlex.split(self.text)[len(assignments(self.text)) :]
        return words[0].removeprefix(".venv/bin/") if words else "="

    @property
    def is_ours(self) -> bool:
        """Whether it is one call of a program of this project, and nothing of the shell's."""
        return self.program in OURS and not re.search(r"[|&;]", self.text)


def find_commands(pages: list[Path] = PAGES) -> list[Command]:
    """Return each command of each page once."""
    found = {
        (page, text): Command(page.relative_to(ROOT).as_posix(), line, text)
        for page in reversed(pages)
        for line, text in reversed(list(statements_of(page.read_text(encoding="utf-8"))))
    }
    return list(found.values())[::-1]


def blocks_of(page: str) -> Iterator[tuple[str, int, list[str]]]:
    """Yield the language, the first line's number and the lines of every fenced block."""
    language, lines = None, []
    for number, line in enumerate(page.splitlines(), 1):
        fence = _FENCE.match(line)
        if fence and language is not None:
            yield language, number - len(lines), lines
            language = None
        elif fence:
            language, lines = fence[1], []
        elif language is not None:
            lines.append(line)


def statements_of(page: str) -> Iterator[tuple[int, str]]:
    for language, first, lines in blocks_of(page):
        if language in _SHELL:
            yield from _joined(first, [line.strip() for line in lines])
        elif language in _SESSION:
            yield from _joined(first, list(_typed(lines)))


def _typed(lines: list[str]) -> Iterator[str]:
    """Yield what follows a prompt, and nothing for each line that was answered."""
    goes_on = False
    for line in lines:
        prompt = re.match(r" *\$ (.*)", line)
        typed = prompt[1] if prompt else line.strip() if goes_on else ""
        goes_on = typed.endswith("\\")
        yield typed


def _joined(first: int, lines: list[str]) -> Iterator[tuple[int, str]]:
    r"""Join what ends in `\` with what follows it, and a loop up to its `done`."""
    text, start = "", first
    for number, line in enumerate(lines, first):
        start = number if not text else start
        text += line.removesuffix("\\").rstrip() + (" " if line.endswith("\\") else "\n")
        is_open = line.endswith("\\") or (text.startswith("for ") and line != "done")
        if not is_open:
            bare, text = _uncommented(text), ""
            if bare:
                yield start, bare


def _uncommented(text: str) -> str:
    return "\n".join(re.sub(r"(^|\s+)# ?.*", "", line) for line in text.splitlines()).strip()


class Listed(SequentialRunner):
    """Ends a run before its first node: options, parameters, catalog and files are in order."""

    def run(self, pipeline, *arguments, **options):
        assert pipeline.nodes
        raise click.exceptions.Exit(0)


def assignments(text: str) -> dict[str, str]:
    """Return the variables that are set before a command, for it alone."""
    words = shlex.split(text, comments=True)
    count = next((n for n, word in enumerate(words) if not _ASSIGNED.match(word)), len(words))
    return dict(word.split("=", 1) for word in words[:count])


def arguments_of(text: str, folder: Path) -> list[str]:
    """Return a program of ours and its arguments as the shell would pass them, patterns and all."""
    told = "".join(_TELL.format(name) for name in OURS)
    done = call_shell(told + text.replace(".venv/bin/", ""), folder)
    return done.stdout.split("\0")[:-2]


def fault_of(text: str) -> str | None:
    """Return what is wrong with a call's options and values, None for one that only lacks some."""
    command, name, words = cli, None, shlex.split(text)[1:]
    try:
        while isinstance(command, click.Group) and words:
            name, command, words = command.resolve_command(click.Context(command), words)
        if words:
            command.make_context(name, words)
    except (click.MissingParameter, click.exceptions.Exit):
        return None
    except click.UsageError as error:
        said = error.format_message()
        return None if "requires an argument" in said else f"{text}: {said}"
    return None


def call_shell(text: str, folder: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run a command as it stands, in the folder, with this Python's programs at hand."""
    return subprocess.run(
        ["bash", "-euo", "pipefail", "-c", text],
        cwd=folder,
        env=environment or None,
        capture_output=True,
        text=True,
        timeout=600,
    )


def call_ours(words: list[str]) -> Result:
    """Call the command line with the shell's words: `kedro run` is `epochal run`."""
    return CliRunner().invoke(cli, words[1:])
