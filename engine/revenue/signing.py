"""From what was signed to obligations with a price each: the steps before revenue."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from decimal import Decimal

import msgspec
from msgspec.structs import replace

from engine.base.money import ZERO
from engine.base.period import add_months
from engine.model.decision import Decide, Decision
from engine.revenue.allocation import Allocation, Bundle, Selling, allocate, estimated
from engine.revenue.contracts import Contract, Obligation
from engine.revenue.obligations import Found, Promise, identify
from engine.revenue.satisfied import per_unit, royalty
from engine.revenue.schedule import RevenueFacts

OF_WHAT_HAPPENS = (royalty, per_unit)
"""Methods whose revenue is itself the price: nothing fixed is allocated to them."""


class Offer(msgspec.Struct, frozen=True):
    """A promise as it stands in a contract: its facts, whose amount is the stated price, and what is known of its selling
    price."""

    facts: RevenueFacts
    known: Selling


class Opened(msgspec.Struct, frozen=True):
    """A contract as it was opened, and how its price was shared."""

    contract: Contract
    allocation: Allocation
    found: tuple[Found, ...]


def opened(
    currency: str,
    offers: Sequence[Offer],
    decide: Decide,
    *,
    price: Decimal | None = None,
    bundles: Sequence[Bundle] = (),
    exists: date = date.min,
) -> Opened:
    """Obligations of offers, by the rules, with the transaction price shared over them.

    ``price`` is the transaction price without what only happens later; None is the sum of the stated prices.

    Raises:
        TollbookError: ``revenue.no-selling-price``, ``revenue.not-allocable``, and those of :class:`Decide`.
    """
    decided = {one.facts.element: decide("revrec", one.facts, one.facts.service_from) for one in offers}
    facts = {one.facts.element: one.facts for one in offers}
    known = {one.known.key: one.known for one in offers}
    promises = [
        Promise(key, one.amount, _ssp(decided[key], known[key], one.amount), decided[key].terms)
        for key, one in facts.items()
    ]
    found = identify(promises)
    heads = {one.key: _head(one) for one in found}
    own = {one.key for one in found if decided[heads[one.key]].method in OF_WHAT_HAPPENS}
    prices = {one.key: one.ssp for one in found if one.key not in own}
    whole = sum((one.price for one in found if one.key not in own), ZERO) if price is None else price
    how = str(decided[next(iter(facts))].terms["cents"])
    ranges = {one.key: known[heads[one.key]] for one in found}
    shared = Allocation({})
    if prices and (whole or any(prices.values())):
        shared = allocate(whole, prices, currency, bundles=bundles, known=ranges, how=how)
    obligations = []
    for one in found:
        head = heads[one.key]
        amount = facts[head].amount if one.key in own else shared.shares.get(one.key, ZERO)
        obligations.append(
            _obligation(one, decided[head], replace(facts[head], exact=shared.exact.get(one.key)), amount)
        )
    return Opened(Contract(currency, tuple(obligations), (), exists), shared, tuple(found))


def _ssp(decision: Decision, known: Selling, stated: Decimal) -> Decimal | None:
    terms = decision.terms
    return estimated(terms["ssp"], known, terms["factor"], stated)


def _head(found: Found) -> str:
    """The promise whose rule and service an obligation has: the one that the others were put into, else the first."""
    keys = [one.key for one in found.promises]
    return next((one.terms["into"] for one in found.promises if one.terms["into"] in keys), keys[0])


def _obligation(found: Found, decision: Decision, facts: RevenueFacts, amount: Decimal) -> Obligation:
    months = decision.terms["life_months"]
    end = add_months(facts.service_from, months) if months else facts.service_to
    assert decision.method is not None
    settled = replace(facts, amount=amount, service_to=max(end, facts.service_to))
    return Obligation(
        found.key, settled, decision.terms, decision.method, found.ssp or ZERO, decision.method in OF_WHAT_HAPPENS
    )
