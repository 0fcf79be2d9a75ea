"""Refunds that somebody has made at the provider, and not from here: they are payments of ours all the same once the provider tells of
them, so that what they have given back is open again, and payouts and books agree."""

from __future__ import annotations

from engine.base.errors import TollbookError
from engine.base.money import round_to
from engine.model.payment import PaymentEvent
from engine.model.payment_state import PaymentRecord
from engine.runs.payments.booking import look
from engine.runs.payments.news import News, learn
from engine.runs.payments.refunding import left_of, refund_of
from engine.runs.run import Parts
from engine.store.writer import Writer
from engine.store.writing.settlements import as_digest


def made_elsewhere(parts: Parts, writer: Writer, payment: PaymentRecord, event: PaymentEvent, news: News) -> str:
    """Book a refund of a payment that the provider names by its own id; what cannot be booked is put on the worklist.  In words."""
    reader, tenant = writer.reader, parts.tenant
    known = reader.payment(tenant, payment.entity, event.provider_id)
    if known is not None:
        return learn(parts, writer, writer.lock_payment(known.id), news)[1]
    amount = event.amount
    try:
        if amount is None or event.currency != payment.currency:
            told = f"{amount} {event.currency or 'of no currency'}"
            look(writer, tenant, payment, f"the provider gave {told} back, which is not booked: look it up there")
            return "a refund that cannot be booked"
        left = left_of(reader, tenant, payment)
        digest = as_digest({"payment": payment.key, "amount": f"{amount.normalize():f}"})
        new = refund_of(payment, event.provider_id, amount, left, digest, writer.change)
    except TollbookError as error:
        look(writer, tenant, payment, f"the provider says that it gave {amount} back, which is not booked: {error}")
        return "a refund that cannot be booked"
    made = writer.lock_payment(writer.put_payment(tenant, new).id)
    _, note = learn(parts, writer, made, news)
    look(
        writer,
        tenant,
        payment,
        f"{round_to(amount, payment.currency):f} {payment.currency} was given back at the provider, not from here",
    )
    return f"a refund that was made at the provider: {note}"
