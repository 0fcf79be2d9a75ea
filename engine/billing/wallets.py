"""Drawing on wallets: which lots pay for a line and in which order, what goes back where a line is given back.  Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date
from decimal import Decimal
from typing import Any, Final

import msgspec

from engine.base.money import CONTEXT, ZERO, round_to
from engine.model.decision import Decide, Decision
from engine.model.wallet import PROMOTIONAL, Kind, Lot, Move, Purse, WalletFacts

ORDERS: Final[Mapping[str, Callable[[Lot], Any]]] = {
    "priority": lambda lot: lot.priority,
    "expiring": lambda lot: lot.expires_on,
    "promotional": lambda lot: lot.kind != PROMOTIONAL,
    "paid": lambda lot: lot.kind == PROMOTIONAL,
    "oldest": lambda lot: lot.granted_on,
    "newest": lambda lot: -lot.granted_on.toordinal(),
}
"""What lots of a wallet can be ordered by; what is named comes first."""

ORDER: Final = ("priority", "expiring", "promotional", "oldest")
"""Lowest priority number, then what expires soonest, then what cost nothing, then what is oldest."""


class Payable(msgspec.Struct, frozen=True, gc=False):
    """A line of an invoice as wallets see it: ``gross`` is its amount with tax.

    A line that gives back names the line that it ``credits``; ``account`` has used the service, ``payer`` gets the invoice.
    """

    id: int
    account: str
    payer: str
    currency: str
    plan: str
    charge: str
    kind: str
    meter: str
    product: str
    gross: Decimal
    credits: int = 0


class Paid(msgspec.Struct, frozen=True):
    """What of a billed line is not given back, and the lots that have paid for it: (lot, amount) in the order of payment."""

    gross_left: Decimal
    parts: tuple[tuple[Lot, Decimal], ...]


def ordered(lots: Iterable[Lot], order: Sequence[str], day: date) -> list[Lot]:
    """The lots that can be used on a day, in an order of :data:`ORDERS`; by id where that does not decide."""
    usable = [lot for lot in lots if lot.left > ZERO and lot.granted_on <= day < lot.expires_on]
    return sorted(usable, key=lambda lot: (*(ORDERS[name](lot) for name in order), lot.id))


def draw(
    due: Decimal, lots: Iterable[Lot], floor: Decimal, order: Sequence[str], day: date
) -> list[tuple[Lot, Decimal]]:
    """(lot, amount taken of it) for as much of ``due`` as there is above the ``floor``."""
    usable = ordered(lots, order, day)
    wanted = min(due, available(usable, floor, day))
    taken: list[tuple[Lot, Decimal]] = []
    for lot in usable:
        if wanted <= ZERO:
            break
        part = min(lot.left, wanted)
        taken.append((lot, part))
        wanted -= part
    return taken


def available(lots: Iterable[Lot], floor: Decimal, day: date) -> Decimal:
    """What can be drawn on a day: what is left of the lots that can be used then, above the floor."""
    usable = sum((lot.left for lot in lots if lot.granted_on <= day < lot.expires_on), ZERO)
    return max(usable - floor, ZERO)


def worth(whole: Decimal, lot: Lot, left: Decimal, currency: str) -> Decimal:
    """The share of ``whole`` (cost or functional worth of a lot) that belongs to what is left of it.

    It depends on what is left alone, so that drawing and returning in whatever steps loses nothing.
    """
    return whole if left == lot.amount else round_to(CONTEXT.divide(whole * left, lot.amount), currency)


def moved(kind: Kind, lot: Lot, amount: Decimal, line: int = 0, decision: int = 0) -> Move:
    """A move of a lot, with what it changes of the liability."""
    before = ZERO if kind == "grant" else lot.left
    left = before + amount
    cost, functional = (
        worth(whole, lot, left, currency) - worth(whole, lot, before, currency)
        for whole, currency in ((lot.cost, lot.currency), (lot.functional, lot.functional_currency))
    )
    return Move(lot.wallet, kind, lot, amount, left, cost, functional, line, decision)


class Settling:
    """Wallets of some payers while invoices are settled one after the other; what is left is kept between them."""

    def __init__(self, decide: Decide, day: date, purses: Iterable[Purse]) -> None:
        self._decide, self._day = decide, day
        self._purses: dict[str, list[Purse]] = {}
        self._lots: dict[int, Lot] = {}
        self._of: dict[str, list[int]] = {}
        for purse in purses:
            self._purses.setdefault(purse.wallet.account, []).append(purse)
            self._lots.update((lot.id, lot) for lot in purse.lots)
            self._of[purse.wallet.key] = [lot.id for lot in purse.lots]

    def concerns(self, accounts: Iterable[str]) -> bool:
        """Whether one of some accounts has a wallet."""
        return any(account in self._purses for account in accounts)

    def left(self, wallet: str) -> Decimal:
        """What is left in a wallet."""
        return sum((self._lots[ident].left for ident in self._of.get(wallet, ())), ZERO)

    def settle(self, lines: Sequence[Payable], paid: Mapping[int, Paid]) -> list[Move]:
        """The moves of one invoice: first what goes back of lines that it gives back, then what pays for the others.

        ``paid`` says of billed lines what wallets have paid for them.

        Raises:
            TollbookError: ``rule.no-answer`` and the like of the family wallets.
        """
        moves = self._returned(lines, dict(paid))
        due = sum((line.gross for line in lines), ZERO) + sum((move.amount for move in moves), ZERO)
        for line in lines:
            if due <= ZERO:
                break
            if line.gross > ZERO:
                made = self._paid(line, min(line.gross, due))
                moves += made
                due += sum((move.amount for move in made), ZERO)
        return moves

    def _returned(self, lines: Sequence[Payable], paid: dict[int, Paid]) -> list[Move]:
        """As much of what wallets paid for a line as is given back of the line; the lot that paid last gets it first."""
        moves: list[Move] = []
        for line in lines:
            there = paid.get(line.credits) if line.credits and line.gross < ZERO else None
            if there is None:
                continue
            whole = sum((amount for _, amount in there.parts), ZERO)
            rest = there.gross_left + line.gross
            keep = ZERO if rest <= ZERO else round_to(CONTEXT.divide(whole * rest, there.gross_left), line.currency)
            back, parts = whole - keep, list(there.parts)
            while back > ZERO:
                lot, amount = parts.pop()
                part = min(amount, back)
                back -= part
                if amount > part:
                    parts.append((lot, amount - part))
                moves += self._back(lot, part, line.credits)
            paid[line.credits] = Paid(rest, tuple(parts))
        return moves

    def _back(self, lot: Lot, amount: Decimal, line: int) -> list[Move]:
        now = self._lots.get(lot.id, lot)
        purse = next((p for ps in self._purses.values() for p in ps if p.wallet.key == now.wallet), None)
        if purse is None:
            return []
        decision = self._decide("wallets", self._facts(purse), self._day)
        if now.expires_on <= self._day and not decision.terms["return_expired"]:
            return []
        self._of[now.wallet].append(now.id) if now.id not in self._of[now.wallet] else None
        return [self._moved("return", now, amount, line, decision)]

    def _paid(self, line: Payable, due: Decimal) -> list[Move]:
        """What pays for a line: wallets in the order of their rules, lots of each in the order of the rule."""
        chosen: list[tuple[int, str, Purse, Decision]] = []
        for account in dict.fromkeys((line.payer, line.account)):
            for purse in self._purses.get(account, ()):
                if not may_pay(purse, line):
                    continue
                decision = self._decide("wallets", self._facts(purse, line), self._day)
                if decision.terms["use"]:
                    place = decision.terms["priority"]
                    chosen.append(
                        (purse.wallet.priority if place is None else place, purse.wallet.key, purse, decision)
                    )
        moves: list[Move] = []
        for _, key, purse, decision in sorted(chosen, key=lambda one: one[:2]):
            lots = [self._lots[ident] for ident in self._of[key]]
            for lot, amount in draw(due, lots, purse.wallet.floor, decision.terms["order"], self._day):
                moves.append(self._moved("draw", lot, -amount, line.id, decision))
                due -= amount
        return moves

    def _moved(self, kind: Kind, lot: Lot, amount: Decimal, line: int, decision: Decision) -> Move:
        move = moved(kind, lot, amount, line, decision.id)
        self._lots[lot.id] = msgspec.structs.replace(lot, left=move.left)
        return move

    def _facts(self, purse: Purse, line: Payable | None = None) -> WalletFacts:
        entity = purse.wallet.entity
        if line is None:
            return WalletFacts(entity, purse.account, purse.wallet, self._day)
        of_line = (line.plan, line.charge, line.kind, line.meter, line.product)
        return WalletFacts(entity, purse.account, purse.wallet, self._day, *of_line)


def may_pay(purse: Purse, line: Payable) -> bool:
    """Whether the terms of a wallet let it pay for a line."""
    wallet = purse.wallet
    return wallet.currency == line.currency and all(
        not wanted or given in wanted
        for wanted, given in (
            (wallet.charges, line.charge),
            (wallet.meters, line.meter),
            (wallet.products, line.product),
        )
    )
