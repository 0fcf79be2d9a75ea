"""Reads of purchase orders, and of what was invoiced on them."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal
from typing import Any

import sqlalchemy as sa

from engine.base.money import ZERO
from engine.model.order import PurchaseOrder, Used
from engine.store import query
from engine.store.session import Session
from engine.store.tables import INVOICE, INVOICE_LINE, PURCHASE_ORDER


class OrdersReader(Session):
    """Reads purchase orders."""

    def has_orders(self, tenant: str) -> bool:
        """Whether any purchase order was ever imported."""
        column = PURCHASE_ORDER.c
        return self.connection.execute(sa.select(column.id).where(column.tenant == tenant).limit(1)).first() is not None

    def purchase_orders(
        self, tenant: str, entity: str = "", low: str = "", high: str = "", number: str = ""
    ) -> list[Used]:
        """Purchase orders with what is used up of each, in order of their key: all, of a legal entity, of payers from ``low``
        to ``high``, or of one number."""
        column = PURCHASE_ORDER.c
        mine = [column.tenant == tenant, column.current]
        mine += [column.entity == entity] if entity else []
        mine += [column.account.between(low, high)] if low else []
        mine += [column.number == number] if number else []
        order = (column.entity, column.account, column.number)
        found = [
            _order(row) for row in self.connection.execute(sa.select(PURCHASE_ORDER).where(*mine).order_by(*order))
        ]
        used = self.used_of(tenant, found) if found else {}
        return [Used(one, used.get((one.entity, one.account, one.number), ZERO)) for one in found]

    def buyer_reference(self, tenant: str, entity: str, account: str, number: str) -> str:
        """What a customer wants named on invoices on a purchase order; empty where nothing is known."""
        column = PURCHASE_ORDER.c
        mine = (column.tenant == tenant, column.entity == entity, column.account == account, column.number == number)
        found: str | None = self.connection.execute(
            sa.select(column.buyer_reference).where(*mine, column.current)
        ).scalar()
        return found or ""

    def used_of(self, tenant: str, orders: Iterable[PurchaseOrder]) -> dict[tuple[str, str, str], Decimal]:
        """What invoices less credits on purchase orders come to before tax, by legal entity, payer and number."""
        wanted = {(one.entity, one.account, one.number): one.currency for one in orders}
        payers = sorted({account for _, account, _ in wanted})
        head = INVOICE.c
        net = sa.func.sum(head.net, type_=head.net.type)
        keys = (head.entity, head.payer, head.purchase_order)
        statement = (
            sa.select(*keys, head.currency, net)
            .where(head.tenant == tenant, head.purchase_order != "")
            .where(head.payer.between(payers[0], payers[-1]) if payers else sa.false())
            .group_by(*keys, head.currency)
        )
        rows = self.connection.execute(statement)
        return {(e, p, n): total for e, p, n, currency, total in rows if wanted.get((e, p, n)) == currency}

    def orders_of_lines(self, lines: Iterable[int]) -> dict[int, str]:
        """The purchase orders that billed lines were invoiced on, by id of the line; of those on one."""
        line, head = INVOICE_LINE.c, INVOICE.c
        statement = (
            sa.select(line.id, head.purchase_order)
            .join_from(INVOICE_LINE, INVOICE, head.id == line.invoice_id)
            .where(query.among(self.dialect, line.id, "lines"), head.purchase_order != "")
        )
        return {row[0]: row[1] for row in self.connection.execute(statement, {"lines": sorted(lines)})}


def _order(row: Any) -> PurchaseOrder:
    values = {name: row._mapping[name] for name in PurchaseOrder.__struct_fields__}
    return PurchaseOrder(**values | {name: _keys(values[name]) for name in ("charges", "products")})


def _keys(text: str) -> tuple[str, ...]:
    return tuple(filter(None, (key.strip() for key in text.split(";"))))
