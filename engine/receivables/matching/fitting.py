"""How money and documents compare: what is left between them, and what explains it."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from decimal import Decimal
from functools import lru_cache
from typing import Any, Final

import msgspec

from engine.base.money import ZERO, minor_unit, round_to, split
from engine.model.matching import Applied, Candidate, Incoming, MatchingFacts, Payer, Reference, Remainder, Residual
from engine.receivables.matching.keys import Rates
from engine.receivables.matching.saying import Said

HUNDRED: Final = Decimal(100)
LEAST_RATE, MOST_RATE = Decimal(1), Decimal(35)
"""Per cent of tax that may be withheld where the text says no rate."""
_DISCOUNT: Final = re.compile(r"\s*([0-9]{1,2}(?:[.,][0-9]+)?)\s*%?\s*/\s*([0-9]{1,3})(?![0-9])")


class Discount(msgspec.Struct, frozen=True, gc=False):
    """What the terms of a document grant: a share, and within how many days of the issue."""

    share: Decimal
    days: int


@lru_cache(1_000)
def discount_of(terms: str) -> Discount | None:
    """The discount of terms such as ``2/10net30``; None where they grant none."""
    match = _DISCOUNT.match(terms)
    if match is None:
        return None
    share = Decimal(match[1].replace(",", ".")) / HUNDRED
    return Discount(share, int(match[2])) if share else None


class Gap(msgspec.Struct, frozen=True, gc=False):
    """What is between money and documents: ``remainder`` names it, ``discount`` and ``fee`` are the parts of it that do;
    ``late`` is by how many days the money came too late for the discount."""

    remainder: Remainder
    difference: Decimal
    open: Decimal
    discount: Decimal = ZERO
    fee: Decimal = ZERO
    late: int = 0
    transposed: bool = False


def gap_of(
    payment: Incoming, items: Sequence[Candidate], left: Sequence[Decimal], text: Said, rates: Rates
) -> Gap | None:
    """The gap between a payment and what is left of documents, all in one currency; None where no rate leads to it."""
    opened = left[0] if len(left) == 1 else sum(left, ZERO)
    currency = items[0].currency
    if payment.currency != currency:
        return _by_rate(payment, opened, currency, rates)
    gap = opened - payment.amount
    if not gap:
        return Gap("exact", ZERO, opened)
    if gap < 0:
        return Gap("over", gap, opened, transposed=transposed(payment.amount, opened))
    granted, late = _granted(payment, items, left)
    stated = text.fee()
    fee = stated[1] if stated is not None and stated[0] in ("", currency) else ZERO
    unit = minor_unit(currency) * len(items)
    if granted and abs(gap - granted) <= unit:
        return Gap("discount", gap, opened, discount=gap, late=late)
    if granted and fee and abs(gap - fee - granted) <= unit:
        return Gap("discount", gap, opened, discount=gap - fee, fee=fee, late=late)
    if fee and gap == fee:
        return Gap("fee", gap, opened, fee=fee)
    rate = text.withheld()
    if rate is not None and _withheld(gap, opened, rate, unit):
        return Gap("withholding", gap, opened)
    deducted = text.deducted()
    if gap in deducted or (len(deducted) > 1 and gap == sum(deducted)):
        return Gap("deduction", gap, opened)
    return Gap("short", gap, opened, transposed=transposed(payment.amount, opened))


def _granted(payment: Incoming, items: Sequence[Candidate], left: Sequence[Decimal]) -> tuple[Decimal, int]:
    """The discount that the terms of the documents grant in all, and by how many days the payment came too late for all of it."""
    total, late = ZERO, 0
    for item, rest in zip(items, left, strict=True):
        discount = discount_of(item.terms)
        if discount is not None:
            total += granted_by(item, rest)
            late = max(late, (payment.booked - item.issued).days - discount.days)
    return total, late


def granted_by(item: Candidate, rest: Decimal) -> Decimal:
    """The discount that the terms of a document grant on what is left of it, in its currency."""
    discount = discount_of(item.terms)
    return round_to(rest * discount.share, item.currency) if discount is not None else ZERO


def _by_rate(payment: Incoming, opened: Decimal, currency: str, rates: Rates) -> Gap | None:
    """The gap to documents in another currency, by the rate of the day that leaves the smaller one."""
    there, back = rates.get(payment.currency + currency), rates.get(currency + payment.currency)
    worths = [payment.amount * there] if there else []
    worths += [payment.amount / back] if back else []
    if not worths:
        return None
    gap = min((opened - round_to(worth, currency) for worth in worths), key=abs)
    return Gap("rate", gap, opened)


def _withheld(gap: Decimal, opened: Decimal, rate: Decimal, unit: Decimal) -> bool:
    """Whether a gap is tax withheld: at the rate that the text says, else at one that is whole or half per cent."""
    if rate:
        return abs(gap - opened * rate / HUNDRED) <= unit
    near = (gap * 2 * HUNDRED / opened).quantize(Decimal(1)) / 2
    return LEAST_RATE <= near <= MOST_RATE and abs(gap - opened * near / HUNDRED) <= unit


def transposed(one: Decimal, other: Decimal) -> bool:
    """Whether two amounts differ in two digits that stand side by side and are exchanged."""
    decimals = max(0, *(-int(each.as_tuple().exponent) for each in (one, other)))
    left, right = (f"{each:.{decimals}f}".replace(".", "") for each in (one, other))
    if len(left) != len(right):
        return False
    differ = [place for place, (a, b) in enumerate(zip(left, right, strict=True)) if a != b]
    return (
        len(differ) == 2
        and differ[1] == differ[0] + 1
        and left[differ[0]] == right[differ[1]]
        and left[differ[1]] == right[differ[0]]
    )


def facts_of(
    payment: Incoming,
    items: Sequence[Candidate],
    gap: Gap,
    reference: Reference,
    payer: Payer,
    text: Said,
    more: Mapping[str, Any],
) -> MatchingFacts:
    """What a rule may look at of one fit; ``more`` are facts that are not the same for most."""
    one = len(items) == 1
    issued = items[0].issued if one else max(item.issued for item in items)
    given = more.get
    return MatchingFacts(  # in the order of its fields: most of the time of a plain fit is spent here
        reference,
        given("by_end_to_end", False),
        given("distance", 0),
        len(items),
        0 if one else sum(item.kind == "credit_note" for item in items),
        given("unread", 0),
        payer,
        gap.remainder,
        gap.difference,
        _percent(gap) if gap.difference else ZERO,
        gap.remainder == "discount" and not gap.late,
        gap.late,
        gap.transposed,
        given("elsewhere", 0),
        given("fits", 1),
        given("paid_already", False),
        given("repeated", False),
        text.purpose(),
        (payment.booked - issued).days,
        payment.amount,
        payment.currency,
        payment.booked,
    )


def plain_facts(payment: Incoming, item: Candidate, payer: Payer) -> MatchingFacts:
    """:func:`facts_of` of one document that is named by its number alone and open by exactly the money."""
    days, amount, day = (payment.booked - item.issued).days, payment.amount, payment.booked
    return MatchingFacts(
        "number", False, 0, 1, 0, 0, payer, "exact", ZERO, ZERO, False, 0, False, 0, 1, False, False, "document", days,
        amount, payment.currency, day,
    )  # fmt: skip


def _percent(gap: Gap) -> Decimal:
    return abs(gap.difference * HUNDRED / gap.open) if gap.open else HUNDRED


def over_tolerance(terms: Mapping[str, Any], facts: MatchingFacts) -> tuple[str, ...]:
    """What of a fit lies outside of what its rule tolerates, in words; nothing where all is within."""
    said = list[str]()
    allowed = terms["tolerance"]
    if allowed is not None and facts.remainder != "exact":
        currency, size = facts.currency, abs(facts.difference)
        most = allowed.get("absolute")
        if most is not None and size > most.get(currency, ZERO):
            said.append(f"{size:f} over a tolerance of {most.get(currency, ZERO):f} {currency}")
        share = allowed.get("percent")
        if share is not None and facts.difference_percent > share * HUNDRED:
            said.append(f"{facts.difference_percent:.2f} % over a tolerance of {share * HUNDRED:f} %")
    window = terms["window"]
    if window is not None:
        if window["after"] is not None and facts.days > window["after"]:
            said.append(f"{facts.days} days after the issue, over a window of {window['after']} days")
        if facts.days < -window["before"]:
            said.append(f"{-facts.days} days before the issue, over a window of {window['before']} days")
    return tuple(said)


class Taking(msgspec.Struct, frozen=True, gc=False):
    """Money that documents take: what is open of each is ``left``, what is between them ``gap``."""

    items: Sequence[Candidate]
    left: Sequence[Decimal]
    gap: Gap


def in_full(taking: Taking) -> tuple[Applied, ...]:
    """Each document takes all that is open of it."""
    return tuple(Applied(item.id, rest) for item, rest in zip(taking.items, taking.left, strict=True))


def close(terms: Mapping[str, Any], taking: Taking) -> tuple[Applied, ...]:
    """The documents are settled: the discount, the charges, or what the rule calls the difference settle what the money does not.

    Where more came than is open, the documents are settled and the rest is not applied.
    """
    gap = taking.gap
    if gap.difference <= 0 or gap.remainder == "rate":
        return in_full(taking)
    fee_left, out = gap.fee, list[Applied]()
    for item, rest, share in _shares(taking):
        fee = min(fee_left, share)
        fee_left -= fee
        discount = share - fee if gap.remainder == "discount" else ZERO
        kept = share - fee - discount
        out.append(
            Applied(
                item.id, rest - share, discount, fee, (Residual(terms["residual"], kept, settled=True),) if kept else ()
            )
        )
    return tuple(out)


def leave(terms: Mapping[str, Any], taking: Taking) -> tuple[Applied, ...]:
    """What is short stays open, under the name that the rule gives it: tax withheld of each document, of others that of the newest.

    Where more came than is open, the documents are settled and the rest is not applied.
    """
    gap = taking.gap
    if gap.difference <= 0 or gap.remainder == "rate":
        return in_full(taking)
    made = [
        Applied(item.id, rest - share, residuals=(Residual(terms["residual"], share),) if share else ())
        for item, rest, share in _shares(taking)
    ]
    return tuple(one for one in made if one.amount)


def _shares(taking: Taking) -> list[tuple[Candidate, Decimal, Decimal]]:
    """Documents, what is open of them, and their share of the gap: the discount of each, tax by what is left of each, else from the newest back."""
    items, left, gap = taking.items, taking.left, taking.gap
    shares = [ZERO] * len(items)
    granted = [granted_by(item, rest) for item, rest in zip(items, left, strict=True)]
    if gap.remainder == "discount":
        shares = granted
        last = max(place for place, share in enumerate(granted) if share)
        shares[last] += gap.difference - sum(shares, ZERO)
    elif gap.remainder == "withholding" and min(left) > ZERO:
        shares = list(split(gap.difference, left, items[0].currency))
    else:
        rest = gap.difference
        for place in sorted(range(len(items)), key=lambda each: (items[each].issued, items[each].id), reverse=True):
            if left[place] > ZERO:
                shares[place] = min(rest, left[place])
                rest -= shares[place]
    return list(zip(items, left, shares, strict=True))
