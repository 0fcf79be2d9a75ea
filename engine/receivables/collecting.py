"""What is collected of an account: its invoices that are due, and never more than it owes on balance.  Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from datetime import date

from engine.base.money import ZERO, round_to
from engine.model.payment import PaidItem
from engine.model.settlement import CREDIT, OpenItem
from engine.receivables.open_items import ORDER, ordered


def due_items(items: Iterable[OpenItem], on: date, busy: Collection[int]) -> list[tuple[OpenItem, PaidItem]]:
    """What is to be collected on a day of the open items of one account in one currency: each with how much of it.

    Args:
        items: the open items, credit notes and the credit on the account among them.
        on: the day; what is due later waits.
        busy: ids of items that a payment is under way for, or that were collected once: those are left to people.
    """
    there = list(items)
    balance = sum((item.left for item in there), ZERO)
    mine = [item for item in there if item.id != CREDIT and item.left > ZERO and item.due <= on and item.id not in busy]
    waiting = sum((item.left for item in there if item.left > ZERO and item.id in busy), ZERO)
    most = balance - waiting
    found: list[tuple[OpenItem, PaidItem]] = []
    for item in ordered(mine, ORDER):
        part = min(item.left, most)
        if part <= ZERO:
            break
        found.append((item, PaidItem(item.number, round_to(part, item.currency))))
        most -= part
    return found
