"""What is brought over from the system that billed before: put in once by natural key, and never changed."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from typing import Any, Final

import msgspec
import sqlalchemy as sa

from engine.model.numbering import ASCENDING
from engine.model.subscription import BillingMark
from engine.store import bulk, openings, query, tables, types
from engine.store.records import Outcome
from engine.store.writing.ledger import LedgerWriter
from engine.store.writing.masters import Kind, MastersWriter

Values = dict[str, Any]

OPENINGS: Final[Mapping[str, Kind]] = {
    "opening_lines": Kind(tables.OPENING_LINE, ("tenant", "entity", "key"), "key"),
    "billed_through": Kind(tables.BILLED_THROUGH, ("subscription_id", "charge"), "subscription_id", many=types.IdList),
    "opening_receivables": Kind(tables.RECEIVABLE, ("tenant", "entity", "number"), "number"),
    "opening_cash": Kind(tables.CASH_ON_ACCOUNT, ("tenant", "entity", "key"), "key"),
    "opening_wallets": Kind(tables.WALLET_LOT, ("tenant", "entity", "key"), "key"),
    "opening_deferred": Kind(tables.DEFERRAL, ("tenant", "entity", "key"), "key"),
    "opening_numbers": Kind(tables.OPENING_NUMBER, ("tenant", "entity", "series"), "series"),
    "opening_balances": Kind(tables.OPENING_BALANCE, ("tenant", "entity", "cutover", "account", "currency"), "account"),
}
"""What :meth:`OpeningsWriter.put_openings` takes, by the names of import files."""

DOCUMENTS: Final = frozenset({"opening_receivables", "opening_cash", "opening_wallets", "opening_deferred"})
"""Kinds whose rows are documents with an entry of their own; their ids are taken from those of invoices."""


class Put(msgspec.Struct, frozen=True):
    """What became of a batch: counts, (position, id) of what is new, (position, row of the books) of what contradicts."""

    outcome: Outcome
    fresh: tuple[tuple[int, int], ...] = ()
    conflicts: tuple[tuple[int, Values], ...] = ()


class OpeningsWriter(MastersWriter, LedgerWriter):
    """Writes openings."""

    def put_openings(self, kind: str, rows: Sequence[Values], body: Iterable[str]) -> Put:
        """Insert what is new; a known key with the same ``body`` (columns) is the same, with another one a conflict.

        Rows are dicts of all columns but the id; no two have the same key.  A conflict changes nothing.
        """
        how, compared = OPENINGS[kind], tuple(body)
        fresh: list[int] = []
        conflicts: list[tuple[int, Values]] = []
        with self._spoiling():
            known = self._known(how, rows) if rows else {}
            for position, values in enumerate(rows):
                old = known.get(tuple(values[name] for name in how.key))
                if old is None:
                    fresh.append(position)
                elif any(old[name] != values[name] for name in compared):
                    conflicts.append((position, old))
            first = self._insert_openings(kind, how, [rows[position] for position in fresh])
        same = len(rows) - len(fresh) - len(conflicts)
        outcome = Outcome(len(fresh), 0, same, tuple(position for position, _ in conflicts))
        return Put(outcome, tuple((place, first + i) for i, place in enumerate(fresh)), tuple(conflicts))

    def _insert_openings(self, kind: str, how: Kind, rows: Sequence[Values]) -> int:
        if not rows:
            return 0
        block = "invoice" if kind in DOCUMENTS else "invoice_line" if kind == "opening_lines" else how.table.name
        first = self.take_ids(block, len(rows))
        fields = how.fields
        made = ((first + i, *(values[name] for name in fields)) for i, values in enumerate(rows))
        self._insert(how.table, made)
        after = {"inserted": len(rows), "from": first, "to": first + len(rows) - 1}
        self.audit(f"put {kind}", kind, None, after, tenant=rows[0]["tenant"])
        return first

    def open_subscriptions(self, tenant: str, marks: Mapping[int, tuple[str, str, date]]) -> None:
        """Say of subscriptions, by id, that another system billed them before: (entity, key of the cut-over, its first day).

        The newest events known now are those known at the cut-over.  How far the subscriptions are billed is set by
        what the books have of the old system.
        """
        usage, events = self.reader.high_marks()
        rows = [
            {
                "subscription_id": ident,
                "tenant": tenant,
                "entity": entity,
                "cutover": key,
                "first_day": first_day,
                "events_seen": events,
                "usage_seen": usage,
            }
            for ident, (entity, key, first_day) in sorted(marks.items())
        ]
        known = openings.opened(self, [*marks])
        with self._spoiling():
            fresh = [row for row in rows if row["subscription_id"] not in known]
            bulk.insert(self.connection, tables.OPENING_MARK, [tuple(row.values()) for row in fresh])
        if fresh:
            self.audit("open subscriptions", tables.OPENING_MARK.name, None, {"rows": len(fresh)}, tenant=tenant)
        self.set_marks(self._openings_billed([*marks]))

    def _openings_billed(self, ids: Sequence[int]) -> list[BillingMark]:
        """How far subscriptions are billed: to the first day of the cut-over, or of a charge that was billed less far."""
        mark, through, line = tables.OPENING_MARK, tables.BILLED_THROUGH.c, tables.OPENING_LINE.c
        given = {"ids": list(ids)}
        ends: dict[tuple[int, str], date] = {}
        last = sa.func.max(line.service_to, type_=line.service_to.type)
        for statement in (
            sa.select(line.subscription_id, line.charge, last)
            .where(query.among(self.dialect, line.subscription_id, "ids"), line.kind != "one_time")
            .group_by(line.subscription_id, line.charge),
            sa.select(through.subscription_id, through.charge, through.billed_to).where(
                query.among(self.dialect, through.subscription_id, "ids"), through.kind != "one_time"
            ),
        ):
            for ident, charge, day in self.connection.execute(statement, given):
                ends[ident, charge] = day
        earliest: dict[int, date] = defaultdict(lambda: date.max)
        for (ident, _), day in ends.items():
            earliest[ident] = min(earliest[ident], day)
        chosen = sa.select(mark).where(query.among(self.dialect, mark.c.subscription_id, "ids"))
        return [
            BillingMark(
                row.subscription_id, min(row.first_day, earliest[row.subscription_id]), row.events_seen, row.usage_seen
            )
            for row in self.connection.execute(chosen, given)
        ]

    def go_on_numbering(self, tenant: str, entity: str, series: str, last: int, on: date) -> bool:
        """Let a series go on after the number ``last`` of a document dated ``on``; False where it has begun here already."""
        key = {"tenant": tenant, "entity": entity, "series": series}
        with self._spoiling():
            done = (
                self._insert_or_ignore(tables.SERIES, [{**key, "next": last + 1, "last_date": on, "dates": ASCENDING}])
                == 1
            )
        if done:
            after = {"next": last + 1, "on": on.isoformat()}
            self.audit("go on numbering", f"series/{entity}/{series}", None, after, tenant=tenant)
        return done
