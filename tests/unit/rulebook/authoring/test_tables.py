"""Rule files as decision tables and back: nothing is lost, nothing is touched that did not change."""

from __future__ import annotations

import csv
import shutil
from pathlib import Path

import openpyxl
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from engine.base.document import parse
from engine.base.errors import TollbookError, Where
from engine.families import ALL
from engine.rulebook.authoring.cells import EXPRESSION, Unreadable, cells_of, parts_of
from engine.rulebook.authoring.exchange import TableDesk
from engine.rulebook.authoring.flow import alike, flow
from engine.rulebook.authoring.sheets import address
from engine.rulebook.authoring.tables import flow_cell, value_of
from engine.rulebook.desk import RuleDesk
from engine.rulebook.expression import compile_expression
from engine.rulebook.facttypes import describe
from engine.rulebook.rulebook import compile_book, read
from tests.house.sources import ROOT

FACTS = describe(ALL["pricing"].facts)
FILE = """# What calls cost.
ruleset: pricing/calls
scope: charge.key == "calls"   # only these
hit: first
parameters:
  floor: {type: integer, value: 1000, min: 1, max: 9000, tuned_by: finance_admin, why: "where bulk begins"}
rules:
  # Much is cheap.
  - id: bulk   # the big ones
    when: quantity >= floor and account.segment in ["business", "enterprise"]
    then: {method: per_unit, unit: 0.010 EUR}

  # What a few have agreed.
  - id: old
    when: >-
      account.country == "DE" and
      (quantity > 5 or account.segment == "x")
    then:
      method: graduated
      tiers:
        - {up_to: 10, unit: 2 EUR}   # dear
        - {unit: 1.50 EUR}
  # All others.
  - {id: rest, then: {method: per_unit, unit: [0.02 EUR, 0.03 USD]}}   # the rest
  # The end.
cases:
  - {given: {charge: {key: calls}, account: {currency: EUR, segment: consumer, country: AT}, quantity: 2}, expect: {amount: 0.04 EUR}}
"""


def compiled(text: str):  # type: ignore[no-untyped-def]
    return compile_expression(text, FACTS, {"floor": 1000}, Where("x"), lambda _: Where("x"))


@pytest.mark.parametrize(
    ("condition", "cells"),
    [
        ("quantity >= floor", {"quantity": ">= $floor"}),
        ("quantity >= 1 and quantity < 10", {"quantity": "[1..10)"}),
        ("quantity > 1 and quantity <= 2.50", {"quantity": "(1..2.50]"}),
        ('account.country in ["DE", "AT"]', {"account.country": "DE, AT"}),
        ('account.country not in ["DE", "AT"]', {"account.country": "not(DE, AT)"}),
        ('account.country != "DE"', {"account.country": "not(DE)"}),
        ('account.country == "5"', {"account.country": '"5"'}),
        ('account.country == "a, b"', {"account.country": '"a, b"'}),
        ("agreed_price == null", {"agreed_price": "null"}),
        ("agreed_price != null", {"agreed_price": "not(null)"}),
        ("complete", {"complete": "true"}),
        ("not complete", {"complete": "false"}),
        ("(agreed_price ?? 0) > 5", {"(agreed_price ?? 0)": "> 5"}),
        ("charge.key == account.segment", {"charge.key": "$account.segment"}),
        ("quantity > 1 and quantity > 2", {EXPRESSION: "quantity > 1 and quantity > 2"}),
        ("agreed_price != null and agreed_price > 5", {"agreed_price": "not(null)", EXPRESSION: "agreed_price > 5"}),
        ('quantity > 5 or charge.key == "x"', {EXPRESSION: '(quantity > 5 or charge.key == "x")'}),
    ],
)
def test_conditions_are_cells_and_cells_are_conditions(condition: str, cells: dict[str, str]) -> None:
    assert cells_of(compiled(condition)) == cells
    again = " and ".join(part for column, cell in cells.items() for part in parts_of(column, cell, FACTS.find(column)))
    assert {part.text.strip("()") for part in compiled(again).conjuncts()} == {
        part.text.strip("()") for part in compiled(condition).conjuncts()
    }


