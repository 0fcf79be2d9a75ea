"""What must not stand in the repository, and what must not happen in a pure room."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.house.sources import ROOT, kept_files, name_of, source_files, tree

REGISTRIES = tuple(
    ".".join(parts)
    for parts in (
        ("pypi", "org"),
        ("pythonhosted", "org"),
        ("pypi", "python", "org"),
        ("crates", "io"),
        ("registry", "npmjs"),
        ("proxy", "golang"),
        ("maven", "apache"),
        ("deb", "debian"),
    )
)

UNWANTED = {
    "address of a package registry": re.compile("|".join(map(re.escape, REGISTRIES)), re.IGNORECASE),
    "path of one machine": re.compile(r"(?<![\w.~$}/-])/(home|root|work|Users|opt/wheels)/[\w.]"),
    "private key": re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-{5}"),
    "access key of a cloud": re.compile(r"\b(AKIA|ASIA)[0-9A-Z]{16}\b"),
    "access token": re.compile(r"\b(gh[pousr]_[A-Za-z0-9]{30,}|xox[abprs]-[\w-]{10,}|[sr]k_live_\w{10,})"),
    "signed token": re.compile(r"\beyJ[\w-]{15,}\.[\w-]{15,}\.[\w-]{10,}"),
    "password in an address": re.compile(
        r"\w+://[^\s/:@{}<>\"']+:(?![A-Z_*]+@)[^\s/:@{}<>\"']{4,}@(?!(localhost|127\.0\.0\.1)\b)"
    ),
}

ON_PURPOSE = {"password in an address": "tests/"}
"""Where a thing that is unwanted elsewhere stands because a test shows that it is refused or not shown."""

AMOUNTS = ("base", "model", "billing", "receivables", "revenue", "ledger", "families")
"""Rooms in which numbers may be amounts: no float may be written or made there."""

NO_AMOUNTS = {"engine/base/errors.py": "how near a word must be to be suggested is no amount"}

PURE = (*AMOUNTS, "rulebook")
"""Rooms that only turn facts into results: no clock, no randomness, no environment, no other machine."""

NOT_PURE = {
    "engine/base/threads.py": "has a library prepared once for the threads of servers and adapters; no result depends on it",
    "engine/rulebook/desk.py": "finds and formats rule files for people; nothing of a run goes through it",
    "engine/rulebook/grammar.py": "hands the kept tables of its grammar to rule-engine; no decision depends on them",
}

IMPURE_MODULES = frozenset(
    "asyncio getpass os platform random secrets socket subprocess sys threading time urllib uuid".split()
)
IMPURE_METHODS = {"now", "today", "utcnow", "fromtimestamp"}
IMPURE_BUILTINS = {"input", "open", "print"}


def texts() -> Iterator[tuple[Path, str]]:
    for path in kept_files():
        try:
            yield path, path.read_text(encoding="utf-8")
        except UnicodeDecodeError:
            continue


def pure_files(rooms: tuple[str, ...]) -> tuple[Path, ...]:
    return source_files(*(f"engine/{room}" for room in rooms))


def floats(module: ast.Module) -> Iterator[ast.expr]:
    """Float literals and calls of ``float``."""
    for node in ast.walk(module):
        if isinstance(node, ast.Constant) and isinstance(node.value, float | complex):
            yield node
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "float":
            yield node


def impurities(module: ast.Module) -> Iterator[tuple[int, str]]:
    """Line and name of everything that looks at or touches the world outside the arguments."""
    for node in ast.walk(module):
        match node:
            case ast.Import(names=names):
                for alias in names:
                    if alias.name.partition(".")[0] in IMPURE_MODULES:
                        yield node.lineno, f"import {alias.name}"
            case ast.ImportFrom(module=str(source)) if source.partition(".")[0] in IMPURE_MODULES:
                yield node.lineno, f"from {source} import"
            case ast.Call(func=ast.Attribute(attr=method)) if method in IMPURE_METHODS:
                yield node.lineno, f".{method}()"
            case ast.Call(func=ast.Name(id=name)) if name in IMPURE_BUILTINS:
                yield node.lineno, f"{name}()"


@pytest.mark.parametrize("kind", UNWANTED)
def test_nothing_unwanted_is_kept(kind: str) -> None:
    pattern = UNWANTED[kind]
    found = [
        f"{name_of(path)}:{number}: {line.strip()[:120]}"
        for path, text in texts()
        if not (kind in ON_PURPOSE and name_of(path).startswith(ON_PURPOSE[kind]))
        for number, line in enumerate(text.splitlines(), 1)
        if pattern.search(line)
    ]
    assert found == []


@pytest.mark.parametrize(
    ("kind", "line"),
    [
        ("address of a package registry", "--index-url https://" + REGISTRIES[0] + "/simple"),
        ("path of one machine", "open('" + "/ho" + "me/ann/x.csv')"),
        ("path of one machine", "see /" + "work/main"),
        ("private key", "-----BEGIN RSA " + "PRIVATE KEY-----"),
        ("access key of a cloud", "key: AKIA" + "ABCDEFGHIJKLMNOP"),
        ("access token", "gh" + "p_" + "a" * 36),
        ("signed token", "ey" + "J" + "a" * 20 + "." + "b" * 20 + "." + "c" * 20),
        ("password in an address", "postgresql://bill:" + "secret" + "@db.example/books"),
    ],
    ids=range(8),
)
def test_the_unwanted_is_recognised(kind: str, line: str) -> None:
    assert UNWANTED[kind].search(line)


def test_the_lock_holds_hashes_and_no_address() -> None:
    lock = (ROOT / "requirements.lock").read_text(encoding="utf-8")
    assert "://" not in lock
    assert not re.search(r"^-", lock, re.MULTILINE), "an option line, such as --find-links"
    pins = re.findall(r"^[A-Za-z0-9][^\s=]*==\S+(?: ;[^\\]+)? \\$", lock, re.MULTILINE)
    blocks = re.findall(r"^\S+==.*(?:\n    --hash=sha256:[0-9a-f]{64}(?: \\)?)+$", lock, re.MULTILINE)
    assert len(pins) == len(blocks) > 20


def test_amounts_are_never_floats() -> None:
    found = [
        f"{name_of(path)}:{node.lineno}"
        for path in pure_files(AMOUNTS)
        if name_of(path) not in NO_AMOUNTS
        for node in floats(tree(path))
    ]
    assert found == []


def test_pure_rooms_are_pure() -> None:
    found = [
        f"{name_of(path)}:{line} {what}"
        for path in pure_files(PURE)
        if name_of(path) not in NOT_PURE
        for line, what in impurities(tree(path))
    ]
    assert found == []


def test_exceptions_are_still_needed() -> None:
    assert [name for name in NO_AMOUNTS if not any(floats(tree(ROOT / name)))] == []
    assert [name for name in NOT_PURE if not any(impurities(tree(ROOT / name)))] == []


@pytest.mark.parametrize(
    "source",
    [
        "from datetime import date\nx = date.today()",
        "import datetime\nx = datetime.datetime.now()",
        "import time",
        "from random import choice",
        "import os.path",
        "print(1)",
        "open('x')",
    ],
)
def test_impurity_is_recognised(source: str) -> None:
    assert list(impurities(ast.parse(source)))


@pytest.mark.parametrize("source", ["x = 0.5", "x = 1e3", "x = float('1')"])
def test_floats_are_recognised(source: str) -> None:
    assert list(floats(ast.parse(source)))
