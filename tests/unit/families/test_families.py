"""What every family owes its readers, and what each says of its own terms."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date
from decimal import Decimal
from types import SimpleNamespace
from typing import Any

import msgspec
import pytest

from engine.base.errors import TollbookError, Where
from engine.billing.numbering import NumberingFacts
from engine.families import ALL, numbering
from engine.model.decision import Decision, Family, Method
from engine.rulebook.rulebook import compile_book
from tests.unit.billing.simulator import ENTITY, account, charge, decision

EVERY = [pytest.param(family, id=family.name) for family in ALL.values()]


def test_the_families_of_a_bill_run() -> None:
    asked = [
        "conditions",
        "usage_control",
        "metering",
        "lateness",
        "pricing",
        "discounts",
        "proration",
        "invoicing",
        "purchase_orders",
        "numbering",
        "tax_evidence",
        "tax",
        "tax_fallback",
        "tax_rounding",
        "routing",
        "clearance",
        "posting",
        "revrec",
    ]
    later = [
        "wallets",
        "allocation",
        "writeoff",
        "accrual",
        "impairment",
        "intercompany",
        "books",
        "exceptions",
        "crediting",
        "renewal",
        "limits",
        "triggers",
        "documents",
        "delivery",
        "erp",
        "dunning",
        "interest",
    ]
    last = ["payment_retry", "direct_debits", "matching", "dispute", "escalation", "close", "stewardship", "approval"]
    assert list(ALL) == [*asked, *later, *last]
    with pytest.raises(TypeError):
        ALL["pricing"] = ALL["tax"]  # type: ignore[index]


def described(schema: Mapping[str, Any], path: str) -> Iterator[tuple[str, bool]]:
    for name, rule in schema.items():
        yield f"{path}.{name}", bool(rule.get("meta", {}).get("description"))
        inner = rule.get("schema", {}).get("schema", {})
        yield from described(inner, f"{path}.{name}")


@pytest.mark.parametrize("family", EVERY)
def test_everything_in_a_family_is_documented(family: Family) -> None:
    assert family.doc
    assert family.selected_by
    schemas = [family.outcome, *(method.schema for method in family.methods.values())]
    assert [path for schema in schemas for path, known in described(schema, family.name) if not known] == []
    assert [name for name, method in family.methods.items() if not method.function.__doc__] == []
    facts = msgspec.inspect.type_info(family.facts)
    assert isinstance(facts, msgspec.inspect.StructType)
    undescribed = [
        f.name for f in facts.fields if not (getattr(f.type, "extra_json_schema", None) or {}).get("description")
    ]
    assert undescribed == []


@pytest.mark.parametrize("family", EVERY)
def test_no_method_takes_a_field_of_the_outcome(family: Family) -> None:
    for method in family.methods.values():
        assert not set(method.schema) & (set(family.outcome) | {"method"})


@pytest.mark.parametrize("family", EVERY)
def test_facts_are_frozen(family: Family) -> None:
    assert family.facts.__struct_config__.frozen


class TestPricingResults:
    def test_the_amount_of_a_case_is_rounded_in_its_currency(self) -> None:
        made = decision("pricing", "per_unit", unit={"EUR": Decimal("0.333")})
        facts = SimpleNamespace(
            quantity=Decimal(2), account=SimpleNamespace(currency="EUR"), discounts=(), granted=Decimal(0)
        )
        results = ALL["pricing"].results
        assert results is not None
        assert results(made, facts) == {
            "amount": {"EUR": Decimal("0.67")},
            "exact": {"EUR": Decimal("0.666")},
            "billable": Decimal(2),
        }

    @pytest.mark.parametrize(
        ("mode", "amount"), [("half_up", "0.13"), ("half_even", "0.12"), ("up", "0.13"), ("down", "0.12")]
    )
    def test_rounding_is_the_rule_s(self, mode: str, amount: str) -> None:
        made = decision("pricing", "flat", price={"EUR": Decimal("0.125")}, rounding=mode)
        facts = SimpleNamespace(
            quantity=Decimal(1), account=SimpleNamespace(currency="EUR"), discounts=(), granted=Decimal(0)
        )
        results = ALL["pricing"].results
        assert results is not None
        assert results(made, facts)["amount"] == {"EUR": Decimal(amount)}


def test_the_share_of_a_proration_case() -> None:
    results = ALL["proration"].results
    assert results is not None
    facts = SimpleNamespace(
        part_from=date(2026, 1, 15),
        part_to=date(2026, 2, 1),
        cycle_from=date(2026, 1, 1),
        cycle_to=date(2026, 2, 1),
        charge=charge(),
    )
    assert results(decision("proration", "actual_days"), facts) == {"share": "17/31"}
    assert results(decision("proration", "none"), facts) == {"share": "1"}


class TestNumbering:
    def flaws(self, **terms: Any) -> list[tuple[tuple[str | int, ...], str]]:
        made = decision("numbering", **{"series": "{entity}-{year}", **terms})
        return [(flaw.path, flaw.what) for flaw in numbering.check(made.terms)]

    @pytest.mark.parametrize(
        "terms",
        [
            {},
            {"series": "INV", "format": "{series}{number}"},
            {"series": "INV", "format": "{series!s:>5}{number:,}"},
            {"series": "{kind}-{fiscal_year}", "format": "{series}/{number:08}", "max_length": 21},
            {"format": "{series}/{number:04}", "max_length": 16},
            {"format": "{series}{number:06}"},
            {"format": "{series}{number:06}", "length": 15, "characters": "A-Z0-9-", "begins_with": "A-Z"},
            {"series": "{jurisdiction}{fiscal_from_yy}{fiscal_yy}-{currency}", "year_starts": 4},
            {"code": "{code}-{number}", "codes": {"S": "X"}, "chain": "{number};{previous}", "printed": [1, 11]},
        ],
    )
    def test_good_templates(self, terms: dict[str, Any]) -> None:
        assert self.flaws(**terms) == []

    @pytest.mark.parametrize(
        ("terms", "path"),
        [
            ({"series": "{entity}-{yaer}"}, "series"),
            ({"series": "{entity"}, "series"),
            ({"series": "{}"}, "series"),
            ({"series": "{entity.secret}"}, "series"),
            ({"series": "{year[0]}"}, "series"),
            ({"format": "{series}"}, "format"),
            ({"format": "{series}-{{number}}"}, "format"),
            ({"format": "{series}-{number:.2e}"}, "format"),
            ({"format": "{number:06}"}, "format"),
            ({"format": "{year}-{number:04}"}, "format"),
            ({"format": "{{series}}-{number}"}, "format"),
            ({"format": "{series:.4}-{number}"}, "format"),
            ({"format": "{number:q}"}, "format"),
            ({"format": "{serie}-{number}"}, "format"),
            ({"format": "{number.real.x}"}, "format"),
            ({"format": "{series}-{number}", "max_length": 12}, "format"),
            ({"format": "{series}-{number:010}", "max_length": 16}, "format"),
            ({"format": "{series}{number}"}, "format"),
            ({"series": "S{month}", "format": "{series}{number}"}, "format"),
            ({"format": "{series}-{number:06}", "largest": 9_999_999, "max_length": 16}, "format"),
            ({"length": 16, "format": "{series}-{number}"}, "format"),
            ({"characters": "A-Z0-9"}, "format"),
            ({"series": "0{year}", "begins_with": "A-Z1-9"}, "format"),
            ({"format": "/{series}-{number}", "begins_with": "A-Z1-9", "characters": "A-Z0-9/-"}, "format"),
            ({"code": "{code}"}, "code"),
            ({"code": "{number}"}, "code"),
            ({"code": "{cod}-{number}"}, "code"),
            ({"codes": {"S2026": "X"}}, "codes"),
            ({"signer": "key"}, "signer"),
            ({"printed": [1]}, "printed"),
            ({"chain": "{number}"}, "chain"),
            ({"chain": "{date};{previous}"}, "chain"),
            ({"chain": "{number};{previous};{when}"}, "chain"),
            ({"chain": "{number"}, "chain"),
        ],
    )
    def test_bad_templates(self, terms: dict[str, Any], path: str) -> None:
        found = self.flaws(**terms)
        assert [where for where, _ in found] == [(path,)]

    def test_the_length_is_that_of_a_late_number(self) -> None:
        (flaw,) = self.flaws(format="{series}-{number}", max_length=12)
        assert flaw[1] == "'ACME-2026-999999' has 16 characters, more than max_length 12"

    def test_a_format_without_its_series_says_how_to_mend_it(self) -> None:
        made = decision("numbering", series="{entity}", format="{number:06}", max_length=40)
        (flaw,) = numbering.check(made.terms)
        assert flaw.what == "'{number:06}' has no {series}, or not the whole of it: two series could give one number"
        assert flaw.mend == "write {series} before the number, such as {series}-{number:06}"

    def test_the_first_number_of_a_case(self) -> None:
        facts = NumberingFacts(ENTITY, "invoice", "DE", date(2026, 3, 1))
        made = decision("numbering", series="{entity}-{fiscal_year}")
        assert numbering.results(made, facts) == {"first": "DE01-2026-000001", "name": "DE01-2026"}


@pytest.mark.parametrize(
    ("terms", "path"),
    [
        ({"needed": True}, ("needed",)),
        ({"needed": False, "adapter": "authority"}, ("adapter",)),
        ({"needed": True, "adapter": "authority"}, None),
        ({"needed": False}, None),
    ],
)
def test_a_clearance_names_who_is_asked(terms: dict[str, Any], path: tuple[str] | None) -> None:
    check = ALL["clearance"].check
    assert check is not None
    assert [flaw.path for flaw in check(decision("clearance", **terms).terms)] == ([path] if path else [])


def test_a_decision_s_method_is_what_the_family_names() -> None:
    assert account().currency == "EUR"
    made = decision("pricing", "package", size=Decimal(10), price={"EUR": Decimal(1)})
    assert isinstance(made, Decision)
    assert isinstance(ALL["pricing"].methods["package"], Method)
    assert made.where == Where("test.yaml", 1)
    assert made.terms["round"] == "up"


def priced(then: str) -> list[str]:
    """What is said of a pricing rule with that outcome."""
    text = f"ruleset: pricing/x\nrules:\n  - {{id: a, then: {then}}}\n"
    try:
        compile_book({"rules/pricing/x.yaml": text.encode()}, ALL)
    except TollbookError as error:
        return [f"{finding.where.line}:{finding.where.column} {finding.what}" for finding in error.findings]
    return []


class TestPrices:
    """No price is negative, and tiers have one list of currencies."""

    @pytest.mark.parametrize(
        "then",
        [
            "{method: flat, price: -1 EUR}",
            "{method: per_unit, unit: [1 EUR, -0.01 USD]}",
            "{method: graduated, tiers: [{unit: -1 EUR}]}",
            "{method: volume, tiers: [{flat: -1 EUR}]}",
        ],
    )
    def test_negative_prices_are_refused(self, then: str) -> None:
        (said,) = priced(then)
        assert "-" in said
        assert priced(then.replace("-", "")) == []

    def test_tiers_lack_no_currency_of_their_siblings(self) -> None:
        tiers = (
            "{method: graduated, tiers: [{up_to: 5, unit: [1 EUR, 2 USD]}, {unit: 1 EUR, flat: [1 EUR, 2 USD, 3 GBP]}]}"
        )
        assert priced(tiers) == [
            "3:64 the unit of tier 1 has no price in GBP, the flat of tier 2 has one",
            "3:88 the unit of tier 2 has no price in GBP, USD, the flat of tier 2 has one",
        ]
        assert priced("{method: volume, tiers: [{up_to: 5, unit: 1 EUR}, {flat: 0 EUR}]}") == []
