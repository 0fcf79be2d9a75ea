"""No file and no function outgrows its room."""

from __future__ import annotations

from tests.house.sources import PACKAGES, functions, name_of, source_files, tree

LINES_OF_A_FILE = 400
LINES_OF_A_FUNCTION = 60


def test_no_file_is_too_long() -> None:
    sizes = {name_of(path): len(path.read_text(encoding="utf-8").splitlines()) for path in source_files(*PACKAGES)}
    assert sizes
    assert {name: lines for name, lines in sizes.items() if lines > LINES_OF_A_FILE} == {}


def test_no_function_is_too_long() -> None:
    sizes = {
        f"{name_of(path)}:{node.lineno} {node.name}": (node.end_lineno or 0) - node.lineno + 1
        for path in source_files(*PACKAGES)
        for node in functions(tree(path))
    }
    assert sizes
    assert {name: lines for name, lines in sizes.items() if lines > LINES_OF_A_FUNCTION} == {}
