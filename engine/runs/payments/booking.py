"""How money that a provider took or gave back gets into the books: as acts on the open items, against a clearing account."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from decimal import Decimal
from typing import Final

import msgspec

from engine.base.money import ZERO, round_to
from engine.ledger.posting import PostingFacts
from engine.model.account import Account
from engine.model.payment_state import PaymentRecord
from engine.model.worklist import Difference
from engine.runs.accounts.settlement_moves import Booking, Move, Settled, move, sheet
from engine.runs.booking import booking_of, rate_of
from engine.runs.run import Parts
from engine.store.reader import Reader
from engine.store.tables.ledger import OPEN
from engine.store.writer import Writer

KIND: Final = "payment"
"""Kind of the items of the worklist about payments."""


def through(parts: Parts, booking: Booking, account: Account, provider: str) -> Booking:
    """The same booking with the clearing account of a provider in the place of cash.

    Raises:
        TollbookError: ``rule.no-answer`` of posting.
    """
    facts = PostingFacts("psp_clearing", account.entity, account.country, "", booking.rate.base, booking.day, provider)
    decision = parts.rules.decide("posting", facts, booking.day)
    return msgspec.structs.replace(
        booking, accounts={**booking.accounts, "cash": (decision.terms["account"], decision.id)}
    )


def booking_day(reader: Reader, tenant: str, entity: str, day: date, today: date) -> date:
    """The day on which money is booked: that on which it came, or today where that period is closed or has not begun."""
    day = min(day, today)
    return day if reader.period_state(tenant, entity, day) == OPEN else today


def booking_for(parts: Parts, reader: Reader, payment: PaymentRecord, amount: Decimal, day: date) -> Booking:
    """How money of a payment is booked on a day.

    Raises:
        TollbookError: ``fx.no-rate``, ``rule.no-answer``.
    """
    seller = reader.entities(parts.tenant)[payment.entity]
    account = reader.accounts(parts.tenant, payment.entity, [payment.account])[payment.account]
    rate = rate_of(parts, reader, payment.currency, seller.functional_currency, day)
    of = "payment" if payment.kind == "charge" else "credit_note"
    booking = booking_of(parts, seller, account, of, amount, rate, day)
    return through(parts, booking, account, payment.provider)


def book_paid(
    parts: Parts,
    writer: Writer,
    payment: PaymentRecord,
    amount: Decimal,
    day: date,
    items: Sequence[int],
    key: str = "",
) -> Settled:
    """Money that came: it pays the documents that it was for, as far as they are open; the rest is credit of the account, and
    somebody is asked to look."""
    booking = booking_for(parts, writer.reader, payment, amount, day)
    head = ("payment", payment.entity, payment.account, key or payment.key, amount, booking)
    asked = Move(*head, note=f"{payment.provider} {payment.provider_id}")
    there = sheet(writer, parts.tenant, asked.purse)
    still = tuple(item for item in items if item in there.items and there.items[item].left > ZERO)
    open_ = sum((there.items[item].left for item in still), ZERO)
    if not still:  # whatever else is open was not meant
        asked = _on_account(asked)
    made = move(writer, parts.tenant, msgspec.structs.replace(asked, invoices=still))
    if amount > open_ and not made.known:
        numbers = ", ".join(f"{number}" for item, number, _ in payment.items if item not in still) or "part of them"
        over = f"{round_to(amount - open_, payment.currency):f} {payment.currency}"
        look(writer, parts.tenant, payment, f"{over} of it found nothing open ({numbers}): it is credit of the account")
    return made


def _on_account(asked: Move) -> Move:
    """The same move where the money goes to the credit of the account alone."""
    terms = {**asked.booking.terms, "to": ["account_credit"]}
    return msgspec.structs.replace(asked, booking=msgspec.structs.replace(asked.booking, terms=terms))


def book_back(
    parts: Parts, writer: Writer, payment: PaymentRecord, kind: str, key: str, amount: Decimal, of: str, day: date
) -> Settled:
    """Money that went back, by a ``refund`` or a ``chargeback``: what the payment ``of`` has paid is open again."""
    booking = booking_for(parts, writer.reader, payment, amount, day)
    head = (kind, payment.entity, payment.account, key, amount, booking)
    return move(writer, parts.tenant, Move(*head, payment=of, note=f"{payment.provider} {payment.provider_id}"))


def look(writer: Writer, tenant: str, payment: PaymentRecord, what: str) -> None:
    """Put a payment on the worklist."""
    subject = f"{KIND}/{payment.entity}/{payment.key}"
    detail = {"payment": payment.key, "provider": payment.provider, "provider_id": payment.provider_id}
    writer.open_item(tenant, Difference(payment.entity, KIND, subject, f"{payment.key}: {what}", detail, "", 0))
