"""Usage that is priced by group: a stretch for each value of the dimensions that its charge names."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date
from decimal import Decimal
from typing import Final

import msgspec

from engine.base.errors import Code, refuse
from engine.base.money import ZERO, round_to, split
from engine.billing.job import Job, Owed, Stretch
from engine.billing.metering import Group, groups_of
from engine.billing.pricing.facts import Discount
from engine.billing.rating import rate
from engine.model.account import Account
from engine.model.contract import Contract
from engine.model.due import SubscriptionDue

TOO_MANY_GROUPS = Code("usage.too-many-groups", "Usage of a charge that falls into more groups than are priced.")
SEVERAL_RULES = Code(
    "pricing.several-rules", "Groups of one line that several pricing rules answer for, so that it has no one price."
)
NOT_BY_GROUP = Code("pricing.not-by-group", "A method that cannot price usage by group.")

MOST_GROUPS: Final = 1_000
"""Groups of one stretch that are priced: dimensions of few values are meant, not keys."""


def by_group(
    job: Job, due: SubscriptionDue, since: date, account: Account, contract: Contract | None, stretch: Stretch
) -> Iterator[Owed]:
    """What each group of a stretch owes, or all together where the charge has one line for them.

    Every group is priced by itself, with tiers and steps of its own.  A stretch without usage owes nothing.

    Raises:
        TollbookError: ``usage.too-many-groups``, ``pricing.several-rules``, ``pricing.not-by-group``, and whatever
            :func:`engine.billing.rating.rate` refuses.
    """
    charge, groups = stretch.charge, groups_of(due, stretch.plan, stretch.charge, stretch.counted or stretch.days)
    if len(groups) > MOST_GROUPS:
        raise refuse(
            TOO_MANY_GROUPS,
            f"usage of {stretch.plan}/{charge.key} falls into {len(groups)} groups by {charge.group_by}",
            why=f"at most {MOST_GROUPS} are priced",
            mend="group by dimensions of few values",
        )
    owed: list[Owed] = []
    for group in groups:
        item = rate(job, due, since, account, contract, stretch, group=group)
        if item is None:
            what = f"{stretch.plan}/{charge.key} is priced by what other charges owe"
            raise refuse(NOT_BY_GROUP, what, mend="leave group_by empty, or use another method")
        owed.append(msgspec.structs.replace(item, grouped=written(charge.grouped, group)))
    if charge.group_lines or not owed:
        yield from owed
    else:
        yield together(owed, account.currency)


def lowered(
    job: Job, due: SubscriptionDue, since: date, account: Account, contract: Contract | None, stretch: Stretch,
    grouped: str, discounts: Sequence[Discount],
) -> Owed:  # fmt: skip
    """What a group of a stretch owes, or all of them in one line, less what coupons take off.

    Money off a line of several groups is taken off in parts that follow their prices and lose no cent.
    """

    def rated(group: Group, taken: tuple[Discount, ...] = ()) -> Owed:
        made = rate(job, due, since, account, contract, stretch, group=group, discounts=taken)
        assert made is not None  # it was priced without them before
        return made

    charge = stretch.charge
    if grouped:
        group = tuple(read(grouped).get(name) for name in charge.grouped)
        return msgspec.structs.replace(rated(group, tuple(discounts)), grouped=grouped)
    groups = groups_of(due, stretch.plan, charge, stretch.counted or stretch.days)
    fulls = [rated(group).full for group in groups]
    taken = in_parts(discounts, fulls, account.currency)
    return together([rated(*one) for one in zip(groups, taken, strict=True)], account.currency)


def in_parts(discounts: Sequence[Discount], fulls: Sequence[Decimal], currency: str) -> list[tuple[Discount, ...]]:
    """What coupons take off each of several groups, whose prices are ``fulls``: percentages off each, money off in parts of those
    that owe something."""
    weights = [max(full, ZERO) for full in fulls]
    parts = [split(one.amount, weights, currency) if one.amount else [ZERO] * len(fulls) for one in discounts]
    return [
        tuple(msgspec.structs.replace(one, amount=mine[n]) for one, mine in zip(discounts, parts, strict=True))
        for n in range(len(fulls))
    ]


def together(owed: list[Owed], currency: str) -> Owed:
    """One line for all groups, rounded once.

    Raises:
        TollbookError: ``pricing.several-rules``.
    """
    first = owed[0]
    if any(item.pricing != first.pricing for item in owed):
        raise refuse(
            SEVERAL_RULES,
            f"the groups of {first.plan}/{first.charge.key} are priced by several rules",
            why="its line names one",
            mend="price them by one rule, such as a matrix over group, or say group_lines: true",
        )
    return msgspec.structs.replace(
        first,
        grouped="",
        quantity=sum((item.quantity for item in owed), ZERO),
        full=sum((item.full for item in owed), ZERO),
        amount=round_to(sum((item.exact for item in owed), ZERO), currency, first.rounding),
        events=sum(item.events for item in owed),
        usage_to=max(item.usage_to for item in owed),
        exact=sum((item.exact for item in owed), ZERO),
    )


def written(names: Iterable[str], group: Group) -> str:
    """A group as lines keep it: ``{"region":"EU"}``."""
    return json.dumps(dict(zip(names, group, strict=True)), sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def read(grouped: str) -> Mapping[str, str | None]:
    """The group of a line."""
    held: Mapping[str, str | None] = json.loads(grouped) if grouped else {}
    return held


def labelled(name: str, grouped: str) -> str:
    """The text of a line with its group: ``Calls (EU, gold)``."""
    values = [value or "-" for value in read(grouped).values()] if grouped else []
    return f"{name} ({', '.join(values)})" if values else name
