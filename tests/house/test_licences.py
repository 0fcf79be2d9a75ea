"""What the product stands on is declared, and may be given away with it."""

from __future__ import annotations

import ast
import tomllib
from collections.abc import Iterator
from functools import cache
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from docs.tools.licences import DEVELOPMENT, is_copyleft_of_the_whole, parts
from docs.tools.reference import FOLDER
from tests.house.sources import PACKAGES, ROOT, name_of, source_files, tree

TOOLS = ("bench", "docs", "examples", "tests")
installed_packages = cache(packages_distributions)


def declared(*, with_tools: bool) -> set[str]:
    """Names of the distributions that pyproject.toml asks for."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    extras = project["optional-dependencies"]
    lines = [line for extra, lines in extras.items() if with_tools or extra != DEVELOPMENT for line in lines]
    return {canonicalize_name(Requirement(line).name) for line in [*project["dependencies"], *lines]}


def imported(path: Path) -> Iterator[str]:
    """First names of the modules that a file imports."""
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.Import):
            yield from (alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.module.partition(".")[0]


@pytest.mark.parametrize(("folders", "with_tools"), [(PACKAGES, False), (TOOLS, True)], ids=["product", "tools"])
def test_what_is_imported_is_declared(folders: tuple[str, ...], with_tools: bool) -> None:
    installed, known = installed_packages(), declared(with_tools=with_tools)
    undeclared = {
        f"{name_of(path)}: {name}"
        for path in source_files(*folders)
        for name in imported(path)
        if name in installed and name not in (*PACKAGES, *TOOLS)
        if not known & {canonicalize_name(distribution) for distribution in installed[name]}
    }
    assert undeclared == set()


def test_no_part_of_the_product_is_under_the_gpl() -> None:
    found = parts()
    assert len(found) > 20
    assert [part for part in found if is_copyleft_of_the_whole(part.licence)] == []


def test_every_licence_is_known() -> None:
    assert [part.name for part in parts() if part.licence == "unknown"] == []


def test_every_part_is_on_the_page() -> None:
    page = (FOLDER / "licences.md").read_text(encoding="utf-8")
    assert [part for part in parts() if f"| `{part.name}` | {part.licence} |" not in page] == []


@pytest.mark.parametrize(
    ("licence", "reaches"),
    [
        ("GPL-2.0-only", True),
        ("GNU General Public License v3 (GPLv3)", True),
        ("AGPL-3.0-or-later", True),
        ("GNU Affero General Public License v3", True),
        ("MIT OR GPL-3.0-only", True),
        ("LGPL-3.0-only", False),
        ("GNU Lesser General Public License v3 (LGPLv3)", False),
        ("Apache-2.0", False),
        ("MPL-2.0", False),
    ],
)
def test_the_gpl_is_recognised(licence: str, reaches: bool) -> None:
    assert is_copyleft_of_the_whole(licence) is reaches
