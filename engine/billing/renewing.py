"""What becomes of a subscription at the end of its term, and of a cancellation inside it.  Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from decimal import Decimal
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

from engine.base.money import CONTEXT
from engine.base.period import add_months
from engine.model.account import Account
from engine.model.attribute import UNATTRIBUTED, Subscribed
from engine.model.contract import ContractLine
from engine.model.entity import LegalEntity
from engine.model.terms import Term

Asked = Literal["renewal", "cancel"]
DIGITS = Decimal("1e-9")
"""What a price is kept in."""


class RenewalFacts(msgspec.Struct, frozen=True, gc=False):
    """What a renewal rule may look at: a subscription at the end of a term, or one that is cancelled inside it."""

    entity: Annotated[LegalEntity, Meta(description="the legal entity that sells")]
    account: Annotated[Account, Meta(description="the account that has the subscription")]
    plan: Annotated[str, Meta(description="plan key on the last day of the term, or on the day of the cancellation")]
    quantity: Annotated[Decimal, Meta(description="subscribed quantity then", extra={"least": 0})]
    asked: Annotated[
        Asked, Meta(description="what is to be decided: what follows the term, or a cancellation inside it")
    ]
    term: Annotated[int, Meta(description="which term it is, the first being 1", extra={"least": 1})]
    term_from: Annotated[date, Meta(description="first day of the term")]
    term_to: Annotated[date, Meta(description="day after its last day")]
    renews: Annotated[bool, Meta(description="whether it was agreed that it goes on by itself")]
    in_time: Annotated[bool, Meta(description="whether notice is given in time; true for a renewal")]
    months_left: Annotated[
        int, Meta(description="months of the term that are left, a started one included; 0 for a renewal")
    ]
    contract: Annotated[str | None, Meta(description="key of its contract")]
    day: Annotated[date, Meta(description="day after the term, or day of the cancellation; selects the rule in force")]
    subscription: Annotated[Subscribed, Meta(description="the subscription")] = UNATTRIBUTED


def following(term: Term, terms: Mapping[str, Any], anchor: date, made_by: str) -> Term | None:
    """The next term by what a rule says, None where the service ends; ``anchor`` is the first day of the first term, whose
    day of the month is kept."""
    if terms["action"] == "end":
        return None
    monthly = terms["action"] == "month_to_month"
    months = 1 if monthly else terms["months"] or term.renewal_months
    return msgspec.structs.replace(
        term,
        id=0,
        starts=term.ends,
        ends=add_months(term.ends, months, anchor.day),
        renews=True,
        renewal_months=months,
        notice_days=term.notice_days if terms["notice"] is None else terms["notice"],
        made_by=made_by,
    )


def months_left(day: date, end: date) -> int:
    """Months from a day up to the end of a term, a started one included."""
    months = 0
    while add_months(day, months) < end:
        months += 1
    return months


def uplifted(lines: Sequence[ContractLine], plan: str, percent: Decimal, day: date) -> list[ContractLine]:
    """The agreed prices of a plan from a day on, raised by a share such as 0.03; none where it is 0 or nothing is agreed."""
    if not percent:
        return []
    valid = [line for line in lines if line.plan == plan and line.valid_from < day and day <= line.valid_to]
    newest = {line.charge: line for line in sorted(valid, key=lambda line: line.valid_from)}
    return [
        msgspec.structs.replace(
            line,
            unit_price=(line.unit_price * (1 + percent)).quantize(DIGITS, context=CONTEXT),
            valid_from=day,
            valid_to=date.max if line.valid_to == day else line.valid_to,
        )
        for line in newest.values()
    ]
