"""What happened to contracts, as changes and happenings of the one that is accounted for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from decimal import Decimal
from typing import Final

from msgspec.structs import replace

from engine.base.errors import Code, refuse
from engine.base.money import ZERO
from engine.model.decision import Decide
from engine.model.revenue_contract import CHANGES, HAPPENINGS, Occurrence, PromiseTerms
from engine.revenue import price as prices
from engine.revenue.contracts import Change, Obligation
from engine.revenue.promised import (
    NO_PROMISE,
    Counted,
    Returned,
    Signed,
    alone,
    facts_of_amount,
    in_order,
    offer_of,
    unknown,
    variable_of,
)
from engine.revenue.schedule import Happening
from engine.revenue.signing import OF_WHAT_HAPPENS, Opened

BY_HAND = Code("revenue.used-by-hand", "Usage told by hand of a promise that is earned by the usage in the books.")
NO_END = Code("revenue.no-end", "A pause of a contract that does not say when it ends.")


USE: Final = "use"
MEASURED: Final = "usage"
"""Key of what the books say was used on a day."""


class Mine:
    """The obligation that each promise is part of."""

    def __init__(self) -> None:
        self.keys: dict[str, str] = {}

    def of(self, found: Opened) -> dict[str, str]:
        """Take them from what was found."""
        self.keys.update({promise.key: one.key for one in found.found for promise in reversed(one.promises)})
        return self.keys


def added_promises(group: Sequence[Signed]) -> list[str]:
    """Keys of promises that came later."""
    return [add.promise for each in group for one in each.occurrences for add in one.adds]


def happenings_of(group: Sequence[Signed], promises: set[str]) -> dict[str, tuple[Happening, ...]]:
    """What was done, by promise; what names none is of all."""
    found: dict[str, list[Happening]] = {}
    for one in (each for signed in group for each in signed.occurrences if each.kind in HAPPENINGS):
        if one.promise and one.promise not in promises:
            raise unknown(one.promise, promises)
        done = Happening(one.on, one.kind, one.quantity, one.expected, one.material, one.key)
        for key in (one.promise,) if one.promise else promises:
            found.setdefault(key, []).append(done)
    for signed in group:
        for promise, days in signed.used.items():
            if promise in promises:
                told = found.setdefault(promise, [])
                _not_by_hand(signed, promise, told)
                told += (Happening(on, USE, quantity, key=MEASURED) for on, quantity in days)
    return {key: tuple(some) for key, some in found.items()}


def _not_by_hand(signed: Signed, promise: str, told: Sequence[Happening]) -> None:
    """Refuse what was told of a promise that the books measure: it would be earned twice."""
    twice = sorted(one.key for one in told if one.kind in (USE, "deliver", "sale") and one.quantity)
    if twice:
        raise refuse(
            BY_HAND,
            f"{', '.join(twice)} says what was used of {promise} of {signed.contract.key}, and so does the usage in the books",
            why="it would be earned twice",
            mend="import what was used as usage, or name another promise; a promise without `measures` is told by hand",
        )


def came_back(one: Returned, group: Sequence[Signed]) -> Returned:
    """What a promise owes back, as returns came and were estimated anew."""
    after, expected = [], one.units
    for each in in_order([o for signed in group for o in signed.occurrences if o.promise == one.promise]):
        if each.kind == "return":
            after.append((each.on, -each.quantity))
        elif each.kind == "estimate" and each.expected is not None:
            after.append((each.on, each.expected - expected))
            expected = each.expected
    return replace(one, after=tuple(after))


def given_back(group: Sequence[Signed], counted: Sequence[Counted], returned: Sequence[Returned]) -> list[Counted]:
    """Variable amounts with what was given back of them.

    Raises:
        TollbookError: ``revenue.no-such-promise`` for a return of what nobody expects to come back.
    """
    goods, amounts = {one.promise for one in returned}, {one.key for one in counted}
    back: dict[str, list[tuple[date, Decimal]]] = {}
    for one in in_order([o for signed in group for o in signed.occurrences if o.kind == "return"]):
        if bool(one.promise) == bool(one.variable):
            what = f"{one.key} is a return that names {'both a promise and' if one.promise else 'no promise and no'} variable amount"
            mend = "name the promise whose goods came back, or the variable amount of which something was given back"
            raise refuse(NO_PROMISE, what, mend=mend)
        if one.promise and one.promise not in goods:
            names = ", ".join(sorted(goods)) or "none"
            mend = f"promises with `back` are {names}; tell what comes back of others as a credit"
            raise refuse(NO_PROMISE, f"no units of {one.promise!r} are expected to come back", mend=mend)
        if one.variable and one.variable not in amounts:
            raise unknown(one.variable, amounts)
        if one.variable:
            back.setdefault(one.variable, []).append((one.on, one.quantity))
    return [replace(one, back=tuple(back.get(one.key, ()))) for one in counted]


def changes_of(
    group: Sequence[Signed],
    decide: Decide,
    counted: Sequence[Counted],
    mine: Mine,
    done: Mapping[str, tuple[Happening, ...]],
    returned: Sequence[Returned],
) -> tuple[list[Change], list[Counted]]:
    """The changes of contracts that are one, in the order of their days, and variable amounts as they were estimated anew."""
    making = _Changing(group, decide, counted, mine, done, returned)
    found = [(signed, one) for signed in group for one in signed.occurrences if one.kind in CHANGES]
    found.sort(key=lambda pair: (pair[1].on, pair[1].kind, pair[1].key))
    return [making(signed, one) for signed, one in found], list(making.counted.values())


class _Changing:
    """Changes of occurrences, in the order of their days: an estimate is the difference to the one before."""

    def __init__(
        self,
        group: Sequence[Signed],
        decide: Decide,
        counted: Sequence[Counted],
        mine: Mine,
        done: Mapping[str, tuple[Happening, ...]],
        returned: Sequence[Returned],
    ) -> None:
        self._decide, self._mine, self._done = decide, mine, done
        self._terms = {one.variable: one for each in group for one in each.contract.agreed.variable}
        self.counted = {one.key: one for one in counted}
        self._back = {one.promise: one for one in returned}
        self._expected = {one.promise: one.units for one in returned}

    def __call__(self, signed: Signed, one: Occurrence) -> Change:
        adds = tuple(self._obligation(signed, promise, one.on) for promise in one.adds)
        price, to = one.price, self._mine.keys.get(one.promise, one.promise)
        if one.kind == "estimate" and one.variable:
            price, to = self._estimated(signed, one)
        elif one.kind == "estimate" and one.expected is not None:
            if one.promise not in self._back:
                raise unknown(one.promise, self._back)
            price = (self._expected[one.promise] - one.expected) * self._back[one.promise].price
            self._expected[one.promise] = one.expected
        if one.kind == "pause" and one.ends is None:
            raise refuse(NO_END, f"{one.key} pauses without an end", mend="say the day after its last one with ends")
        return Change(
            one.on, one.kind, one.key, price, adds, one.at_ssp, one.rest, one.ends, one.quantity, one.cost, one.past,
            one.refund, one.extend, one.known, to if one.kind == "estimate" else "",
        )  # fmt: skip

    def _obligation(self, signed: Signed, promise: PromiseTerms, begins: date) -> Obligation:
        offer = offer_of(signed, promise, begins)
        facts = replace(offer.facts, happenings=self._done.get(promise.promise, ()))
        decision = self._decide("revrec", facts, facts.service_from)
        assert decision.method is not None
        self._mine.keys[promise.promise] = promise.promise
        variable = decision.method in OF_WHAT_HAPPENS
        return Obligation(promise.promise, facts, decision.terms, decision.method, alone(offer, decision), variable)

    def _estimated(self, signed: Signed, one: Occurrence) -> tuple[Decimal, str]:
        if one.variable not in self._terms:
            raise unknown(one.variable, self._terms)
        terms, agreed = self._terms[one.variable], signed.contract.agreed
        near = next((p for p in agreed.promises if p.promise == terms.promise), agreed.promises[0])
        offer = offer_of(signed, near, signed.contract.signed)
        rule = self._decide("revrec", facts_of_amount(offer, one.variable, ZERO), offer.facts.service_from)
        counts = prices.variable_amount(rule.terms, variable_of(terms, one.outcomes, one.certain))
        before = self.counted[one.variable]
        self.counted[one.variable] = replace(before, after=(*before.after, (one.on, counts)))
        return counts - before.counting(date.max), self._mine.keys.get(before.to, before.to)
