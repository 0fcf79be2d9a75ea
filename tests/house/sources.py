"""The source files of the house, found and parsed once for all house tests."""

from __future__ import annotations

import ast
import importlib
import os
import subprocess
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from types import ModuleType

ROOT = Path(__file__).parents[2]
PACKAGES = ("engine", "plugins")

NOT_IMPORTED = ("engine/store/migrations/env.py", "engine/store/migrations/versions/")
"""What only runs under its tool: alembic's scripts expect its context."""


@cache
def source_files(*folders: str) -> tuple[Path, ...]:
    """Python files below folders of the repository, as absolute paths in order."""
    return tuple(sorted(path for folder in folders for path in (ROOT / folder).rglob("*.py")))


@cache
def tree(path: Path) -> ast.Module:
    """The syntax tree of a file."""
    return ast.parse(path.read_text(encoding="utf-8"), filename=str(path))


def name_of(path: Path) -> str:
    """A file as it is named in messages: relative to the repository."""
    return path.relative_to(ROOT).as_posix()


def functions(module: ast.Module) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    """All functions and methods of a module, nested ones included."""
    for node in ast.walk(module):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node


@cache
def modules() -> tuple[ModuleType, ...]:
    """Every module of the house that can be imported, imported."""
    found = []
    for path in source_files(*PACKAGES):
        if not name_of(path).startswith(NOT_IMPORTED):
            parts = path.relative_to(ROOT).with_suffix("").parts
            found.append(importlib.import_module(".".join(parts).removesuffix(".__init__")))
    return tuple(found)


@cache
def kept_files() -> tuple[Path, ...]:
    """Files that are, or would be, under version control; all files of a copy that is no checkout."""
    command = ["git", "-C", str(ROOT), "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(command, capture_output=True, check=False)
    if listed.returncode == 0:
        names = [os.fsdecode(name) for name in listed.stdout.split(b"\0") if name]
        return tuple(sorted(ROOT / name for name in names if (ROOT / name).is_file()))
    hidden = (".git", ".venv", "__pycache__")
    return tuple(sorted(p for p in ROOT.rglob("*") if p.is_file() and not set(p.relative_to(ROOT).parts) & set(hidden)))
