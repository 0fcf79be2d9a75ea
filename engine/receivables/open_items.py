"""Settling open items: what is taken of which, in which order, and what that is worth in functional currency.

What is left of a document is worth its share of what the whole document is worth, a function of what is left alone: in
whatever steps it is settled, refunded and settled again, nothing of its value is lost or made.  Credit on an account has no
document; it is worth what was put in, in equal shares.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from decimal import Decimal
from typing import Any, Final

import msgspec

from engine.base.money import CONTEXT, ZERO, round_to, split
from engine.model.settlement import CREDIT, Leg, OpenItem

ORDERS: Final[Mapping[str, Callable[[OpenItem], Any]]] = {
    "due": lambda item: item.due,
    "oldest": lambda item: item.on,
    "newest": lambda item: -item.on.toordinal(),
    "smallest": lambda item: item.left,
    "largest": lambda item: -item.left,
    "kind": lambda item: 0,
    "disputed_last": lambda item: item.disputed,
}
"""What open invoices can be ordered by; what is named comes first."""

ORDER: Final = ("due", "oldest")
"""What is due soonest, then what is oldest."""


KINDS: Final = ("invoice", "debit_note", "receivable")
"""Kinds of documents that can be paid, which a rule may give a priority."""


def worth_left(item: OpenItem, left: Decimal) -> Decimal:
    """What ``left`` of an item is worth in functional currency, a share of what all of it is worth."""
    if left == item.amount:
        return item.worth
    return round_to(CONTEXT.divide(item.worth * left, item.amount), item.functional_currency) if left else ZERO


def leg(item: OpenItem, amount: Decimal) -> Leg:
    """``amount`` added to what is left of an item, of a document on its own terms."""
    return Leg(item, amount, worth_left(item, item.left + amount) - worth_left(item, item.left))


def settled(one: Leg) -> OpenItem:
    """The item of a leg after it.  Credit on an account is worth what it was and what came to it."""
    item = one.item
    left = item.left + one.amount
    if item.id == CREDIT:
        return msgspec.structs.replace(item, amount=left, left=left, worth=item.worth + one.functional)
    return msgspec.structs.replace(item, left=left)


def ordered(items: Iterable[OpenItem], order: Sequence[str], priority: Sequence[str] = ()) -> list[OpenItem]:
    """Items in an order of :data:`ORDERS`; by id where that does not decide.  ``priority`` is that of kinds, for ``kind``."""
    place = {kind: number for number, kind in enumerate(priority)}

    def key(item: OpenItem) -> tuple[Any, ...]:
        by = (place.get(item.kind, len(place)) if name == "kind" else ORDERS[name](item) for name in order)
        return (*by, item.id)

    return sorted(items, key=key)


def shares(money: Decimal, items: Sequence[OpenItem]) -> list[Decimal]:
    """What each item takes of money that is spread by what is left of them: no more than is left, and no cent is lost."""
    owed = sum((item.left for item in items), ZERO)
    if money >= owed:
        return [item.left for item in items]
    return list(split(money, [item.left for item in items], items[0].currency))


class Sheet:
    """The open items of one account in one currency while acts settle them one after the other."""

    def __init__(self, items: Iterable[OpenItem]) -> None:
        """``items`` have the credit on the account among them."""
        self.items = {item.id: item for item in items}

    @property
    def credit(self) -> OpenItem:
        """The credit on the account."""
        return self.items[CREDIT]

    def owing(self) -> list[OpenItem]:
        """What the customer has to pay."""
        return [item for item in self.items.values() if item.left > ZERO]

    def take(self, item: int, amount: Decimal, functional: Decimal | None = None) -> Leg:
        """Add ``amount`` to what is left of an item; of credit that comes in, say what it is worth."""
        there = self.items[item]
        made = leg(there, amount) if functional is None else Leg(there, amount, functional)
        self.items[item] = settled(made)
        return made

    def allot(self, money: Decimal, among: Iterable[OpenItem], terms: Mapping[str, Any]) -> tuple[list[Leg], Decimal]:
        """Pay invoices with ``money`` as the terms of a rule say, in an order or each its share; the legs, and what is left."""
        items = [self.items[item.id] for item in ordered(among, terms["order"], terms.get("priority", ()))]
        if terms.get("way") != "pro_rata" or money <= ZERO or not items:
            return self.pay(money, items, ())
        legs = [self.take(i.id, -part) for i, part in zip(items, shares(money, items), strict=True) if part]
        return legs, money + sum((one.amount for one in legs), ZERO)

    def pay(self, money: Decimal, among: Iterable[OpenItem], order: Sequence[str]) -> tuple[list[Leg], Decimal]:
        """Pay invoices with ``money`` in an order, as they come where there is none; the legs, and what is left of the money."""
        legs: list[Leg] = []
        for item in ordered(among, order) if order else among:
            part = min(money, self.items[item.id].left)
            if part > ZERO:
                legs.append(self.take(item.id, -part))
                money -= part
        return legs, money

    def spread(self, source: int, terms: Mapping[str, Any], original: Iterable[int] = ()) -> list[Leg]:
        """Bring what the customer has in an item, a credit note or its credit, to where the rule says.

        Args:
            source: the item, of which less than zero is left.
            terms: of the rule: ``to``, and the ``order`` among open invoices.
            original: the documents that the source gives back.
        """
        money, legs = -self.items[source].left, []
        wanted = set(original)
        for place in terms["to"]:
            if place == "account_credit" or money <= ZERO:
                break
            among = [item for item in self.owing() if place == "open" or item.id in wanted]
            made, money = self.allot(money, among, terms)
            legs += made
        keeps = money > ZERO and "account_credit" in terms["to"] and source != CREDIT
        used = -self.items[source].left - (ZERO if keeps else money)
        if not used:
            return []
        given = self.take(source, used)
        if keeps:
            rest = -given.functional - sum((one.functional for one in legs), ZERO)
            legs.append(self.take(CREDIT, -money, rest))
        return [given, *legs]