@pytest.mark.parametrize(
    ("column", "cell"),
    [
        ("quantity", "many"),
        ("quantity", ">= x"),
        ("complete", "yes"),
        ("account.country", 'a, "b'),
        ("account.country", "a,,b"),
        ("odd + 1", "%%"),
    ],
)
def test_cells_that_are_none_are_refused(column: str, cell: str) -> None:
    with pytest.raises(Unreadable):
        parts_of(column, cell, FACTS.find(column))


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-999, 999) | st.text(max_size=12) | st.decimals(-99, 99, places=2),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(min_size=1, max_size=5), inner, max_size=3),
    max_leaves=6,
)


@example({"<<": None})
@settings(max_examples=60, suppress_health_check=[HealthCheck.too_slow])
@given(VALUES)
def test_values_written_in_one_line_are_read_back_the_same(value: object) -> None:
    assert alike(parse(f"x: {flow(value)}", "").data["x"], value)
    assert alike(parse(f"x: [{flow(value)}]", "").data["x"][0], value)
    assert alike(value_of(flow_cell(value)), value)


@pytest.fixture
def desk(tmp_path: Path) -> tuple[TableDesk, Path]:
    target = tmp_path / "rules/pricing/calls.yaml"
    target.parent.mkdir(parents=True)
    target.write_text(FILE)
    return TableDesk(RuleDesk(ALL, (tmp_path / "rules",))), target


@pytest.mark.parametrize("kind", ["csv", "xlsx"])
def test_the_round_trip_of_all_shipped_rules_changes_no_byte(tmp_path: Path, kind: str) -> None:
    shutil.copytree(ROOT / "rules", tmp_path / "rules")
    desk = TableDesk(RuleDesk(ALL, (tmp_path / "rules",)))
    names = {
        "csv": ("matching/default", "interest/default", "tax/fallback", "exceptions/default"),
        "xlsx": ("writeoff/default",),
    }
    for name in names[kind]:
        desk.export(name, tmp_path / f"x.{kind}")
        made = desk.bring(tmp_path / f"x.{kind}", tmp_path / "rules")
        assert (made.written, made.added, made.changed, made.removed, made.moved) == (False, (), (), (), False)
        fresh = desk.bring(tmp_path / f"x.{kind}", None)
        one = parse(fresh.text, "").data
        other = parse((tmp_path / "rules" / f"{name}.yaml").read_bytes(), "").data
        assert [rule["then"] for rule in one["rules"]] == [rule["then"] for rule in other["rules"]]
        assert {key: one.get(key) for key in ("hit", "scope", "parameters")} == {
            key: other.get(key) for key in ("hit", "scope", "parameters")
        }
    assert read([tmp_path / "rules"]) == read([ROOT / "rules"])


def rows_of(path: Path) -> list[list[str]]:
    with path.open(newline="") as file:
        return list(csv.reader(file))


def edited(desk: TableDesk, tmp_path: Path, *changes: tuple[str, str, str]) -> Path:
    """The table of the file with cells changed: id, column, value."""
    path = tmp_path / "t.csv"
    desk.export("pricing/calls", path)
    rows = rows_of(path)
    head = next(n for n, row in enumerate(rows) if row and row[0] == "id")
    for name, column, value in changes:
        row = next(row for row in rows if row and row[0] == name)
        row[rows[head].index(column)] = value
    with path.open("w", newline="") as file:
        csv.writer(file).writerows(rows)
    return path


def test_a_changed_cell_changes_its_value_and_no_other_byte(desk: tuple[TableDesk, Path], tmp_path: Path) -> None:
    tables, target = desk
    made = tables.bring(
        edited(tables, tmp_path, ("bulk", "unit", "0.009 EUR"), ("bulk", "quantity", "> $floor")), target
    )
    assert (made.changed, made.added, made.written) == (("bulk",), (), True)
    expected = FILE.replace("0.010 EUR", "0.009 EUR").replace(
        'quantity >= floor and account.segment in ["business", "enterprise"]',
        '\'quantity > floor and account.segment in ["business", "enterprise"]\'',
    )
    assert target.read_text() == expected


