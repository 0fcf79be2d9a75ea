"""The page of error codes."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from itertools import groupby
from pathlib import Path
from typing import NamedTuple

from docs.tools.markdown import code, page, table

ROOT = Path(__file__).parents[2]


class Declared(NamedTuple):
    """A code as its module declares it."""

    name: str
    meaning: str
    module: str


def declared() -> Iterator[Declared]:
    """Every ``Code("room.what", "Meaning.")`` in the sources of the engine and of its plug-ins."""
    for path in sorted(path for folder in ("engine", "plugins") for path in (ROOT / folder).rglob("*.py")):
        module = ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            match node:
                case ast.Call(func=ast.Name("Code"), args=[ast.Constant(str(name)), ast.Constant(str(meaning))]):
                    yield Declared(name, meaning, module)


def text() -> str:
    """The page: codes by their first part, with what they mean and the module that reports them."""
    found = sorted(declared())
    rows = {
        head: [(code(entry.name), entry.meaning, code(entry.module)) for entry in entries]
        for head, entries in groupby(found, key=lambda entry: entry.name.partition(".")[0])
    }
    intro = [
        "Every mistake has a stable code, a place (`file:line:column`, or the key of a record), what was found, why it",
        "is refused and how to mend it. Verbs print all of them in one go, and `--json` gives them as data. A code",
        "never changes its meaning. Levels: `error` (refused), `warning` (done, but look), `info`.",
    ]
    sections = [[f"## {head}", "", *table(("code", "meaning", "reported by"), lines)] for head, lines in rows.items()]
    return page("Error codes", intro, *sections)
