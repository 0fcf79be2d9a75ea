"""Everything that others can see is documented: in the code, and on a page of the reference."""

from __future__ import annotations

import ast
import re
from collections import defaultdict
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest
from typer.main import get_command

from docs.tools import cli, reference
from engine import config
from engine.base.errors import Code
from engine.cli.main import build
from engine.families import ALL
from engine.ports.hookspecs import PORTS
from engine.runs.intake.formats import FORMATS
from tests.house.sources import PACKAGES, ROOT, kept_files, modules, name_of, source_files, tree

Definition = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef


@cache
def page(name: str) -> str:
    return (reference.FOLDER / name).read_text(encoding="utf-8")


def public(body: list[ast.stmt], outer: str = "") -> Iterator[tuple[str, Definition]]:
    """Public classes and functions of a module, and public methods of public classes that are no overloads."""
    for node in body:
        if isinstance(node, Definition) and not node.name.startswith("_") and not hidden(node):
            yield outer + node.name, node
            if isinstance(node, ast.ClassDef):
                yield from public(node.body, f"{outer}{node.name}.")


def hidden(node: Definition) -> bool:
    """Whether a definition repeats what is documented elsewhere: an overload, a setter, an override, or a member of a
    protocol that gives no more than its types."""
    marks = {ast.unparse(decorator).rpartition(".")[2] for decorator in node.decorator_list}
    only_typed = len(node.body) == 1 and ast.unparse(node.body[0]) == "..."
    return only_typed or bool(marks & {"overload", "override", "setter", "deleter"})


def undocumented(path: Path) -> Iterator[str]:
    module = tree(path)
    if not ast.get_docstring(module):
        yield name_of(path)
    for name, node in public(module.body):
        if not ast.get_docstring(node):
            yield f"{name_of(path)}:{node.lineno} {name}"


@cache
def codes() -> dict[str, set[str]]:
    """Every code that the modules of the house hold, with its meanings."""
    found: dict[str, set[str]] = defaultdict(set)
    for module in modules():
        for value in vars(module).values():
            if isinstance(value, Code):
                found[str(value)].add(value.meaning)
    return dict(found)


def test_public_things_have_docstrings() -> None:
    assert [line for path in source_files(*PACKAGES) for line in undocumented(path)] == []


def test_error_codes_are_well_formed_and_mean_one_thing() -> None:
    assert len(codes()) > 30
    assert [name for name in codes() if not re.fullmatch(r"[a-z][a-z-]*\.[a-z0-9][a-z0-9-]*", name)] == []
    assert {name: meanings for name, meanings in codes().items() if len(meanings) != 1 or not all(meanings)} == {}


def test_error_codes_are_documented() -> None:
    missing = [name for name, (meaning,) in codes().items() if f"| `{name}` | {meaning} |" not in page("errors.md")]
    assert missing == []


def test_families_are_documented() -> None:
    text = page("families.md")
    expected = [f"## {name}" for name in ALL]
    expected += [f"### {name}: {method}" for name, family in ALL.items() for method in family.methods]
    assert [line for line in expected if f"\n{line}\n" not in text] == []


def test_methods_of_families_say_what_they_do() -> None:
    bare = [
        f"{name}.{key}" for name, f in ALL.items() for key, method in f.methods.items() if not method.function.__doc__
    ]
    assert bare == []


def test_hooks_are_documented() -> None:
    text = page("hooks.md")
    hooks = {name: getattr(port.spec, name) for port in PORTS.values() for name in port.hooks}
    assert hooks
    assert [name for name, hook in hooks.items() if not hook.__doc__] == []
    assert [name for name in hooks if f"\n### {name}\n" not in text] == []


def test_settings_are_documented() -> None:
    missing = [setting.path for setting in config.SETTINGS if f"`{setting.path}`" not in page("settings.md")]
    assert missing == []


def test_verbs_and_options_are_documented() -> None:
    verbs = dict(cli.verbs(get_command(build())))
    assert len(verbs) > 10
    assert [" ".join(path) for path in verbs if f"\n## {' '.join(path)}\n" not in page("cli.md")] == []
    assert [" ".join(path) for path, command in verbs.items() if not command.help] == []
    assert [
        f"{' '.join(path)} {parameter.name}"
        for path, command in verbs.items()
        for parameter in command.params
        if parameter.name != "help" and not parameter.help
    ] == []
    options = {name for command in verbs.values() for parameter in command.params for name in parameter.opts}
    assert [name for name in options if name.startswith("--") and f"`{name}`" not in page("cli.md")] == []


def test_import_columns_are_documented() -> None:
    sections = dict(re.findall(r"^## (\w+)\n(.*?)(?=^## |\Z)", page("import-files.md"), re.MULTILINE | re.DOTALL))
    missing = [
        f"{kind}.{column.name}"
        for kind, form in FORMATS.items()
        for column in form.columns
        if f"| {column.name} |" not in sections.get(kind, "")
    ]
    assert missing == []


@pytest.mark.parametrize("name", reference.PAGES)
def test_reference_pages_are_what_the_code_says(name: str) -> None:
    assert page(name) == reference.PAGES[name](), "run `make docs`"


def test_links_between_pages_lead_somewhere() -> None:
    broken = []
    for path in (path for path in kept_files() if path.suffix == ".md"):
        text = re.sub(r"^```.*?^```", "", path.read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL)
        for target in re.findall(r"\]\(([^)\s]+)\)", text):
            file, _, anchor = target.partition("#")
            if "://" in target:
                continue
            aim = (path.parent / file).resolve() if file else path
            if not aim.exists() or (anchor and aim.suffix == ".md" and anchor not in anchors(aim)):
                broken.append(f"{name_of(path)}: {target}")
    assert broken == []


@cache
def anchors(path: Path) -> frozenset[str]:
    """What links to headings of a page are called."""
    headings = re.findall(r"^#+ (.+)$", path.read_text(encoding="utf-8"), re.MULTILINE)
    return frozenset(re.sub(r"[^\w\- ]", "", heading).strip().lower().replace(" ", "-") for heading in headings)


def test_every_page_is_in_the_table_of_contents() -> None:
    listed = set(re.findall(r"[\w/.-]+\.md", (ROOT / "mkdocs.yml").read_text(encoding="utf-8")))
    pages = {path.relative_to(ROOT / "docs").as_posix() for path in kept_files() if path.is_relative_to(ROOT / "docs")}
    assert {name for name in pages if name.endswith(".md")} == listed
