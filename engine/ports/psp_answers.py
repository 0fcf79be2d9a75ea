"""Whether what a payment provider answers is an answer: within its contract, and about the money that was asked for."""

from __future__ import annotations

from decimal import Decimal
from typing import Any, Final

import msgspec

from engine.base.money import minor_digits
from engine.model.effect import Answer, Effect
from engine.model.payment import CANCEL, FAILED, REFUND, PaymentAnswer
from engine.ports.hookspecs.psp import Events, Payouts

STATES: Final = ("processing", "requires_action", "authorized", "succeeded", "canceled")
"""States that ``accepted`` may have."""

MONEY: Final = ("authorized", "succeeded")
"""States in which an amount stands."""


def flaw_of(effect: Effect, answer: Answer) -> str:
    """What is wrong with the evidence of an answer about money; empty where nothing is."""
    if answer.state == "retry":
        return ""
    try:
        told = msgspec.convert(answer.evidence, PaymentAnswer, strict=False)
    except msgspec.ValidationError as error:
        return f"answered {answer.state} with evidence that says something else ({error})"
    if answer.state == "rejected":
        return "" if told.state in (FAILED, "processing") else f"answered rejected with the state {told.state}"
    if told.state not in STATES or not told.provider_id:
        return f"answered accepted with the state {told.state!r}, or without what the provider calls it"
    if told.state not in MONEY:
        return ""
    return _money_flaw(effect, told)


def _money_flaw(effect: Effect, told: PaymentAnswer) -> str:
    asked = Decimal(str(effect.payload["amount"])) if effect.payload.get("amount") is not None else None
    if told.currency != effect.payload.get("currency"):
        return f"answered in {told.currency or 'no currency'} what was told in {effect.payload.get('currency')}"
    if told.amount is None or told.amount < 0:
        return "answered no amount for money that came"
    if told.amount != round(told.amount, minor_digits(told.currency)):
        return f"answered {told.amount}, which is no whole minor unit of {told.currency}"
    if asked is not None and effect.kind != CANCEL and told.amount > asked:
        return f"answered {told.amount} {told.currency}, where {asked} was told"
    if asked is not None and effect.kind == REFUND and told.amount != asked:
        return f"gave back {told.amount} {told.currency}, where {asked} was told"
    return ""


def event_flaws(request: Any, answer: Any) -> str:
    """What may be wrong with what a message is said to mean."""
    if not isinstance(answer, Events):
        return f"answered {type(answer).__name__} instead of Events"
    if answer.refused and answer.events:
        return "answered events of a message that it refused"
    ids = [event.id for event in answer.events]
    if len(set(ids)) < len(ids):
        return "answered one event twice"
    bare = [event.id for event in answer.events if event.amount is not None and not event.currency]
    return f"answered an amount without a currency for event {bare[0]!r}" if bare else ""


def payout_flaws(request: Any, answer: Any) -> str:
    """What may be wrong with a list of payouts: lines that contradict themselves, or do not add up to what was paid out."""
    if not isinstance(answer, Payouts):
        return f"answered {type(answer).__name__} instead of Payouts"
    for payout in answer.payouts:
        for line in payout.lines:
            if line.gross - line.fee != line.net:
                return f"answered a line {line.id!r} whose gross {line.gross} less fee {line.fee} is not net {line.net}"
        ids = [line.id for line in payout.lines]
        if len(set(ids)) < len(ids):
            return f"answered a line of payout {payout.id!r} twice"
        total = sum((line.net for line in payout.lines), Decimal(0))
        if payout.state == "paid" and total != payout.amount:
            return f"answered a payout {payout.id!r} of {payout.amount} whose lines come to {total}"
    return ""
