"""The state machine of disputes: a table of what happens after what, and books that follow in whatever order news comes."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.base.calendar import Calendar
from engine.model.dispute import Event, Ladder, Position, Rung
from engine.receivables.dispute import Shift, climbed, overdue, shift, standing

D = Decimal
START = datetime(2026, 3, 2, 9, tzinfo=UTC)


def event(kind: Any, after: int, **more: Any) -> Event:
    at = START + timedelta(days=after)
    return Event(f"{kind}{after}", kind, at, at.date(), **more)


def story(words: str, amount: str = "100") -> list[Event]:
    """Events of words, one a day; what opens a round contests the amount."""
    opening = ("inquiry", "chargeback", "pre_arbitration", "arbitration", "claim")
    return [event(w, n, amount=D(amount) if w in opening else None) for n, w in enumerate(words.split())]


@pytest.mark.parametrize(
    ("words", "state", "stage", "round_", "out", "given_up"),
    [
        ("inquiry", "notice", "inquiry", 1, 0, 0),
        ("inquiry review evidence won", "won", "inquiry", 1, 0, 0),
        ("inquiry chargeback", "notice", "chargeback", 2, 100, 0),
        ("inquiry won chargeback lost", "lost", "chargeback", 2, 100, 100),
        ("inquiry lost", "lost", "inquiry", 1, 0, 0),
        ("chargeback", "notice", "chargeback", 1, 100, 0),
        ("chargeback review", "under_review", "chargeback", 1, 100, 0),
        ("chargeback evidence review", "evidence_submitted", "chargeback", 1, 100, 0),
        ("chargeback evidence expired", "evidence_submitted", "chargeback", 1, 100, 0),
        ("chargeback reinstated", "notice", "chargeback", 1, 0, 0),
        ("chargeback reinstated withdrawn lost", "lost", "chargeback", 1, 100, 100),
        ("chargeback evidence won", "won", "chargeback", 1, 0, 0),
        ("chargeback expired", "expired", "chargeback", 1, 100, 100),
        ("chargeback expired won", "won", "chargeback", 1, 0, 0),
        ("chargeback expired lost", "lost", "chargeback", 1, 100, 100),
        ("chargeback accepted lost", "accepted", "chargeback", 1, 100, 100),
        ("chargeback lost won", "lost", "chargeback", 1, 100, 100),
        ("chargeback won lost", "won", "chargeback", 1, 0, 0),
        ("chargeback won chargeback", "won", "chargeback", 1, 0, 0),
        ("chargeback won pre_arbitration", "notice", "pre_arbitration", 2, 100, 0),
        ("chargeback won pre_arbitration won", "won", "pre_arbitration", 2, 0, 0),
        ("chargeback won pre_arbitration lost arbitration won", "won", "arbitration", 3, 0, 0),
        ("chargeback lost pre_arbitration", "lost", "chargeback", 1, 100, 100),
        ("won", "won", "chargeback", 1, 0, 0),
        ("lost chargeback", "lost", "chargeback", 1, 100, 100),
        ("claim accepted", "accepted", "claim", 1, 0, 100),
        ("claim won", "won", "claim", 1, 0, 0),
    ],
)
@pytest.mark.capability("A4.6")
def test_what_comes_after_what(words: str, state: str, stage: str, round_: int, out: int, given_up: int) -> None:
    now = standing(story(words))
    assert (now.state, now.stage, now.round, now.out, now.given_up) == (state, stage, round_, out, given_up)


def test_a_part_is_won_and_the_rest_is_lost() -> None:
    now = standing([event("chargeback", 0, amount=D(100)), event("won", 3, amount=D(60))])
    assert (now.state, now.out, now.given_up) == ("won", 40, 40)


def test_a_billing_dispute_waits_for_usage_that_is_corrected() -> None:
    claim, accepted = event("claim", 0, amount=D(50)), event("accepted", 2, amount=D(20), by="usage")
    assert standing([claim, accepted]).waits and standing([claim, accepted]).given_up == 20
    assert not standing([claim, accepted, event("corrected", 9)]).waits


KINDS = (
    "inquiry",
    "chargeback",
    "review",
    "evidence",
    "expired",
    "accepted",
    "lost",
    "won",
    "pre_arbitration",
    "arbitration",
)


@given(
    st.lists(st.tuples(st.sampled_from(KINDS), st.integers(0, 5)), min_size=1, max_size=6, unique=True),
    st.randoms(use_true_random=False),
    st.sampled_from(("invoices", "dispute_receivable")),
    st.integers(0, 120),
)
def test_books_end_alike_in_whatever_order_news_comes(news: list[Any], chance: Any, money: str, able: int) -> None:
    """Told one by one in any order, each perhaps twice, the money stands where it would, had all been told at once."""
    events = [event(kind, day, amount=D(100)) for kind, day in news]
    whole = shift(standing(events), Position(), money, D(able), pays_fees=True)
    mixed = [*events, *events[:2]]
    chance.shuffle(mixed)
    known: list[Event] = []
    there, taken = Position(), D(0)
    for one in mixed:
        if one not in known:
            known.append(one)
        step = shift(standing(known), there, money, D(able) - there.opened, pays_fees=True)
        there = Position(there.opened + step.opened, there.held + step.held, there.lost + step.lost)
        taken += step.taken
        assert min(there.opened, there.held, there.lost) >= 0 and taken == standing(known).out
    assert (there.opened, there.held, there.lost) == (whole.opened, whole.held, whole.lost)


def test_what_no_invoice_can_take_is_held_and_then_lost() -> None:
    notice, lost = event("chargeback", 0, amount=D(100), fee=D(15)), event("lost", 4)
    step = shift(standing([notice]), Position(), "invoices", D(70), pays_fees=True)
    assert step == Shift(D(70), D(30), D(0), D(15)) and step.taken == 100
    there = Position(D(70), D(30), D(0), D(30), D(15))
    assert shift(standing([notice, lost]), there, "invoices", D(0), pays_fees=True) == Shift(held=D(-30), lost=D(30))


@pytest.mark.capability("B1.5")
def test_a_ladder_counts_business_days() -> None:
    rungs = (Rung("lead", "b", after=3), Rung("call", "c", before=1), Rung("late", "d", after=30))
    ladder = Ladder(rungs, Calendar("NL"))
    friday = [event("chargeback", 4, amount=D(1), due=date(2026, 4, 7))]
    due = date(2026, 4, 2)
    assert climbed(ladder, standing(friday), due) == [(date(2026, 3, 11), rungs[0]), (due, rungs[1])]
    assert climbed(ladder, standing([*friday, event("evidence", 5)]), due) == [(date(2026, 3, 11), rungs[0])]
    assert climbed(ladder, standing([*friday, event("won", 5)]), due) == []


def test_evidence_is_late_from_the_day_after_it_is_due() -> None:
    now = standing([event("chargeback", 0, amount=D(1), due=date(2026, 3, 9))])
    assert not overdue(now, date(2026, 3, 9)) and overdue(now, date(2026, 3, 10))
