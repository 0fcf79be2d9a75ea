"""Reads of bank statements, of entries and their uses, and of all that is open of a legal entity."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from datetime import date
from decimal import Decimal
from typing import Any

import sqlalchemy as sa

from engine.base.money import ZERO
from engine.model.cash import BankEntry, BankStatement, ByHand, OpenEntry, Use, Withheld
from engine.store import convert, query, types
from engine.store.session import Session
from engine.store.tables import (
    ACCOUNT,
    BANK_ENTRY,
    BANK_LEFT,
    BANK_MARK,
    BANK_STATEMENT,
    BANK_USE,
    CASH_ON_ACCOUNT,
    DIRECT_DEBIT,
    ENTRY,
    INVOICE,
    PAYMENT,
    POSTING,
    RECEIVABLE,
    REMITTANCE_ADVICE,
    SETTLEMENT,
    WITHHELD,
)

NOT_COUNTED = ("discount", "late_discount", "withholding")
"""Reasons of differences that are counted by themselves: they were agreed, and are no small amounts that add up."""


class CashReader(Session):
    """Reads what banks have booked."""

    def bank_source(self, tenant: str, entity: str, account: str) -> str:
        """The kind of file that a bank account was booked from; empty where none was."""
        column = BANK_MARK.c
        mine = (column.tenant == tenant, column.entity == entity, column.account == account)
        return str(self.connection.execute(sa.select(column.kind).where(*mine)).scalar() or "")

    def statement_known(self, tenant: str, entity: str, account: str, digest: str) -> bool:
        """Whether a statement that says just this is in the books."""
        column = BANK_STATEMENT.c
        mine = (column.tenant == tenant, column.entity == entity, column.account == account, column.digest == digest)
        return self.connection.execute(sa.select(column.id).where(*mine)).first() is not None

    def statement_before(self, tenant: str, entity: str, account: str, day: date) -> BankStatement | None:
        """The last statement of an account that ends on or before a day."""
        column = BANK_STATEMENT.c
        order = (column.last_day.desc(), column.id.desc())
        return self._statement(tenant, entity, account, column.last_day <= day, order)

    def statement_after(self, tenant: str, entity: str, account: str, day: date) -> BankStatement | None:
        """The first statement of an account that begins on or after a day."""
        column = BANK_STATEMENT.c
        return self._statement(tenant, entity, account, column.first_day >= day, (column.first_day, column.id))

    def _statement(
        self, tenant: str, entity: str, account: str, when: Any, order: Sequence[Any]
    ) -> BankStatement | None:
        column = BANK_STATEMENT.c
        mine = (column.tenant == tenant, column.entity == entity, column.account == account, when)
        row = self.connection.execute(sa.select(BANK_STATEMENT).where(*mine).order_by(*order).limit(1)).one_or_none()
        return None if row is None else BankStatement(*row)

    def statement(self, tenant: str, ident: int) -> BankStatement | None:
        """A statement by id."""
        column = BANK_STATEMENT.c
        row = self.connection.execute(
            sa.select(BANK_STATEMENT).where(column.tenant == tenant, column.id == ident)
        ).one_or_none()
        return None if row is None else BankStatement(*row)

    def entry_keys(self, tenant: str, entity: str, account: str, keys: Collection[str]) -> set[str]:
        """Which of some keys entries of a bank account have."""
        column = BANK_ENTRY.c
        mine = (column.tenant == tenant, column.entity == entity, column.account == account)
        among = query.among(self.dialect, column.key, "keys", types.TextList)
        rows = self.connection.execute(sa.select(column.key).where(*mine, among), {"keys": sorted(set(keys))})
        return set(rows.scalars())

    def bank_entry(self, tenant: str, ident: int) -> OpenEntry | None:
        """A bank entry, with what is left of it."""
        found = self._entries(BANK_ENTRY.c.tenant == tenant, BANK_ENTRY.c.id == ident)
        return found[0] if found else None

    def bank_entries(self, tenant: str, idents: Collection[int]) -> list[OpenEntry]:
        """Some bank entries, with what is left of each, the oldest first."""
        mine = query.among(self.dialect, BANK_ENTRY.c.id, "ids")
        return self._entries(BANK_ENTRY.c.tenant == tenant, mine, ids=sorted(idents))

    def times_applied(self, tenant: str, idents: Collection[int]) -> dict[int, int]:
        """How often bank entries were applied, what was taken back again among it, by id."""
        column = BANK_USE.c
        mine = (column.tenant == tenant, query.among(self.dialect, column.entry_id, "ids"))
        statement = sa.select(column.entry_id, sa.func.count()).where(
            *mine, column.kind == "applied", column.source == 0
        )
        rows = self.connection.execute(statement.group_by(column.entry_id), {"ids": sorted(idents)})
        return dict(map(tuple, rows))

    def open_entries(self, tenant: str, entity: str = "") -> list[OpenEntry]:
        """Bank entries of which something is left, the oldest first."""
        left: Any = sa.literal_column("bank_left.open_amount <> 0")
        more = [BANK_ENTRY.c.entity == entity] if entity else []
        return self._entries(BANK_LEFT.c.tenant == tenant, left, *more)

    def entries_with(self, tenant: str, entity: str, **wanted: Any) -> list[OpenEntry]:
        """Bank entries whose columns hold what is wanted, the oldest first."""
        column = BANK_ENTRY.c
        return self._entries(
            column.tenant == tenant, column.entity == entity, *(column[k] == v for k, v in wanted.items())
        )

    def advices(self, tenant: str, entity: str, entries: Iterable[BankEntry]) -> dict[int, list[str]]:
        """What customers have told of some bank entries apart from them, the oldest first, by the id of the entry."""
        column, ids = REMITTANCE_ADVICE.c, dict[int, set[int]]()
        texts, some = dict[int, str](), list(entries)
        for name in ("end_to_end_id", "bank_ref"):
            wanted = sorted({getattr(one, name) for one in some} - {""})
            named = query.among(self.dialect, column[name], "named", types.TextList)
            there: Any = sa.literal_column(f"remittance_advice.{name} <> ''")
            mine = (column.tenant == tenant, column.entity == entity, there, named)
            statement = sa.select(column.id, column[name], column.text).where(*mine)
            by_name: dict[str, set[int]] = {}
            for ident, value, text in self.connection.execute(statement, {"named": wanted}) if wanted else ():
                by_name.setdefault(value, set()).add(ident)
                texts[ident] = text
            for one in some:
                ids.setdefault(one.id, set()).update(by_name.get(getattr(one, name), ()))
        return {entry: [texts[ident] for ident in sorted(found)] for entry, found in ids.items() if found}

    def first_entries(
        self, tenant: str, entity: str, pairs: Collection[tuple[str, Decimal]]
    ) -> dict[tuple[str, Decimal], int]:
        """The ids of the first bank entries with some references of the bank and amounts, by both."""
        column, found = BANK_ENTRY.c, dict[tuple[str, Decimal], int]()
        among = query.among(self.dialect, column.bank_ref, "refs", types.TextList)
        mine = (column.tenant == tenant, column.entity == entity, among)
        fields = (column.bank_ref, column.amount)
        for some in convert.chunks(sorted(pairs), 500):
            amounts = column.amount.in_(sorted({amount for _, amount in some}))  # they are what there is an index of
            statement = sa.select(*fields, sa.func.min(column.id)).where(*mine, amounts).group_by(*fields)
            rows = self.connection.execute(statement, {"refs": sorted({ref for ref, _ in some})})
            found |= {(ref, amount): first for ref, amount, first in rows}
        return found

    def _entries(self, *conditions: Any, **given: Any) -> list[OpenEntry]:
        statement = (
            sa.select(BANK_ENTRY, BANK_LEFT.c.open_amount, BANK_LEFT.c.functional.label("worth"))
            .join_from(BANK_LEFT, BANK_ENTRY, BANK_ENTRY.c.id == BANK_LEFT.c.entry_id)
            .where(*conditions)
            .order_by(BANK_ENTRY.c.id)
        )
        return [OpenEntry(BankEntry(*row[:-2]), row[-2], row[-1]) for row in self.connection.execute(statement, given)]

    def uses(self, tenant: str, **wanted: Any) -> list[Use]:
        """Uses whose columns hold what is wanted, in their order."""
        column = BANK_USE.c
        mine = (column.tenant == tenant, *(column[k] == v for k, v in wanted.items()))
        return [Use(*row) for row in self.rows(sa.select(BANK_USE).where(*mine).order_by(column.id))]

    def learnt_accounts(self, tenant: str, entity: str) -> dict[str, tuple[str, ...]]:
        """The bank accounts that customers have paid from, by customer; what was taken back again does not count."""
        use, entry = BANK_USE.c, BANK_ENTRY.c
        total = sa.func.sum(use.amount, type_=use.amount.type)
        statement = (
            sa.select(use.customer, entry.payer_account)
            .join_from(BANK_USE, BANK_ENTRY, entry.id == use.entry_id)
            .where(use.tenant == tenant, use.entity == entity, use.kind == "applied", use.customer != "")
            .where(entry.payer_account != "")
            .group_by(use.customer, entry.payer_account)
            .having(total > 0)
            .order_by(use.customer, entry.payer_account)
        )
        found: dict[str, tuple[str, ...]] = {}
        for customer, account in self.rows(statement):
            found[customer] = (*found.get(customer, ()), account)
        return found

    def open_accounts(self, tenant: str, entity: str) -> list[str]:
        """Keys of the accounts that have a document which is not settled: what is left of it is not nothing."""
        head, leg = INVOICE.c, SETTLEMENT.c
        settled = (
            sa.select(leg.item, sa.func.sum(leg.amount, type_=leg.amount.type).label("settled"))
            .where(leg.tenant == tenant, leg.entity == entity, sa.literal_column("settlement.item <> 0"))
            .group_by(leg.item)
            .subquery()
        )
        zero = sa.literal(ZERO, head.total.type)
        left = head.total + sa.func.coalesce(settled.c.settled, zero, type_=head.total.type)
        invoices = (
            sa.select(head.payer)
            .join_from(INVOICE, settled, settled.c.item == head.id, isouter=True)
            .where(head.tenant == tenant, head.entity == entity, left != zero)
        )
        others = [
            sa.select(table.c.account).where(table.c.tenant == tenant, table.c.entity == entity)
            for table in (RECEIVABLE, CASH_ON_ACCOUNT)
        ]
        return sorted({row[0] for row in self.rows(sa.union(invoices, *others))})

    def all_accounts(self, tenant: str, entity: str) -> list[tuple[str, str, str, str | None]]:
        """(key, name, currency, parent) of all customers of a legal entity, in order of key."""
        column = ACCOUNT.c
        mine = (column.tenant == tenant, column.entity == entity, column.current)
        fields = (column.key, column.name, column.currency, column.parent)
        return [tuple(row) for row in self.rows(sa.select(*fields).where(*mine).order_by(column.key))]

    def agreed_of(self, ids: Sequence[int]) -> dict[int, tuple[str, int]]:
        """The purchase orders of invoices, and the decisions that they were drafted by, by id."""
        head = INVOICE.c
        fields = (head.id, head.purchase_order, head.draft_decision)
        statement = sa.select(*fields).where(query.among(self.dialect, head.id, "ids"))
        rows = self.connection.execute(statement, {"ids": list(ids)})
        return {ident: (order, decision) for ident, order, decision in rows}

    def documents_numbered(self, tenant: str, entity: str, numbers: Sequence[str]) -> list[tuple[int, str, str]]:
        """(id, number, kind) of the invoices that have one of some numbers."""
        head = INVOICE.c
        among = query.among(self.dialect, head.number, "numbers", types.TextList)
        statement = sa.select(head.id, head.number, head.kind).where(
            head.tenant == tenant, head.entity == entity, among
        )
        return [tuple(row) for row in self.connection.execute(statement.order_by(head.id), {"numbers": list(numbers)})]

    def written_off(
        self, tenant: str, entity: str, since: date, reason: str, *, item: int = 0, account: str = ""
    ) -> Decimal:
        """What was written off from a day on, of a document or a customer, in functional currency; differences that were
        agreed (:data:`NOT_COUNTED`) count where they are of the same reason."""
        leg = SETTLEMENT.c
        same = leg.note == reason if reason in NOT_COUNTED else leg.note.not_in(NOT_COUNTED)
        mine = [leg.tenant == tenant, leg.entity == entity, leg.kind == "write_off", leg.day >= since, same]
        mine += [leg.item == item] if item else []
        mine += [leg.account == account] if account else []
        total = sa.func.sum(leg.functional, type_=leg.functional.type)
        return -(self.connection.execute(sa.select(total).where(*mine)).scalar() or ZERO)

    def settled_under(self, tenant: str, entity: str, key: str) -> list[str]:
        """Keys of the acts that were done with an act, its own first."""
        leg = SETTLEMENT.c
        mine = (leg.tenant == tenant, leg.entity == entity, leg.key.startswith(f"{key}/", autoescape=True))
        first = sa.select(leg.key, sa.func.min(leg.id)).where(*mine).group_by(leg.key).order_by(sa.func.min(leg.id))
        return [key, *(row[0] for row in self.rows(first))]

    def acts_by_hand(self, tenant: str, entity: str, since: date, until: date) -> list[ByHand]:
        """Payments, refunds and chargebacks of some days that no bank entry and no provider has brought, in their order."""
        leg, use, paid, debit = SETTLEMENT.c, BANK_USE.c, PAYMENT.c, DIRECT_DEBIT.c
        mine = (leg.tenant == tenant, leg.entity == entity, leg.day.between(since, until))
        kinds = ((leg.kind == "payment") & (leg.source == "")) | leg.kind.in_(("refund", "chargeback"))
        others: list[Any] = [
            sa.exists().where(
                own.tenant == leg.tenant, own.entity == leg.entity, own.key.in_((leg.key, leg.source)), own.key != ""
            )
            for own in (paid, debit)
        ]
        banked: Any = sa.exists().where(use.tenant == leg.tenant, use.entity == leg.entity, use.key == leg.key)
        fields = (leg.key, leg.kind, leg.account, leg.currency, leg.amount, leg.day, leg.document, leg.note, leg.item)
        wanted = sa.select(*fields).where(*mine, kinds, ~banked, *(~one for one in others)).order_by(leg.id)
        found: dict[str, ByHand] = {}
        for key, kind, account, currency, amount, day, document, note, item in self.rows(wanted):
            before = found.get(key)
            total = (before.amount if before else ZERO) - amount
            items = (*(before.items if before else ()), *((item,) if item else ()))
            found[key] = ByHand(key, kind, account, currency, total, day, document, note, items)
        return list(found.values())

    def withheld(self, tenant: str, entity: str, account: str = "") -> list[Withheld]:
        """Tax that customers have withheld, and certificates for it, in their order."""
        column = WITHHELD.c
        mine = [column.tenant == tenant, column.entity == entity]
        mine += [column.account == account] if account else []
        return [Withheld(*row) for row in self.rows(sa.select(WITHHELD).where(*mine).order_by(column.id))]

    def entry_of(self, tenant: str, document: int, kind: str) -> list[dict[str, Any]]:
        """The postings of a document's entry of a kind by column name, in their order; none where it has none."""
        statement = (
            sa.select(POSTING, ENTRY.c.posting_date)
            .join_from(ENTRY, POSTING, POSTING.c.entry_id == ENTRY.c.id)
            .where(ENTRY.c.tenant == tenant, ENTRY.c.document == document, ENTRY.c.kind == kind)
            .order_by(POSTING.c.number)
        )
        return [dict(row._mapping) for row in self.rows(statement)]
