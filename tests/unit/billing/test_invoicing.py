"""Charges to drafts, drafts to invoices, invoices to series and numbers."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any

import msgspec
import pytest

from engine.base.errors import TollbookError
from engine.billing import invoicing
from engine.billing.invoicing import drafts, finish, tax_requests
from engine.billing.numbering import NumberingFacts, fill_series, numbering_facts
from engine.model.contract import Contract
from engine.model.decision import Decision
from engine.model.entity import TaxRegistration
from engine.model.invoice import InvoiceDraft, InvoiceLine, RatedCharge
from engine.model.numbering import fiscal_year, legal_number
from engine.model.tax import TaxQuote
from tests.unit.billing.simulator import ENTITY, account, decision

D = Decimal
TODAY = date(2026, 3, 15)
PAYER = account(key="HQ", region="BY", tax_id="DE1", tax_exempt=True)


def rated(
    amount: str, *, account: str = "A-1", contract: str = "", subscription: str = "S-1", currency: str = "EUR"
) -> RatedCharge:
    day = date(2026, 3, 1)
    return RatedCharge(
        account, 7, 5, subscription, contract, 0, "p", "fee", 11, "recurring", "Fee", "cloud", "digital", day, date(2026, 4, 1),
        day, date(2026, 4, 1), currency, D(1), D(amount), "1", D(amount), 21, 0,
    )  # fmt: skip


def made(charges: list[RatedCharge], contracts: dict[str, Contract] | None = None, **terms: Any) -> list[InvoiceDraft]:
    asked: list[Any] = []

    def decide(family: str, facts: Any, on: date) -> Decision:
        assert (family, on) == ("invoicing", TODAY)
        asked.append(facts)
        return decision("invoicing", number=41, **terms)

    found = drafts(decide, ENTITY, PAYER, charges, contracts or {}, TODAY)
    assert [(f.currency, f.lines) for f in asked] == sorted(
        {(c.currency, sum(o.currency == c.currency for o in charges)) for c in charges}
    )
    return found


class TestDrafts:
    def test_nothing_owed_nothing_drafted(self) -> None:
        assert made([]) == []

    def test_one_currency_each(self) -> None:
        found = made([rated("10"), rated("5", currency="USD"), rated("-3")])
        assert [(d.currency, d.group, d.kind, [c.amount for c in d.charges]) for d in found] == [
            ("EUR", "EUR", "invoice", [D(10), D(-3)]),
            ("USD", "USD", "invoice", [D(5)]),
        ]
        draft = found[0]
        assert (draft.tenant, draft.entity, draft.payer, draft.payer_id, draft.decision) == ("t", "DE01", "HQ", 7, 41)
        assert (draft.invoice_date, draft.tax_point, draft.due_date) == (TODAY, TODAY, date(2026, 4, 14))

    @pytest.mark.parametrize(
        ("group_by", "groups"),
        [
            ("payer", {"EUR": 4}),
            ("account", {"EUR/A-1": 3, "EUR/A-2": 1}),
            ("contract", {"EUR": 1, "EUR/C-1": 2, "EUR/C-2": 1}),
            ("subscription", {"EUR/S-1": 2, "EUR/S-2": 1, "EUR/S-3": 1}),
        ],
    )
    def test_groups(self, group_by: str, groups: dict[str, int]) -> None:
        charges = [
            rated("1", contract="C-1"),
            rated("2", contract="C-1"),
            rated("3", subscription="S-2"),
            rated("4", account="A-2", contract="C-2", subscription="S-3"),
        ]
        found = made(charges, group_by=group_by)
        assert {d.group: len(d.charges) for d in found} == groups
        assert sorted(c.amount for d in found for c in d.charges) == [D(1), D(2), D(3), D(4)]

    @pytest.mark.parametrize(
        ("amounts", "kind"), [(["5", "-4"], "invoice"), (["5", "-5"], "invoice"), (["5", "-6"], "credit_note")]
    )
    def test_kind(self, amounts: list[str], kind: str) -> None:
        assert [d.kind for d in made([rated(a) for a in amounts])] == [kind]

    @pytest.mark.parametrize(
        ("contract", "due", "expected"),
        [
            ("", None, "2026-04-14"),
            ("C-1", None, "2026-03-29"),
            ("C-1", 0, "2026-03-15"),
            ("C-9", None, "2026-04-14"),
            ("", 60, "2026-05-14"),
        ],
    )
    def test_terms_of_payment_are_the_rule_s_then_the_contract_s_then_thirty_days(
        self, contract: str, due: int | None, expected: str
    ) -> None:
        known = {"C-1": Contract(3, "t", "DE01", "C-1", "A-1", TODAY, 14, "PO-77")}
        (draft,) = made([rated("1", contract=contract)], known, due=due)
        assert draft.due_date == date.fromisoformat(expected)
        assert draft.purchase_order == ("PO-77" if contract == "C-1" else "")

    def test_a_hold_is_a_finding_about_the_payer(self) -> None:
        with pytest.raises(TollbookError) as caught:
            made([rated("10"), rated("2.50")], hold="no purchase order")
        (finding,) = caught.value.findings
        assert (finding.code, finding.subject) == (invoicing.HELD, "account/HQ")
        assert finding.what == "12.50 EUR of HQ is held: no purchase order"


def test_tax_is_asked_for_each_line_with_the_registrations_in_force() -> None:
    entity = msgspec.structs.replace(
        ENTITY,
        registrations=(
            TaxRegistration("DE", "vat", "DE1"),
            TaxRegistration("AT", "vat", "ATU1", date(2026, 3, 15), date(2026, 3, 16)),
            TaxRegistration("FR", "vat", "FR1", valid_to=date(2026, 3, 15)),
            TaxRegistration("IT", "vat", "IT1", valid_from=date(2026, 3, 16)),
        ),
    )
    (draft,) = made([rated("10"), rated("-2.50")])
    first, second = tax_requests(entity, PAYER, draft, "7.0")
    assert (first.key, second.key) == ("7.0/1", "7.0/2")
    assert (first.amount, second.amount) == (D(10), D("-2.50"))
    assert first.seller_registered_in == ("DE", "AT")
    assert (first.tenant, first.entity, first.seller_country, first.account) == ("t", "DE01", "DE", "HQ")
    assert (first.country, first.region, first.buyer_tax_id, first.exempt) == ("DE", "BY", "DE1", True)
    assert (first.tax_code, first.tax_point, first.currency) == ("digital", TODAY, "EUR")


def quote(key: str, amount: str) -> tuple[TaxQuote, int]:
    return TaxQuote(key, D("0.19"), D(amount), "S", "DE", "rules"), 51


class TestFinish:
    def decide(self, family: str, facts: NumberingFacts, on: date) -> Decision:
        assert (family, on, facts.kind, facts.country) == ("numbering", TODAY, "invoice", "DE")
        return decision("numbering", number=61, series="{entity}-{fiscal_year}")

    def test_lines_tax_and_totals(self) -> None:
        (draft,) = made([rated("10.00"), rated("-2.50"), rated("0.99")])
        invoice = finish(
            self.decide, ENTITY, PAYER, draft, [quote("1", "1.90"), quote("2", "-0.48"), quote("3", "0.19")]
        )
        assert (invoice.net, invoice.tax, invoice.total) == (D("8.49"), D("1.61"), D("10.10"))
        assert [(line.number, line.charge.amount, line.tax.amount, line.tax_decision) for line in invoice.lines] == [
            (1, D("10.00"), D("1.90"), 51),
            (2, D("-2.50"), D("-0.48"), 51),
            (3, D("0.99"), D("0.19"), 51),
        ]
        assert (invoice.series, invoice.number_format, invoice.numbering, invoice.kind) == (
            "DE01-2026",
            "{series}-{number:06}",
            61,
            "invoice",
        )
        assert invoice.draft is draft

    @pytest.mark.parametrize("count", [0, 1, 3])
    def test_every_line_needs_its_tax(self, count: int) -> None:
        (draft,) = made([rated("10.00"), rated("2.50")])
        with pytest.raises(ValueError, match="zip"):
            finish(self.decide, ENTITY, PAYER, draft, [quote(str(n), "0") for n in range(count)])


@pytest.mark.capability("A3.4")
@pytest.mark.parametrize(
    ("start", "on", "year"),
    [
        (1, "2026-01-01", 2026),
        (1, "2026-12-31", 2026),
        (4, "2026-03-31", 2026),
        (4, "2026-04-01", 2027),
        (4, "2027-03-31", 2027),
        (7, "2026-06-30", 2026),
        (7, "2026-07-01", 2027),
        (12, "2026-11-30", 2026),
        (12, "2026-12-01", 2027),
    ],
)
def test_a_fiscal_year_is_named_by_the_year_in_which_it_ends(start: int, on: str, year: int) -> None:
    assert fiscal_year(start, date.fromisoformat(on)) == year


@pytest.mark.capability("A3.4")
@pytest.mark.parametrize(
    ("template", "series"),
    [
        ("INV", "INV"),
        ("{entity}-{year}", "DE01-2026"),
        ("{kind}/{fiscal_year}", "credit_note/2027"),
        ("{entity}{year}{kind}{fiscal_year}", "DE012026credit_note2027"),
    ],
)
def test_series(template: str, series: str) -> None:
    entity = msgspec.structs.replace(ENTITY, fiscal_year_start=4)
    assert fill_series(template, NumberingFacts(entity, "credit_note", "FR", date(2026, 12, 31))) == series


@pytest.mark.capability("A3.4")
@pytest.mark.parametrize(
    ("starts", "on", "series"),
    [
        (4, "2026-03-31", "2026/2526"),
        (4, "2026-04-01", "2026/2627"),
        (1, "2026-04-01", "2026/2626"),
        (4, "1999-12-31", "1999/9900"),
    ],
)
def test_the_year_of_the_law(starts: int, on: str, series: str) -> None:
    facts = NumberingFacts(ENTITY, "invoice", "IN", date.fromisoformat(on))
    assert fill_series("{year}/{fiscal_from_yy}{fiscal_yy}", facts, starts) == series


@pytest.mark.parametrize(
    ("jurisdictions", "numbered"),
    [(["AT", "AT"], "AT"), (["AT", "DE"], "DE"), (["FR"], "DE"), (["AT-9"], "AT"), (["US"], "DE")],
)
def test_the_jurisdiction_that_numbers(jurisdictions: list[str], numbered: str) -> None:
    """The one country of all lines, if the seller is registered there; else the seller's own."""
    entity = msgspec.structs.replace(ENTITY, country="DE", registrations=(TaxRegistration("AT", "vat", "ATU1"),))
    (draft,) = made([rated("10.00") for _ in jurisdictions])
    lines = tuple(
        InvoiceLine(n, charge, msgspec.structs.replace(quote("1", "1.90")[0], jurisdiction=place))
        for n, (charge, place) in enumerate(zip(draft.charges, jurisdictions, strict=True), 1)
    )
    facts = numbering_facts(entity, PAYER, draft, lines)
    assert (facts.jurisdiction, facts.registered, facts.corrective, facts.currency) == (numbered, True, False, "EUR")
    credit = msgspec.structs.replace(lines[0], charge=msgspec.structs.replace(lines[0].charge, credits=7))
    assert numbering_facts(entity, PAYER, draft, (credit,)).corrective


@pytest.mark.parametrize(
    ("template", "number", "text"),
    [
        ("{series}-{number:06}", 1, "DE01-000001"),
        ("{series}-{number:06}", 1234567, "DE01-1234567"),
        ("{year}/{number}", 42, "2026/42"),
        ("{number:08}", 7, "00000007"),
    ],
)
def test_legal_numbers(template: str, number: int, text: str) -> None:
    assert legal_number(template, "DE01", number, TODAY) == text
