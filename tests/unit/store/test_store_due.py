"""What is due: as a plain reading of all that the books hold says, and found without meeting old history."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from engine.base.period import add_months
from engine.model.due import SubscriptionDue
from engine.model.subscription import BillingMark
from engine.store import bulk, due, tables
from engine.store.books import Books
from engine.store.reader import Reader
from engine.store.reading import billed
from engine.store.writer import Writer
from tests.unit.store import sample as s

ALL = ("", "~")


def read(books: Books, low: str = "", high: str = "~") -> list[Any]:
    with books.reader() as reader:
        return reader.due(s.T, s.E, low, high, *reader.high_marks())


def test_nothing_is_due_in_empty_books(books: Books) -> None:
    assert read(books) == []


def test_a_payer_with_the_accounts_that_it_pays_for(books: Books) -> None:
    ids = s.company(books)
    (payer,) = read(books)
    assert payer.payer.key == "parent"
    child, parent = payer.accounts
    assert (child.account.key, parent.account.key) == ("child", "parent")
    assert list(child.contracts) == ["C1"] and child.contracts["C1"].lines[0].unit_price == Decimal("9.5")
    assert parent.contracts == {}
    (one,) = parent.subscriptions
    assert one.subscription.id == ids["S-parent"] and one.subscription.anchor_day == 1
    assert [(event.kind, event.on, event.plan, event.quantity) for event in one.events] == [
        ("start", s.JAN, "basic", Decimal(1))
    ]
    assert one.window == s.MAR and one.mark == BillingMark(ids["S-parent"], s.MAR, 2, 10)
    assert one.billed == () and one.usage == ()
    assert child.subscriptions[0].subscription.contract == "C1"


def test_payers_are_cut_by_key(books: Books) -> None:
    s.company(books)
    cuts = (("a", "z"), ("parent", "parent"), ("a", "o"), ("q", "z"))
    assert [len(read(books, *cut)) for cut in cuts] == [1, 1, 0, 0]
    with books.writer(s.CHANGE, tenant=s.T) as writer:
        writer.put("accounts", [s.account("child", "zz"), s.account("zz")])
    assert [payer.payer.key for payer in read(books)] == ["parent", "zz"]
    with books.writer(s.CHANGE, tenant=s.T) as writer:
        writer.put("accounts", [s.account("child", "nobody")])
    assert [payer.payer.key for payer in read(books)] == ["parent"]


def test_a_late_event_opens_the_window_and_its_lines(books: Books) -> None:
    ids = s.company(books)
    with books.writer(s.CHANGE, tenant=s.T) as writer:
        credit = s.charge(ids["S-parent"], (s.JAN, date(2026, 1, 5)), "-1", credits=11)
        s.issue(writer, 3, [credit], s.FEB, kind="credit_note")
        writer.put_usage([s.usage(ids["S-parent"], "late", date(2026, 1, 10), "5")])
        writer.roll_up_usage(s.T)
        row = (s.T, s.E, ids["S-child"], "up", "change", date(2026, 2, 15), "yearly", Decimal(2), *[None] * 6)
        writer.put_subscription_events([row])
    child, parent = (account.subscriptions[0] for account in read(books)[0].accounts)
    assert (child.window, parent.window) == (date(2026, 2, 14), date(2026, 1, 10))
    assert [line.id for line in child.billed] == [22]
    assert [line.id for line in parent.billed] == [11, 12, 21, 31]  # 31 is a credit on 11, of days before the window
    assert parent.billed[0].charge.amount == 10 and parent.billed[3].charge.credits == 11
    assert {day.day: (day.quantity, day.events, day.peak) for day in parent.usage}[date(2026, 1, 10)] == (6, 2, 5)


DAYS = st.integers(0, 120).map(lambda n: date(2025, 12, 1) + timedelta(n))
SUBS = st.sampled_from([0, 1])
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("usage"), SUBS, DAYS, st.integers(1, 9)),
        st.tuples(st.just("event"), SUBS, DAYS, st.sampled_from(["basic", "yearly", ""])),
        st.tuples(st.just("mark"), SUBS, DAYS, st.none()),
        st.tuples(st.just("roll"), SUBS, DAYS, st.none()),
    ),
    max_size=12,
)
LINES = st.lists(st.tuples(SUBS, DAYS, st.integers(1, 40), st.integers(0, 3)), max_size=6)


class History:
    """Books in a transaction that is never committed, and a plain record of what was done to them."""

    def __init__(self, books: Books, connection: sa.Connection, ids: list[int]) -> None:
        self.writer = Writer(Reader(connection), s.CHANGE, 0, s.T, books)
        self.ids = ids
        self.marks: dict[int, BillingMark] = {}
        self.steps = 0

    def do(self, steps: list[tuple[str, int, date, Any]], marking: bool) -> None:
        for what, which, day, value in steps:
            ident, self.steps = self.ids[which], self.steps + 1
            if what == "usage":
                self.writer.put_usage([s.usage(ident, f"u{self.steps}", day, str(value))])
            elif what == "event":
                row = (s.T, s.E, ident, f"e{self.steps}", "change", day, value or None, *[None] * 7)
                self.writer.put_subscription_events([row])
            elif what == "roll":
                self.writer.roll_up_usage(s.T)
            elif marking:
                usage, events = self.writer.reader.high_marks()
                self.marks[ident] = BillingMark(ident, day, events, usage)
                self.writer.set_marks([self.marks[ident]])

    def bill(self, lines: list[tuple[int, date, int, int]]) -> None:
        """Lines with ids 1, 2, ...; one whose last number is that of an earlier line of its subscription gives it
        back.
        """
        rows = []
        for ident, (which, start, days, credits) in enumerate(lines, 1):
            if credits >= ident or (credits and lines[credits - 1][0] != which):
                credits = 0
            service = (start, start + timedelta(days))
            if credits:
                whole = lines[credits - 1]
                service = (whole[1], whole[1] + timedelta(min(days, whole[2])))
            rows.append(s.line_row(ident, ident, 1, s.charge(self.ids[which], service, credits=credits)))
        bulk.insert(self.writer.connection, tables.INVOICE_LINE, rows)

    def expected(self, ident: int, usage_high: int, events_high: int) -> tuple[Any, ...]:
        """(window, ids of lines, usage by day) from everything that the tables hold."""
        rows, mark = self.writer.rows, self.marks.get(ident)
        event, used, line = tables.SUBSCRIPTION_EVENT, tables.USAGE_EVENT, tables.INVOICE_LINE
        events = [r for r in rows(sa.select(event)) if r.subscription_id == ident and r.id <= events_high]
        usage = [r for r in rows(sa.select(used)) if r.subscription_id == ident and r.id <= usage_high]
        window = date.min
        if mark:
            late = [r.on_day - timedelta(1) for r in events if r.id > mark.events_seen]
            late += [r.day for r in usage if r.id > mark.usage_seen]
            window = min([mark.billed_to, *late])
        lines = [r for r in rows(sa.select(line)) if r.subscription_id == ident]
        open_ids = {r.id for r in lines if r.service_to > window}
        ids = sorted(r.id for r in lines if r.id in open_ids or r.credits in open_ids)
        months = max({"basic": 1, "yearly": 12}[r.plan] for r in events if r.plan)
        floor = add_months(window, -months) if mark else date.min
        days: dict[date, list[Any]] = defaultdict(list)
        for r in usage:
            if r.day >= floor:
                days[r.day].append(r)
        totals = [
            (day, sum(r.quantity for r in group), len(group), max(r.id for r in group), max(r.quantity for r in group))
            for day, group in sorted(days.items())
        ]
        return window, ids, totals


def seen(one: SubscriptionDue) -> tuple[Any, ...]:
    totals = [(day.day, day.quantity, day.events, day.last_id, day.peak) for day in one.usage]
    return one.window, [line.id for line in one.billed], totals


@pytest.fixture
def prepared(books: Books) -> Iterator[tuple[Books, list[int]]]:
    with books.writer(s.CHANGE, tenant=s.T) as writer:
        s.masters(writer)
        ids = s.subscription_ids(writer)
    yield books, [ids["S-child"], ids["S-parent"]]


@settings(deadline=None, max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(before=STEPS, after=STEPS, lines=LINES)
def test_due_is_what_a_plain_reading_says(
    prepared: tuple[Books, list[int]], before: Any, after: Any, lines: Any
) -> None:
    """Whatever happened, in whatever order, rolled up or not, before and after the run fixed what it sees."""
    books, ids = prepared
    with books._engine.connect() as connection:
        history = History(books, connection, ids)
        history.bill(lines)
        history.do(before, marking=True)
        highs = history.writer.reader.high_marks()
        history.do(after, marking=False)
        (payer,) = history.writer.reader.due(s.T, s.E, *ALL, *highs)
        found = {one.subscription.id: one for account in payer.accounts for one in account.subscriptions}
        for ident in ids:
            assert seen(found[ident]) == history.expected(ident, *highs)
            assert found[ident].mark == history.marks.get(ident)
        connection.rollback()


GROWING = ("usage_event", "usage_day", "invoice_line", "subscription_event", "billing_mark", "subscription")
OLD = ("opening_mark", "opening_line", "billed_through")
GIVEN = {"tenant": s.T, "entity": s.E, "rolled": 1, "high": 2}


@pytest.mark.parametrize(
    "name",
    [
        *("subscriptions", "events", "marks", "late", "unsettled", "lines", "credits", "usage", "recounted"),
        *("openings", "through", "line_ends"),
    ],
)
def test_no_query_walks_through_history(books: Books, name: str) -> None:
    """By the databases' own plans: tables that grow with time are searched by index, never scanned."""
    with books._engine.begin() as connection:
        room = billed if name in ("lines", "credits") else due
        compiled = getattr(room, f"_{name}")(books.dialect).compile(dialect=connection.dialect)
        if books.dialect == "sqlite":
            holes = tuple("[]" for _ in compiled.positiontup)
            rows = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {compiled}", holes).all()
            scanned = [row[3].split()[1] for row in rows if row[3].startswith("SCAN")]
        else:
            connection.exec_driver_sql("SET LOCAL enable_seqscan = off")
            given = {name: GIVEN.get(name, "{}") for name in compiled.params}
            rows = connection.exec_driver_sql(f"EXPLAIN {compiled}", given).all()
            scanned = [row[0].split(" on ")[1].split()[0] for row in rows if "Seq Scan" in row[0]]
        assert not set(scanned) & {*GROWING, *OLD}
