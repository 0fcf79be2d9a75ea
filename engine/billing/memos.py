"""Credit notes by hand: which lines of an invoice give back how much, never more than is left of them.

A credit gives back money alone, and the days stay billed: the next run does not bill it again.  Where the rule says
``rebill``, lines go back whole with their days, and what is owed for these is billed anew.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date, timedelta
from decimal import Decimal
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from engine.base.errors import Code, refuse
from engine.base.money import CONTEXT, ZERO, round_to, split
from engine.base.period import Period
from engine.billing.adjusting import given_back
from engine.billing.billed import Open, service
from engine.model.account import Account
from engine.model.entity import LegalEntity
from engine.model.invoice import RatedCharge

NOTHING_LEFT = Code("credit.nothing-left", "A credit on an invoice, or a line of one, of which nothing is left.")
MORE_THAN_LEFT = Code("credit.more-than-left", "A credit of more than is left of what was billed.")
NO_LINE = Code("credit.no-line", "A credit on a line that the invoice does not have, or that gives back itself.")
UNFIT = Code("credit.unfit", "A credit or debit note whose values cannot be meant.")
IN_PART = Code(
    "credit.rebilled-in-part", "A credit of a part of a line that is to be billed anew, which only a whole one can be."
)


class CreditingFacts(msgspec.Struct, frozen=True, gc=False):
    """What a crediting rule may look at: a credit or debit note that somebody wants to make."""

    memo: Annotated[
        Literal["credit", "debit", "void", "advance"],
        Meta(description="credit note, debit note, the voiding of a document, or an invoice over an advance"),
    ]
    entity: Annotated[LegalEntity, Meta(description="the legal entity that issues it")]
    account: Annotated[Account, Meta(description="the account that gets it, as it is now")]
    reason: Annotated[
        str, Meta(description="reason code, such as service_failure or goodwill; empty of a void or an advance")
    ]
    currency: Annotated[str, Meta(description="ISO 4217 currency of the document")]
    amount: Annotated[
        Decimal,
        Meta(description="net amount, above zero; with tax where prices or advances include it", extra={"least": 0}),
    ]
    functional_amount: Annotated[
        Decimal, Meta(description="the same in the currency of the entity's books", extra={"least": 0})
    ]
    share: Annotated[Decimal, Meta(description="share of the invoice's net amount, 1 for all of it; 0 of a debit note")]
    age: Annotated[int, Meta(description="days since the date of the invoice; 0 of a debit note", extra={"least": 0})]
    recent: Annotated[
        int, Meta(description="credit notes made by hand for the account in the last 90 days", extra={"least": 0})
    ]
    credited: Annotated[bool, Meta(description="whether something of the invoice was given back before")]
    day: Annotated[date, Meta(description="date of the document; selects the rule in force")]
    paid: Annotated[
        bool,
        Meta(description="whether money came for the invoice that was not refunded or charged back; credit is none"),
    ] = False


class Wanted(msgspec.Struct, frozen=True):
    """What is to be given back: an ``amount`` before tax, a ``percent`` of what was billed, or all that is left where both are
    None; of one ``line`` by its number, or of all lines (0)."""

    line: int = 0
    amount: Decimal | None = None
    percent: Decimal | None = None


BY_HAND = "manual"
"""Kind of a charge by hand."""

Numbered = tuple[int, Open]
"""A line of the invoice with its number."""

Part = tuple[Open, Decimal]
"""A line, and what of it is given back, with the sign of the line."""


def parts(lines: Sequence[Numbered], wanted: Wanted, number: str) -> list[Part]:
    """What each line of an invoice gives back.

    Args:
        lines: what the invoice charges, without the lines that give back.
        wanted: what somebody asks for.
        number: of the invoice, for messages.

    Raises:
        TollbookError: ``credit.no-line``, ``credit.nothing-left``, ``credit.more-than-left``, ``credit.unfit``.
    """
    if wanted.line and wanted.line not in [n for n, _ in lines]:
        known = ", ".join(str(n) for n, _ in lines) or "none"
        raise refuse(NO_LINE, f"{number} has no line {wanted.line} that charges something", mend=f"its lines: {known}")
    chosen = [one for n, one in lines if wanted.line in (0, n)]
    charged = [one for one in chosen if one.left > ZERO]
    if not any(one.left for one in chosen):
        raise refuse(NOTHING_LEFT, f"nothing is left of {_place(number, wanted)}", mend="it was given back already")
    if wanted.amount is None and wanted.percent is None:
        return [(one, one.left) for one in chosen if one.left]
    currency = lines[0][1].line.charge.currency
    if wanted.percent is not None:
        if not ZERO < wanted.percent <= 100:
            raise refuse(UNFIT, f"{wanted.percent:f} %", mend="write more than 0 and at most 100")
        made = [(one, round_to(_percent(one, wanted.percent), currency)) for one in charged]
        over = [one for one, part in made if part > one.left]
        if over:
            what = f"{wanted.percent:f} % of {_place(number, wanted)} is more than is left of a line: {over[0].left.normalize():f}"
            raise refuse(MORE_THAN_LEFT, what, mend="credit an amount, or all that is left")
        return [(one, part) for one, part in made if part]
    amount = wanted.amount or ZERO
    if amount <= ZERO or amount != round_to(amount, currency):
        mend = "write an amount above zero with no more digits than the currency has"
        raise refuse(UNFIT, f"an amount of {amount:f} {currency}", mend=mend)
    left = sum((one.left for one in charged), ZERO)
    if amount > left:
        what = f"{amount:f} {currency} of {_place(number, wanted)}: {left.normalize():f} is left before tax"
        raise refuse(MORE_THAN_LEFT, what, mend=f"credit at most {left.normalize():f}")
    shares = split(amount, [one.left for one in charged], currency)
    return [(one, part) for one, part in zip(charged, shares, strict=True) if part]


def _percent(one: Open, percent: Decimal) -> Decimal:
    return CONTEXT.divide(one.line.charge.amount * percent, Decimal(100))


def _place(number: str, wanted: Wanted) -> str:
    return f"line {wanted.line} of {number}" if wanted.line else number


def credits(given: Sequence[Part], *, rebill: bool) -> list[RatedCharge]:
    """The lines of a credit note.

    Raises:
        TollbookError: ``credit.rebilled-in-part``.
    """
    if not rebill:
        return [given_back(one.line, -part, f"Credit: {one.line.charge.text}") for one, part in given]
    in_part = [one for one, part in given if part != one.left or not one.days]
    if in_part:
        what = f"a part of {in_part[0].line.charge.text!r} is to be billed anew"
        mend = "credit all that is left of the line, or use a reason whose rule says rebill: false"
        raise refuse(IN_PART, what, why="a day is billed once, or given back and billed again", mend=mend)
    return [charge for one, _ in given for charge in with_days(one, "Credit")]


def by_hand(
    account: Account, text: str, amount: Decimal, on: date, currency: str, product: str, tax_code: str
) -> RatedCharge:
    """Something that is charged by hand, of no subscription: a day's service, without a price of the catalogue.

    Raises:
        TollbookError: ``credit.unfit``.
    """
    if amount <= ZERO or amount != round_to(amount, currency):
        mend = "write an amount above zero with no more digits than the currency has"
        raise refuse(UNFIT, f"an amount of {amount:f} {currency}", mend=mend)
    of, day = (
        (account.key, account.id, 0, "", "", 0, "", "", 0, BY_HAND, text, product, tax_code),
        on + timedelta(days=1),
    )
    return RatedCharge(*of, on, day, on, day, currency, Decimal(1), amount, "1", amount, 0, 0)


def with_days(one: Open, word: str) -> Iterator[RatedCharge]:
    """What is left of a line, as credits on it with its days: one for each piece of days that was not given back."""
    if not one.left:
        return
    charge, days = one.line.charge, one.days or (service(one.line),)
    weights = [Decimal(max(piece.days, 1)) for piece in days]
    for piece, amount in zip(days, split(one.left, weights, charge.currency), strict=True):
        yield _credit(one, piece, -amount, word)


def _credit(one: Open, days: Period, amount: Decimal, word: str) -> RatedCharge:
    charge = one.line.charge
    return msgspec.structs.replace(
        charge,
        text=f"{word}: {charge.text}",
        service_from=days.start,
        service_to=days.end,
        amount=amount,
        proration=0,
        credits=one.line.id,
        events=0,
    )
