"""Writes of bank statements, of what their entries are used for, and of tax that customers withheld.

Whoever loads statements of a bank account has locked its mark before (:meth:`CashWriter.lock_bank_account`), whoever uses an
entry its row of what is left (:meth:`CashWriter.lock_entry`).
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from decimal import Decimal
from typing import NamedTuple

import msgspec
import sqlalchemy as sa

from engine.base.errors import Code, refuse
from engine.base.money import ZERO
from engine.model.cash import BankEntry, BankStatement, OpenEntry, Use, Withheld
from engine.store import query
from engine.store.tables import BANK_ENTRY, BANK_LEFT, BANK_MARK, BANK_STATEMENT, BANK_USE, WITHHELD
from engine.store.writing.base import WriterBase

OVERUSED = Code("cash.over-used", "A use of more of a bank entry than is left of it.")
UNKNOWN_ENTRY = Code("cash.unknown-entry", "A bank entry that the books do not have.")


class _Left(NamedTuple):
    """What is left of an entry of ``whole``."""

    left: Decimal
    functional: Decimal
    version: int
    whole: Decimal


class CashWriter(WriterBase):
    """Writes what banks have booked, and what became of it."""

    def lock_bank_account(self, tenant: str, entity: str, account: str) -> str:
        """The kind of file from which a bank account is booked, empty before the first; nobody else loads statements of the
        account until this transaction ends."""
        column = BANK_MARK.c
        key = {"tenant": tenant, "entity": entity, "account": account}
        with self._spoiling():
            self._insert_or_ignore(BANK_MARK, [{**key, "kind": "", "version": 0}])
        mine = (column.tenant == tenant, column.entity == entity, column.account == account)
        return str(self.connection.execute(sa.select(column.kind).where(*mine).with_for_update()).scalar_one())

    def book_statement(self, statement: BankStatement, entries: Sequence[BankEntry]) -> None:
        """Keep a statement with its entries, none of which is used yet; entries come in the order of their ids."""
        column = BANK_MARK.c
        mine = (
            column.tenant == statement.tenant,
            column.entity == statement.entity,
            column.account == statement.account,
        )
        values = {"kind": statement.kind, "version": column.version + 1}
        with self._spoiling():
            self._insert(BANK_STATEMENT, [msgspec.structs.astuple(statement)])
            self.connection.execute(sa.update(BANK_MARK).where(*mine).values(values))
        self._keep_entries(entries)
        after = {"entries": len(entries), "kind": statement.kind, "account": statement.account}
        self.audit("book statement", f"bank-statement/{statement.id}", None, after, tenant=statement.tenant)

    def explode_entry(self, gathered: OpenEntry, payments: Sequence[BankEntry], split: Use) -> None:
        """Put the payments that an entry gathers in its place; what they come to is what is left of it."""
        self._keep_entries(payments)
        self.use_entries([split])
        after = {"payments": len(payments)}
        self.audit("explode", gathered.entry.subject, None, after, tenant=gathered.entry.tenant)

    def _keep_entries(self, entries: Sequence[BankEntry]) -> None:
        rows = [msgspec.structs.astuple(one) for one in entries]
        left = [
            {"entry_id": e.id, "tenant": e.tenant, "open_amount": e.amount, "functional": e.functional, "version": 0}
            for e in entries
        ]
        with self._spoiling():
            self._insert(BANK_ENTRY, rows)
            if left:
                self.connection.execute(sa.insert(BANK_LEFT), left)

    def lock_entry(self, tenant: str, ident: int) -> OpenEntry:
        """A bank entry with what is left of it; nobody else uses it until this transaction ends.

        Raises:
            TollbookError: ``cash.unknown-entry``.
        """
        return self.lock_entries(tenant, [ident])[ident]

    def lock_entries(self, tenant: str, idents: Collection[int]) -> dict[int, OpenEntry]:
        """As :meth:`lock_entry` for several, which are locked in the order of their ids.

        Raises:
            TollbookError: ``cash.unknown-entry``.
        """
        locked = self._lock_left(BANK_LEFT.c.tenant == tenant, ids=idents)
        entries = {one.entry.id: one.entry for one in self.reader.bank_entries(tenant, idents)}
        for ident in idents:
            if ident not in locked or ident not in entries:
                mend = "`tollbook cash show` lists those that are open"
                raise refuse(UNKNOWN_ENTRY, f"there is no bank entry {ident}", mend=mend)
        return {ident: OpenEntry(entries[ident], locked[ident].left, locked[ident].functional) for ident in idents}

    def use_entries(self, uses: Sequence[Use]) -> None:
        """Append uses and take them off what is left of their entries.

        Raises:
            TollbookError: ``cash.over-used``.
        """
        rows = [msgspec.structs.astuple(one) for one in uses]
        with self._spoiling():
            self._insert(BANK_USE, rows)
        self._take_off(uses)
        for use in uses:
            after = {"entry": use.entry_id, "kind": use.kind, "amount": f"{use.amount:f}", "settlement": use.key}
            self.audit("use", f"bank-use/{use.id}", None, after, tenant=use.tenant)

    def _take_off(self, uses: Sequence[Use]) -> None:
        locked = self._lock_left(ids={use.entry_id for use in uses})
        for use in uses:
            before = locked[use.entry_id]
            left: Decimal = before.left - use.amount
            sign = 1 if before.whole > ZERO else -1
            if not ZERO <= left * sign <= abs(before.whole):
                what = f"{use.kind} of {use.amount:f} would leave {left:f} of {before.whole:f} of bank entry {use.entry_id}"
                mend = "look at what is left with `tollbook cash show`, and use no more than that"
                raise refuse(OVERUSED, what, mend=mend, subject=f"bank-entry/{use.entry_id}")
            worth = before.functional - use.functional
            locked[use.entry_id] = _Left(left, worth, before.version + 1, before.whole)
        column = BANK_LEFT.c
        values = [
            {"ident": ident, "open_amount": one.left, "functional": one.functional, "version": one.version}
            for ident, one in sorted(locked.items())
        ]
        if values:
            with self._spoiling():
                self.connection.execute(
                    sa.update(BANK_LEFT)
                    .where(column.entry_id == sa.bindparam("ident"))
                    .values({name: sa.bindparam(name) for name in ("open_amount", "functional", "version")}),
                    values,
                )

    def _lock_left(self, *conditions: sa.ColumnElement[bool], ids: Collection[int]) -> dict[int, _Left]:
        """What is left of some entries, under lock, by id."""
        column = BANK_LEFT.c
        statement = (
            sa.select(column.entry_id, column.open_amount, column.functional, column.version, BANK_ENTRY.c.amount)
            .join_from(BANK_LEFT, BANK_ENTRY, BANK_ENTRY.c.id == column.entry_id)
            .where(query.among(self.dialect, column.entry_id, "ids"), *conditions)
            .order_by(column.entry_id)
            .with_for_update(of=BANK_LEFT)
        )
        rows = self.connection.execute(statement, {"ids": sorted(ids)})
        return {row[0]: _Left(*row[1:]) for row in rows}

    def note_withheld(self, rows: Sequence[Withheld]) -> None:
        """Keep tax that customers have withheld, or the certificates for it."""
        with self._spoiling():
            self._insert(WITHHELD, [msgspec.structs.astuple(one) for one in rows])
        for one in rows:
            after = {"item": one.item, "amount": f"{one.amount:f}", "certificate": one.certificate}
            self.audit("note withheld tax", f"withheld/{one.id}", None, after, tenant=one.tenant)
