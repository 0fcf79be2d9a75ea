"""Credit on account: what an invoice that sums below zero leaves to the customer, and later invoices use first."""

from __future__ import annotations

from decimal import Decimal

from engine.base.money import ZERO


def moved(total: Decimal, credit: Decimal) -> Decimal:
    """What an invoice moves to the customer's credit (above zero) or uses of it (below zero), as a line that is added to it.

    A ``total`` below zero is topped up to zero; one above zero uses as much of the ``credit`` as there is, and no more than
    it needs.
    """
    return -total if total < ZERO else -min(total, max(credit, ZERO))
