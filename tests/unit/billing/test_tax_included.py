"""Net out of gross: by line, for each rate of a document, and what credits give back of it."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.base.money import round_to, tax_within
from engine.billing.crediting import credited_taxes
from engine.billing.tax_included import netted
from engine.billing.tax_rounding import per_breakdown
from engine.billing.true_up import settled
from engine.model.invoice import InvoiceDraft, RatedCharge, Reversible
from engine.model.journal import FxRate
from engine.model.tax import TaxQuote

D = Decimal
DAY = date(2026, 1, 1)
RATE = FxRate("EUR", "EUR", D(1), "", DAY)


def charge(amount: str | Decimal, included: bool = True, credits: int = 0) -> RatedCharge:
    """A line."""
    of = ("A", 1, 1, "S", "", 0, "p", "c", 1, "recurring", "Fee", "x", "standard", DAY, DAY, DAY, DAY, "EUR")
    return RatedCharge(*of, D(1), D(amount), "1", D(amount), 1, 0, credits, tax_included=included)


def draft(*charges: RatedCharge) -> InvoiceDraft:
    """A draft of lines."""
    return InvoiceDraft("t", "E", "A", 1, "EUR", "invoice", "EUR", DAY, DAY, DAY, "", charges, 1)


def quote(amount: Decimal, rate: Decimal, category: str = "S") -> tuple[TaxQuote, int]:
    """The tax on, or in, an amount."""
    return TaxQuote("k", rate, amount, category, "DE", "rules"), 0


def finished(rate: str, *lines: tuple[str, bool], whole: bool = True) -> list[tuple[Decimal, Decimal]]:
    """Net and tax of each line of a document."""
    made = draft(*(charge(amount, included) for amount, included in lines))
    r = D(rate)
    taxes = [
        quote(tax_within(c.amount, r, "EUR") if c.tax_included else round_to(c.amount * r, "EUR"), r)
        for c in made.charges
    ]
    net, taxed = netted(made, taxes, whole=whole)
    if whole:
        taxed = per_breakdown(net.charges, taxed, {})
    return [(c.amount, q.amount) for c, (q, _) in zip(net.charges, taxed, strict=True)]


@pytest.mark.parametrize(
    ("gross", "rate", "net", "tax"),
    [
        ("100.00", "0.19", "84.03", "15.97"),
        ("119.00", "0.19", "100.00", "19.00"),
        ("9.99", "0.19", "8.39", "1.60"),
        ("9.99", "0.07", "9.34", "0.65"),
        ("0.03", "0.19", "0.03", "0.00"),
        ("100.00", "0.255", "79.68", "20.32"),
        ("50.00", "0", "50.00", "0.00"),
        ("-100.00", "0.19", "-84.03", "-15.97"),
    ],
)
@pytest.mark.capability("A5.5")
def test_one_line(gross: str, rate: str, net: str, tax: str) -> None:
    assert finished(rate, (gross, True)) == [(D(net), D(tax))]


def test_ten_lines_tie_for_the_rate_and_by_line() -> None:
    ten = [("9.99", True)] * 10
    lines = finished("0.19", *ten)
    assert (sum(n for n, _ in lines), sum(t for _, t in lines)) == (D("83.95"), D("15.95"))
    assert {n + t for n, t in lines} == {D("9.99")} and {n for n, _ in lines} == {D("8.39"), D("8.40")}
    by_line = finished("0.19", *ten, whole=False)
    assert set(by_line) == {(D("8.39"), D("1.60"))}


def test_net_lines_bear_what_is_left_of_a_rate_they_share() -> None:
    lines = finished("0.19", ("9.99", True), ("9.99", True), ("50.03", False), ("50.03", False))
    assert [n + t for n, t in lines[:2]] == [D("9.99")] * 2
    net, tax = sum(n for n, _ in lines), sum(t for _, t in lines)
    assert tax == round_to(net * D("0.19"), "EUR")


def test_what_is_known_by_jurisdiction_or_capped_stays() -> None:
    made = draft(charge("9.99"), charge("9.99"))
    taxes = [quote(D("1.00"), D("0.19")), quote(D("1.60"), D("0.19"))]
    net, taxed = netted(made, taxes, whole=True)
    assert [q.amount for q, _ in taxed] == [D("1.00"), D("1.60")]
    assert [c.amount for c in net.charges] == [D("8.99"), D("8.39")]


GROSS = st.decimals("0.01", "9999.99", places=2)
RATES = st.sampled_from([D("0.19"), D("0.07"), D("0.055"), D("0.25"), D("0.2"), D("0.081"), D(0)])


@given(st.lists(GROSS, min_size=1, max_size=8), RATES)
def test_gross_is_kept_and_the_tax_is_that_of_the_net_sum(amounts: list[Decimal], rate: Decimal) -> None:
    lines = finished(str(rate), *((str(amount), True) for amount in amounts))
    assert [n + t for n, t in lines] == amounts
    net, tax = sum(n for n, _ in lines), sum(t for _, t in lines)
    assert abs(tax - round_to(net * rate, "EUR")) <= D("0.01")  # 0.03 at 19 % has no net at all
    assert net == round_to(sum(amounts) / (1 + rate), "EUR")
    assert all(abs(n - amount / (1 + rate)) <= D("0.01") for (n, _), amount in zip(lines, amounts, strict=True))


@given(GROSS, RATES, st.lists(st.integers(1, 100), min_size=1, max_size=5))
def test_credits_give_back_all_and_never_more(gross: Decimal, rate: Decimal, parts: list[int]) -> None:
    tax = tax_within(gross, rate, "EUR")
    asked, left = [], gross
    for part in parts:
        piece = min(round_to(gross * part / 100, "EUR"), left)
        left -= piece
        asked.append(piece)
    asked.append(left)
    credits = [(str(n), charge(-piece, credits=7)) for n, piece in enumerate(asked) if piece]
    line = Reversible(gross - tax, quote(tax, rate)[0], 0, gross - tax, tax, RATE)
    given_back = credited_taxes(credits, {7: line})
    taxes = [given_back[key][0].amount for key, _ in credits]
    nets = [c.amount - t for (_, c), t in zip(credits, taxes, strict=True)]
    assert (-sum(taxes), -sum(nets)) == (tax, gross - tax)
    assert all(t <= 0 for t in taxes) and all(n <= 0 for n in nets)
    key, last = credits[-1]
    again = msgspec.structs.replace(last, amount=-last.amount)
    gone = msgspec.structs.replace(line, net_left=D(0), tax_left=D(0))
    ((brought, _),) = credited_taxes([(key, again)], {7: gone}).values()
    assert abs(brought.amount + taxes[-1]) <= D("0.02") and brought.amount >= 0


@given(st.lists(st.tuples(GROSS, st.booleans(), st.booleans()), min_size=1, max_size=6), RATES, RATES, st.booleans())
def test_what_fell_back_is_settled_as_if_it_had_been_answered(
    lines: list[tuple[Decimal, bool, bool]], rate: Decimal, other: Decimal, whole: bool
) -> None:
    """Some lines of a document, gross and net, were taxed at another rate; asked again, all have the tax that they should have had."""
    made = draft(*(charge(amount, included) for amount, included, _ in lines))

    def taxes(fell: Decimal) -> list[tuple[TaxQuote, int]]:
        rates = [fell if late else rate for _, _, late in lines]
        return [
            quote(tax_within(c.amount, r, "EUR") if c.tax_included else round_to(c.amount * r, "EUR"), r)
            for c, r in zip(made.charges, rates, strict=True)
        ]

    def issued(answers: list[tuple[TaxQuote, int]]) -> list[Decimal]:
        net, taxed = netted(made, answers, whole=whole)
        taxed = per_breakdown(net.charges, taxed, {}) if whole else taxed
        return [q.amount for q, _ in taxed]

    answers = taxes(rate)
    before = [
        (msgspec.structs.replace(q, amount=amount), d)
        for (q, d), amount in zip(taxes(other), issued(taxes(other)), strict=True)
    ]
    now = settled(made.charges, before, {n: answers[n] for n, line in enumerate(lines) if line[2]}, whole)
    if all(late or included for _, included, late in lines):
        assert [q.amount for q, _ in now] == issued(answers)
    gross = [n for n, (_, included, _) in enumerate(lines) if included]
    assert [now[n][0].amount for n in gross] == [issued(answers)[n] for n in gross]
