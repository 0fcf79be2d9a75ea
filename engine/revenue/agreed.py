"""From the documents of a contract to its account: promises by rule, price, changes, happenings.

Contracts that are combined are one here.  What is not known on a day is left out before; nothing looks at a clock.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from decimal import Decimal
from typing import Final

import msgspec
from msgspec.structs import replace

from engine.base.errors import Code, refuse
from engine.base.money import ZERO
from engine.model.decision import Decide, Decision
from engine.model.revenue_contract import RevenueContract
from engine.revenue.allocation import Allocation, Bundle
from engine.revenue.contracts import Contract
from engine.revenue.interest import Interest, financed
from engine.revenue.occurred import Mine, added_promises, came_back, changes_of, given_back, happenings_of
from engine.revenue.promised import (
    Counted,
    Returned,
    Signed,
    counted_of,
    in_order,
    net_of,
    offers_of,
    owners_of,
    terms_of,
)
from engine.revenue.repurchase import Option, options_of, with_options
from engine.revenue.satisfied import as_invoiced
from engine.revenue.signing import OF_WHAT_HAPPENS, Offer, Opened, opened

NOT_POSSIBLE = Code(
    "revenue.price-not-possible", "A transaction price below nothing, or of which a part belongs to no promise."
)
NEVER: Final = date.max
"""When a contract exists whose criteria are not all met."""


class Assembled(msgspec.Struct, frozen=True):
    """A contract, or several as one, ready to be accounted for.

    Attributes:
        head: key of the contract that speaks for all.
        contract: with its changes; ``opened`` is it as it was signed.
        decided: the rule of each promise.
        owner: key of the contract that each obligation is of.
        product: product of each obligation.
        by_invoice: promises whose revenue is what is invoiced; they are earned line by line.
        counted: variable amounts, as they were estimated at inception and since.
        interest: of significant financing, by day.
        returned: what may come back.
        options: what the seller may take back.
        passes: what agents pass on, by obligation.
        payable: what the customer is paid.
        received: worth of consideration in kind that came, by day.
        outlook: what renewals are expected to bring less what is still to be spent, by the day from which that is expected.
        terminated: the last day of service, where it was terminated.
        stated: the stated price of each promise that is accounted for, as far as the customer is bound.
    """

    head: str
    contract: Contract
    opened: Opened
    decided: Mapping[str, Decision]
    owner: Mapping[str, str]
    product: Mapping[str, str]
    by_invoice: tuple[str, ...] = ()
    counted: tuple[Counted, ...] = ()
    interest: Interest = Interest()
    returned: tuple[Returned, ...] = ()
    options: tuple[Option, ...] = ()
    passes: Mapping[str, Decimal] = {}
    payable: Decimal = ZERO
    received: tuple[tuple[date, Decimal], ...] = ()
    terminated: date | None = None
    stated: Mapping[str, Decimal] = {}
    outlook: tuple[tuple[date, Decimal], ...] = ()


def as_known(signed: Sequence[Signed], day: date) -> list[Signed]:
    """Contracts and occurrences as far as they were known at the end of a day."""
    return [
        replace(one, occurrences=tuple(each for each in one.occurrences if each.known <= day))
        for one in signed
        if one.contract.known <= day
    ]


def existing(signed: Signed) -> date:
    """The day from which a contract exists: that on which the last of its criteria was met, or on which it was terminated."""
    agreed = signed.contract.agreed
    met: dict[str, date | None] = {"signed": signed.contract.signed, **agreed.criteria}
    for one in in_order(signed.occurrences):
        if one.kind == "criterion":
            met[one.criterion] = (met.get(one.criterion) or one.on) if one.met else None
    ended = [one.on for one in signed.occurrences if one.kind == "terminate"]
    exists = max((NEVER if on is None else on for on in met.values()), default=signed.contract.signed)
    return min([exists, *ended])


def assembled(group: Sequence[Signed], decide: Decide) -> Assembled:
    """Contracts that are one, with the obligations that rules find in them, their price, and all that changed them.

    Raises:
        TollbookError: ``revenue.promise-twice``, ``revenue.no-such-promise``, ``revenue.no-end``, ``revenue.odds-not-one``,
            ``revenue.price-not-possible``, those of :func:`engine.revenue.signing.opened`.
    """
    offers, mine = offers_of(group, decide), Mine()
    decided = {one.facts.element: decide("revrec", one.facts, one.facts.service_from) for one in offers}
    by_invoice = tuple(key for key, one in decided.items() if one.method is as_invoiced)
    kept = [one for one in offers if one.facts.element not in by_invoice]
    terms = {one.promise: one for each in group for one in each.contract.agreed.promises}
    if not kept:
        return _nothing(group, decided, by_invoice)
    kept, options = options_of(kept, terms, (each for one in group for each in one.occurrences))
    kept, passes, returned = net_of(kept, terms, decided)
    fixed = sum((one.facts.amount for one in kept if decided[one.facts.element].method not in OF_WHAT_HAPPENS), ZERO)
    counted = counted_of(group, kept, decided, decide, fixed)
    head = group[0].contract
    interest = financed(head.agreed.financing, fixed, head.signed, decided[kept[0].facts.element].terms, head.currency)
    payable = sum((one.contract.agreed.payable for one in group), ZERO)
    kind = sum((one.contract.agreed.in_kind for one in group), ZERO)
    shared = sum((one.counts for one in counted if not one.to), ZERO)
    price = _possible(fixed + interest.price + shared + kind - payable, kept, decided, head)
    bundles = [Bundle(one.promises, one.price) for each in group for one in each.contract.agreed.bundles]
    exists = max(map(existing, group))
    done = happenings_of(group, {one.facts.element for one in kept} | set(added_promises(group)))
    kept = [replace(one, facts=replace(one.facts, happenings=done.get(one.facts.element, ()))) for one in kept]
    found = opened(head.currency, kept, decide, price=price, bundles=bundles, exists=exists)
    contract = with_options(_with_own(found.contract, counted, mine.of(found)), options, mine.keys)
    back = tuple(came_back(one, group) for one in returned)
    changes, counted = changes_of(group, decide, given_back(group, counted, returned), mine, done, back)
    received = tuple((o.on, o.quantity) for each in group for o in each.occurrences if o.kind == "receive")
    ends = [o.on for each in group for o in each.occurrences if o.kind == "terminate"]
    owner = owners_of(group)
    return Assembled(
        head.key,
        replace(contract, changes=tuple(changes)),
        found,
        decided,
        {key: owner[promise] for promise, key in mine.keys.items()},
        {key: terms_of(group)[promise].product for promise, key in mine.keys.items()},
        by_invoice,
        tuple(counted),
        interest,
        back,
        options,
        {mine.keys[key]: amount for key, amount in passes.items()},
        payable,
        received,
        min(ends, default=None),
        {one.facts.element: one.facts.amount for one in kept},
        _outlook(group),
    )


def _possible(
    price: Decimal, offers: Sequence[Offer], decided: Mapping[str, Decision], contract: RevenueContract
) -> Decimal:
    """What is to be shared over promises: not less than nothing, and nothing where the price of each is what it earns.

    Raises:
        TollbookError: ``revenue.price-not-possible``.
    """
    if price and all(decided[one.facts.element].method in OF_WHAT_HAPPENS for one in offers):
        raise _of_no_promise(f"{price:f} {contract.currency}", contract)
    if price < 0:
        raise refuse(
            NOT_POSSIBLE,
            f"the transaction price of {contract.key} is {price:f} {contract.currency}",
            why="what lowers a price, is payable to the customer or comes back cannot be more than the customer pays",
            mend="state less of it, or tell with `certain` which part of a variable amount is highly probable to stay",
        )
    return price


def _of_no_promise(what: str, contract: RevenueContract) -> Exception:
    return refuse(
        NOT_POSSIBLE,
        f"{what} of {contract.key} is of no promise",
        why="the price of all of its promises is what is used, sold or invoiced: nothing can be shared over them",
        mend="tell what lowers the price by the unit, with `expected`, or give a promise method units and the quantity expected",
    )


def _outlook(group: Sequence[Signed]) -> tuple[tuple[date, Decimal], ...]:
    """What is expected beyond the price: of each contract of the group, what it was told last."""
    newest: dict[str, Decimal] = {}
    found = []
    told = ((signed.contract.key, one) for signed in group for one in signed.occurrences if one.kind == "outlook")
    for key, one in sorted(told, key=lambda pair: (pair[1].on, pair[1].known, pair[1].key)):
        newest[key] = (one.expected or ZERO) - one.quantity
        found.append((one.on, sum(newest.values(), ZERO)))
    return tuple(found)


def _nothing(group: Sequence[Signed], decided: Mapping[str, Decision], by_invoice: tuple[str, ...]) -> Assembled:
    """A contract of which all is earned as it is invoiced."""
    head, agreed = group[0].contract, [one.contract.agreed for one in group]
    apart = [one.variable for each in agreed for one in each.variable]
    apart += [name for name in ("payable", "in_kind") if any(getattr(each, name) for each in agreed)]
    if apart:
        raise _of_no_promise(", ".join(apart), head)
    empty = Contract(head.currency, (), (), max(map(existing, group)))
    return Assembled(head.key, empty, Opened(empty, Allocation({}), ()), decided, {}, {}, by_invoice)


def _with_own(contract: Contract, counted: Sequence[Counted], mine: Mapping[str, str]) -> Contract:
    """Obligations with the variable amounts that are theirs alone."""
    more: dict[str, Decimal] = {}
    for one in counted:
        if one.to:
            more[mine[one.to]] = more.get(mine[one.to], ZERO) + one.counts
    obligations = [
        replace(one, facts=replace(one.facts, amount=one.facts.amount + more[one.key], exact=None))
        if one.key in more
        else one
        for one in contract.obligations
    ]
    return replace(contract, obligations=tuple(obligations))
