"""The desk of purchase orders: what was ordered, what of it is used up, what is left."""

from __future__ import annotations

from typing import Any

import msgspec

from engine.store.books import Books


class OrderDesk:
    """What people ask of purchase orders."""

    def __init__(self, books: Books, tenant: str) -> None:
        self._books, self._tenant = books, tenant

    def listed(self, account: str = "") -> list[dict[str, Any]]:
        """Purchase orders in order of their key, each with what is used up and left of it: all, or those of an account."""
        with self._books.reader() as reader:
            found = reader.purchase_orders(self._tenant, "", account, account)
        return [{**msgspec.structs.asdict(one.order), "used": one.used, "left": one.left} for one in found]
