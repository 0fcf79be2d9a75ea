"""Reads of payments: methods, how payments stand, the steps that they took, what providers told and paid out."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable
from datetime import date
from typing import Any, Final

import sqlalchemy as sa

from engine.model.payment import Method
from engine.model.payment_state import PaymentRecord
from engine.store import query, types
from engine.store.session import Session
from engine.store.tables import PAYMENT, PAYMENT_EVENT, PAYMENT_METHOD, PAYMENT_STEP, PAYOUT, PAYOUT_LINE

_METHOD: Final = tuple(name for name in Method.__struct_fields__ if name != "mandate")
UNDECIDED: Final = "payment.state not in ('succeeded', 'failed', 'canceled')"
"""As the index has it; ``returned`` is among them, because a retry may follow it."""


class PaymentsReader(Session):
    """Reads payments."""

    def payment_methods(
        self, tenant: str, entity: str, accounts: Collection[str] | None = None
    ) -> dict[str, list[Method]]:
        """The active methods of some accounts, or all, by account: in the order in which they are to be used."""
        column = PAYMENT_METHOD.c
        mine = [column.tenant == tenant, column.entity == entity, column.current, column.state == "active"]
        given: dict[str, Any] = {}
        if accounts is not None:
            mine.append(query.among(self.dialect, column.account, "accounts", types.TextList))
            given["accounts"] = sorted(set(accounts))
        fields = [column[name] for name in _METHOD]
        statement = sa.select(*fields).where(*mine).order_by(column.account, column.rank, column.key)
        found: dict[str, list[Method]] = defaultdict(list)
        for row in self.connection.execute(statement, given):
            found[row.account].append(Method(**row._mapping))
        return found

    def method_rows(self, tenant: str, account: str = "") -> list[dict[str, Any]]:
        """Methods by column name, closed ones too."""
        column = PAYMENT_METHOD.c
        mine = (column.tenant == tenant, column.current, *([column.account == account] if account else ()))
        statement = sa.select(PAYMENT_METHOD).where(*mine)
        ordered = statement.order_by(column.entity, column.account, column.rank, column.key)
        return [dict(row._mapping) for row in self.rows(ordered)]

    def payment(self, tenant: str, entity: str, key: str) -> PaymentRecord | None:
        """A payment or refund by its key."""
        column = PAYMENT.c
        return self._one(column.tenant == tenant, column.entity == entity, column.key == key)

    def payment_by_id(self, ident: int) -> PaymentRecord | None:
        """A payment or refund by its id."""
        return self._one(PAYMENT.c.id == ident)

    def payment_named(self, tenant: str, provider: str, names: Iterable[str]) -> PaymentRecord | None:
        """The payment or refund that a provider calls by one of some names."""
        column = PAYMENT.c
        for name in filter(None, names):
            for place, live in ((column.provider_id, "provider_id <> ''"), (column.charge, "charge <> ''")):
                called: Any = sa.literal_column(f"payment.{live}")
                mine = (column.tenant == tenant, column.provider == provider, place == name, called)
                found = self.payments_where(*mine)
                if found:
                    # a payment before its refunds
                    return min(found, key=lambda one: (one.kind != "charge", one.id))
        return None

    def payments(
        self, tenant: str, *, state: str = "", account: str = "", provider: str = "", limit: int = 1000
    ) -> list[PaymentRecord]:
        """Payments and refunds, the newest first."""
        column = PAYMENT.c
        given = {"state": state, "account": account, "provider": provider}
        mine = [column[name] == value for name, value in given.items() if value]
        statement = sa.select(PAYMENT).where(column.tenant == tenant, *mine).order_by(column.id.desc()).limit(limit)
        return [PaymentRecord(*row) for row in self.rows(statement)]

    def payments_of(self, tenant: str, entity: str, accounts: Collection[str]) -> dict[str, list[PaymentRecord]]:
        """All payments and refunds of some accounts, by account, the oldest first."""
        column = PAYMENT.c
        among = query.among(self.dialect, column.account, "accounts", types.TextList)
        statement = sa.select(PAYMENT).where(column.tenant == tenant, column.entity == entity, among)
        found: dict[str, list[PaymentRecord]] = defaultdict(list)
        for row in self.connection.execute(statement.order_by(column.id), {"accounts": sorted(set(accounts))}):
            record = PaymentRecord(*row)
            found[record.account].append(record)
        return found

    def payments_to_retry(self, tenant: str, on: date, limit: int, after: int = 0) -> list[PaymentRecord]:
        """Payments that are to be tried again by a day, in order of id, after one."""
        column = PAYMENT.c
        wanted: Any = sa.literal_column("payment.retry_on is not null")
        mine = (column.tenant == tenant, column.id > after, column.retry_on <= on, wanted)
        statement = sa.select(PAYMENT).where(*mine).order_by(column.id).limit(limit)
        return [PaymentRecord(*row) for row in self.rows(statement)]

    def payments_undecided(self, tenant: str, limit: int = 100_000) -> list[PaymentRecord]:
        """Payments and refunds of which it is not known yet whether the money comes, the oldest first."""
        column = PAYMENT.c
        live: Any = sa.literal_column(UNDECIDED)
        statement = sa.select(PAYMENT).where(column.tenant == tenant, live, column.state != "returned")
        return [PaymentRecord(*row) for row in self.rows(statement.order_by(column.id).limit(limit))]

    def refunds_of(self, tenant: str, ident: int) -> list[PaymentRecord]:
        """The refunds of a payment."""
        column = PAYMENT.c
        live: Any = sa.literal_column("payment.of_payment <> 0")
        return self.payments_where(column.tenant == tenant, column.of_payment == ident, live)

    def payment_steps(self, idents: Collection[int]) -> dict[int, list[dict[str, Any]]]:
        """The steps of payments by id, each by column name, in their order."""
        column = PAYMENT_STEP.c
        among = query.among(self.dialect, column.payment, "ids")
        statement = sa.select(PAYMENT_STEP).where(among).order_by(column.payment, column.step)
        found: dict[int, list[dict[str, Any]]] = defaultdict(list)
        for row in self.connection.execute(statement, {"ids": sorted(set(idents))}):
            found[row.payment].append(dict(row._mapping))
        return found

    def attempt_days(self, tenant: str, entity: str, account: str, token: str) -> list[date]:
        """The UTC days of all attempts that were made with a token."""
        step, head = PAYMENT_STEP.c, PAYMENT.c
        statement = (
            sa.select(step.at)
            .join_from(PAYMENT_STEP, PAYMENT, head.id == step.payment)
            .where(head.tenant == tenant, head.entity == entity, head.account == account, head.token == token)
            .where(head.kind == "charge", step.state == "created")
        )
        return [row[0].date() for row in self.rows(statement.order_by(step.id))]

    def payment_event(self, tenant: str, provider: str, event: str) -> dict[str, Any] | None:
        """What a provider told, by its name of it."""
        column = PAYMENT_EVENT.c
        mine = (column.tenant == tenant, column.provider == provider, column.event == event)
        rows = self.rows(sa.select(PAYMENT_EVENT).where(*mine))
        return dict(rows[0]._mapping) if rows else None

    def payment_events(self, tenant: str, *, kinds: Collection[str] = (), payment: int = 0) -> list[dict[str, Any]]:
        """What providers told, in the order in which it was heard: of some kinds, of a payment, or all."""
        column = PAYMENT_EVENT.c
        mine = [column.tenant == tenant]
        mine += [column.kind.in_(sorted(kinds))] if kinds else []
        mine += [column.payment == payment] if payment else []
        return [dict(row._mapping) for row in self.rows(sa.select(PAYMENT_EVENT).where(*mine).order_by(column.id))]

    def payout(self, tenant: str, provider: str, key: str) -> dict[str, Any] | None:
        """A payout by its provider's name of it."""
        column = PAYOUT.c
        mine = (column.tenant == tenant, column.provider == provider, column.key == key)
        rows = self.rows(sa.select(PAYOUT).where(*mine))
        return dict(rows[0]._mapping) if rows else None

    def payouts(self, tenant: str) -> list[dict[str, Any]]:
        """All payouts, in their order."""
        rows = self.rows(sa.select(PAYOUT).where(PAYOUT.c.tenant == tenant).order_by(PAYOUT.c.id))
        return [dict(row._mapping) for row in rows]

    def payouts_between(self, tenant: str, entity: str, since: date, until: date) -> list[dict[str, Any]]:
        """The payouts of a legal entity from one day to another, both included."""
        column = PAYOUT.c
        mine = (column.tenant == tenant, column.entity == entity, column.day >= since, column.day <= until)
        rows = self.rows(sa.select(PAYOUT).where(*mine).order_by(column.id))
        return [dict(row._mapping) for row in rows]

    def payout_by_id(self, tenant: str, ident: int) -> dict[str, Any] | None:
        """A payout by its id, which is the document of its entry."""
        rows = self.rows(sa.select(PAYOUT).where(PAYOUT.c.tenant == tenant, PAYOUT.c.id == ident))
        return dict(rows[0]._mapping) if rows else None

    def lines_of_payout(self, tenant: str, ident: int) -> list[dict[str, Any]]:
        """The lines of a payout, in their order."""
        column = PAYOUT_LINE.c
        mine = (column.tenant == tenant, column.payout == ident)
        return [dict(row._mapping) for row in self.rows(sa.select(PAYOUT_LINE).where(*mine).order_by(column.id))]

    def payout_lines(self, tenant: str) -> list[dict[str, Any]]:
        """The lines of all payouts, in their order."""
        statement = sa.select(PAYOUT_LINE).where(PAYOUT_LINE.c.tenant == tenant).order_by(PAYOUT_LINE.c.id)
        return [dict(row._mapping) for row in self.rows(statement)]

    def all_payments(self, tenant: str) -> list[PaymentRecord]:
        """All payments and refunds, in order of id."""
        return self.payments_where(PAYMENT.c.tenant == tenant)

    def payments_where(self, *mine: sa.ColumnElement[bool]) -> list[PaymentRecord]:
        """Payments by conditions, in order of id."""
        return [PaymentRecord(*row) for row in self.rows(sa.select(PAYMENT).where(*mine).order_by(PAYMENT.c.id))]

    def _one(self, *mine: sa.ColumnElement[bool]) -> PaymentRecord | None:
        found = self.payments_where(*mine)
        return found[0] if found else None
