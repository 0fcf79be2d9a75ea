"""Disputes that a provider tells of go on to the desk of disputes, and what its payouts have of them is compared with the books."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from typing import Any, Final

import msgspec

from engine.base.errors import TollbookError
from engine.base.money import ZERO
from engine.model.journal import Change
from engine.model.payment_state import PaymentRecord
from engine.runs.disputes.notices import Notice, notice_of
from engine.runs.payments.booking import look
from engine.runs.payments.events import Heard
from engine.runs.payments.news import act_key
from engine.runs.run import Parts
from engine.store.reader import Reader

Tell = Callable[[Notice, str, Change], Any]
"""(notice, provider, change): takes in what is told of a dispute, once by the id of the notice."""

KINDS: Final = ("dispute", "dispute_reversal")
"""Lines of payouts about disputes."""


def pass_on(parts: Parts, adapter: str, heard: Sequence[Heard], tell: Tell, change: Change) -> list[Heard]:
    """Events, with what became of those about disputes.  What cannot be taken in is kept, and somebody is asked to look.

    Fees come with payouts, so that none is taken from the notice.
    """
    return [_passed(parts, adapter, one, tell, change) if one.kind.startswith("dispute") else one for one in heard]


def _passed(parts: Parts, adapter: str, one: Heard, tell: Tell, change: Change) -> Heard:
    with parts.books.reader() as reader:
        event = reader.payment_event(parts.tenant, adapter, one.id)
        payment = reader.payment_by_id(event["payment"]) if event is not None and event["payment"] else None
    if event is None or payment is None:
        return one
    notice = notice_of(event["content"], act_key(payment))
    if notice is None:
        return one
    about = msgspec.structs.replace(notice.dispute, entity=payment.entity, account=payment.account, fee=ZERO)
    try:
        tell(msgspec.structs.replace(notice, dispute=about), adapter, change)
    except TollbookError as error:
        what = f"dispute {about.id} cannot be taken in: {error.findings[0].what}"
        with parts.books.writer(change, tenant=parts.tenant) as writer:
            look(writer, parts.tenant, payment, what)
        return msgspec.structs.replace(one, note=what)
    return msgspec.structs.replace(one, note=f"dispute {about.id}")


def untied(
    reader: Reader, tenant: str, payments: Sequence[PaymentRecord], lines: Sequence[Mapping[str, Any]]
) -> dict[int, Decimal]:
    """What lines of payouts took and gave for disputes beyond what the books have of them, by payment; those that tie are left
    out.  Lines without a payment stand under 0."""
    there: dict[int, Decimal] = defaultdict(lambda: ZERO)
    for row in lines:
        if row["kind"] in KINDS:
            there[row["payment"] or 0] += row["gross"]
    known = {one.id: one for one in payments}
    for ident in [*there]:
        if ident in known:
            there[ident] += _taken(reader, tenant, known[ident])
    return {ident: amount for ident, amount in there.items() if amount}


def _taken(reader: Reader, tenant: str, payment: PaymentRecord) -> Decimal:
    """What the books have of the disputes of a payment: money that is gone."""
    mine = [
        one
        for one in reader.disputes_of(tenant, payment.entity, [payment.account])
        if (one.payment, one.provider) == (act_key(payment), payment.provider)
    ]
    positions = [reader.dispute_position(one.id) for one in mine]
    return sum((one.opened + one.held + one.lost for one in positions), ZERO)
