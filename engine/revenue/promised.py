"""Promises of contracts as rules see them: their facts, as far as the customer is bound, their prices, and what is variable of those."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, timedelta
from decimal import Decimal
from fractions import Fraction

import msgspec
from msgspec.structs import replace

from engine.base.errors import Code, refuse
from engine.base.money import ZERO
from engine.base.period import add_months, months_between
from engine.model.decision import Decide, Decision
from engine.model.revenue_contract import Likely, Occurrence, PromiseTerms, RevenueContract, VariableTerms
from engine.revenue import price as prices
from engine.revenue.allocation import Selling, estimated, option_price, variable_to
from engine.revenue.obligations import presented
from engine.revenue.schedule import RevenueFacts
from engine.revenue.signing import Offer
from engine.revenue.spread import cents, days, moment, prorated

TWICE = Code(
    "revenue.promise-twice",
    "Contracts that are accounted for as one and have promises, or variable amounts, of the same key.",
)
NO_PROMISE = Code(
    "revenue.no-such-promise", "An occurrence of a promise or a variable amount that its contract does not have."
)


Used = tuple[date, Decimal]
"""A day, and how much was used on it."""


class Signed(msgspec.Struct, frozen=True):
    """A contract with what happened to it, the segment of its customer, and what the books say was used of promises that are
    measured."""

    contract: RevenueContract
    occurrences: tuple[Occurrence, ...] = ()
    segment: str = ""
    used: Mapping[str, tuple[Used, ...]] = {}


class Counted(msgspec.Struct, frozen=True):
    """A variable amount: what is ``expected`` of it, what of that counts, and the promise that it belongs to alone, if to one.
    ``after`` says by day what counts once it was estimated anew, ``back`` what of it was given back to the customer."""

    key: str
    expected: Decimal
    counts: Decimal
    to: str = ""
    after: tuple[tuple[date, Decimal], ...] = ()
    back: tuple[tuple[date, Decimal], ...] = ()

    def counting(self, day: date) -> Decimal:
        """What counts of it at the end of a day."""
        return next((counts for on, counts in reversed(self.after) if on <= day), self.counts)

    def given(self, day: date) -> Decimal:
        """What was given back of it up to the end of a day."""
        return sum((amount for on, amount in self.back if on <= day), ZERO)


class Returned(msgspec.Struct, frozen=True):
    """What a promise owes back: ``units`` that are expected to come back at a price each; ``after`` are the units by day from which
    they are expected otherwise, or were taken back.  ``worth`` is what the right to a unit of the goods is carried at."""

    promise: str
    price: Decimal
    units: Decimal
    after: tuple[tuple[date, Decimal], ...] = ()
    worth: Decimal = ZERO

    def owed(self, day: date) -> Decimal:
        """Units that are expected at the end of a day and did not come yet."""
        return self.units + sum((units for on, units in self.after if on <= day), ZERO)


def in_order(occurrences: Sequence[Occurrence]) -> list[Occurrence]:
    """Occurrences by day; those of a day in an order of their own."""
    return sorted(occurrences, key=lambda one: (one.on, one.kind, one.key))


def bound_until(signed: Signed, share: Decimal) -> date | None:
    """The day after the last one on which both are bound: where the customer may end the contract for no substantive penalty, it is
    no longer than that.  A penalty is substantive if it is more than a ``share`` of the stated price."""
    term = signed.contract.agreed.term
    if term is None or term.cancellable_from is None:
        return None
    stated = sum((one.price for one in signed.contract.agreed.promises), ZERO)
    return None if term.penalty > share * stated else min(term.ends, term.cancellable_from)


def owners_of(group: Sequence[Signed]) -> dict[str, str]:
    """The contract that each promise is of.

    Raises:
        TollbookError: ``revenue.promise-twice``.
    """
    owner: dict[str, str] = {}
    for one in group:
        for promise in (*one.contract.agreed.promises, *(add for each in one.occurrences for add in each.adds)):
            if promise.promise in owner:
                what = f"{one.contract.key} and {owner[promise.promise]} both have a promise {promise.promise}"
                why = "what happens to a promise names it by its key"
                raise refuse(TWICE, what, why=why, mend="give promises of contracts that are one keys of their own")
            owner[promise.promise] = one.contract.key
    return owner


def served(signed: Signed) -> dict[str, tuple[date, date]]:
    """The first day of service of each promise that says when it ends, and the day after its last, after all that has changed it."""
    ends: dict[str, tuple[date, date]] = {}
    for key, one in terms_of([signed]).items():
        if one.service_to is not None:
            ends[key] = (one.service_from or signed.contract.signed, one.service_to)
    for change in in_order(signed.occurrences):
        for key, (begins, until) in ends.items():
            if until > change.on:
                ends[key] = (begins, _until(until, change))
    return ends


def _until(until: date, change: Occurrence) -> date:
    """The day after the last of a service that is changed."""
    if change.kind == "terminate":
        return change.on + timedelta(days=1)
    if change.kind == "modify" and change.ends is not None:
        return change.ends
    if change.kind == "pause" and change.extend and change.ends is not None:
        longer = add_months(until, months_between(change.on, change.ends))  # by months or by days, as the pause is
        return max(longer, until + (change.ends - change.on))
    return until


def terms_of(group: Sequence[Signed]) -> dict[str, PromiseTerms]:
    """All promises of contracts that are one, and those that were added."""
    found = {one.promise: one for each in group for one in each.contract.agreed.promises}
    return found | {add.promise: add for each in group for o in each.occurrences for add in o.adds}


def offer_of(signed: Signed, promise: PromiseTerms, begins: date) -> Offer:
    """A promise as rules see it; service that does not say when it begins does so on the day ``begins``."""
    contract = signed.contract
    first = promise.service_from or begins
    last = promise.service_to or first + timedelta(days=1)
    facts = RevenueFacts(
        contract.entity, promise.product, promise.kind, first, last, contract.signed, promise.price, contract.currency,
        element=promise.promise,
        quantity=promise.quantity,
        cost=promise.cost or ZERO,
        material=promise.material,
        segment=signed.segment,
    )  # fmt: skip
    alone = promise.ssp
    if promise.saves is not None:
        alone = option_price(promise.saves, promise.used, promise.purchase)
    return Offer(facts, Selling(promise.promise, alone, promise.market, promise.cost, promise.low, promise.high))


def offers_of(group: Sequence[Signed], decide: Decide) -> list[Offer]:
    """Promises as far as the customer is bound: what is served after that is offered again, not promised."""
    owners_of(group)
    offers = []
    for one in group:
        mine = [offer_of(one, promise, one.contract.signed) for promise in one.contract.agreed.promises]
        first = mine[0].facts
        end = bound_until(one, decide("revrec", first, first.service_from).terms["penalty"]) if mine else None
        offers += [_cut(offer, end) if end is not None else offer for offer in mine]
    return offers


def _cut(offer: Offer, end: date) -> Offer:
    facts = offer.facts
    if facts.kind != "recurring" or facts.service_to <= end or facts.service_from >= end:
        return offer
    begins, cut, last = (moment(day, None) for day in (facts.service_from, end, facts.service_to))
    whole = facts.service_from.day == end.day == facts.service_to.day
    parts, all_ = ((prorated if whole else days)(begins, day) for day in (cut, last))
    share = sum((weight for _, weight in parts), Fraction(0)) / sum((weight for _, weight in all_), Fraction(0))
    known = offer.known
    alone = None if known.observable is None else cents(Fraction(known.observable) * share, facts.currency)
    amount = cents(Fraction(facts.amount) * share, facts.currency)
    return Offer(replace(facts, amount=amount, service_to=end), replace(known, observable=alone))


def net_of(
    offers: Sequence[Offer], terms: Mapping[str, PromiseTerms], decided: Mapping[str, Decision]
) -> tuple[list[Offer], dict[str, Decimal], list[Returned]]:
    """Offers without what agents pass on and what is expected to come back; both by promise."""
    kept, passes, back = [], {}, []
    for one in offers:
        key, facts = one.facts.element, one.facts
        promise, amount = terms[key], one.facts.amount
        if promise.commission is not None:
            shown = presented(decided[key].terms, amount, promise.commission, facts.currency)
            amount = shown.revenue
            if shown.payable:
                passes[key] = shown.payable
        if promise.back:
            each = Fraction(amount) / Fraction(promise.quantity)
            less = cents(each * Fraction(promise.back), facts.currency)
            worth = prices.return_asset(Decimal(1), promise.carried, promise.recovery)
            back.append(Returned(key, less / promise.back, promise.back, worth=worth))
            amount -= less
        kept.append(Offer(replace(facts, amount=amount), one.known))
    return kept, passes, back


def alone(offer: Offer, decision: Decision) -> Decimal:
    """What a promise would cost alone; what is stated for it, where that is the residual."""
    found = estimated(decision.terms["ssp"], offer.known, decision.terms["factor"], offer.facts.amount)
    return offer.facts.amount if found is None else found


def facts_of_amount(offer: Offer, key: str, amount: Decimal) -> RevenueFacts:
    """The facts of a variable amount near a promise."""
    return replace(offer.facts, kind="variable", element=key, amount=amount, happenings=())


def variable_of(terms: VariableTerms, outcomes: Sequence[Likely], certain: Decimal | None) -> prices.Variable:
    """A variable amount as it is estimated; where nothing is said, no more than the worst that may come of it is certain."""
    worst = min((one.amount for one in outcomes if one.likely), default=ZERO)
    made = tuple(prices.Outcome(one.amount, one.likely) for one in outcomes)
    return prices.Variable(terms.variable, made, worst if certain is None else certain)


def counted_of(
    group: Sequence[Signed], offers: Sequence[Offer], decided: Mapping[str, Decision], decide: Decide, fixed: Decimal
) -> list[Counted]:
    """Variable amounts as they were estimated when the contract was signed."""
    made: list[Counted] = []
    by_key = {one.facts.element: one for one in offers}
    apart = {key: alone(one, decided[key]) for key, one in by_key.items()}
    for one in (each for signed in group for each in signed.contract.agreed.variable):
        near = by_key.get(one.promise, offers[0])
        if one.promise and one.promise not in by_key:
            raise unknown(one.promise, by_key)
        if one.variable in [each.key for each in made]:
            what = f"there are two variable amounts {one.variable}"
            raise refuse(TWICE, what, why="an estimate names one by its key", mend="give each a key of its own")
        variable = variable_of(one, one.outcomes, one.certain)
        rule = decide("revrec", facts_of_amount(near, one.variable, ZERO), near.facts.service_from)
        counts = prices.variable_amount(rule.terms, variable)
        expected = prices.ESTIMATES[rule.terms["estimate"]](variable)
        to = ""
        if one.promise:
            others = sum((price for key, price in apart.items() if key != one.promise), ZERO)
            rest = fixed - by_key[one.promise].facts.amount
            whole = by_key[one.promise].facts.amount + expected
            where = variable_to(rule.terms, whole, apart[one.promise], rest, others)
            to = one.promise if where == "one" else ""
        made.append(Counted(one.variable, expected, counts, to))
    return made


def unknown(key: str, known: Iterable[str]) -> Exception:
    """The error that something names no promise or variable amount."""
    names = ", ".join(sorted(known))
    return refuse(NO_PROMISE, f"there is no {key!r} in the contract", mend=f"it has {names}" if names else "")
