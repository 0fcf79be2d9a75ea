"""Disputes from the notice to the ledger: several invoices, parts, won, lost, expired, again after it was won; on both databases."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime
from decimal import Decimal
from itertools import permutations
from pathlib import Path
from typing import Any

import pytest

from engine.app import App
from engine.base.errors import TollbookError
from engine.model.journal import Change
from engine.runs.disputes.freezes import disputed
from engine.runs.disputes.notices import Contested, Notice, Part, notice_of
from tests import stories

D = Decimal
FIRST, SECOND = "E1-2026-000001", "E1-2026-000003"
BY = Change("ada", datetime(2026, 6, 1, 12, tzinfo=UTC), "test")
OTHER = Change("bob", datetime(2026, 6, 1, 13, tzinfo=UTC), "looked at it")
HELD = """
ruleset: dispute/held
scope: reason == "held"
priority: 1
effective: {from: 2020-01-01}
rules:
  - {id: held, then: {owner: carol, money: dispute_receivable, assessment: credit_loss, fee: elsewhere}}
"""


@contextmanager
def company(folder: Path, url: str) -> Iterator[App]:
    """A company whose A1 was invoiced for January and February, and has paid both invoices at once."""
    stories.write(folder, rules={"dispute/held.yaml": HELD})
    with stories.opened(folder, url) as app:
        stories.load(app, folder / "data")
        stories.bill(app, "2026-01-01")
        stories.bill(app, "2026-02-01")
        owed = app.accounts.shown("A1").balances[0].owed
        app.accounts.pay("A1", "P1", owed, BY, on=date(2026, 2, 10))
        yield app


def told(kind: str, on: int, amount: str | None = None, month: int = 3, **more: Any) -> Notice:
    at = datetime(2026, month, on, 9, tzinfo=UTC)
    values = {"id": "D1", "payment": "P1", "amount": D(amount) if amount else None, "reason": "fraudulent", **more}
    return Notice(f"{kind}/{month}/{on}", kind, at, Contested(**values))


def sums(app: App) -> dict[str, Decimal]:
    """The balance of each GL account, in euro."""
    found: Counter[str] = Counter()
    for one in app.ledger.journal():
        for posting in one.entry.postings:
            if posting.currency == "EUR":
                found[posting.account] += posting.amount  # type: ignore[assignment]
    return {account: value for account, value in found.items() if value}


def moved(app: App, before: dict[str, Decimal]) -> dict[str, Decimal]:
    now = sums(app)
    return {a: now.get(a, D(0)) - before.get(a, D(0)) for a in now | before if now.get(a, D(0)) != before.get(a, D(0))}


def opened(app: App) -> dict[str, Decimal]:
    return {item.number: item.left for item in app.accounts.shown("A1").items}


def wrong(app: App) -> list[str]:
    return [str(finding) for findings in app.verify().values() for finding in findings]


@pytest.mark.capability("A4.6")
def test_a_chargeback_over_two_invoices_is_won_comes_again_and_is_lost(tmp_path: Path, database_url: str) -> None:
    with company(tmp_path, database_url) as app:
        before = sums(app)
        paid = {row["item"]: -row["amount"] for row in app.accounts.shown("A1").settlements}
        part = paid[SECOND] + D(20)
        hear = app.disputes.hear
        hear(told("inquiry", 1, str(part)), "stripe", BY)
        assert moved(app, before) == {} and app.disputes.freezes() == []
        hear(told("chargeback", 3, str(part), fee=D(15), due="2026-03-17"), "stripe", BY)
        assert opened(app) == {SECOND: paid[SECOND], FIRST: D(20)}
        assert moved(app, before) == {"1200": part, "1050": -part - 15, "6810": D(15)}
        frozen = {(one.number, one.freeze.amount, one.freeze.until) for one in app.disputes.freezes("A1")}
        assert frozen == {(SECOND, paid[SECOND], date.max), (FIRST, D(20), date.max)}
        (ticket,) = app.worklist.listed()
        assert (ticket.kind, ticket.owner) == ("dispute", "receivables") and "due 2026-03-17" in ticket.difference
        hear(told("won", 20), "stripe", BY)
        assert opened(app) == {} and moved(app, before) == {"1050": D(-15), "6810": D(15)}
        assert {one.freeze.until for one in app.disputes.freezes()} == {date(2026, 3, 20)} and not app.worklist.listed()
        hear(told("pre_arbitration", 1, str(part), month=4), "stripe", BY)
        assert opened(app) == {SECOND: paid[SECOND], FIRST: D(20)}
        lost = hear(told("lost", 9, month=4), "stripe", BY)
        assert [(loss.what, loss.done) for loss in lost.losses] == [("credit_loss", True)] * 2
        assert opened(app) == {} and not app.worklist.listed()
        assert moved(app, before) == {"1050": -part - 15, "6810": D(15), "6900": part}
        again = [hear(one, "stripe", BY) for one in (told("lost", 9, month=4), told("won", 20))]
        assert all(one.known for one in again) and again[0].dispute.closed_on == date(2026, 4, 9)
        assert moved(app, before) == {"1050": -part - 15, "6810": D(15), "6900": part}
        assert wrong(app) == []


@pytest.mark.capability("A4.6")
def test_a_concession_lowers_revenue_and_tax_in_proportion(tmp_path: Path, database_url: str) -> None:
    with company(tmp_path, database_url) as app:
        before = sums(app)
        more = {"reason": "product_not_received", "invoices": (Part(FIRST),)}
        app.disputes.hear(told("chargeback", 3, "48.40", **more), "", BY)
        assert opened(app) == {FIRST: D("48.40")}
        made = app.disputes.hear(told("lost", 9, **more), "", BY)
        (loss,) = made.losses
        assert (loss.what, loss.amount, loss.done) == ("concession", D("48.40"), True)
        assert opened(app) == {} and made.dispute.closed_on is not None
        gone = moved(app, before)
        assert gone["1000"] == D("-48.40") and gone["2200"] == D("8.40")
        assert sum((gone.get(a, D(0)) for a in ("4000", "2300")), D(0)) == D("40.00") and "6900" not in gone
        assert wrong(app) == []


def test_what_expired_may_be_won_after_all(tmp_path: Path, database_url: str) -> None:
    with company(tmp_path, database_url) as app:
        before = sums(app)
        app.disputes.hear(told("chargeback", 3, "30", due="2026-03-10"), "", BY)
        looked = app.disputes.run(date(2026, 3, 10), BY, dry_run=True)
        assert (looked.expired, [step.step for step in looked.climbed]) == ((), ["lead", "last call"])
        ran = app.disputes.run(date(2026, 3, 10), BY)
        assert [(step.before, step.to, step.day.isoformat()) for step in ran.climbed] == [
            ("receivables", "receivables_lead", "2026-03-05"),
            ("receivables_lead", "finance_lead", "2026-03-09"),
        ]
        assert app.worklist.listed()[0].owner == "finance_lead"
        assert app.disputes.run(date(2026, 3, 10), BY).climbed == ()
        assert app.disputes.run(date(2026, 3, 11), BY).expired == ("D1",)
        assert moved(app, before) == {"1000": D(-30), "6900": D(30)} and not app.worklist.listed()
        app.disputes.hear(told("won", 20), "", BY)
        assert moved(app, before) == {} and opened(app) == {}
        assert app.disputes.shown("D1").standing.state == "won" and wrong(app) == []


def test_what_was_taken_back_of_a_loss_is_not_taken_back_again(tmp_path: Path) -> None:
    """Of a loss that a credit of the invoice has taken back in part, and of one that was undone, winning takes back what stands."""
    with company(tmp_path, f"sqlite:///{tmp_path}/b.db") as app:
        before = sums(app)
        for key, amount in (("D1", "30"), ("D2", "40")):
            app.disputes.hear(told("chargeback", 3, amount, id=key, due="2026-03-10"), "", BY)
        app.disputes.run(date(2026, 3, 11), BY)
        note = app.accounts.memos.credit(SECOND, "goodwill", date(2026, 3, 12), BY, percent=D(10))
        app.cash.undo(f"dispute/D2/1/{SECOND}", "E1", BY, on=date(2026, 3, 13))
        assert moved(app, before)["6900"] == D(27)
        app.disputes.hear(told("won", 20), "", BY)
        app.disputes.hear(told("won", 20, id="D2"), "", BY)
        assert moved(app, before) == {"2200": -note.tax, "4000": -note.net, "2400": note.total}
        assert opened(app) == {"credit": note.total}, "all is paid, so all of the note is the customer's"
        assert wrong(app) == []


@pytest.mark.on_sqlite
def test_money_is_held_until_it_is_decided(tmp_path: Path, database_url: str) -> None:
    with company(tmp_path, database_url) as app:
        before = sums(app)
        app.disputes.hear(told("chargeback", 3, "30", reason="held", fee=D(15)), "", BY)
        assert moved(app, before) == {"1000": D(-30), "1250": D(30)} and opened(app) == {}
        app.disputes.hear(told("lost", 9), "", BY)
        assert moved(app, before) == {"1000": D(-30), "6900": D(30)} and opened(app) == {}
        assert wrong(app) == []


def test_the_order_of_news_makes_no_difference(tmp_path: Path) -> None:
    with company(tmp_path, f"sqlite:///{tmp_path}/b.db") as app:
        news = [told("inquiry", 1, "30"), told("chargeback", 3, "30"), told("evidence", 5), told("won", 9)]
        before = sums(app)
        for n, order in enumerate(list(permutations(news))[::5]):
            for one in (*order, order[0]):
                mine = {name: getattr(one.dispute, name) for name in ("payment", "reason", "amount")}
                if mine["amount"] is None:
                    mine["amount"] = D(30)
                app.disputes.hear(Notice(one.id, one.kind, one.at, Contested(f"N{n}", **mine)), "", BY)
            assert app.disputes.shown(f"N{n}").standing.state == "won"
            assert moved(app, before) == {} and opened(app) == {}
        assert wrong(app) == []


@pytest.mark.capability("B1.5")
@pytest.mark.on_sqlite
def test_a_billing_dispute_holds_its_amount_until_it_is_decided(tmp_path: Path, database_url: str) -> None:
    with company(tmp_path, database_url) as app:
        stories.bill(app, "2026-03-01")
        third = app.accounts.shown("A1").items[0]
        before = sums(app)
        app.disputes.open(
            "B1", datetime(2026, 3, 5, tzinfo=UTC), BY, invoices=[(third.number, D("24.20"))], reason="usage_wrong"
        )
        with app.books.reader() as reader:
            ((account, freeze),) = disputed(reader, "acme", "E1", ["A1"])
        assert (account, freeze.amount, freeze.until) == ("A1", D("24.20"), date.max) and moved(app, before) == {}
        accepted = app.disputes.decide("B1", BY, accept=True, amount=D("12.10"), at=datetime(2026, 3, 8, tzinfo=UTC))
        assert [(loss.what, loss.amount) for loss in accepted.losses] == [("concession", D("12.10"))]
        assert opened(app)[third.number] == third.left - D("12.10")
        app.disputes.open("B2", datetime(2026, 3, 5, tzinfo=UTC), BY, invoices=[(third.number, D("10"))])
        waits = app.disputes.decide("B2", BY, accept=True, by="usage", at=datetime(2026, 3, 8, tzinfo=UTC))
        assert waits.standing.waits and waits.dispute.closed_on is None
        done = app.disputes.event("B2", "corrected", BY, at=datetime(2026, 4, 2, tzinfo=UTC))
        assert done.dispute.closed_on is not None
        app.disputes.open("B3", datetime(2026, 3, 5, tzinfo=UTC), BY, invoices=[(third.number, D("10"))])
        rejected = app.disputes.decide("B3", BY, accept=False, at=datetime(2026, 3, 8, tzinfo=UTC))
        assert rejected.dispute.closed_on == date(2026, 3, 8) and rejected.losses == ()
        assert wrong(app) == []


def test_what_cannot_be_is_refused_and_nothing_is_kept(tmp_path: Path) -> None:
    with company(tmp_path, f"sqlite:///{tmp_path}/b.db") as app:
        before = sums(app)
        for notice, code in (
            (told("chargeback", 3, "99999"), "settlement.more-than-paid"),
            (told("chargeback", 3, "10", payment="P2"), "dispute.unfit"),
            (told("chargeback", 3, "10", currency="USD"), "settlement.no-payment"),
            (told("chargeback", 3, "10.001"), "dispute.unfit"),
            (told("won", 3), "dispute.unknown"),
            (told("nonsense", 3, "10"), "dispute.unreadable"),
            (told("chargeback", 3, "10", id="a/b"), "dispute.unfit"),
        ):
            with pytest.raises(TollbookError) as caught:
                app.disputes.hear(notice, "", BY)
            assert caught.value.findings[0].code == code, notice
        assert app.disputes.listed() == [] and moved(app, before) == {}


def test_the_events_of_a_provider_are_understood() -> None:
    content = {
        "id": "evt_1",
        "kind": "dispute_opened",
        "at": "2026-03-03T09:00:00Z",
        "dispute": {
            "id": "dp_1",
            "provider_id": "ch_1",
            "amount": "20.00",
            "currency": "EUR",
            "state": "warning_needs_response",
            "fee": "0",
            "due": "2026-03-12T23:59:59Z",
        },
    }
    notice = notice_of(content, "P1")
    assert notice is not None and notice.dispute.payment == "P1" and notice.dispute.amount == D("20.00")
    assert notice_of({"id": "evt_2", "kind": "payout_paid", "at": "2026-03-03T09:00:00Z"}) is None
