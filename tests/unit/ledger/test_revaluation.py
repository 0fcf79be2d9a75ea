"""Gains and losses of currencies: realised as money comes, unrealised at a closing rate."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.base.errors import TollbookError
from engine.ledger import fx
from engine.ledger.revaluation import changed, revaluation_entries, revalued, settled, valued_accounts
from engine.model.journal import FxRate
from engine.model.revaluation import BACK, KIND, Exposure

D = Decimal
CLOSE = date(2026, 1, 31)


def rate(text: str, base: str = "USD") -> FxRate:
    return FxRate(base, "EUR", D(text), "ECB", date(2026, 1, 30))


@pytest.mark.capability("A1.3")
@pytest.mark.parametrize(
    ("amount", "open_", "kept", "at", "released", "worth", "difference"),
    [
        ("119.00", "119.00", "107.10", "0.95", "107.10", "113.05", "5.95"),  # a receivable, the currency rose
        ("119.00", "119.00", "107.10", "0.85", "107.10", "101.15", "-5.95"),
        ("119.00", "119.00", "107.10", "0.90", "107.10", "107.10", "0.00"),
        ("40.00", "119.00", "107.10", "0.95", "36.00", "38.00", "2.00"),  # a part takes its share
        ("-50.00", "-50.00", "-45.00", "0.95", "-45.00", "-47.50", "-2.50"),  # a liability costs more
        ("-20.00", "-50.00", "-45.00", "0.80", "-18.00", "-16.00", "2.00"),
        ("0.01", "0.03", "0.02", "1", "0.01", "0.01", "0.00"),  # half a cent up
    ],
)
def test_a_settlement_realises_what_the_rate_has_moved(
    amount: str, open_: str, kept: str, at: str, released: str, worth: str, difference: str
) -> None:
    found = settled(D(amount), D(open_), D(kept), rate(at))
    assert (found.released, found.worth, found.difference) == (D(released), D(worth), D(difference))


@pytest.mark.parametrize(("amount", "open_"), [("10.01", "10"), ("-1", "10"), ("0", "10"), ("1", "0"), ("-11", "-10")])
def test_more_than_is_open_is_not_settled(amount: str, open_: str) -> None:
    with pytest.raises(TollbookError) as caught:
        settled(D(amount), D(open_), D("9"), rate("0.9"))
    assert [str(f.code) for f in caught.value.findings] == ["fx.over-settled"]


@settings(max_examples=50)
@given(
    parts=st.lists(st.tuples(st.integers(1, 10**6), st.integers(50, 200)), min_size=1, max_size=6),
    kept=st.integers(1, 10**7),
    sign=st.sampled_from([1, -1]),
)
def test_parts_release_exactly_what_the_item_was_kept_at(parts: list[tuple[int, int]], kept: int, sign: int) -> None:
    """However an item is paid: what it was kept at is gone, and worth less that is what was gained in all."""
    left, at = D(sign * sum(cents for cents, _ in parts)) / 100, D(sign * kept) / 100
    whole, gained, worth = at, D(0), D(0)
    for cents, percent in parts:
        found = settled(D(sign * cents) / 100, left, at, rate(str(D(percent) / 100)))
        left, at = left - D(sign * cents) / 100, at - found.released
        gained, worth = gained + found.difference, worth + found.worth
    assert (left, at, gained) == (0, 0, worth - whole)


def exposure(customer: str, amount: str, kept: str, account: str = "1200", currency: str = "USD") -> Exposure:
    return Exposure("E1", account, customer, currency, "EUR", D(amount), D(kept))


def accounts(role: str, country: str, product: str) -> tuple[str, int]:
    return {"unrealised_gain": ("7940", 1), "unrealised_loss": ("7950", 2)}[role]


@pytest.mark.capability("A1.3")
def test_gains_and_losses_are_not_set_off_and_are_turned_round() -> None:
    """By customer; on the account of the balances only what is left of both."""
    owed = [exposure("B", "100.00", "95.00"), exposure("A", "100.00", "88.00"), exposure("C", "0.00", "1.00")]
    items = revalued(owed, lambda base, quote: rate("0.92"))
    assert [(i.exposure.customer, i.worth, i.difference) for i in items] == [("A", 92, 4), ("B", 92, -3)]
    both = revaluation_entries("acme", CLOSE, items, accounts)
    assert both is not None
    there, back = both
    assert [(p.account, p.amount, p.functional_amount, p.decision) for p in there.postings] == [
        ("1200", 0, 1, 0),
        ("7940", 0, -4, 1),
        ("7950", 0, 3, 2),
    ]
    assert [p.functional_amount for p in back.postings] == [-1, 4, -3]
    assert [(e.kind, e.posting_date) for e in both] == [(KIND, CLOSE), (BACK, date(2026, 2, 1))]
    assert {(p.rate, p.rate_source, p.rate_on) for e in both for p in e.postings} == {
        (D("0.92"), "ECB", date(2026, 1, 30))
    }


@pytest.mark.parametrize(
    ("owed", "postings"),
    [
        ([("A", "100", "88"), ("B", "100", "96")], [("7940", -4), ("7950", 4)]),  # nothing is left of both
        ([("A", "-100", "-88")], [("2400", -4), ("7950", 4)]),  # what is owed to a customer is a loss
        ([("A", "100", "92")], None),
    ],
)
def test_entries_of_balances(owed: list[tuple[str, str, str]], postings: Any) -> None:
    account = "2400" if owed[0][1].startswith("-") else "1200"
    items = revalued([exposure(*one, account=account) for one in owed], lambda base, quote: rate("0.92"))
    both = revaluation_entries("acme", CLOSE, items, accounts)
    found = both and [(p.account, p.functional_amount) for p in both[0].postings]
    assert found == postings


amounts = st.integers(-500, 500).map(lambda cents: D(cents) / 100)
balances = st.dictionaries(st.sampled_from("ABCD"), st.tuples(amounts, amounts), max_size=4)


@pytest.mark.capability("A1.3")
@settings(max_examples=100)
@given(rounds=st.lists(st.tuples(balances, st.integers(80, 120)), min_size=1, max_size=5))
def test_rounds_come_to_what_one_revaluation_would(rounds: list[tuple[dict[str, Any], int]]) -> None:
    """Whatever a day's balances and rates become, each round books what differs: together what the last state alone would."""
    standing: dict[str, Any] = {}
    booked: dict[str, Decimal] = {}
    for owed, percent in rounds:
        items = revalued(
            [Exposure("E1", "1200", who, "USD", "EUR", *both) for who, both in owed.items()],
            lambda base, quote: rate(f"{percent / 100:.2f}"),  # noqa: B023  used at once
        )
        made = changed(items, list(standing.values()))
        assert changed(items, list({**standing, **{i.exposure.customer: i for i in made}}.values())) == []
        both = revaluation_entries("acme", CLOSE, made, accounts) if made else None
        for posting in both[0].postings if both else ():
            booked[posting.account] = booked.get(posting.account, D(0)) + posting.functional_amount
        standing |= {i.exposure.customer: i for i in made}
    once = revaluation_entries("acme", CLOSE, items, accounts) if items else None
    wanted = {posting.account: posting.functional_amount for posting in (once[0].postings if once else ())}
    assert {account: amount for account, amount in booked.items() if amount} == {a: m for a, m in wanted.items() if m}


def test_every_missing_rate_is_said_once() -> None:
    table = fx.RateTable([rate("0.92")], CLOSE)
    owed = [exposure(c, "1", "1", currency=currency) for c in "AB" for currency in ("USD", "JPY", "PLN")]
    with pytest.raises(TollbookError) as caught:
        revalued(owed, table.rate)
    assert [f.what for f in caught.value.findings] == [
        "no rate from JPY to EUR for 2026-01-31",
        "no rate from PLN to EUR for 2026-01-31",
    ]


def test_rules_agree_about_an_account() -> None:
    terms = [
        {"account": "1200", "valued": "closing"},
        {"account": "2300", "valued": "historical"},
        {"account": "1200", "valued": "closing"},
    ]
    assert valued_accounts(terms) == {"1200": "closing", "2300": "historical"}
    with pytest.raises(TollbookError) as caught:
        valued_accounts([*terms, {"account": "1200", "valued": "historical"}, {"account": "2300", "valued": "closing"}])
    assert [(str(f.code), str(f.where)) for f in caught.value.findings] == [
        ("fx.mixed-account", "gl-account/1200"),
        ("fx.mixed-account", "gl-account/2300"),
    ]
