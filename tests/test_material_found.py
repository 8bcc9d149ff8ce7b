"""Each test file can be run by itself: what it imports lies where `pythonpath` or pytest look."""

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

TESTS = Path(__file__).parent
MODULES = {path.stem: path for path in TESTS.rglob("*.py") if path.stem != "conftest"}


@cache
def imports(path: Path) -> frozenset[str]:
    """Return the tests' own modules that a file imports, at its top or within a function."""
    nodes = list(ast.walk(ast.parse(path.read_text(encoding="utf-8"))))
    named = {node.module for node in nodes if isinstance(node, ast.ImportFrom) and not node.level}
    named |= {one.name for node in nodes if isinstance(node, ast.Import) for one in node.names}
    return frozenset(named & set(MODULES))


def out_of_reach(path: Path, folders: frozenset[Path], seen: frozenset[str]) -> Iterator[str]:
    for name in imports(path) - seen:
        if MODULES[name].parent not in folders:
            yield f"{path.relative_to(TESTS)}: {name} lies in {MODULES[name].parent.name}/"
        else:
            yield from out_of_reach(MODULES[name], folders, seen | {name})


@pytest.mark.slow
def test_what_a_test_imports_lies_beside_it_or_at_the_top():
    """Else it is found only where a test of that other folder was collected before."""
    tests = [path for path in MODULES.values() if path.stem.startswith("test_")]
    lost = {
        told
        for path in tests
        for told in out_of_reach(path, frozenset({TESTS, path.parent}), frozenset())
    }
    assert sorted(lost) == []
    assert any("builders" in imports(path) for path in tests)  # else this would show nothing
