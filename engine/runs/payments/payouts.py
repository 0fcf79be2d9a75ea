"""Payouts: what a provider sends to the bank leaves its clearing account for cash, less its fees, to the cent.

Every line of a payout is kept with the payment or refund that it is of.  A payout is booked once by its name at the provider;
the same one again, from the provider or from its report, changes nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

import msgspec

from engine.base.errors import Code, refuse
from engine.base.money import ZERO
from engine.ledger.cash import Ground, Part, cash_entry
from engine.ledger.fx import convert
from engine.ledger.posting import PostingFacts, Role
from engine.ledger.settlements import KIND as SETTLEMENT
from engine.model.journal import Change, FxRate
from engine.model.payment import Payout, PayoutLine
from engine.model.payment_state import PaymentRecord
from engine.ports.hookspecs.bank import Entry, Statement
from engine.ports.hookspecs.psp import PayoutRequest, Payouts
from engine.ports.psp_answers import payout_flaws
from engine.runs.bank_desk import BankDesk
from engine.runs.billing import rows
from engine.runs.booking import keep, rate_of
from engine.runs.payments.booking import booking_day
from engine.runs.payments.contested import KINDS
from engine.runs.payments.news import act_key
from engine.runs.run import Parts
from engine.store import tables as t
from engine.store.reader import Reader
from engine.store.writer import Writer
from engine.store.writing.payments import BookedLine
from engine.store.writing.settlements import as_digest

NO_PAYOUTS = Code("payment.no-payouts", "Payouts of an adapter that cannot be asked for them.")
NO_PAYOUT_FILE = Code("payment.no-payout-file", "A file of payouts that is no payout report.")
UNTIED = Code("payment.payout-untied", "A payout whose lines do not come to what was paid out.")
PAYOUT_CHANGED = Code("payment.payout-changed", "A payout that the books have with another content.")
NO_ENTITY = Code("payment.payout-entity", "A payout of which it is not known whose it is.")

HOOK: Final = "psp_payouts"
ENTRY: Final = "payout"
"""Kind of the entries of payouts."""
FEE_KINDS: Final = ("fee",)
"""Lines that are a fee as a whole."""

OF: Final[Mapping[str, str]] = {"refund": "refund", "refund_failure": "refund"}
"""What lines are of, where that is not a payment."""

CATEGORIES: Final[Mapping[str, str]] = {
    "charge": "payment",
    "payment": "payment",
    "refund": "refund",
    "partial_capture_reversal": "adjustment",
    "refund_failure": "refund_failure",
    "charge_failure": "adjustment",
    "dispute": "dispute",
    "dispute_reversal": "dispute_reversal",
    "fee": "fee",
    "network_cost": "fee",
    "tax": "fee",
}
"""Kinds of lines by the categories of payout reports."""


class BookedPayout(msgspec.Struct, frozen=True):
    """What became of a payout: ``known`` was booked before; ``unknown`` are lines about no payment of ours."""

    provider: str
    entity: str
    payout: str
    currency: str
    amount: Decimal
    fees: Decimal
    day: date
    lines: int
    unknown: tuple[str, ...] = ()
    known: bool = False


def fetch(parts: Parts, adapter: str, since: date, until: date, change: Change) -> list[BookedPayout]:
    """Book the payouts of a provider that arrive in [``since``, ``until``).

    Raises:
        TollbookError: ``payment.no-payouts``, ``adapter.*``, and as :func:`book`.
    """
    if adapter not in parts.host.adapters("psp") or not parts.host.has(adapter, HOOK):
        able = [name for name in parts.host.adapters("psp") if parts.host.has(name, HOOK)]
        mend = f"name one of: {', '.join(able) or 'none is configured'}; or read its report with --file"
        raise refuse(NO_PAYOUTS, f"{adapter!r} cannot be asked for payouts", mend=mend)
    found: list[Payout] = []
    cursor = ""
    while True:
        key = f"payouts/{since}/{until}/{cursor or 'begin'}"
        told: Payouts = parts.host.ask(adapter, HOOK, [PayoutRequest(key, since, until, cursor)], payout_flaws)[0]
        found += [one for one in told.payouts if one.state == "paid"]
        if not told.cursor or told.cursor == cursor:
            return book(parts, adapter, found, change)
        cursor = told.cursor


def of_file(desk: BankDesk, path: Path) -> list[Payout]:
    """The payouts of a provider's report.

    Raises:
        TollbookError: ``payment.no-payout-file``, and as :meth:`BankDesk.read`.
    """
    read = desk.read(path)
    found = [one for statement in read.statements if (one := _of_statement(statement)) is not None]
    if not found:
        what = f"{path.name} is {read.kind}, which names no payouts"
        raise refuse(NO_PAYOUT_FILE, what, mend="give the itemized payout reconciliation report, as CSV")
    return found


def book(parts: Parts, adapter: str, payouts: Sequence[Payout], change: Change, entity: str = "") -> list[BookedPayout]:
    """Book payouts, each once.

    Raises:
        TollbookError: ``payment.payout-untied``, ``payment.payout-changed``, ``payment.payout-entity``, ``fx.no-rate``,
            ``rule.no-answer``, ``store.duplicate``.
    """
    for one in payouts:
        _check(one)
    if payouts:
        keep(parts, change)
    made: list[BookedPayout] = []
    for one in payouts:
        with parts.books.writer(change, tenant=parts.tenant) as writer:
            made.append(_book(parts, writer, adapter, one, entity))
    return made


def _book(parts: Parts, writer: Writer, adapter: str, payout: Payout, entity: str) -> BookedPayout:
    reader, tenant = writer.reader, parts.tenant
    named = list(_named(reader, tenant, adapter, payout))
    lines = [BookedLine(line, payment.id if payment else 0) for line, payment in named]
    fees = sum((_fee(line) for line in payout.lines), ZERO)
    digest = as_digest({"amount": payout.amount.normalize(), "currency": payout.currency, "lines": len(payout.lines)})
    unknown = tuple(f"{one.line.kind} {one.line.id}" for one in lines if not one.payment and one.line.kind != "fee")
    known = reader.payout(tenant, adapter, payout.id)
    if known is not None:
        if known["digest"] != digest:
            what = f"payout {payout.id} comes with {payout.amount:f} {payout.currency} and {len(payout.lines)} lines"
            why = f"the books have it with {known['amount']:f} {known['currency']}"
            raise refuse(
                PAYOUT_CHANGED, what, why=why, mend="ask the provider what changed", subject=f"payout/{payout.id}"
            )
        head = (adapter, known["entity"], payout.id, known["currency"], known["amount"], known["fees"], known["day"])
        return BookedPayout(*head, len(payout.lines), unknown, known=True)
    owner = _owner(reader, tenant, payout, lines, entity)
    seller = reader.entities(tenant)[owner]
    today = writer.change.at.date()
    day = booking_day(reader, tenant, owner, payout.paid, max(today, payout.paid))
    ident = writer.put_payout(tenant, owner, adapter, payout, lines, fees, digest)
    rate = rate_of(parts, reader, payout.currency, seller.functional_currency, day)

    def accounts(role: Role, country: str, product: str) -> tuple[str, int]:
        facts = PostingFacts(role, owner, seller.country, "", payout.currency, day, adapter)
        decision = parts.rules.decide("posting", facts, day)
        return decision.terms["account"], decision.id

    own = seller.functional_currency
    sides = [
        Part("cash", payout.currency, payout.amount, convert(payout.amount, rate), rate=rate),
        Part("psp_fees", payout.currency, fees, convert(fees, rate), rate=rate),
        Part("psp_clearing", payout.currency, -(payout.amount + fees), -_worth(parts, reader, named, rate)),
    ]
    text = f"payout {payout.id} of {adapter}"
    posted = cash_entry(Ground(tenant, owner, seller.country, day, text, own, lambda _: accounts), [], sides, ENTRY)
    if posted is not None:
        number = writer.take_ids("entry", 1)
        writer.append(t.ENTRY, [rows.entry_row(number, posted, ident, writer.run_id)])
        writer.append(t.POSTING, rows.posting_rows(number, posted, 0))
    head = (adapter, owner, payout.id, payout.currency, payout.amount, fees, day)
    return BookedPayout(*head, len(payout.lines), unknown)


def _worth(
    parts: Parts, reader: Reader, named: Sequence[tuple[PayoutLine, PaymentRecord | None]], rate: FxRate
) -> Decimal:
    """What the clearing account has for the lines of a payout: what it got with each payment and refund; what was not booked yet, or is
    of a dispute, is worth what it is on its own day, and what is no payment of ours that of the payout."""
    worth = ZERO
    for line, payment in named:
        if line.kind in FEE_KINDS:
            continue
        booked = None if payment is None or rate.base == rate.quote else _booked(parts, reader, line, payment)
        worth += convert(line.gross, rate) if booked is None else booked
    return worth


def _booked(parts: Parts, reader: Reader, line: PayoutLine, payment: PaymentRecord) -> Decimal:
    key, back = (act_key(payment), "/returned") if payment.kind == "charge" else (payment.key, "/failed")
    key += back if (line.gross < ZERO) == (payment.kind == "charge") else ""
    legs = [] if line.kind in KINDS else reader.settlements(parts.tenant, payment.entity, key=key)
    posted = reader.entry_of(parts.tenant, legs[0]["document"], SETTLEMENT) if legs else []
    for row in posted[len(legs) :]:
        if row["amount"] == line.gross:
            return Decimal(row["functional_amount"])
    own = reader.entities(parts.tenant)[payment.entity].functional_currency
    return convert(line.gross, rate_of(parts, reader, line.currency, own, line.on))


def _fee(line: PayoutLine) -> Decimal:
    return line.fee - line.gross if line.kind in FEE_KINDS else line.fee


def _check(payout: Payout) -> None:
    total = sum((line.net for line in payout.lines), ZERO)
    others = sorted({line.currency for line in payout.lines} - {payout.currency})
    if total != payout.amount or others:
        what = f"payout {payout.id} is {payout.amount:f} {payout.currency}, and its lines come to {total:f}"
        what += f" with {', '.join(others)} among them" if others else ""
        mend = "get the whole report; a payout is booked to the cent or not at all"
        raise refuse(UNTIED, what, mend=mend, subject=f"payout/{payout.id}")


def _named(
    reader: Reader, tenant: str, adapter: str, payout: Payout
) -> Iterable[tuple[PayoutLine, PaymentRecord | None]]:
    """The lines with the payments and refunds that they are of."""
    for line in payout.lines:
        found = None
        if line.payment:
            effects = [one for one in reader.effects(tenant, [line.payment]) if one.adapter == adapter]
            found = reader.payment(tenant, effects[0].entity, effects[0].payload["reference"]) if effects else None
        found = found or reader.payment_named(tenant, adapter, [line.provider_id, line.charge])
        yield line, found if found is not None and found.kind == OF.get(line.kind, "charge") else None


def _owner(reader: Reader, tenant: str, payout: Payout, lines: Sequence[BookedLine], entity: str) -> str:
    """The legal entity that gets a payout: as it says, or that of its payments, or the only one."""
    known = sorted(reader.entities(tenant))
    paid = (reader.payment_by_id(ident) for ident in sorted({one.payment for one in lines if one.payment}))
    owners = sorted({one.entity for one in paid if one is not None})
    named = [name for name in (entity, payout.entity) if name] or (owners if len(owners) == 1 else [])
    named = named or (known if len(known) == 1 and not owners else [])
    if not named or named[0] not in known or (owners and owners != [named[0]]):
        what = f"payout {payout.id} has payments of {', '.join(owners) or 'nobody'}"
        mend = f"name the legal entity with --entity: {', '.join(known)}; a payout is of one of them"
        raise refuse(NO_ENTITY, what, mend=mend, subject=f"payout/{payout.id}")
    return named[0]


def _of_statement(statement: Statement) -> Payout | None:
    """A payout as a bank file has it; None where it names none."""
    if statement.account is None or statement.currency is None:
        return None
    mine = [one for one in statement.entries if _reference(one, "type") != "payout"]
    days = [one.value_date or one.booking_date for one in mine]
    paid = max((day for day in days if day is not None), default=None)
    if paid is None:
        return None
    currency = statement.currency
    lines = tuple(_line(one, currency, paid) for one in mine)
    amount = sum((line.net for line in lines), ZERO)
    return Payout(statement.account, amount, currency, paid, "paid", lines)


def _line(one: Entry, currency: str, paid: date) -> PayoutLine:
    net = one.amount if one.sign == "C" else -one.amount
    category = _reference(one, "type")
    fee = ZERO
    for detail in one.details:
        if _reference(detail, "type") == "fee" and category != "fee":
            fee += detail.amount if detail.sign == "D" else -detail.amount
    kind: Any = CATEGORIES.get(category, "other")
    head = (_reference(one, "bank"), kind, net + fee, fee, net, one.currency or currency, one.booking_date or paid)
    name = _reference(one, "source" if kind in OF else "payment") or _reference(one, "source")
    return PayoutLine(*head, name, "", _reference(one, "charge"), _reference(one, "text"))


def _reference(one: Entry, kind: str) -> str:
    return next((reference.value for reference in one.references if reference.kind == kind), "")
