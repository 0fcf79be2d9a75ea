"""Refunds of payments: given back to what they were paid with, once by their key, and never more than is left."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

import msgspec

from engine.base.errors import Code, did_you_mean, refuse
from engine.base.money import ZERO, round_to
from engine.model.journal import Change
from engine.model.payment import CANCELED, FAILED, REFUND, SUCCEEDED, Method, RefundRequest
from engine.model.payment_state import PaymentRecord
from engine.runs.payments.collecting import plain, put_effect
from engine.runs.payments.news import act_key
from engine.store.reader import Reader
from engine.store.writer import Writer
from engine.store.writing.payments import NewPayment
from engine.store.writing.settlements import as_digest

UNKNOWN = Code("payment.unknown", "A payment that the books do not have.")
TOO_MUCH = Code("payment.more-than-paid", "A refund or capture of more than is left of a payment.")
NOT_NOW = Code("payment.not-possible", "A refund, capture or cancellation that the state of a payment does not allow.")
REFUND_CONFLICT = Code("payment.key-conflict", "A key of a refund that the books have for something else.")

Arguments = Mapping[str, Any]
"""A refund as JSON values: ``entity``, ``payment``, ``key``, ``amount`` (a text; empty: all that is left)."""


def asked(reader: Reader, tenant: str, key: str, refund: str, amount: Decimal | None, entity: str) -> Arguments:
    """A refund of a payment, as it is asked for.

    Raises:
        TollbookError: ``payment.unknown``.
    """
    payment = found_payment(reader, tenant, key, entity)
    money = "" if amount is None else f"{amount.normalize():f}"
    return {"entity": payment.entity, "payment": payment.key, "key": refund, "amount": money}


def subject(given: Arguments) -> str:
    """What the act is about."""
    return f"{given['entity']}/{given['key']}"


def text(given: Arguments) -> str:
    """What the act does."""
    return f"give {given['amount'] or 'all that is left'} of payment {given['payment']} back"


def relies(reader: Reader, tenant: str, given: Arguments) -> Mapping[str, Any]:
    """What a refund relies on: what is left of its payment; and that it is one.

    Raises:
        TollbookError: ``payment.unknown``, ``payment.not-possible``, ``payment.more-than-paid``, ``payment.key-conflict``.
    """
    payment = found_payment(reader, tenant, given["payment"], given["entity"])
    known = _known(reader, tenant, given)
    left = payment.taken if known else left_of(reader, tenant, payment)
    if not known:
        whole(payment, _money(given, left), left, "refund")
    return {"left": f"{left:f}", "made": known is not None}


def amounts(reader: Reader, tenant: str, given: Arguments) -> Mapping[str, Decimal]:
    """The money of a refund."""
    payment = found_payment(reader, tenant, given["payment"], given["entity"])
    return {payment.currency: _money(given, payment.taken)}


def perform(writer: Writer, tenant: str, given: Arguments) -> bool:
    """Make a refund, and what its provider is to be told; False where it was made before.

    Raises:
        TollbookError: as :func:`relies`.
    """
    reader = writer.reader
    payment = writer.lock_payment(found_payment(reader, tenant, given["payment"], given["entity"]).id)
    if _known(reader, tenant, given) is not None:
        return False
    left = left_of(reader, tenant, payment)
    new = refund_of(payment, given["key"], _money(given, left), left, _digest(given), writer.change)
    made = writer.put_payment(tenant, new)
    put_effect(writer, made, REFUND, made.told)
    return True


def _known(reader: Reader, tenant: str, given: Arguments) -> PaymentRecord | None:
    """The refund that has the key.

    Raises:
        TollbookError: ``payment.key-conflict``.
    """
    before = reader.payment(tenant, given["entity"], given["key"])
    if before is not None and before.digest != _digest(given):
        what = f"the key {given['key']!r} is in the books as a {before.kind} of {round_to(before.amount, before.currency):f} {before.currency}"
        raise refuse(REFUND_CONFLICT, what, mend="give the new one a key of its own")
    return before


def _digest(given: Arguments) -> str:
    return as_digest({"payment": given["payment"], "amount": given["amount"]})


def _money(given: Arguments, left: Decimal) -> Decimal:
    return Decimal(given["amount"]) if given["amount"] else left


def found_payment(reader: Reader, tenant: str, key: str, entity: str) -> PaymentRecord:
    """A payment or refund by its key.

    Raises:
        TollbookError: ``payment.unknown``.
    """
    entities = [entity] if entity else sorted(reader.entities(tenant))
    found = [one for name in entities if (one := reader.payment(tenant, name, key)) is not None]
    if len(found) > 1:
        raise refuse(UNKNOWN, f"{', '.join(one.entity for one in found)} have a payment {key!r}", mend="name --entity")
    if not found:
        near = [one.key for one in reader.payments(tenant, limit=500)]
        mend = did_you_mean(key, near) or "`tollbook payments list` shows them"
        raise refuse(UNKNOWN, f"there is no payment {key!r}", mend=mend)
    return found[0]


def left_of(reader: Reader, tenant: str, payment: PaymentRecord) -> Decimal:
    """What may be given back of a payment: what came, less the refunds that went or may go.

    Raises:
        TollbookError: ``payment.not-possible``.
    """
    if payment.kind != "charge" or payment.state != SUCCEEDED:
        what = f"{payment.kind} {payment.key} is {payment.state}"
        raise refuse(NOT_NOW, what, why="only what came is given back", mend="a payment under way is stopped by cancel")
    given = [one for one in reader.refunds_of(tenant, payment.id) if one.state not in (FAILED, CANCELED)]
    waiting = sum((one.amount for one in given if one.state != SUCCEEDED), ZERO)
    rows = [*reader.settlements(tenant, payment.entity, key=act_key(payment))]
    rows += reader.settlements(tenant, payment.entity, source=act_key(payment))
    standing = -sum((row["amount"] for row in rows), ZERO) - waiting
    return min(payment.taken - sum((one.amount for one in given), ZERO), standing)


def refund_of(
    payment: PaymentRecord, key: str, amount: Decimal, left: Decimal, digest: str, change: Change
) -> NewPayment:
    """A refund of a payment as it is written down first.

    Raises:
        TollbookError: ``payment.more-than-paid``.
    """
    whole(payment, amount, left, "refund")
    day = change.at.date()
    request = RefundRequest(
        reference=key,
        payment=payment.key,
        entity=payment.entity,
        account=payment.account,
        provider_id=payment.provider_id,
        amount=amount,
        currency=payment.currency,
        method=msgspec.convert(payment.told["method"], Method),
        paid=payment.day,
        reason=change.reason,
    )
    return NewPayment(
        *(payment.entity, payment.account, key, "refund", payment.provider, payment.method, payment.token),
        currency=payment.currency,
        amount=amount,
        day=day,
        items=[],
        told=plain(request),
        digest=digest,
        effect=f"{payment.entity}/{key}#1",
        decision=payment.decision,
        of_payment=payment.id,
    )


def whole(payment: PaymentRecord, amount: Decimal, most: Decimal, verb: str) -> None:
    """Refuse an amount that is no money of the currency, or more than there is.

    Raises:
        TollbookError: ``payment.more-than-paid``.
    """
    if amount <= ZERO or amount != round_to(amount, payment.currency) or amount > most:
        left = f"{round_to(most, payment.currency):f}"
        what = f"a {verb} of {amount:f} {payment.currency} of payment {payment.key}: {left} is left"
        mend = "write an amount above zero with no more digits than the currency has, and no more than is left"
        raise refuse(TOO_MUCH, what, mend=mend)
