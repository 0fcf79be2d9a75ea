"""The books as they were before a run, for those who ask what it would have come to: one snapshot, nothing written.

Every table that a later run has added to is hidden behind a temporary view of the same name, which shows what was there before
that run; of masters, the versions that were current then.  The tables that say how far subscriptions are billed keep no history:
temporary tables of the same names stand in front of them and are filled by whoever replays.  So all that reads the books reads the
past, unchanged.  The session is held open and read only; what is temporary is in no file of the books.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from datetime import date
from typing import Any, Final

import sqlalchemy as sa

from engine.base.errors import Code, refuse
from engine.model.journal import Change
from engine.model.subscription import BillingMark
from engine.store import asof_masters, bulk, types
from engine.store import tables as t
from engine.store.books import Books, open_books
from engine.store.failures import translated
from engine.store.reader import Reader
from engine.store.writer import Writer

READ_ONLY = Code("store.read-only", "A write to books that are looked at as they were.")

BOUND: Final = "asof_bound"
FIRSTS: Final = ("invoice", "settlement", "bank_use")
"""Tables that are cut by id: acts of people between two runs belong to none."""


def _before(name: str) -> str:
    return f"(SELECT {name} FROM {BOUND})"


HIDDEN: Final[Mapping[str, str]] = {
    "invoice": f"id < {_before('invoice')}",
    "invoice_line": f"invoice_id < {_before('invoice')}",
    "settlement": f"id < {_before('settlement')}",
    "bank_use": f"id < {_before('bank_use')}",
    **{
        name: f"run_id < {_before('run')}"
        for name in (
            "late_usage",
            "tax_correction",
            "memo",
            "bank_entry",
            "withheld",
            "dunning_step",
            "dunning_claim",
        )
    },
}
"""Tables of the books that grow by runs -> what of them was there before one."""
_LEFT: Final = """
CREATE TEMPORARY VIEW bank_left AS
SELECT e.id AS entry_id, e.tenant,
  e.amount - coalesce((SELECT sum(u.amount) FROM {home}.bank_use u WHERE u.entry_id = e.id AND u.id < {use}), 0) AS open_amount,
  e.functional - coalesce((SELECT sum(u.functional) FROM {home}.bank_use u WHERE u.entry_id = e.id AND u.id < {use}), 0)
    AS functional, 0 AS version
