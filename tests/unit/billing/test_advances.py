"""Advances taken off invoices: never more than is left of them, and never more than is invoiced."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from engine.base.money import round_to, tax_within
from engine.billing.advances import Deducting
from engine.billing.tax_rounding import per_breakdown
from engine.model.invoice import ADVANCE, Advance, BilledLine, InvoiceDraft, RatedCharge, Reversible
from engine.model.journal import FxRate
from engine.model.tax import TaxQuote

D = Decimal
DAY = date(2026, 1, 1)
OWN = FxRate("EUR", "EUR", D(1), "", DAY)
CENTS = st.decimals("0.01", "2000", places=2)
RATES = st.sampled_from([D("0.19"), D("0.07"), D("0.16")])


def charge(amount: Decimal, kind: str = "recurring", contract: str = "") -> RatedCharge:
    """A line; one of an advance is gross."""
    of = ("A", 1, 1, "S", contract, 0, "p", "c", 1, kind, "Fee", "x", "standard", DAY, DAY, DAY, DAY, "EUR")
    return RatedCharge(*of, D(1), amount, "1", amount, 1, 0, tax_included=kind == ADVANCE)


def advance(ident: int, gross: Decimal, rate: Decimal, contract: str = "") -> Advance:
    """An advance of which everything is left."""
    tax = tax_within(gross, rate, "EUR")
    left = Reversible(gross - tax, TaxQuote("", rate, tax, "S", "DE", "rules"), 0, gross - tax, tax, OWN)
    return Advance(BilledLine(ident, charge(gross, ADVANCE, contract)), f"ADV-{ident}", left)


def draft(*charges: RatedCharge, **more: object) -> InvoiceDraft:
    """A draft of lines."""
    made = InvoiceDraft("t", "E", "A", 1, "EUR", "invoice", "EUR", DAY, DAY, DAY, "", charges, 1)
    return msgspec.structs.replace(made, **more)


def taxed(charges: list[tuple[Decimal, Decimal]]) -> tuple[InvoiceDraft, list[tuple[TaxQuote, int]]]:
    """A draft of net amounts with their rates, and the tax of its lines by breakdown."""
    made = draft(*(charge(amount) for amount, _ in charges))
    quotes = [(TaxQuote("k", r, round_to(a * r, "EUR"), "S", "DE", "rules"), 0) for a, r in charges]
    return made, per_breakdown(made.charges, quotes, {})


def total(made: InvoiceDraft, taxes: list[tuple[TaxQuote, int]]) -> Decimal:
    """With tax."""
    return sum((c.amount for c in made.charges), D(0)) + sum((q.amount for q, _ in taxes), D(0))


@given(
    st.lists(st.lists(st.tuples(CENTS, RATES), min_size=1, max_size=4), min_size=1, max_size=3),
    st.lists(st.tuples(CENTS, RATES), min_size=1, max_size=3),
)
def test_in_whatever_pieces_advances_are_used_up_to_the_cent(
    invoices: list[list[tuple[Decimal, Decimal]]], paid: list[tuple[Decimal, Decimal]]
) -> None:
    mine = [advance(n, gross, rate) for n, (gross, rate) in enumerate(paid, 1)]
    deduct, used = Deducting({"A": mine}), {one.line.id: [D(0), D(0)] for one in mine}
    for lines in invoices:
        before = taxed(lines)
        made, taxes = deduct(*before, whole=True)
        assert total(made, taxes) >= 0
        for one, (quote, _) in zip(made.charges, taxes, strict=True):
            if one.credits:
                assert one.amount <= 0 and quote.amount <= 0
                used[one.credits][0] -= one.amount
                used[one.credits][1] -= quote.amount
    for one in mine:
        net, tax = used[one.line.id]
        assert net <= one.left.net and tax <= one.left.tax.amount
        if net + tax == one.left.net + one.left.tax.amount:
            assert (net, tax) == (one.left.net, one.left.tax.amount)


def test_what_is_kept_or_of_another_contract_stays() -> None:
    mine = [advance(1, D(119), D("0.19"), "C1")]
    made, taxes = taxed([(D(500), D("0.19"))])
    assert len(Deducting({"A": mine})(made, taxes, whole=True)[0].charges) == 1
    of_it = draft(charge(D(500), contract="C1"))
    assert len(Deducting({"A": mine})(of_it, taxes, whole=True)[0].charges) == 2
    kept = msgspec.structs.replace(of_it, advances=False)
    assert len(Deducting({"A": mine})(kept, taxes, whole=True)[0].charges) == 1
    credit = msgspec.structs.replace(of_it, kind="credit_note")
    assert len(Deducting({"A": mine})(credit, taxes, whole=True)[0].charges) == 1


def test_an_advance_at_another_rate_goes_back_at_that_rate() -> None:
    made, taxes = Deducting({"A": [advance(1, D(116), D("0.16"))]})(*taxed([(D(1000), D("0.19"))]), whole=True)
    assert [(c.amount, q.rate, q.amount) for c, (q, _) in zip(made.charges, taxes, strict=True)] == [
        (D(1000), D("0.19"), D(190)),
        (D(-100), D("0.16"), D(-16)),
    ]
