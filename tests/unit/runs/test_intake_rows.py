"""A row to values and findings, and the table of formats."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal

import pytest

from engine.base.errors import Finding, Where
from engine.runs.intake.formats import FORMATS
from engine.runs.intake.formats_page import reference
from engine.runs.intake.rows import Values, check_header, read_row, rules_of

TODAY = date(2026, 3, 31)
HERE = Where("x.csv", 7)


def judge(kind: str, /, **row: str) -> tuple[Values | None, list[Finding]]:
    return read_row(rules_of(FORMATS[kind], TODAY), row, HERE)


USAGE = {
    "entity": "E1",
    "subscription": "S-1",
    "meter": "gb",
    "key": "k1",
    "at": "2026-03-01T00:30:00+01:00",
    "quantity": "2.5",
}


def test_a_good_row() -> None:
    assert judge("usage", **USAGE) == (
        {
            "entity": "E1",
            "subscription": "S-1",
            "meter": "gb",
            "key": "k1",
            "at": datetime(2026, 2, 28, 23, 30, tzinfo=UTC),
            "quantity": Decimal("2.5"),
            "source": "import",
            "dimensions": None,
        },
        [],
    )


def test_all_mistakes_of_a_row_in_one_go() -> None:
    values, findings = judge("usage", **{**USAGE, "at": "yesterday", "quantity": "one", "meter": " "})
    assert values is None
    assert [finding.what for finding in findings] == [
        "meter is empty",
        "at 'yesterday' is not a moment",
        "quantity 'one' is not a number",
    ]
    assert {(finding.where, finding.subject) for finding in findings} == {(HERE, "usage-event/E1/?/k1")}
    assert [finding.code for finding in findings] == ["intake.missing-value", "intake.bad-value", "intake.bad-value"]


def test_blanks_around_values_do_not_count_and_empty_is_absent() -> None:
    values, _ = judge("meters", key="  gb ", unit="\tGB ", aggregation="  ")
    assert values is not None
    assert {name: value for name, value in values.items() if value} == {
        "key": "gb",
        "unit": "GB",
        "aggregation": "sum",
        "others": "report",
    }


def test_bytes_that_are_not_utf8() -> None:
    values, findings = judge("plans", key="p", name=b"M\xfcller".decode("utf-8", "surrogateescape"))
    assert values is None
    assert findings[0].code == "intake.not-utf8"
    assert str(findings[0]).isascii()


@pytest.mark.parametrize(
    ("kind", "row", "what"),
    [
        ("charges", {"plan": "p", "key": "c", "name": "C", "kind": "usage"}, "a usage charge without a meter"),
        (
            "charges",
            {"plan": "p", "key": "c", "name": "C", "kind": "recurring", "meter": "gb"},
            "a recurring charge with the meter 'gb'",
        ),
        (
            "charges",
            {"plan": "p", "key": "c", "name": "C", "kind": "usage", "meter": "gb", "timing": "advance"},
            "a usage charge billed in advance",
        ),
        (
            "contract_lines",
            {
                "entity": "E1",
                "contract": "C1",
                "plan": "p",
                "charge": "c",
                "unit_price": "1",
                "currency": "EUR",
                "valid_from": "2026-01-01",
                "valid_to": "2026-01-01",
            },
            "valid from 2026-01-01 to 2026-01-01 is no day at all",
        ),
        (
            "subscription_events",
            {"entity": "E1", "subscription": "S", "key": "1", "kind": "start", "on": "2026-01-01"},
            "a start without a plan",
        ),
        (
            "subscription_events",
            {"entity": "E1", "subscription": "S", "key": "1", "kind": "change", "on": "2026-01-01"},
            "a change of nothing",
        ),
        (
            "rates",
            {"base": "EUR", "quote": "EUR", "rate": "1", "source": "ecb", "on": "2026-01-01"},
            "a rate of EUR in itself",
        ),
        ("rates", {"base": "EUR", "quote": "USD", "rate": "0", "source": "ecb", "on": "2026-01-01"}, "a rate of 0"),
        (
            "rates",
            {"base": "EUR", "quote": "USD", "rate": "-1.1", "source": "ecb", "on": "2026-01-01"},
            "a rate of -1.1",
        ),
    ],
)
def test_values_that_do_not_go_together(kind: str, row: dict[str, str], what: str) -> None:
    values, findings = judge(kind, **row)
    assert values is None
    assert [(finding.code, finding.what) for finding in findings] == [("intake.contradiction", what)]


def test_what_is_implied_is_filled_in() -> None:
    usage, _ = judge("charges", plan="p", key="c", name="C", kind="usage", meter="gb")
    fee, _ = judge("charges", plan="p", key="c", name="C", kind="recurring")
    assert usage and fee
    assert (usage["timing"], fee["timing"]) == ("arrears", "advance")
    start, _ = judge(
        "subscription_events", entity="E", subscription="S", key="1", kind="start", on="2026-01-01", plan="p"
    )
    assert start and start["quantity"] == 1
    account, _ = judge("accounts", entity="E", key="A", name="A", country="DE", currency="EUR", zone="Europe/Berlin")
    assert account and account["payer"] == "A"


def test_a_doubtful_iban_is_a_warning() -> None:
    row = {"key": "E", "name": "E", "country": "DE", "functional_currency": "EUR", "zone": "Europe/Berlin"}
    values, findings = judge("entities", **row, bank_accounts="main:EUR:DE89370400440532013001")
    assert values is not None
    assert [(finding.code, finding.level) for finding in findings] == [("intake.doubtful-iban", "warning")]
    assert judge("entities", **row, bank_accounts="main:EUR:GB82WEST12345698765432")[1] == []


def test_headers() -> None:
    errors, warnings = check_header(FORMATS["meters"], ["key", "untt", "aggregation", "", "note"], HERE)
    assert [(finding.what, finding.mend) for finding in errors] == [("meters has no column 'unit'", "rename 'untt'")]
    assert [(finding.what, finding.level) for finding in warnings] == [
        ("column 'untt' is not read", "warning"),
        ("a column without a name is not read", "warning"),
        ("column 'note' is not read", "warning"),
    ]
    assert warnings[0].mend == "did you mean 'unit'?"
    errors, _ = check_header(FORMATS["plans"], ["key;name"], HERE)
    assert {finding.mend for finding in errors} == {"separate columns with commas"}


def test_the_reference_names_every_file_column_and_type() -> None:
    page = reference()
    for form in FORMATS.values():
        assert f"\n## {form.kind}\n" in page
        section = page.split(f"\n## {form.kind}\n")[1].split("\n## ")[0]
        for column in form.columns:
            assert f"\n| {column.name} | {column.type} | {'yes' if column.required else ''} |" in section
