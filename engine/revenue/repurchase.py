"""Sales that the seller may take back: a loan until he no longer may, or a lease of what the customer does not have back.

Sources: IFRS 15.B64-B69, ASC 606-10-55-66 to 55-71; interest by the effective rate (IFRS 9.5.4.1, ASC 835-30-35-2).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, timedelta
from decimal import Decimal

import msgspec
from msgspec.structs import replace

from engine.base.money import CONTEXT, ZERO, round_to
from engine.base.period import add_months
from engine.model.revenue_contract import Occurrence, PromiseTerms
from engine.revenue.allocation import Selling
from engine.revenue.contracts import Contract, Obligation
from engine.revenue.satisfied import point_in_time
from engine.revenue.schedule import RevenueFacts
from engine.revenue.signing import Offer

EXPIRE = "expire"
"""The occurrence that says that the seller may no longer take something back."""


class Option(msgspec.Struct, frozen=True):
    """What stands for a promise that the seller may take back: a ``liability`` from the day ``begins`` on, with what of ``interest``
    has accrued, until the option has ``lapsed``; ``revenue`` is what a customer who gives it back has paid for its use."""

    promise: str
    revenue: Decimal
    liability: Decimal
    begins: date
    interest: tuple[tuple[date, Decimal], ...] = ()
    lapsed: date | None = None

    def grown(self, day: date) -> Decimal:
        """The liability with its interest up to the end of a day."""
        return self.liability + sum((amount for on, amount in self.interest if on <= day), ZERO)

    def owed(self, day: date) -> Decimal:
        """What of it stands at the end of a day."""
        return ZERO if day < self.begins or (self.lapsed is not None and self.lapsed <= day) else self.grown(day)


def with_call(facts: RevenueFacts, call: Decimal, lapsed: date | None = None) -> Option:
    """A sale with an option of the seller to buy back until the end of ``facts``' service.

    At no less than the sale it is a financing: nothing is revenue, and the difference is interest.  Below the sale it is a lease
    of the difference.  Interest ends as the option lapses.
    """
    if call < facts.amount:
        return Option(facts.element, facts.amount - call, call, facts.service_from, (), lapsed)
    interest = tuple((on, amount) for on, amount in _interest(facts, call) if lapsed is None or on <= lapsed)
    return Option(facts.element, ZERO, facts.amount, facts.service_from, interest, lapsed)


def _interest(facts: RevenueFacts, call: Decimal) -> Iterable[tuple[date, Decimal]]:
    """What accrues at the end of each month, by the rate of a day at which the price of the sale becomes that of the call."""
    begins, ends = facts.service_from, facts.service_to
    rate, worth, month = CONTEXT.divide(call, facts.amount), facts.amount, begins.replace(day=1)
    while month < ends:
        month = add_months(month, 1)
        until = min(month, ends)
        share = CONTEXT.divide(Decimal((until - begins).days), Decimal((ends - begins).days))
        after = round_to(facts.amount * CONTEXT.power(rate, share), facts.currency)
        yield until - timedelta(days=1), after - worth
        worth = after


def options_of(
    offers: Sequence[Offer], terms: Mapping[str, PromiseTerms], occurrences: Iterable[Occurrence]
) -> tuple[list[Offer], tuple[Option, ...]]:
    """Offers with no more of what may be taken back than is paid for its use, and what stands for those."""
    ended: dict[str, date] = {}
    for one in occurrences:
        if one.kind == EXPIRE:
            ended[one.promise] = min(one.on, ended.get(one.promise, one.on))
    kept, found = [], []
    for offer in offers:
        key = offer.facts.element
        if (call := terms[key].call) is not None:
            days = [ended[name] for name in (key, "") if name in ended]
            option = with_call(offer.facts, call, min(days, default=None))
            facts = replace(offer.facts, amount=option.revenue)
            offer = Offer(facts, Selling(key, option.revenue))
            found.append(option)
        kept.append(offer)
    return kept, tuple(found)


def with_options(contract: Contract, options: Iterable[Option], mine: Mapping[str, str]) -> Contract:
    """A contract whose options to take back become revenue as they lapse: the price is what is earned, and what was a loan never
    was a part of what is shared over promises."""
    obligations = {one.key: one for one in contract.obligations}
    for option in options:
        key = mine[option.promise]
        head = obligations[key]
        amount = option.grown(option.lapsed) if option.lapsed else ZERO
        facts = replace(head.facts, amount=amount, exact=None)
        name = f"{key}+call" if option.revenue else key
        obligations[name] = Obligation(name, facts, {**head.terms, "on": EXPIRE}, point_in_time, variable=True)
    return replace(contract, obligations=tuple(obligations.values()))
