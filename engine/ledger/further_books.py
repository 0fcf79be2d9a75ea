"""What a further book adds to the leading one: for each entry, adjustments that balance by themselves.

A book is the leading book and its adjustments, never a copy.  What is wanted is set against what is booked, so that asking
again books nothing, and a rule that was corrected books the difference.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, timedelta
from decimal import Decimal
from typing import Any, Final

import msgspec

from engine.base.errors import Code, refuse
from engine.base.money import ZERO, round_to, split
from engine.ledger.posting import NOT_BALANCED
from engine.model.decision import Decision
from engine.model.journal import JournalEntry, Posting

LEFT_OFF = Code("books.left-off-balance", "Sides that a rule leaves out of a further book, and that do not balance.")

KEEP: Final = "keep"
ONE: Final = Decimal(1)

Adjustments = Mapping[date, Sequence[Posting]]
"""Postings of a further book by their day; those of each day balance."""


def wanted(entry: JournalEntry, decisions: Sequence[Decision]) -> dict[date, list[Posting]]:
    """The adjustments of an entry of the leading book, from a decision of family books for each of its postings.

    ``move`` takes the posting to another account.  ``spread`` takes it there on its day and back in equal parts on the last days of
    so many months, that of the entry first; parts add up to the posting to the cent.  ``leave_out`` takes it back.

    Raises:
        TollbookError: ``books.left-off-balance``.
    """
    made: dict[date, list[Posting]] = {}
    gone: list[Posting] = []
    day = entry.posting_date
    for posting, decision in zip(entry.postings, decisions, strict=True):
        terms = decision.terms
        way = terms["way"]
        if way == KEEP:
            continue
        mine = msgspec.structs.replace(posting, decision=decision.id)
        if way == "leave_out":
            gone.append(_of(mine, mine.account, -mine.amount, -mine.functional_amount))
            continue
        held = terms["account"]
        if held == mine.account:
            continue
        made.setdefault(day, []).extend(_moved(mine, mine.account, held, mine.amount, mine.functional_amount))
        if way == "spread":
            for on, amount, functional in _parts(mine, day, terms["months"]):
                made.setdefault(on, []).extend(_moved(mine, held, mine.account, amount, functional))
    if gone:
        _balanced(entry, gone, next(one for one in decisions if one.terms["way"] == "leave_out"))
        made.setdefault(day, []).extend(gone)
    return made


def differences(asked: Adjustments, booked: Adjustments) -> dict[date, list[Posting]]:
    """What has to be booked so that ``booked`` becomes what is ``asked``, by day; days without a difference are left out.

    What no rule wants any more is taken back under the decision that it was booked by.
    """
    found: dict[date, list[Posting]] = {}
    for day in sorted({*asked, *booked}):
        sums: dict[Any, list[Any]] = {}
        for sign, postings in ((-1, booked.get(day, ())), (1, asked.get(day, ()))):
            for one in postings:
                at = sums.setdefault((one.account, one.currency, one.rate, one.line), [one, ZERO, ZERO])
                at[0], at[1], at[2] = one, at[1] + sign * one.amount, at[2] + sign * one.functional_amount
        left = [_of(one, one.account, amount, own) for one, amount, own in sums.values() if amount or own]
        if left:
            found[day] = left
    return found


def by_hand(
    tenant: str, entity: str, on: date, text: str, currency: str, sides: Iterable[tuple[str, Decimal]], kind: str
) -> JournalEntry:
    """An entry of (account, amount) that a person wants, in the currency of the entity's books; debits are positive.

    Raises:
        TollbookError: ``ledger.not-balanced``.
    """
    postings = tuple(
        Posting(account, currency, amount, currency, amount, ONE, "same currency", on) for account, amount in sides
    )
    off = sum((one.amount for one in postings), ZERO)
    if off or not postings:
        what = f"the sides add up to {off:f} {currency}, not to zero" if postings else "there are no sides"
        raise refuse(
            NOT_BALANCED, f"{text}: {what}", mend="debits are positive, credits negative, and their sum is zero"
        )
    return JournalEntry(tenant, entity, kind, on, text, postings)


def _of(one: Posting, account: str, amount: Decimal, functional: Decimal) -> Posting:
    return msgspec.structs.replace(one, account=account, amount=amount, functional_amount=functional)


def _moved(one: Posting, source: str, target: str, amount: Decimal, functional: Decimal) -> tuple[Posting, Posting]:
    return _of(one, source, -amount, -functional), _of(one, target, amount, functional)


def _parts(one: Posting, day: date, months: int) -> Iterable[tuple[date, Decimal, Decimal]]:
    """Day, amount and functional amount of each part."""
    even = (ONE,) * months
    amounts = split(one.amount, even, one.currency)
    own = split(one.functional_amount, even, one.functional_currency)
    month = day.replace(day=1)
    for amount, functional in zip(amounts, own, strict=True):
        following = (month + timedelta(days=31)).replace(day=1)
        if amount or functional:
            yield following - timedelta(days=1), amount, functional
        month = following


def _balanced(entry: JournalEntry, gone: Sequence[Posting], decision: Decision) -> None:
    """Refuse sides that are left out and do not balance: the book would be off by them."""
    off: dict[str, Decimal] = {}
    for one in gone:
        off[one.currency] = off.get(one.currency, ZERO) + one.amount
    own = sum((one.functional_amount for one in gone), ZERO)
    wrong = [f"{round_to(-amount, currency):f} {currency}" for currency, amount in sorted(off.items()) if amount]
    functional = gone[0].functional_currency
    wrong += [f"{round_to(-own, functional):f} {functional} in the currency of the books"] if own and not wrong else []
    if wrong:
        what = f"rule {decision.rule} leaves out sides of {entry.kind} {entry.text!r} that come to {', '.join(wrong)}"
        raise refuse(
            LEFT_OFF,
            what,
            why="debits and credits of a book are equal",
            mend="leave out the other sides of the entry too, or move this one to another account",
            where=decision.where,
        )
