"""A step as the books keep it: what it asked for, by which way, how its letter looks."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from engine.base.money import ZERO
from engine.model.dunning import Due, Step
from engine.runs.dunning.cases import Owing
from engine.runs.dunning.claims import Claims
from engine.store.writing.dunning import TakenStep


def taken_by_hand(one: Owing, due: Due, step: Step, claims: Claims, effect: str) -> TakenStep:
    """A step that somebody takes, whatever the rule has next."""
    return as_taken(one, due, step, claims, effect, "email", {})


def as_taken(
    one: Owing, due: Due, step: Step, claims: Claims, effect: str, channel: str, consent: Mapping[str, Any]
) -> TakenStep:
    """A step with the documents that it is about, as they are on its day."""
    terms = one.decision.terms
    about = one.debts[due.item].number if due.item else f"{one.account.key}-{one.currency}"
    look = {name: terms[name] for name in ("template", "formats", "agency")}
    return TakenStep(
        entity=one.entity.key,
        account=one.account.key,
        currency=one.currency,
        item=due.item,
        cycle=due.cycle,
        step=due.step,
        number=due.number,
        planned=due.planned,
        day=due.day,
        action=step.action,
        tone="final" if step.action == "handover" else step.tone,
        channel=channel,
        consent=consent,
        asked=sum((amount for _, amount in due.items), ZERO),
        pay_by=one.terms.calendar.following(due.day + timedelta(days=step.pay_within)),
        items=[_item(one, item, amount, due.day) for item, amount in due.items],
        look=look
        | {"law": claims.law, "number": f"{about}-{due.cycle}.{due.number}"}
        | ({"credit_hold": True} if step.credit_hold else {}),
        effect=effect,
        decision=one.decision.id,
    )


def _item(one: Owing, item: int, asked: Decimal, day: date) -> dict[str, Any]:
    debt = one.debts[item]
    days = {"issued": debt.issued.isoformat(), "due": debt.due.isoformat(), "days": (day - debt.due).days}
    sums = {"amount": f"{debt.amount:f}", "open": f"{debt.open_on(day):f}", "asked": f"{asked:f}"}
    return {"item": item, "number": debt.number, "kind": debt.kind, **days, **sums}