def test_rules_are_added_moved_and_removed_with_their_comments_kept(
    desk: tuple[TableDesk, Path], tmp_path: Path
) -> None:
    tables, target = desk
    path = edited(tables, tmp_path)
    rows = rows_of(path)
    at = next(n for n, row in enumerate(rows) if row and row[0] == "bulk")
    width = len(rows[at])
    new = ["new", *["-"] * (width - 1)]
    new[rows[at - 1].index("method")], new[rows[at - 1].index("unit")] = "per_unit", "1 EUR"
    new[rows[at - 1].index("tiers")] = ""
    with path.open("w", newline="") as file:
        csv.writer(file).writerows([*rows[:at], rows[at + 1], rows[at], new, *rows[at + 2 :]])
    made = tables.bring(path, target)
    assert (made.added, made.changed, made.moved) == (("new",), (), True)
    text = target.read_text()
    assert [rule["id"] for rule in parse(text, "").data["rules"]] == ["old", "bulk", "new", "rest"]
    assert sorted(line for line in text.splitlines() if "#" in line) == sorted(
        line for line in FILE.splitlines() if "#" in line
    )
    assert text.index("# What a few") < text.index("id: old") < text.index("# Much is cheap") < text.index("id: bulk")
    with pytest.raises(TollbookError, match="has not the rules new"):
        tables.bring(edited_without(path, "new"), target)
    tables.bring(edited_without(path, "bulk", "new"), target, prune=True)
    assert "# Much is cheap." in target.read_text()
    assert [rule["id"] for rule in parse(target.read_text(), "").data["rules"]] == ["old", "rest"]


def edited_without(path: Path, *names: str) -> Path:
    other = path.with_name("without.csv")
    with other.open("w", newline="") as file:
        csv.writer(file).writerows(row for row in rows_of(path) if not row or row[0] not in names)
    return other


def test_a_change_that_would_lose_a_comment_is_refused_and_nothing_is_written(
    desk: tuple[TableDesk, Path], tmp_path: Path
) -> None:
    tables, target = desk
    for change in (("old", "tiers", "[{unit: 1 EUR}]"), ("bulk", "quantity", "-")):
        if change[0] == "bulk":
            target.write_text(
                FILE.replace(
                    "then: {method: per_unit, unit: 0.010 EUR}", "then:\n      method: per_unit # so\n      unit: 1 EUR"
                )
            )
        path = edited(tables, tmp_path, change, *((("bulk", "account.segment", "-"),) if change[0] == "bulk" else ()))
        before = target.read_bytes()
        with pytest.raises(TollbookError) as caught:
            tables.bring(path, target)
        assert [finding.code for finding in caught.value.findings] == ["table.would-lose"]
        assert target.read_bytes() == before


@pytest.mark.parametrize(
    ("change", "place", "said"),
    [
        (("bulk", "quantity", "lots"), "B", "is no number"),
        (("bulk", "unit", "0.01"), "G", "without a currency"),
        (("bulk", "unit", "[1 EUR"), "G", "cannot be read"),
        (("bulk", "method", "per_unti"), "F", "per_unti"),
        (("bulk", EXPRESSION, "quantiti > 1"), "B", "quantiti"),
    ],
)
def test_what_is_wrong_with_a_cell_is_named_by_its_address(
    desk: tuple[TableDesk, Path], tmp_path: Path, change: tuple[str, str, str], place: str, said: str
) -> None:
    tables, target = desk
    with pytest.raises(TollbookError) as caught:
        tables.bring(edited(tables, tmp_path, change), target)
    finding = caught.value.findings[0]
    assert said in finding.what
    row = next(n for n, row in enumerate(rows_of(tmp_path / "t.csv")) if row and row[0] == "bulk")
    assert f"cell {place}{row + 1}" in finding.what
    assert (finding.where.line, address(0, finding.where.column - 1)) == (row + 1, f"{place}1")
    assert target.read_text() == FILE


