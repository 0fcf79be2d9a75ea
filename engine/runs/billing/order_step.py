"""What a bill run reads of purchase orders, where there are any or rules ask for them."""

from __future__ import annotations

from collections.abc import Sequence

from engine.model.due import PayerDue
from engine.model.order import Orders, Used
from engine.runs.run import Parts
from engine.store.reader import Reader

_SHIPPED = "purchase_orders/default"


def orders_of(parts: Parts, reader: Reader, payers: tuple[str, str, str], dues: Sequence[PayerDue]) -> Orders | None:
    """The purchase orders of payers (entity, first, last), and those that their billed lines are on; None where the tenant has
    none, and no rule of its own asks for any."""
    own = any(one.family == "purchase_orders" and one.ruleset != _SHIPPED for one in parts.rules.decisions())
    if not own and not reader.has_orders(parts.tenant):
        return None
    known: dict[str, dict[str, Used]] = {}
    for one in reader.purchase_orders(parts.tenant, *payers):
        known.setdefault(one.order.account, {})[one.order.number] = one
    taken = (taken for due in dues for account in due.accounts for taken in account.subscriptions)
    lines = [line.id for one in taken for line in one.billed]
    return Orders(known, reader.orders_of_lines(lines) if lines else {})
