"""Entries: balanced in both currencies, or refused."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.base.errors import TollbookError
from engine.ledger import posting
from engine.ledger.posting import Role, Side, determine, difference_role, entry, invoice_sides, revenue_sides
from engine.model.decision import Decision
from engine.model.journal import FxRate, JournalEntry
from tests.unit.billing.simulator import decision

D = Decimal
TODAY = date(2026, 3, 15)
EUR = FxRate("EUR", "EUR", D(1), "same currency", TODAY)
USD = FxRate("USD", "EUR", D("0.921658986175"), "ECB", date(2026, 3, 13))
JPY = FxRate("JPY", "EUR", D("0.006159531876"), "ECB", date(2026, 3, 13))


def accounts(role: Role, country: str, product: str) -> tuple[str, int]:
    return f"{role}:{country}:{product}", 81


def built(sides: Sequence[Side], rate: FxRate = EUR) -> JournalEntry:
    return entry("t", "DE01", "invoice", TODAY, "invoice to HQ", sides, rate, accounts)


def assert_balanced(made: JournalEntry) -> None:
    assert sum(p.amount for p in made.postings) == 0
    assert sum(p.functional_amount for p in made.postings) == 0


LINES = [
    (101, "cloud", D("10.00"), "DE", D("1.90")),
    (102, "phone", D("-2.50"), "DE", D("-0.48")),
    (103, "cloud", D("0.99"), "DE", D("0.00")),
]


def test_an_invoice_debits_the_receivable_and_credits_contract_balances_and_tax() -> None:
    made = built(invoice_sides("FR", D("9.91"), LINES))
    assert [(p.account, p.amount, p.line) for p in made.postings] == [
        ("receivable:FR:", D("9.91"), 0),
        ("contract_liability:FR:cloud", D("-10.00"), 101),
        ("tax:DE:", D("-1.90"), 101),
        ("contract_liability:FR:phone", D("2.50"), 102),
        ("tax:DE:", D("0.48"), 102),
        ("contract_liability:FR:cloud", D("-0.99"), 103),
    ]
    assert all(p.amount == p.functional_amount and p.decision == 81 for p in made.postings)
    assert (made.tenant, made.entity, made.kind, made.posting_date, made.text) == (
        "t",
        "DE01",
        "invoice",
        TODAY,
        "invoice to HQ",
    )
    assert_balanced(made)


def test_revenue_debits_the_contract_balance_and_is_never_credited_by_an_invoice() -> None:
    made = built(revenue_sides("FR", [(101, "cloud", D("10.00")), (102, "phone", D("-2.50"))]))
    assert [(p.account, p.amount, p.line) for p in made.postings] == [
        ("contract_liability:FR:cloud", D("10.00"), 101),
        ("revenue:FR:cloud", D("-10.00"), 101),
        ("contract_liability:FR:phone", D("-2.50"), 102),
        ("revenue:FR:phone", D("2.50"), 102),
    ]
    assert_balanced(made)
    assert not any(side.role == "revenue" for side in invoice_sides("FR", D("9.91"), LINES))


@pytest.mark.capability("A1.3")
def test_what_conversion_leaves_goes_to_the_rounding_account() -> None:
    lines = [(n, "cloud", D("0.01"), "US", D(0)) for n in range(3)]
    made = built(invoice_sides("US", D("0.03"), lines), USD)
    assert [(p.account, p.amount, p.functional_amount) for p in made.postings] == [
        ("receivable:US:", D("0.03"), D("0.03")),
        *[("contract_liability:US:cloud", D("-0.01"), D("-0.01"))] * 3,
    ]
    lines = [(n, "cloud", D("0.05"), "US", D(0)) for n in range(3)]
    made = built(invoice_sides("US", D("0.15"), lines), USD)
    last = made.postings[-1]
    assert [p.functional_amount for p in made.postings] == [D("0.14"), D("-0.05"), D("-0.05"), D("-0.05"), D("0.01")]
    assert (last.account, last.amount, last.currency, last.functional_currency, last.line) == (
        "fx_rounding::",
        D(0),
        "USD",
        "EUR",
        0,
    )
    assert all((p.rate, p.rate_source, p.rate_on) == (USD.rate, "ECB", date(2026, 3, 13)) for p in made.postings)
    assert_balanced(made)


def test_sides_of_nothing_are_left_out() -> None:
    made = built([Side("receivable", "DE", "", D(0), 0), Side("tax", "DE", "", D("0.00"), 4)])
    assert made.postings == ()


@pytest.mark.parametrize("off", ["0.01", "-0.01", "1000.00", "0.0001"])
@pytest.mark.parametrize("rate", [EUR, USD, JPY])
def test_what_does_not_add_up_cannot_be_built(off: str, rate: FxRate) -> None:
    sides = [
        Side("receivable", "DE", "", D("10.00") + D(off), 0),
        Side("contract_liability", "DE", "p", D("-10.00"), 1),
    ]
    with pytest.raises(TollbookError) as caught:
        built(sides, rate)
    (finding,) = caught.value.findings
    assert finding.code == posting.NOT_BALANCED
    assert f"add up to {D(off)} {rate.base}" in finding.what


AMOUNTS = st.decimals("-99999", "99999", places=2)


@pytest.mark.capability("A1.3")
@settings(deadline=None, max_examples=120)
@given(st.lists(st.tuples(AMOUNTS, AMOUNTS), min_size=1, max_size=12), st.sampled_from([EUR, USD]), st.data())
def test_entries_balance_in_both_currencies(
    lines: list[tuple[Decimal, Decimal]], rate: FxRate, data: st.DataObject
) -> None:
    total = sum((net + tax for net, tax in lines), D(0))
    made = built(invoice_sides("DE", total, [(n, "p", net, "DE", tax) for n, (net, tax) in enumerate(lines)]), rate)
    assert_balanced(made)
    rounding = [p for p in made.postings if p.account.startswith("fx_rounding")]
    assert len(rounding) <= (1 if rate is USD else 0)
    assert all(p.amount == 0 and abs(p.functional_amount) <= D("0.005") * len(made.postings) for p in rounding)
    assert all(p.amount for p in made.postings if p not in rounding)
    earned = [(n, "p", data.draw(AMOUNTS)) for n, _ in enumerate(lines)]
    assert_balanced(built(revenue_sides("DE", earned), rate))


@settings(deadline=None, max_examples=40)
@given(st.lists(st.integers(-(10**7), 10**7), min_size=1, max_size=8))
def test_entries_balance_where_there_are_no_minor_units(amounts: list[int]) -> None:
    lines = [(n, "p", D(a), "JP", D(a // 10)) for n, a in enumerate(amounts)]
    made = built(invoice_sides("JP", sum((net + tax for _, _, net, _, tax in lines), D(0)), lines), JPY)
    assert_balanced(made)
    assert all(p.amount == p.amount.to_integral_value() for p in made.postings)


def test_each_account_is_determined_once_for_role_country_and_product() -> None:
    asked: list[Any] = []

    def decide(family: str, facts: Any, on: date) -> Decision:
        asked.append((family, facts.role, facts.country, facts.product, facts.entity, facts.currency, facts.day, on))
        return decision("posting", number=90 + len(asked), account=f"{len(asked)}000")

    of = determine(decide, "DE01", "USD", TODAY)
    assert of("receivable", "FR", "") == of("receivable", "FR", "") == ("1000", 91)
    assert of("receivable", "DE", "") == ("2000", 92)
    assert of("revenue", "FR", "cloud") == ("3000", 93)
    assert asked == [
        ("posting", "receivable", "FR", "", "DE01", "USD", TODAY, TODAY),
        ("posting", "receivable", "DE", "", "DE01", "USD", TODAY, TODAY),
        ("posting", "revenue", "FR", "cloud", "DE01", "USD", TODAY, TODAY),
    ]


@pytest.mark.parametrize(
    ("off", "own", "sides", "role"),
    [
        ("0.03", "EUR", 3, "fx_difference"),
        ("-0.03", "EUR", 3, "fx_difference"),
        ("0.04", "EUR", 3, "realised_loss"),
        ("-0.04", "EUR", 3, "realised_gain"),
        ("3", "JPY", 3, "fx_difference"),
        ("-4", "JPY", 3, "realised_gain"),
    ],
)
def test_what_rounding_cannot_leave_is_realised(off: str, own: str, sides: int, role: Role) -> None:
    assert difference_role(D(off), own, sides) == role
