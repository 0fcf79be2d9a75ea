"""News of a payment, whether a provider answers or tells by itself, and what becomes of the payment by them.

News may come twice, late or in any order.  A payment that is locked takes a step where its state lets it; what the step
means in money is booked in the same transaction, so that it is booked once.  What came late changes nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any, Final
from zoneinfo import ZoneInfo

import msgspec

from engine.base.money import ZERO, round_to
from engine.model.effect import Answer
from engine.model.payment import (
    CANCELED,
    CREATED,
    FAILED,
    RETURNED,
    SUCCEEDED,
    PaymentAnswer,
    PaymentEvent,
)
from engine.model.payment_state import MAY_FOLLOW, PaymentRecord, PaymentStep, RetryFacts
from engine.receivables.retrying import next_attempt
from engine.runs.payments.booking import book_back, book_paid, booking_day, look
from engine.runs.run import Parts
from engine.store.writer import Writer

STATES: Final[Mapping[str, str]] = {
    "payment_processing": "processing",
    "payment_requires_action": "requires_action",
    "payment_authorized": "authorized",
    "payment_succeeded": SUCCEEDED,
    "payment_failed": FAILED,
    "payment_canceled": CANCELED,
    "payment_returned": RETURNED,
    "refund_succeeded": SUCCEEDED,
    "refund_failed": FAILED,
}
"""The state that a payment or refund gets by each kind of event."""


class News(msgspec.Struct, frozen=True):
    """What is said of a payment: the state that it has, and what else is known.  ``effect`` is the attempt that it is about."""

    state: str
    at: datetime
    effect: str = ""
    provider_id: str = ""
    charge: str = ""
    amount: Decimal | None = None
    currency: str = ""
    code: str = ""
    reason: str = ""
    link: str = ""
    network_transaction: str = ""
    event: str = ""
    evidence: Mapping[str, Any] = {}


def of_answer(answer: Answer, at: datetime) -> News | None:
    """What an answer to an effect says; None where nothing is known yet."""
    if answer.state == "retry":
        return None
    told = msgspec.convert(answer.evidence, PaymentAnswer, strict=False)
    state = FAILED if answer.state == "rejected" else told.state
    return News(
        *(state, _moment(told.at, at), answer.key, told.provider_id, told.charge, told.amount, told.currency),
        *(told.code, answer.reason, told.link, told.network_transaction),
        evidence=answer.evidence,
    )


def of_event(event: PaymentEvent) -> News | None:
    """What an event says of a payment; None where it says nothing of one."""
    state = STATES.get(event.kind)
    if state is None:
        return None
    return News(
        *(state, event.at, event.key, event.provider_id, event.charge, event.amount, event.currency),
        *(event.code, event.reason, event.link, event.network_transaction, event.id),
    )


def _moment(text: str, otherwise: datetime) -> datetime:
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        return otherwise
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def learn(parts: Parts, writer: Writer, before: PaymentRecord, news: News) -> tuple[PaymentRecord, str]:
    """What becomes of a locked payment by news of it; and in words what was done.

    Raises:
        TollbookError: what keeps money from being booked.
    """
    flaw = _stale(before, news)
    if flaw:
        return before, flaw
    if news.state == SUCCEEDED and news.currency != before.currency:
        said = f"{news.amount} {news.currency or 'of no currency'} came, where {before.currency} was asked for"
        look(writer, parts.tenant, before, f"{said}; it is not booked")
        return before, said
    day = _day(parts, writer, before, news)
    retry_on, blocks, decision, reason = _again(parts, writer, before, news, day)
    taken = _taken(before, news)
    after = writer.step_payment(
        before,
        PaymentStep(
            state=news.state,
            reason=reason,
            code=news.code,
            event=news.event,
            provider_id=news.provider_id or None,
            charge=news.charge or None,
            taken=taken,
            link=news.link,
            network_transaction=news.network_transaction or None,
            retry_on=retry_on,
            blocks=blocks,
            decision=decision,
            evidence=dict(news.evidence),
        ),
    )
    _book(parts, writer, before, after, day)
    return after, f"{after.state}" + (f", tried again on {retry_on}" if retry_on else "")


def _stale(before: PaymentRecord, news: News) -> str:
    """Why news change nothing; empty where they do."""
    mine = not news.effect or news.effect == before.effect or news.effect.startswith(f"{before.effect}/")
    if not mine and news.state != SUCCEEDED:
        return f"about an earlier attempt; the payment is {before.state}"
    if news.state == CANCELED and before.state in (FAILED, RETURNED):
        return f"the payment is {before.state} already"
    if before.state == SUCCEEDED == news.state and news.provider_id not in ("", before.provider_id):
        return f"{news.provider_id} came as well"
    if news.state not in MAY_FOLLOW[before.kind].get(before.state, ()) or news.state == CREATED:
        return f"it came late; the payment is {before.state}"
    return ""


def _taken(before: PaymentRecord, news: News) -> Decimal:
    if news.state == SUCCEEDED:
        return before.amount if news.amount is None else news.amount
    if news.state == "authorized":
        return ZERO
    if news.state == RETURNED:  # in part, where the provider says so
        return min(news.amount, before.taken) if news.amount else before.taken
    return ZERO


def _day(parts: Parts, writer: Writer, payment: PaymentRecord, news: News) -> date:
    """The day in the zone of the seller on which it is booked."""
    zone = ZoneInfo(writer.reader.entities(parts.tenant)[payment.entity].zone)
    today = writer.change.at.astimezone(zone).date()
    return booking_day(writer.reader, parts.tenant, payment.entity, news.at.astimezone(zone).date(), today)


def _again(
    parts: Parts, writer: Writer, payment: PaymentRecord, news: News, day: date
) -> tuple[date | None, bool | None, int, str]:
    """When a payment that was declined is tried again, whether its method is closed, by which decision, and the reason."""
    if payment.kind != "charge" or news.state not in (FAILED, RETURNED):
        return None, None, 0, news.reason
    tenant, method = parts.tenant, payment.told["method"]
    account = writer.reader.accounts(tenant, payment.entity, [payment.account])[payment.account]
    facts = RetryFacts(
        *(account, method["kind"], str(method.get("brand", "")).lower(), payment.provider, news.code),
        *(news.state == RETURNED, payment.attempt, payment.currency, payment.amount, day),
    )
    decision = parts.rules.decide("payment_retry", facts, day)
    made = writer.reader.attempt_days(tenant, payment.entity, payment.account, payment.token)
    retry = next_attempt(decision.terms, payment.attempt, day, made)
    reason = f"{news.reason or news.code or news.state}; {retry.why}"
    return retry.on, bool(decision.terms["blocks"]), decision.id, reason


def _book(parts: Parts, writer: Writer, before: PaymentRecord, after: PaymentRecord, day: date) -> None:
    """What a step means in money."""
    tenant, items = parts.tenant, [row[0] for row in after.items]
    if after.kind == "charge":
        if after.state == SUCCEEDED and after.taken:
            book_paid(parts, writer, after, after.taken, day, items, act_key(after))
            if after.taken != after.amount:
                look(
                    writer,
                    tenant,
                    after,
                    f"{round_to(after.taken, after.currency):f} came of {round_to(after.amount, after.currency):f} {after.currency}",
                )
        elif after.state == RETURNED:
            key = act_key(after)
            book_back(parts, writer, after, "chargeback", f"{key}/returned", after.taken, key, day)
            if after.taken != before.taken:
                back, of = (round_to(one.taken, one.currency) for one in (after, before))
                look(writer, tenant, after, f"{back:f} of {of:f} {after.currency} went back, the rest stays paid")
        return
    paid = writer.reader.payment_by_id(after.of_payment)
    assert paid is not None
    if after.state == SUCCEEDED:
        book_back(parts, writer, after, "refund", after.key, after.taken, act_key(paid), day)
    elif before.state == SUCCEEDED:  # it went out, and came back
        opened = [row[0] for row in paid.items]
        book_paid(parts, writer, after, before.taken, day, opened, f"{after.key}/failed")
        look(writer, tenant, after, "the refund came back from the customer's bank")


def act_key(payment: PaymentRecord) -> str:
    """The key of the act by which a payment stands in the settlements: one that came, went back and came again is another."""
    return payment.key if payment.attempt == 1 else f"{payment.key}~{payment.attempt}"
