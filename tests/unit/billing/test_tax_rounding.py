"""Tax for each category and rate: groups tie, credits keep what they have to, an engine's own answer stays."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.base.money import ZERO, round_to
from engine.billing.crediting import credited_taxes
from engine.billing.tax_rounding import per_breakdown
from engine.model.invoice import RatedCharge, Reversible
from engine.model.journal import FxRate
from engine.model.tax import TaxQuote
from tests.unit.store import sample

RATE = FxRate("EUR", "EUR", Decimal(1), "", date(2026, 1, 1))
CENT = Decimal("0.01")


def charge(amount: str | Decimal, credits: int = 0, **more: Any) -> RatedCharge:
    return sample.charge(1, amount=str(amount), credits=credits, **more)


def quote(amount: Decimal, rate: str, category: str = "S") -> tuple[TaxQuote, int]:
    return TaxQuote("", Decimal(rate), amount, category, "DE", "x"), 0


def by_line(charges: Sequence[RatedCharge], rate: str) -> list[tuple[TaxQuote, int]]:
    return [quote(round_to(one.amount * Decimal(rate), "EUR"), rate) for one in charges]


AMOUNTS = st.lists(st.integers(-100_000, 1_000_000).map(lambda n: n * CENT), min_size=2, max_size=12)


@settings(max_examples=200, deadline=None)
@given(amounts=AMOUNTS, rate=st.sampled_from(["0.19", "0.075", "0.21", "0.055"]))
def test_the_lines_of_a_rate_add_up_to_the_rate_of_their_sum(amounts: list[Decimal], rate: str) -> None:
    charges = [charge(amount) for amount in amounts]
    before = by_line(charges, rate)
    after = per_breakdown(charges, before, {})
    assert sum(t.amount for t, _ in after) == round_to(sum(amounts, ZERO) * Decimal(rate), "EUR") or not any(amounts)
    changed = [n for n, (old, new) in enumerate(zip(before, after, strict=True)) if old != new]
    assert len(changed) <= 1
    for place in changed:
        assert abs(amounts[place]) == max(abs(amount) for amount in amounts)
    assert per_breakdown(charges, after, {}) == after


def test_rates_and_categories_are_groups_of_their_own() -> None:
    charges = [charge("1.07"), charge("1.07"), charge("1.07"), charge("1.07")]
    taxes = [*by_line(charges[:2], "0.19"), *by_line(charges[2:], "0.07")]
    after = [t.amount for t, _ in per_breakdown(charges, taxes, {})]
    assert after == [Decimal("0.21"), Decimal("0.20"), Decimal("0.08"), Decimal("0.07")]


@pytest.mark.parametrize("off", ["0.02", "-0.02", "5"])
def test_what_rounding_cannot_have_made_stays(off: str) -> None:
    """A tax with a cap, or on a part of the amount, is what the engine says."""
    charges = [charge("10.00"), charge("20.00")]
    taxes = [quote(Decimal("1.90"), "0.19"), quote(Decimal("3.80") + Decimal(off), "0.19")]
    assert per_breakdown(charges, taxes, {}) == taxes


@settings(max_examples=50, deadline=None)
@given(amounts=st.lists(st.integers(1, 5_000).map(lambda n: n * CENT), min_size=2, max_size=6), data=st.data())
def test_credits_in_any_pieces_give_back_exactly_what_was_taken(amounts: list[Decimal], data: st.DataObject) -> None:
    """Each credit note is reckoned by its sums too, and the last one leaves nothing of any line."""
    charges = [charge(amount) for amount in amounts]
    taken = [t for t, _ in per_breakdown(charges, by_line(charges, "0.19"), {})]
    left = {n: Reversible(amounts[n - 1], tax, 0, amounts[n - 1], tax.amount, RATE) for n, tax in enumerate(taken, 1)}
    for last in (False, False, True):
        pieces = {
            n: one.net_left if last else data.draw(st.integers(0, int(one.net_left / CENT))) * CENT
            for n, one in left.items()
        }
        back = [(str(n), charge(-piece, credits=n)) for n, piece in pieces.items() if piece]
        taxes = credited_taxes(back, left)
        given_back = per_breakdown([one for _, one in back], [taxes[key] for key, _ in back], left)
        for (key, one), (tax, _) in zip(back, given_back, strict=True):
            was = left[int(key)]
            left[int(key)] = Reversible(was.net, was.tax, 0, was.net_left + one.amount, was.tax_left + tax.amount, RATE)
            assert left[int(key)].tax_left >= 0
    assert all(one.net_left == one.tax_left == 0 for one in left.values())