def test_numbers_and_formulas_of_a_workbook(desk: tuple[TableDesk, Path], tmp_path: Path) -> None:
    tables, target = desk
    path = tmp_path / "t.xlsx"
    tables.export("pricing/calls", path)
    book = openpyxl.load_workbook(path)
    sheet = book.active
    row = next(row for row in sheet.iter_rows() if row[0].value == "bulk")
    row[1].value = 2500
    book.save(path)
    assert tables.bring(path, target).changed == ("bulk",)
    assert "quantity == 2500" in target.read_text()
    row[1].value = "=1+1"
    book.save(path)
    with pytest.raises(TollbookError, match=f"cell {row[1].coordinate} holds the formula"):
        tables.bring(path, target)


def test_a_table_makes_a_new_file_that_compiles(desk: tuple[TableDesk, Path], tmp_path: Path) -> None:
    tables, _ = desk
    path = edited(tables, tmp_path)
    path.write_text(path.read_text().replace("pricing/calls", "pricing/other"))
    made = tables.bring(path, tmp_path / "rules")
    assert made.written
    content = (tmp_path / "rules/pricing/other.yaml").read_bytes()
    book = compile_book({"rules/pricing/other.yaml": content}, ALL, lint=False)
    assert [rule.id for rule in book.rulesets["pricing/other"].rules] == ["bulk", "old", "rest"]


def test_files_without_a_table(tmp_path: Path, desk: tuple[TableDesk, Path]) -> None:
    for name, content in {
        "a.csv": b"x,y\n1,2\n",
        "b.csv": b"\xff\xfe",
        "c.xlsx": b"no",
        "d.csv": b'"x\n',
        "e.ods": b"x",
    }.items():
        (tmp_path / name).write_bytes(content)
        with pytest.raises(TollbookError) as caught:
            desk[0].bring(tmp_path / name, None)
        assert caught.value.findings[0].code in ("table.no-table", "table.unreadable")
    for name in ("x.ods", "away/x.csv"):
        with pytest.raises(TollbookError, match=r"neither \.csv|no such folder"):
            desk[0].export("pricing/calls", tmp_path / name)


@settings(max_examples=15, deadline=None)
@given(
    st.permutations(["bulk", "old", "rest"]),
    st.sampled_from(["> $floor", "[5..10)", "7", ">= 1"]),
    st.sampled_from(["0.5 EUR", "[1 EUR, 2 USD]", "0.010 EUR"]),
    st.booleans(),
    st.booleans(),
)
def test_comments_survive_every_edit_by_a_table(
    tmp_path_factory: pytest.TempPathFactory, order: list[str], cell: str, unit: str, more: bool, fewer: bool
) -> None:
    folder = tmp_path_factory.mktemp("t")
    target = folder / "rules/pricing/calls.yaml"
    target.parent.mkdir(parents=True)
    target.write_text(FILE)
    tables = TableDesk(RuleDesk(ALL, (folder / "rules",)))
    path = edited(tables, folder, ("bulk", "quantity", cell), ("bulk", "unit", unit))
    rows = rows_of(path)
    at = next(n for n, row in enumerate(rows) if row and row[0] == "id") + 1
    rules = sorted(rows[at:], key=lambda row: order.index(row[0]))
    rules += [["new", *rules[order.index("bulk")][1:]]] if more else []
    rules = [row for row in rules if not (fewer and row[0] == "rest")]
    with path.open("w", newline="") as file:
        csv.writer(file).writerows([*rows[:at], *rules])
    tables.bring(path, target, prune=True)
    text = target.read_text()
    assert [rule["id"] for rule in parse(text, "").data["rules"]] == [row[0] for row in rules]
    lost = {"# the rest"} if fewer else set()
    comments = {"#" + line.partition("#")[2] for line in FILE.splitlines() if "#" in line}
    assert comments - {"#" + line.partition("#")[2] for line in text.splitlines() if "#" in line} <= lost
    assert tables.bring(path, target).text == text