FROM {home}.bank_entry e WHERE e.run_id < {run}"""
"""What was left of bank entries: kept beside their uses now, added up from them for then."""
MARKS: Final = (t.BILLING_MARK, t.PAYER_MARK)
LAST: Final = 2**62
"""Above every id."""


class AsOf(Books):
    """A snapshot of the books that is moved from run to run; close it at the end.  Its one connection is for one thread."""

    def __init__(self, url: str) -> None:
        """Opens the snapshot of the books at an address, as they are now."""
        super().__init__(open_books(url)._engine)
        self._held = self._engine.connect()
        with translated():
            self._begun = self._held.begin()
            self._home = self._schema()
            for statement in self._made():
                self._held.exec_driver_sql(statement)
            if self.dialect == types.POSTGRESQL:
                self._held.exec_driver_sql("SET TRANSACTION READ ONLY")
            self._guard(True)

    def _schema(self) -> str:
        if self.dialect == types.SQLITE:
            return "main"
        self._held.exec_driver_sql("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        home: str = self._held.exec_driver_sql("SELECT quote_ident(current_schema())").scalar_one()
        return home

    def _made(self) -> Iterator[str]:
        """The statements that put the past in front of the present."""
        bounds = ("run", *FIRSTS, *asof_masters.NAMES)
        yield f"CREATE TEMPORARY TABLE {BOUND} ({', '.join(f'{name} BIGINT NOT NULL' for name in bounds)})"
        yield f"INSERT INTO {BOUND} VALUES ({', '.join([str(LAST)] * len(bounds))})"
        for name, shown in HIDDEN.items():
            yield f"CREATE TEMPORARY VIEW {name} AS SELECT * FROM {self._home}.{name} WHERE {shown}"
        yield from asof_masters.views(self._home, BOUND)
        yield _LEFT.format(home=self._home, use=_before("bank_use"), run=_before("run"))
        for table in MARKS:
            keys = ", ".join(column.name for column in table.primary_key)
            yield f"CREATE TEMPORARY TABLE {table.name} AS SELECT * FROM {self._home}.{table.name} WHERE 1 = 0"
            yield f"CREATE UNIQUE INDEX {self._temporary(table.name + '_of')} ON {table.name} ({keys})"

    def _temporary(self, name: str) -> str:
        return f"temp.{name}" if self.dialect == types.SQLITE else name

    def _guard(self, on: bool) -> None:
        """Have SQLite refuse whatever would write; PostgreSQL does so for all that is not temporary."""
        if self.dialect == types.SQLITE:
            self._held.exec_driver_sql(f"PRAGMA query_only = {'ON' if on else 'OFF'}")

    @contextmanager
    def _temporarily(self) -> Iterator[None]:
        self._guard(False)
        try:
            with translated():
                yield
        finally:
            self._guard(True)

    def before(self, run_id: int) -> None:
        """Show the books as they were before a run began; how far they were billed then is for the caller to say."""
        masters = asof_masters.firsts(self._held, self.now(t.AUDIT), run_id)
        first = {name: self._first(name, run_id) for name in FIRSTS} | {"run": run_id}
        first |= dict.fromkeys(asof_masters.NAMES, LAST) | masters
        with self._temporarily():
            asof_masters.restored(self._held, self._home, masters)
            values = ", ".join(f"{name} = {ident:d}" for name, ident in first.items())
            self._held.exec_driver_sql(f"UPDATE {BOUND} SET {values}")

    def _first(self, table: str, run_id: int) -> int:
        """The first id of a table's rows that a run, or one after it, has written."""
        query = f"SELECT min(id) FROM {self._home}.{table} WHERE run_id >= {run_id:d}"
        found = self._held.exec_driver_sql(query).scalar()
        return LAST if found is None else int(found)

    def assume_billed(self, billed_to: date, on: date, events: int, usage: int) -> None:
        """Take all subscriptions as billed up to a day, with what is known up to some ids; in place of what was said before."""
        with self._temporarily():
            for table in MARKS:
                self._held.exec_driver_sql(f"DELETE FROM {table.name}")
                said = {
                    "billed_to": sa.literal(billed_to, types.Day()),
                    "events_seen": sa.literal(events, types.Big()),
                    "usage_seen": sa.literal(usage, types.Big()),
                    "billed_on": sa.literal(on, types.Day()),
                    "billed_at": sa.cast(sa.null(), types.Moment()),
                }
                real = table.to_metadata(sa.MetaData(), schema=self._home.strip('"'))
                columns = [said.get(column.name, column) for column in real.columns]
                self._held.execute(table.insert().from_select(list(table.columns.keys()), sa.select(*columns)))

    def forget_marks(self) -> None:
        """Take no subscription as billed before."""
        with self._temporarily():
            for table in MARKS:
                self._held.exec_driver_sql(f"DELETE FROM {table.name}")

    def set_marks(self, marks: Iterable[BillingMark]) -> None:
        """Say how far subscriptions were billed, in place of what was said before."""
        own, named = dict[Any, tuple[Any, ...]](), dict[Any, tuple[Any, ...]]()
        for m in marks:
            row = (m.subscription_id, m.billed_to, m.events_seen, m.usage_seen, m.billed_on, m.billed_at)
            if m.payer:
                named[m.subscription_id, m.payer] = (*row, m.payer)
            else:
                own[m.subscription_id] = row
        with self._temporarily():
            for table, rows in ((t.BILLING_MARK, own), (t.PAYER_MARK, named)):
                self._drop(table, list(rows.values()))
                bulk.insert(self._held, table, list(rows.values()))

    def _drop(self, table: sa.Table, rows: list[tuple[Any, ...]]) -> None:
        for start in range(0, len(rows), 500):
            some = rows[start : start + 500]
            if table is t.BILLING_MARK:
                listed = ", ".join(str(row[0]) for row in some)
                self._held.exec_driver_sql(f"DELETE FROM {table.name} WHERE subscription_id IN ({listed})")
            else:
                for row in some:
                    mine = (table.c.subscription_id == row[0], table.c.payer == row[-1])
                    self._held.execute(table.delete().where(*mine))

    def now(self, table: sa.Table) -> sa.Table:
        """A table as it is, past what hides some of it."""
        return table.to_metadata(sa.MetaData(), schema=self._home.strip('"'))

    def migrate(self) -> None:
        """Nothing: the books are taken as they are."""

    def refresh_statistics(self) -> None:
        """Nothing: statistics would be written."""

    @contextmanager
    def reader(self) -> Iterator[Reader]:
        """A reader of the snapshot, as it was before the run that was named last."""
        with translated():
            yield Reader(self._held)

    @contextmanager
    def writer(self, change: Change, run_id: int = 0, tenant: str = "") -> Iterator[Writer]:
        """Refuses.

        Raises:
            TollbookError: ``store.read-only``.
        """
        raise refuse(READ_ONLY, "these books are looked at as they were", mend="write to the books themselves")
        yield  # type: ignore[unreachable]

    def close(self) -> None:
        """Let go of the snapshot."""
        self._guard(False)
        self._begun.rollback()
        self._held.close()
        super().close()
