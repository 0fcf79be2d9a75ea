"""New rule sets from templates of common models: whole rule files with comments that teach and cases that pass.

A template is a file ``templates/FAMILY/TEMPLATE.yaml``; its first line says what it is, and ``name_here`` stands for the name.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Final

import msgspec

from engine.base.errors import Code, TollbookError, Where, did_you_mean, refuse
from engine.rulebook.desk import RuleDesk
from engine.rulebook.rulebook import compile_book

NO_TEMPLATE = Code("template.unknown", "A template that does not exist, or a family that has none.")
BAD_NAME = Code("template.bad-name", "A name for a new rule set that no rule set can have.")
EXISTS = Code("template.exists", "A new rule set whose file is there already.")

PLACEHOLDER: Final = "name_here"
_NAME: Final = re.compile(r"[a-z0-9][a-z0-9_.-]*")


class Template(msgspec.Struct, frozen=True):
    """A template: its family, its name, what it is in one sentence, and its text."""

    family: str
    name: str
    title: str
    text: str


class Made(msgspec.Struct, frozen=True):
    """A rule set that was made of a template: its name, its file, its rules and cases."""

    ruleset: str
    template: str
    file: str
    rules: int
    cases: int


@cache
def templates() -> Mapping[tuple[str, str], Template]:
    """All templates by family and name."""
    found = {}
    root = resources.files("engine.rulebook") / "templates"
    for folder in sorted(root.iterdir(), key=lambda each: each.name):
        for file in sorted(folder.iterdir(), key=lambda each: each.name) if folder.is_dir() else ():
            if file.name.endswith(".yaml"):
                text = file.read_text(encoding="utf-8")
                name = file.name.removesuffix(".yaml")
                title = text.split("\n", 1)[0].lstrip("# ").strip()
                found[folder.name, name] = Template(folder.name, name, title, text)
    return found


def new_ruleset(desk: RuleDesk, family: str, name: str, template: str, into: Path) -> Made:
    """Writes ``into/FAMILY/NAME.yaml`` from a template; the first one of the family where none is named.

    Raises:
        TollbookError: ``template.unknown``, ``template.bad-name``, ``template.exists``; ``rule.unknown-family``.
    """
    desk.family(family)
    own = {each.name: each for (kind, _), each in templates().items() if kind == family}
    if not own:
        known = sorted({kind for kind, _ in templates()})
        what = f"there are no templates of {family}"
        raise refuse(
            NO_TEMPLATE, what, mend=f"there are templates of {', '.join(known)}; `tollbook facts {family}` helps"
        )
    if template and template not in own:
        mend = did_you_mean(template, own)
        raise refuse(NO_TEMPLATE, f"{family} has no template {template!r}", mend=mend)
    if not _NAME.fullmatch(name):
        mend = "small letters, digits, - _ . ; it begins with a letter or digit"
        raise refuse(BAD_NAME, f"{name!r} is no name of a rule set", mend=mend)
    target = into / family / f"{name}.yaml"
    if target.exists():
        what = "there is such a file already"
        raise refuse(EXISTS, what, mend="choose another name", where=Where(str(target)))
    chosen = own[template] if template else next(iter(own.values()))
    text = chosen.text.replace(PLACEHOLDER, name)
    label = f"rules/{family}/{name}.yaml"
    try:
        book = compile_book({label: text.encode()}, desk.families, plugins=desk.plugins, lint=False)
    except TollbookError as error:
        raise TollbookError(finding.at(Where(str(target))) for finding in error.findings) from None
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(text, encoding="utf-8")
    ruleset = book.rulesets[f"{family}/{name}"]
    return Made(ruleset.name, chosen.name, str(target), len(ruleset.rules), len(ruleset.cases))
