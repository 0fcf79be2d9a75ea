"""Numbers without gaps, accounting periods, and how far subscriptions are billed."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from datetime import date
from decimal import Decimal
from operator import itemgetter
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from engine.base.errors import Code, Finding, TollbookError, Where, refuse
from engine.base.money import ZERO
from engine.model.numbering import ASCENDING
from engine.model.subscription import BillingMark
from engine.store import bulk, types
from engine.store.bulk import Row
from engine.store.tables import ACCOUNTING_PERIOD, BILLING_MARK, ENTRY, LEDGER_TOTAL, PAYER_MARK, POSTING, SERIES
from engine.store.tables.ledger import CLOSED, OPEN, SOFT
from engine.store.writing.base import WriterBase, first_of_month

DATE_DECREASES = Code("numbering.date-decreases", "A document dated before the newest document of its series.")
PERIOD_CLOSED = Code("ledger.period-closed", "A posting dated in an accounting period that is closed.")

_SUMMED = itemgetter(0, 2, 3, 4, 5, 6, 7, 8)
"""Of a posting: entry, tenant, entity, account, currency, amount, functional currency, functional amount."""
_ACTIONS = {CLOSED: "close period", SOFT: "soft-close period", OPEN: "open period"}
_DATE_AT = list(ENTRY.c.keys()).index("posting_date")
_TENANT_AT = list(ENTRY.c.keys()).index("tenant")
_ENTITY_AT = list(ENTRY.c.keys()).index("entity")


def make_open(connection: sa.Connection, tenant: str, entity: str, months: Iterable[date]) -> None:
    """Give months that have no row one that says open."""
    insert = (sqlite if connection.dialect.name == types.SQLITE else postgresql).insert(ACCOUNTING_PERIOD)
    for month in months:
        values = {"tenant": tenant, "entity": entity, "month": month, "state": OPEN}
        connection.execute(insert.on_conflict_do_nothing(), values)


class LedgerWriter(WriterBase):
    """Writes what the ledger needs beside rows that are appended."""

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self._days: dict[int, date] = {}
        self._totals: defaultdict[tuple[Any, ...], Decimal] = defaultdict(Decimal)

    def set_marks(self, marks: Iterable[BillingMark]) -> int:
        """Say how far subscriptions are billed, in place of what was said before; how many."""
        rows, named = list[Row](), list[Row]()
        for m in marks:
            row = (m.subscription_id, m.billed_to, m.events_seen, m.usage_seen, m.billed_on, m.billed_at)
            if m.payer:
                named.append((*row, m.payer))
            else:
                rows.append(row)
        for table, some in ((BILLING_MARK, rows), (PAYER_MARK, named)):
            if some:
                with self._spoiling():
                    bulk.upsert(self.connection, table, some)
                self.audit("set marks", table.name, None, {"rows": len(some)})
        return len(rows) + len(named)

    def take_numbers(self, tenant: str, entity: str, series: str, count: int, on: date, dates: str = ASCENDING) -> int:
        """The first of ``count`` consecutive legal numbers for documents dated ``on``; a series starts at 1.  ``dates`` says
        whether a document may be dated before an earlier number.

        The series stays locked until the transaction ends, and a transaction that is rolled back gives its numbers
        back: take them last.

        Raises:
            TollbookError: ``numbering.date-decreases``.
        """
        if count < 1:
            raise ValueError("at least one number is taken")
        key = {"tenant": tenant, "entity": entity, "series": series}
        mine = sa.and_(*(SERIES.c[name] == value for name, value in key.items()))
        with self._spoiling():
            self._insert_or_ignore(SERIES, [{**key, "next": 1, "last_date": None, "dates": dates}])
            fits = sa.or_(SERIES.c.last_date.is_(None), SERIES.c.last_date <= on)
            free = dates != ASCENDING
            newest = sa.case((fits, sa.literal(on, SERIES.c.last_date.type)), else_=SERIES.c.last_date) if free else on
            taken = self.connection.execute(
                sa.update(SERIES)
                .where(mine, *(() if free else (fits,)))
                .values(next=SERIES.c.next + count, last_date=newest, **({"dates": dates} if free else {}))
                .returning(SERIES.c.next)
            ).scalar()
            if taken is None:
                last = self.connection.execute(sa.select(SERIES.c.last_date).where(mine)).scalar_one()
                raise refuse(
                    DATE_DECREASES,
                    f"series {series} of {entity} has a document of {last}; one of {on} cannot follow it",
                    why="dates never decrease within a series",
                    mend=f"date the documents {last} or later, or number them in another series",
                    subject=f"series/{entity}/{series}",
                )
        first: int = taken - count
        self.audit(
            "take numbers",
            f"series/{entity}/{series}",
            {"next": first},
            {"next": taken, "on": on.isoformat()},
            tenant=tenant,
        )
        return first

    def close_period(self, tenant: str, entity: str, month: date) -> bool:
        """Close the accounting period of a month, once all transactions that post in it have ended; whether it was
        open.
        """
        return self._set_period(tenant, entity, month, CLOSED)

    def soft_close_period(self, tenant: str, entity: str, month: date) -> bool:
        """Close the accounting period of a month to all but adjustments; whether it was open or closed."""
        return self._set_period(tenant, entity, month, SOFT)

    def open_period(self, tenant: str, entity: str, month: date) -> bool:
        """Open the accounting period of a month again; whether it was closed, softly or not."""
        return self._set_period(tenant, entity, month, OPEN)

    def _set_period(self, tenant: str, entity: str, month: date, state: str) -> bool:
        month = first_of_month(month)
        period = ACCOUNTING_PERIOD.c
        mine = (period.tenant == tenant, period.entity == entity, period.month == month)
        with self._spoiling():
            make_open(self.connection, tenant, entity, [month])
            before = self.connection.execute(sa.select(period.state).where(*mine).with_for_update()).scalar_one()
            if before == state:
                return False
            self.connection.execute(sa.update(ACCOUNTING_PERIOD).where(*mine).values(state=state))
        self.audit(
            _ACTIONS[state], f"period/{entity}/{month:%Y-%m}", {"state": before}, {"state": state}, tenant=tenant
        )
        return True

    def append(self, table: sa.Table | str, rows: Iterable[Row]) -> int:
        """As :meth:`WriterBase.append`; entries first lock their accounting periods, and postings are added up.

        Raises:
            TollbookError: ``ledger.period-closed`` as well.
        """
        name = table if isinstance(table, str) else table.name
        if name == ENTRY.name:
            rows = list(rows)
            self._lock_open_months(rows)
            self._days.update((row[0], row[_DATE_AT]) for row in rows)
        elif name == POSTING.name:
            rows = self._added_up(rows)
        return super().append(table, rows)

    def finish(self) -> None:
        """As :meth:`WriterBase.finish`; the totals of the postings are written with them."""
        super().finish()
        if not self._totals:
            return
        first = min(self._days, default=0)
        with self._spoiling():
            bulk.insert(
                self.connection, LEDGER_TOTAL, [(*key, first, total) for key, total in sorted(self._totals.items())]
            )
        self._totals.clear()

    def _added_up(self, postings: Iterable[Row]) -> Iterable[Row]:
        """The rows, whose amounts are noted by account, currency and day of their entry; and the entries that they leave off."""
        if isinstance(postings, Sequence):
            self._add_up(postings)
            return postings
        return self._adding_up(postings)

    def _adding_up(self, postings: Iterable[Row]) -> Iterator[Row]:
        for chunk in bulk.chunks(postings, 1000):
            self._add_up(chunk)
            yield from chunk

    def _add_up(self, postings: Sequence[Row]) -> None:
        totals, days = self._totals, self._days
        sums: dict[tuple[Any, ...], defaultdict[str, Decimal]] = {}
        mine: defaultdict[str, Decimal] = defaultdict(Decimal)
        of: tuple[Any, ...] = (0,)
        off = off_functional = ZERO
        for entry, tenant, entity, account, currency, amount, own, functional in map(_SUMMED, postings):
            if (entry, tenant, entity, currency, own) != of:  # hardly ever but with another entry
                if off or off_functional:
                    self._off_balance.add(of[0])
                of, off, off_functional = (entry, tenant, entity, currency, own), amount, functional
                mine = sums.setdefault((tenant, entity, days.get(entry), currency), defaultdict(Decimal))
            else:
                off, off_functional = off + amount, off_functional + functional
            if amount:
                mine[account] += amount
            else:
                totals[tenant, entity, days.get(entry), account, own] += functional
        if off or off_functional:
            self._off_balance.add(of[0])
        for (tenant, entity, day, currency), found in sums.items():
            for account, amount in found.items():
                totals[tenant, entity, day, account, currency] += amount

    def _lock_open_months(self, entries: Sequence[Row]) -> None:
        """Lock the periods of entries against being closed, or refuse the entries.

        The rows of periods are made in a transaction of their own on PostgreSQL, so that no writer waits for another
        one that made the same row and has not committed.
        """
        wanted = {(row[_TENANT_AT], row[_ENTITY_AT], first_of_month(row[_DATE_AT])) for row in entries}
        period = ACCOUNTING_PERIOD.c
        shut: list[tuple[str, str, date, str]] = []
        for tenant, entity in sorted({key[:2] for key in wanted}):
            months = sorted(month for t, e, month in wanted if (t, e) == (tenant, entity))
            mine = (period.tenant == tenant, period.entity == entity, period.month.in_(months))
            state = sa.select(period.month, period.state).where(*mine).with_for_update(read=True)
            found = self.connection.execute(state).all()
            if len(found) < len(months):
                if self.dialect == types.SQLITE:
                    make_open(self.connection, tenant, entity, months)
                else:
                    self._books.make_open(tenant, entity, months)
                found = self.connection.execute(state).all()
            shut.extend((tenant, entity, month, state_now) for month, state_now in found if state_now != OPEN)
        self._adjust(shut)

    def _adjust(self, shut: Sequence[tuple[str, str, date, str]]) -> None:
        """Refuse what is dated in months that are closed; what a person who may adjust dates in one that is closed softly is
        written down as an adjustment of it."""
        may = self._books.may_adjust(self.change.who)
        refused = [
            _closed(one, month, state, self.change.who) for _, one, month, state in shut if state == CLOSED or not may
        ]
        if refused:
            raise TollbookError(refused)
        for tenant, entity, month, _ in shut:
            self.audit("adjust period", f"period/{entity}/{month:%Y-%m}", None, {"state": SOFT}, tenant=tenant)


def _closed(entity: str, month: date, state: str, who: str) -> Finding:
    subject = f"period/{entity}/{month:%Y-%m}"
    if state == CLOSED:
        what, why = f"{month:%Y-%m} is closed in the books of {entity}", "a closed period takes no postings"
    else:
        what = f"{month:%Y-%m} is closed softly in the books of {entity}, and {who!r} may not adjust it"
        why = "such a period takes adjustments of people with a role that may adjust"
    mend = "date the posting in an open period, or have the period opened again"
    return Finding(PERIOD_CLOSED, Where(subject), what, why=why, mend=mend, subject=subject)
