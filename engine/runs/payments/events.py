"""What providers tell by themselves: each event is kept once, whatever it is, and the payment learns of it in the same transaction.

A message that is not signed as it should be is refused, and somebody is asked to look.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any, Final

import msgspec

from engine.base.errors import Code, TollbookError, refuse
from engine.model.journal import Change
from engine.model.payment import PaymentEvent
from engine.model.payment_state import PaymentRecord
from engine.model.worklist import Difference
from engine.ports.hookspecs.psp import EventRequest, Events
from engine.ports.psp_answers import event_flaws
from engine.runs.booking import keep
from engine.runs.payments.booking import look
from engine.runs.payments.elsewhere import made_elsewhere
from engine.runs.payments.news import learn, of_event
from engine.runs.run import Parts
from engine.store.writer import Writer

UNSIGNED = Code("payment.unsigned-event", "A message of a payment provider whose signature is missing or not good.")
NO_EVENTS = Code("payment.no-events", "A message for an adapter that does not tell anything by itself.")

HOOK: Final = "psp_events"
KIND: Final = "payment message"
"""Kind of the items of the worklist about messages that were refused."""
MOST_REFUSED: Final = 20
"""Refused messages of one adapter that wait on the worklist; what comes beyond them is refused all the same."""
TRIES: Final = 5
"""Times that an event is looked at again which somebody else was writing."""


class Heard(msgspec.Struct, frozen=True):
    """What became of one event: ``known`` was heard before; ``note`` says what was done; ``payment`` is the key of the payment."""

    id: str
    kind: str
    payment: str
    note: str
    known: bool = False


def hear(parts: Parts, adapter: str, body: bytes, headers: Mapping[str, str], change: Change) -> list[Heard]:
    """Take in a message of a provider, as it came.

    Raises:
        TollbookError: ``payment.unsigned-event``, ``payment.no-events``, ``adapter.unknown``, and what keeps money from being booked:
            nothing of that event is kept then, so that it may come again.
    """
    if adapter not in parts.host.adapters("psp") or not parts.host.has(adapter, HOOK):
        able = [name for name in parts.host.adapters("psp") if parts.host.has(name, HOOK)]
        what = f"{adapter!r} is no adapter that tells of payments"
        raise refuse(NO_EVENTS, what, mend=f"name one of: {', '.join(able) or 'none is configured'}")
    digest = hashlib.sha256(body).hexdigest()
    request = EventRequest(digest, body, {name.lower(): value for name, value in headers.items()})
    told: Events = parts.host.ask(adapter, HOOK, [request], event_flaws)[0]
    if told.refused:
        _note_refused(parts, adapter, digest, told.refused, change)
        raise refuse(
            UNSIGNED,
            f"a message for {adapter} was refused: {told.refused}",
            why="whoever can reach the address could say that money came",
            mend="compare the signing secret with the provider's; let it send the message again",
            subject=f"adapter/{adapter}",
        )
    if told.events:
        keep(parts, change)
    return [_heard(parts, adapter, event, digest, change) for event in told.events]


def _heard(parts: Parts, adapter: str, event: PaymentEvent, digest: str, change: Change) -> Heard:
    """One event, once: where somebody else is writing it at the same time, it is known afterwards."""
    for _ in range(TRIES):
        try:
            with parts.books.writer(change, tenant=parts.tenant) as writer:
                return _take(parts, writer, adapter, event, digest)
        except TollbookError as error:
            if not any(finding.code == "store.duplicate" for finding in error.findings):
                raise
            last = error
    raise last


def _take(parts: Parts, writer: Writer, adapter: str, event: PaymentEvent, digest: str) -> Heard:
    tenant = parts.tenant
    payment = _about(writer, tenant, adapter, event)
    if payment is not None:
        payment = writer.lock_payment(payment.id)
    known = writer.reader.payment_event(tenant, adapter, event.id)
    key = payment.key if payment else ""
    if known is not None:
        return Heard(event.id, event.kind, key, known["note"], known=True)
    note = "kept" if of_event(event) is None else "no payment of ours"
    if payment is not None:
        note = _note(parts, writer, payment, event)
    writer.keep_payment_event(tenant, adapter, event, payment.id if payment else 0, note, digest)
    return Heard(event.id, event.kind, key, note)


def _note(parts: Parts, writer: Writer, payment: PaymentRecord, event: PaymentEvent) -> str:
    """What an event makes of its payment, in words."""
    news = of_event(event)
    if news is None:
        return "kept"
    if payment.kind == "charge" and event.kind == "refund_succeeded":
        return made_elsewhere(parts, writer, payment, event, news)
    if payment.kind != ("refund" if event.kind.startswith("refund") else "charge"):
        return "about another kind of payment"
    _, note = learn(parts, writer, payment, news)
    if note.endswith("came as well"):
        look(writer, parts.tenant, payment, f"it was paid twice: {note}; give one of them back")
    return note


def _about(writer: Writer, tenant: str, adapter: str, event: PaymentEvent) -> PaymentRecord | None:
    """The payment or refund that an event is about: by the key that the provider carries, else by its names for it."""
    if event.key:
        for effect in writer.reader.effects(tenant, [event.key]):
            if effect.port == "psp" and effect.adapter == adapter:
                return writer.reader.payment(tenant, effect.entity, str(effect.payload.get("reference", "")))
    notice = event.dispute
    names: list[Any] = [event.provider_id, event.charge, notice.provider_id if notice else ""]
    return writer.reader.payment_named(tenant, adapter, names)


def _note_refused(parts: Parts, adapter: str, digest: str, why: str, change: Change) -> None:
    subject = f"{KIND}/{adapter}/{digest[:16]}"
    with parts.books.writer(change, tenant=parts.tenant) as writer:
        waiting = writer.reader.work_items(parts.tenant, kinds=(KIND,), state="unresolved", limit=MOST_REFUSED)
        if len(waiting) >= MOST_REFUSED and subject not in {item.subject for item in waiting}:
            return
        detail = {"adapter": adapter, "digest": digest}
        writer.open_item(parts.tenant, Difference("", KIND, subject, f"{adapter}: {why}", detail, "", 0))
