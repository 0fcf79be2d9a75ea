"""What every writer does: audit, ids, rows appended, and the checks at the end of the transaction."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import date
from operator import itemgetter
from typing import Any, Final, Protocol

import sqlalchemy as sa

from engine.base.errors import Code, Finding, TollbookError, did_you_mean, refuse
from engine.model.journal import Change
from engine.store import bulk, ids, seals, tables, types
from engine.store.bulk import Row
from engine.store.checks import written as checks_written
from engine.store.failures import translation
from engine.store.reader import Reader
from engine.store.session import Session

NOT_APPENDABLE = Code("store.not-appendable", "Rows for a table that has a way of its own to be written.")
SPOILT = Code("store.spoilt", "A transaction that goes on after a write in it has failed.")

APPENDABLE: Final = {
    table.name: table
    for table in (
        tables.INVOICE,
        tables.INVOICE_LINE,
        tables.ENTRY,
        tables.POSTING,
        tables.BOOK_ENTRY,
        tables.BOOK_POSTING,
        tables.EFFECT,
        tables.FINDING,
        tables.AUDIT,
        tables.INTAKE_FILE,
        tables.LATE_USAGE,
        tables.REVENUE_ACCRUAL,
        tables.IMPAIRMENT,
        tables.INTERCOMPANY,
        tables.NUMBER_MARK,
        tables.CLEARANCE_STEP,
        tables.TAX_DETAIL,
        tables.MEMO,
        tables.REVALUATION,
        tables.REVENUE_SCHEDULE,
        tables.REVENUE_POSTED,
        tables.REVENUE_BILLED,
    )
}
"""Tables whose rows are only ever appended, in bulk.  Masters, events, marks, runs and series have their own ways."""


class Aside(Protocol):
    """What a writer has done beside its own transaction; the books do it."""

    standing: str
    begun: set[str]

    def take_ids(self, name: str, count: int) -> int:
        """The first of ``count`` ids that nobody else gets."""

    def take_blocks(self, wanted: Mapping[str, int]) -> dict[str, int]:
        """The first ids of several sequences, by name."""

    def make_open(self, tenant: str, entity: str, months: list[Any]) -> None:
        """Give accounting periods a row that writers can lock."""

    @property
    def may_adjust(self) -> Callable[[str], bool]:
        """Whether a person may post into periods that are closed softly."""


class WriterBase(Session):
    """A transaction that somebody answers for."""

    def __init__(self, reader: Reader, change: Change, run_id: int, tenant: str, books: Aside) -> None:
        super().__init__(reader.connection)
        self.reader, self.change, self.run_id, self.tenant = reader, change, run_id, tenant
        self._books = books
        self._audit: list[tuple[Any, ...]] = []
        self._appended: dict[str, _Appended] = {}
        self._seals: list[seals.Seal] = []
        self._off_balance: set[int] = set()
        self._failed = False

    @property
    def standing(self) -> str:
        """What runs that are begun say of the rules that they pin."""
        return self._books.standing

    def take_ids(self, name: str, count: int) -> int:
        """The first of ``count`` ids, in a short transaction of their own where the database can do that
        (PostgreSQL), so that other writers do not wait for this one; on SQLite in this transaction.
        """
        return self._books.take_ids(name, count)

    def take_blocks(self, wanted: Mapping[str, int]) -> dict[str, int]:
        """As :meth:`take_ids` for several names, together."""
        return self._books.take_blocks(wanted)

    def audit(
        self, action: str, subject: str, before: Any = None, after: Any = None, *, tenant: str | None = None
    ) -> None:
        """Write down what was done to what; who, when and why come from the change.

        ``before`` and ``after`` are JSON values.  They name personal data by record and version, never by value, so
        that a lawful erasure leaves the audit as it is.
        """
        self._audit.append((self.tenant if tenant is None else tenant, action, subject, before, after))

    def append(self, table: sa.Table | str, rows: Iterable[Row]) -> int:
        """Append rows, tuples in the order of the table's columns; how many there were.

        One audit row a table says, at the end of the transaction, how many rows with which ids were appended.

        Raises:
            TollbookError: ``store.not-appendable``, ``ledger.period-closed`` (entries dated in a closed month),
                and what :func:`engine.store.bulk.insert` refuses.
        """
        name = table if isinstance(table, str) else table.name
        if name not in APPENDABLE:
            raise refuse(NOT_APPENDABLE, f"rows cannot be appended to {name!r}", mend=did_you_mean(name, APPENDABLE))
        target = APPENDABLE[name]
        appended = self._appended.setdefault(name, _Appended(target))
        with self._spoiling():
            return self._insert(target, appended.seen(rows))

    def finish(self) -> None:
        """Check what was appended, then write the audit rows and the link of the chain; called by the books before they
        commit.

        Raises:
            TollbookError: ``store.spoilt``, ``ledger.unbalanced``, ``store.orphan``.
        """
        if self._failed:
            raise refuse(
                SPOILT, "a write of this transaction failed", mend="roll it back: let the error leave the writer"
            )
        findings: list[Finding] = []
        for name, (_, _, parent, _) in checks_written.LINKS.items():
            gone = self._links(name) - self._links(parent.name)
            if gone:
                findings.extend(checks_written.parentless(self.connection, name, gone))
        if self._off_balance:
            findings.extend(checks_written.off_balance(self.connection, self._off_balance))
        if findings:
            raise TollbookError(findings)
        for name, appended in self._appended.items():
            if appended.count and name != "audit":
                low, high = appended.ids
                after = {"rows": appended.count, "from": low, "to": high}
                self.audit("append", name, None, after, tenant=appended.tenant or None)
        if self._audit:
            fallback = self.tenant or next((tenant for tenant, *_ in self._audit if tenant), "")
            first = self.take_ids("audit", len(self._audit))
            who, at, reason = self.change.who, self.change.at, self.change.reason
            self._insert(
                tables.AUDIT,
                (
                    (first + i, tenant or fallback, at, who, reason, action, subject, before, after, self.run_id)
                    for i, (tenant, action, subject, before, after) in enumerate(self._audit)
                ),
            )
            seals.link(self.connection, fallback, [seal.told() for seal in self._seals])
            self._audit.clear()
            self._seals.clear()
        self._appended.clear()

    def _links(self, name: str) -> set[int]:
        """What rows that were appended to a table are linked by."""
        return self._appended[name].links if name in self._appended else set()

    def _insert(self, table: sa.Table, rows: Iterable[Row]) -> int:
        """Append rows, in the order of their ids, and seal them; how many."""
        seal = seals.Seal(table)
        count = bulk.insert(self.connection, table, seal.watch(rows), seal)
        if count:
            self._seals.append(seal)
        return count

    def _ids_here(self, name: str, count: int) -> int:
        """Ids taken in this transaction: their order is the order of commits."""
        return ids.take(self.connection, name, count)

    def _spoiling(self) -> _Spoiling:
        """A block whose failure makes the transaction unfit to be committed."""
        return _Spoiling(self)

    def _insert_or_ignore(self, table: sa.Table, rows: Sequence[Mapping[str, Any]]) -> int:
        """Insert the rows whose keys are not there yet; how many."""
        if not rows:
            return 0
        from sqlalchemy.dialects import postgresql, sqlite

        insert = (sqlite if self.dialect == types.SQLITE else postgresql).insert(table).on_conflict_do_nothing()
        insert = insert.execution_options(preserve_rowcount=True)
        return self.connection.execute(insert, [dict(row) for row in rows]).rowcount


class _Spoiling:
    def __init__(self, writer: WriterBase) -> None:
        self.writer = writer

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, *_: object) -> None:
        if error is None:
            return
        self.writer._failed = True
        refused = translation("the books", error) if isinstance(error, sa.exc.StatementError) else None
        if refused is not None:
            raise refused from error


class _Appended:
    """How many rows were appended to a table, the range of their ids (of their first column), and their links."""

    def __init__(self, table: sa.Table) -> None:
        self.count, self.tenant = 0, ""
        self.ids, self.links = (0, 0), set[int]()
        names = list(table.columns.keys())
        self._tenant_at = names.index("tenant")
        link = checks_written.LINKS.get(table.name)
        self._linked = itemgetter(names.index(link[1])) if link else None

    def seen(self, rows: Iterable[Row]) -> Iterator[Row] | Sequence[Row]:
        """The rows, noted."""
        if isinstance(rows, Sequence):
            if rows:
                self._note(rows)
            return rows
        return self._noting(rows)

    def _noting(self, rows: Iterable[Row]) -> Iterator[Row]:
        for chunk in bulk.chunks(rows, 1000):
            self._note(chunk)
            yield from chunk

    def _note(self, rows: Sequence[Row]) -> None:
        ids = list(map(itemgetter(0), rows))
        low, high = min(ids), max(ids)
        self.ids = (min(self.ids[0], low), max(self.ids[1], high)) if self.count else (low, high)
        if self._linked is not None:
            self.links.update(map(self._linked, rows))
        self.tenant = rows[0][self._tenant_at]
        self.count += len(rows)


def first_of_month(day: date) -> date:
    """The first day of a day's month: the name of an accounting period."""
    return day.replace(day=1)
