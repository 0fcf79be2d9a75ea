"""Templates: each is in order, passes its own cases, and its cases notice most mistakes."""

from __future__ import annotations

from pathlib import Path

import pytest

from engine.base.errors import TollbookError
from engine.families import ALL
from engine.rulebook.authoring.mutating import mutate
from engine.rulebook.authoring.templating import new_ruleset, templates
from engine.rulebook.cases import run_cases
from engine.rulebook.desk import RuleDesk
from engine.rulebook.format import format_rules
from engine.rulebook.rulebook import compile_book
from tests.house.sources import ROOT


@pytest.mark.parametrize("key", sorted(templates()), ids="/".join)
def test_a_template_passes_its_cases_at_once(key: tuple[str, str]) -> None:
    each = templates()[key]
    text = each.text.replace("name_here", "mine")
    assert each.title.endswith((".", ":")) or each.title
    book = compile_book({f"rules/{each.family}/mine.yaml": text.encode()}, ALL)
    assert book.warnings == ()
    report = run_cases(book)
    assert (report.findings, report.uncovered) == ((), ())
    assert format_rules(text.encode(), "x") == text
    if each.family == "pricing":
        (strength,) = mutate(book, 1000)
        assert [f"{weak.rule}: {weak.what}" for weak in strength.survived] == []


def test_all_of_them_stand_beside_the_shipped_rules(tmp_path: Path) -> None:
    desk = RuleDesk(ALL, (ROOT / "rules", tmp_path))
    for number, (family, name) in enumerate(sorted(templates())):
        if family in ("pricing", "dunning"):
            new_ruleset(desk, family, f"n{number}", name, tmp_path)
    assert desk.check().warnings == ()
    assert desk.test().findings == ()


@pytest.mark.parametrize(
    ("family", "name", "template", "code"),
    [
        ("pricin", "x", "", "rule.unknown-family"),
        ("pricing", "x", "per-seet", "template.unknown"),
        ("limits", "x", "", "template.unknown"),
        ("pricing", "Not Good", "", "template.bad-name"),
        ("pricing", "../x", "", "template.bad-name"),
        ("pricing", "there", "", "template.exists"),
    ],
)
def test_what_is_refused(tmp_path: Path, family: str, name: str, template: str, code: str) -> None:
    (tmp_path / "pricing").mkdir()
    (tmp_path / "pricing/there.yaml").write_text("")
    with pytest.raises(TollbookError) as caught:
        new_ruleset(RuleDesk(ALL, (tmp_path,)), family, name, template, tmp_path)
    assert caught.value.findings[0].code == code
    assert [path.name for path in tmp_path.rglob("*.yaml")] == ["there.yaml"]
