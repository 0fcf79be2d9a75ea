"""Keeping purchase orders from being invoiced twice over: what a run has relied on is looked at again under their locks."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal

import sqlalchemy as sa

from engine.base.errors import Code, refuse
from engine.base.money import ZERO
from engine.store.tables import PURCHASE_ORDER
from engine.store.writing.base import WriterBase

USED_MEANWHILE = Code(
    "purchase-order.used-meanwhile", "A purchase order that something else was invoiced on while a run was at it."
)


class OrdersWriter(WriterBase):
    """Locks purchase orders."""

    def hold_orders(self, tenant: str, entity: str, relied_on: Mapping[tuple[str, str], Decimal]) -> None:
        """Lock purchase orders until this transaction ends; what is used up of each, by payer and number, has to be what the
        run has relied on.

        Raises:
            TollbookError: ``purchase-order.used-meanwhile``.
        """
        column = PURCHASE_ORDER.c
        for (payer, number), used in sorted(relied_on.items()):
            mine = (column.tenant == tenant, column.entity == entity, column.account == payer, column.number == number)
            self.connection.execute(sa.select(column.id).where(*mine, column.current).with_for_update())
            found = self.reader.purchase_orders(tenant, entity, payer, payer, number)
            now = found[0].used if found else ZERO
            if now != used:
                raise refuse(
                    USED_MEANWHILE,
                    f"{now.normalize():f} of purchase order {number} of {payer} are used up, "
                    f"and were {used.normalize():f} when its invoice was computed",
                    why="two at once would invoice more on it than was ordered",
                    mend="nothing is written; do it again",
                    subject=f"account/{payer}",
                )
