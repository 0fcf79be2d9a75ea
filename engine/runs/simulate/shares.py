"""What runs count in parts, such as late usage by how it ends and credits by the rule that let them: how many, and how much money."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Any, Final

import msgspec

from engine.base.money import CONTEXT, ZERO

Split = Mapping[tuple[str, str], Decimal]
"""(part, currency) -> money; with an empty currency, how many there are."""
PLACES: Final = Decimal("0.0001")


class Part(msgspec.Struct, frozen=True):
    """A part by both rules: money, or with an empty ``currency`` how many."""

    part: str
    currency: str
    before: Decimal
    after: Decimal


def late_split(ended: Iterable[Any]) -> Split:
    """Late events of one run by how they end, as :class:`engine.model.lateness.Ended` or rows of the books have it.

    The money of a stretch stands at each of its events and counts once, for what was dropped where some of it was: the others
    there are what a source took back.  Its sign does not count.
    """
    found: dict[tuple[str, str], Decimal] = {}
    money: dict[tuple[Any, ...], tuple[str, str, Decimal]] = {}
    for one in ended:
        found[one.disposition, ""] = found.get((one.disposition, ""), ZERO) + 1
        key = (one.subscription_id, one.plan, one.charge, one.service_from, one.service_to)
        if one.amount and (key not in money or one.disposition == "drop"):
            money[key] = (one.disposition, one.currency, abs(one.amount))
    for part, currency, amount in money.values():
        found[part, currency] = found.get((part, currency), ZERO) + amount
    return found


def together(splits: Iterable[Split]) -> dict[tuple[str, str], Decimal]:
    """Several of them added up, in order."""
    found: dict[tuple[str, str], Decimal] = {}
    for split in splits:
        for key, amount in split.items():
            found[key] = found.get(key, ZERO) + amount
    return dict(sorted(found.items()))


def shares(split: Split) -> dict[tuple[str, str], Decimal]:
    """Each part as a share of all that is counted with it, or of the money of its currency, to four digits."""
    whole: dict[str, Decimal] = {}
    for (_, currency), amount in split.items():
        whole[currency] = whole.get(currency, ZERO) + amount
    return {
        key: CONTEXT.divide(amount, whole[key[1]]).quantize(PLACES) for key, amount in split.items() if whole[key[1]]
    }


def both(before: Split, after: Split) -> tuple[Part, ...]:
    """Two sides part by part; what is counted comes before the money."""
    keys = sorted({*before, *after}, key=lambda key: (bool(key[1]), key))
    return tuple(Part(*key, before.get(key, ZERO), after.get(key, ZERO)) for key in keys)


def after(parts: Iterable[Part]) -> Split:
    """What the other rules come to, of both sides."""
    return {(one.part, one.currency): one.after for one in parts}
