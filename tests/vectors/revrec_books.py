"""Contracts of cases as documents, accounted for as those in the books are: price, balances, and what is owed back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from decimal import Decimal
from typing import Any

from engine.base.money import ZERO
from engine.model.revenue_contract import Agreed, Likely, Occurrence, PromiseTerms, RevenueContract, VariableTerms
from engine.revenue.agreed import assembled
from engine.revenue.contract_balances import BALANCES, Standing, standing_of
from engine.revenue.promised import Signed
from tests.vectors.reading import number
from tests.vectors.revrec_world import World

ONE = Decimal(1)


def promise(world: World, element: Mapping[str, Any], **more: Any) -> PromiseTerms:
    """A promise of a case, with what its document says of it beside."""
    head = (element["id"], "case", "recurring", world.stated(element), world.begin_of(element), world.end_of(element))
    return PromiseTerms(*head, quantity=number(element.get("qty") or 1), **more)


def standing(
    world: World, *promises: PromiseTerms, told: Sequence[Occurrence] = (), billed: Decimal = ZERO, **agreed: Any
) -> Standing:
    """A contract of such promises, ``billed`` on its first day; all is delivered on that day where nothing else was ``told``."""
    done = tuple(told) or (delivered(world, ONE),)
    contract = RevenueContract(
        1, "DE01", "case", "A", world.currency, world.start, world.start, Agreed(promises, **agreed)
    )
    return standing_of(assembled([Signed(contract, done)], world.book.decide), (), [(world.start, billed)])


def delivered(world: World, quantity: Decimal, expected: Decimal | None = None) -> Occurrence:
    """So many units were delivered on the first day of the case; ``expected`` is the price that is now expected of all."""
    return Occurrence("delivered", "deliver", world.start, world.start, quantity=quantity, expected=expected)


def variable(key: str, *outcomes: Decimal, certain: Decimal | None = None) -> VariableTerms:
    """An amount that comes to one of its outcomes, most likely to the first."""
    odds = {1: ("1",), 2: ("0.9", "0.1")}[len(outcomes)]
    return VariableTerms(key, tuple(Likely(*pair) for pair in zip(outcomes, map(Decimal, odds), strict=True)), certain)


def held(found: Standing, balance: str) -> Decimal:
    """A balance of a contract when all was done."""
    return BALANCES[balance].wanted(found, date.max)
