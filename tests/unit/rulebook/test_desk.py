"""Check, test, format, facts and schemas over folders of rules, with places as a person would write them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from engine.app import App
from engine.base.document import parse
from engine.base.errors import TollbookError
from engine.rulebook.desk import RuleDesk
from tests.unit.rulebook.example import FAMILIES

GOOD = """\
ruleset: pricing/calls
parameters:
  cheap: {type: price, value: 0.08 USD}
rules:
  - id: many
    when: account.segment == "enterprise" and quantity >= 1000
    then: {method: per_unit, unit: $cheap, discount: 5 %}
  - {id: few, then: {method: flat, price: [1 USD, 2 EUR]}}
cases:
  - {given: {account: {segment: enterprise}, quantity: 1200}, expect: {rule: many}}
"""


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> RuleDesk:
    monkeypatch.chdir(tmp_path)
    for folder in ("base/pricing", "own/pricing"):
        Path(folder).mkdir(parents=True)
    Path("base/pricing/calls.yaml").write_text(GOOD)
    return RuleDesk(FAMILIES, [Path("base"), Path("own")])


def test_check_gives_the_book(desk: RuleDesk) -> None:
    book = desk.check()
    assert list(book.rulesets) == ["pricing/calls"]
    assert book.warnings == ()


def test_mistakes_are_where_the_file_is(desk: RuleDesk) -> None:
    Path("own/pricing/more.yaml").write_text("ruleset: pricing/more\nrules: []\n")
    with pytest.raises(TollbookError) as raised:
        desk.check()
    assert {finding.where.file for finding in raised.value.findings} == {"own/pricing/more.yaml"}


def test_warnings_are_where_the_file_is(desk: RuleDesk) -> None:
    Path("own/pricing/calls.yaml").write_text(GOOD.replace("$cheap", "1 USD"))
    (warning,) = desk.check().warnings
    assert (warning.code, str(warning.where)) == ("rule.unused-parameter", "own/pricing/calls.yaml:3:3")


def test_check_refuses_names_that_nobody_has(desk: RuleDesk) -> None:
    Path("own/labels").mkdir()
    Path("own/labels/x.yaml").write_text("ruleset: labels/x\nrules:\n  - {id: a, then: {label: chaep}}\n")
    assert desk.check().release
    desk.known = {"word": ["cheap", "dear"]}
    with pytest.raises(TollbookError) as raised:
        desk.check()
    (finding,) = raised.value.findings
    assert (finding.code, str(finding.where)) == ("rule.unknown-name", "own/labels/x.yaml:3:27")
    assert finding.mend == "did you mean 'cheap'?"


def test_check_refuses_cases_that_are_wrong_and_leaves_failing_ones_to_test(desk: RuleDesk) -> None:
    Path("base/pricing/calls.yaml").write_text(GOOD.replace("quantity: 1200}", "quantitty: 1200}"))
    with pytest.raises(TollbookError) as raised:
        desk.check()
    assert [(f.code, f.where.line) for f in raised.value.findings] == [("case.unknown-fact", 10)]
    Path("base/pricing/calls.yaml").write_text(GOOD.replace("{rule: many}", "{rule: few}"))
    assert desk.check().warnings == ()
    assert [finding.code for finding in desk.test().findings] == ["case.failed"]


def test_check_says_on_demand_what_is_not_analysed(desk: RuleDesk) -> None:
    Path("base/pricing/calls.yaml").write_text(GOOD.replace("quantity >= 1000", "quantity * 2 >= 1000"))
    assert desk.check().warnings == ()
    (note,) = desk.check(everything=True).warnings
    assert (note.code, note.level, str(note.where)) == ("rule.not-analysed", "info", "base/pricing/calls.yaml:5:5")
    assert note.why == "quantity * 2 >= 1000 is no comparison of one fact with constants"


def test_schemas_offer_collect_only_where_a_family_collects(desk: RuleDesk) -> None:
    offered = {name: desk.schema(name)["properties"]["hit"]["enum"] for name in FAMILIES}
    assert offered == {"pricing": ["first", "unique", "priority"], "labels": ["first", "unique", "collect", "priority"]}


def test_test_gives_the_report(desk: RuleDesk) -> None:
    report = desk.test()
    assert report.findings == ()
    assert [str(each.where) for each in report.coverage] == [
        "base/pricing/calls.yaml:5:5",
        "base/pricing/calls.yaml:8:5",
    ]
    Path("base/pricing/calls.yaml").write_text(GOOD.replace("{rule: many}", "{rule: few}"))
    (finding,) = desk.test().findings
    assert str(finding.where) == "base/pricing/calls.yaml:10:72"


def test_facts_of_a_family(desk: RuleDesk) -> None:
    sheet = desk.facts("pricing")
    assert [(f.name, f.type, f.required, f.doc) for f in sheet.facts] == [
        ("account.key", "string", True, ""),
        ("account.segment", "one of enterprise, business, private", True, ""),
        ("account.country", "string", True, ""),
        ("account.currency", "string", True, ""),
        ("charge.meter", "string", True, ""),
        ("charge.months", "number", True, ""),
        ("quantity", "number", True, "units used"),
        ("agreed", "number, may be null", False, "agreed price"),
        ("since", "date", True, ""),
        ("parent.key", "string", True, ""),
        ("parent.segment", "one of enterprise, business, private", True, ""),
        ("parent.country", "string", True, ""),
        ("parent.currency", "string", True, ""),
    ]
    assert [(m.name, m.doc, [f.name for f in m.fields]) for m in sheet.methods] == [
        ("flat", "One price.", ["price"]),
        ("per_unit", "A price for each unit.", ["unit"]),
    ]
    assert [(f.name, f.type) for f in sheet.outcome] == [
        ("note", "a text"),
        ("discount", "a percentage such as 19 %; default 0 %"),
    ]
    with pytest.raises(TollbookError, match=r"did you mean 'pricing'\?"):
        desk.facts("prices")


def test_format_changes_only_what_it_must(desk: RuleDesk) -> None:
    own = Path("own/pricing/more.yaml")
    own.write_text("owner: x\nruleset: pricing/more\n")
    before = Path("base/pricing/calls.yaml").stat().st_mtime_ns
    assert [(each.file, each.changed) for each in desk.format(write=False)] == [
        ("base/pricing/calls.yaml", False),
        ("own/pricing/more.yaml", True),
    ]
    assert own.read_text().startswith("owner")
    assert [each.changed for each in desk.format([own])] == [True]
    assert own.read_text() == "ruleset: pricing/more\nowner: x\n"
    assert not any(each.changed for each in desk.format())
    assert Path("base/pricing/calls.yaml").stat().st_mtime_ns == before


def test_format_leaves_all_files_where_one_is_broken(desk: RuleDesk) -> None:
    Path("own/pricing/a.yaml").write_text("owner: x\nruleset: y\n")
    Path("own/pricing/b.yaml").write_text("a: *b\n")
    with pytest.raises(TollbookError, match=r"own/pricing/b\.yaml:1:4"):
        desk.format()
    assert Path("own/pricing/a.yaml").read_text() == "owner: x\nruleset: y\n"
    with pytest.raises(TollbookError, match=r"rule\.no-file"):
        desk.format([Path("none.yaml")])


def plain(value: Any) -> Any:
    """Data as an editor sees it: JSON types only."""
    if isinstance(value, Mapping):
        return {key: plain(item) for key, item in value.items()}
    if isinstance(value, list):
        return [plain(item) for item in value]
    return value if isinstance(value, (str, int, bool, type(None))) else str(value)


def complaints(schema: Any, text: str) -> list[str]:
    validator = jsonschema.Draft202012Validator(schema)
    return sorted(error.json_path for error in validator.iter_errors(plain(parse(text, "x").data)))


def test_the_schema_takes_a_good_file_and_refuses_bad_ones(desk: RuleDesk) -> None:
    schema = desk.schema("pricing")
    jsonschema.Draft202012Validator.check_schema(schema)
    assert complaints(schema, GOOD) == []
    bad = (
        GOOD.replace("pricing/calls", "labels/calls")
        .replace("method: flat, price: [1 USD, 2 EUR]", "method: flat, prices: 1 USD")
        .replace("discount: 5 %", "discount: 5")
        .replace("quantity: 1200", "quantty: 1200")
        .replace("parameters:", "hit: frist\nparameters:")
    )
    assert complaints(schema, bad) == [
        "$.cases[0].given",
        "$.hit",
        "$.rules[0].then.discount",
        "$.rules[1].then",
        "$.rules[1].then",
        "$.ruleset",
    ]
    assert complaints(schema, GOOD.replace("method: flat", "method: flatt")) == ["$.rules[1].then.method"]


def test_the_schemas_take_the_rules_of_the_gallery_that_are_only_wrong_in_meaning(desk: RuleDesk) -> None:
    text = "ruleset: labels/x\nrules:\n  - {id: a, when: true, then: {label: $t, days: 3 days}}\n"
    assert complaints(desk.schema("labels"), text) == []
    assert complaints(desk.schema("labels"), text.replace("3 days", "3")) == ["$.rules[0].then.days"]


def test_schemas_are_written_for_every_family(desk: RuleDesk) -> None:
    written = desk.write_schemas(Path("schemas"))
    assert [path.name for path in written] == ["pricing.schema.json", "labels.schema.json"]
    assert json.loads(written[0].read_text()) == desk.schema("pricing")


def test_the_release_is_that_of_a_run(tmp_path: Path) -> None:
    (tmp_path / "rules/pricing").mkdir(parents=True)
    (tmp_path / "rules/pricing/calls.yaml").write_text(
        "ruleset: pricing/calls\nrules:\n  - {id: a, then: FLAT}\n".replace("FLAT", "{method: flat, price: 1 USD}")
    )
    (tmp_path / "config.yaml").write_text("adapters:\n  - {name: tax, port: tax, plugin: tax_table}\n")
    app = App(tmp_path / "config.yaml", {})
    assert app.host.versions()
    assert app.rule_desk().check().release == app.rulebook.release
    assert RuleDesk(app.families, app.rule_roots).check().release != app.rulebook.release
