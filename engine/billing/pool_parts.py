"""What the members of a pool have together, and the part of its price that each of them bears."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date
from decimal import Decimal
from fractions import Fraction
from typing import Any

import msgspec

from engine.base.money import CONTEXT, ZERO, round_to
from engine.base.period import Period
from engine.billing.basis import Pooled, written_pool
from engine.billing.job import Job, Owed, Stretch, key_of
from engine.billing.metering import Metered
from engine.billing.pricing import WHOLE, PricingFacts, Terms, priced
from engine.billing.pricing.allowance import allowance
from engine.billing.rating import shrunk
from engine.model.decision import Decision
from engine.model.due import AccountDue, SubscriptionDue


class Member(msgspec.Struct, frozen=True, gc=False):
    """A stretch of a subscription in a pool; ``brings`` is its own allowance, ``starts`` are the days on which the service
    began, or began again, and ``billed_elsewhere`` is what another system billed."""

    owner: AccountDue
    due: SubscriptionDue
    since: date
    stretch: Stretch
    count: Metered
    facts: PricingFacts
    pricing: Decision
    line: int
    brings: Decimal
    starts: tuple[date, ...] = ()
    billed_elsewhere: bool = False

    @property
    def order(self) -> tuple[Any, ...]:
        """Its place among the members."""
        return self.since, self.due.subscription.key, *key_of(self.stretch)


Unit = tuple[Period, Decimal]
"""Units that were carried over, and the cycle that they are from."""
Group = tuple[Any, ...]
"""Pool, scope, whose it is, cycle, currency, and the terms that members have in common."""


def common_of(terms: Terms) -> str:
    """What the rules of all members of a pool have in common, as text: all but the allowance where each brings its own."""
    shown = dict(terms)
    if terms["pool"]["allowance"] == "added":
        shown.pop("included", None)
        shown["before"] = [step for step in terms["before"] if "free" not in step]
    return repr(sorted(shown.items()))


class Together(msgspec.Struct, frozen=True, gc=False):
    """What the members of a pool are together: from the first to the last of their days, their usage, and the allowance that
    they bring.

    Limits and tiers are those of one cycle; where all were in service for a part of it alone, they shrink to these days, the
    ``share``, as the proration rule says.
    """

    days: Period
    quantity: Decimal
    brought: Decimal
    share: Fraction
    proration: Decision | None

    @classmethod
    def of(cls, job: Job, some: Sequence[Member]) -> Together:
        """Of some members in their order.

        Raises:
            TollbookError: whatever proration refuses.
        """
        first = some[0]
        days = Period(min(one.stretch.days.start for one in some), max(one.stretch.days.end for one in some))
        whole = msgspec.structs.replace(first.stretch, days=days, seconds=None)
        known = job.attributes.within(job, first.due) if job.attributes is not None else job
        proration, share = shrunk(known, first.owner.account, whole, first.pricing)
        quantity = sum((one.count.quantity for one in some), ZERO)
        return cls(days, quantity, sum((one.brings for one in some), ZERO), share, proration)

    @property
    def applies_to(self) -> str:
        """What shrinks with the share."""
        return self.proration.terms["applies_to"] if self.proration else "amount"

    def own(self, terms: Terms) -> Decimal:
        """The allowance that the pool has of a rule itself."""
        return allowance(terms, self.share, self.share if self.applies_to == "tiers" else WHOLE)

    def fresh(self, terms: Terms) -> Decimal:
        """The allowance that the pool has of its cycle."""
        return self.brought if terms["pool"]["allowance"] == "added" else self.own(terms)


def divided(job: Job, group: Group, some: Sequence[Member], carried: Sequence[Unit] = ()) -> Iterator[Owed]:
    """What each member of a pool, in their order, owes of what all of them used; ``carried`` is what came into its cycle.

    Raises:
        TollbookError: whatever the method refuses.
    """
    first = some[0]
    terms, currency = first.pricing.terms, first.owner.account.currency
    pool, cycle = terms["pool"], first.stretch.cycle
    made = Together.of(job, some)
    proration, share = made.proration, made.share
    more = sum((units for _, units in carried), ZERO)
    weights = [max(one.count.quantity, ZERO) for one in some]
    if pool["divide"] == "on_first":
        weights = [Decimal(one is first) for one in some]
    elif not any(weights):
        weights = [Decimal(1) for _ in some]
    total, ahead = sum(weights, ZERO), ZERO
    for member, weight in zip(some, weights, strict=True):
        own = member.pricing
        granted = made.fresh(own.terms) - made.own(own.terms) + more
        basis = Pooled(
            pool["key"], pool["scope"], str(group[2]), len({one.due.subscription.id for one in some}), made.quantity, granted,
            ahead, weight, total, made.days.end <= job.on,
        )  # fmt: skip
        exact = priced(own, pooled_facts(member.facts, basis), share, made.applies_to).amount
        amount = portion(round_to(exact, currency, own.terms["rounding"]), basis, currency)
        yield Owed(
            member.stretch.charge, member.stretch.plan, cycle, member.stretch.days, member.count.quantity, amount, share,
            amount, own.id, proration.id if proration else 0, member.line, member.count.events, member.count.last_id,
            member.stretch.zero_line, CONTEXT.divide(exact * weight, total), own.terms["rounding"],
            basis=written_pool(basis, carried),
        )  # fmt: skip
        ahead += weight


def pooled_facts(facts: PricingFacts, pool: Pooled) -> PricingFacts:
    """The facts of a member with what all members used."""
    return msgspec.structs.replace(
        facts, quantity=pool.quantity, granted=pool.granted, complete=pool.complete, metered={}
    )


def portion(amount: Decimal, pool: Pooled, currency: str) -> Decimal:
    """A member's part of what its pool costs: the rounded sum up to it, less that before it, as
    :func:`engine.base.money.split` cuts."""

    def upto(weight: Decimal) -> Decimal:
        return amount if weight == pool.total else round_to(CONTEXT.divide(amount * weight, pool.total), currency)

    return upto(pool.ahead + pool.weight) - upto(pool.ahead)
