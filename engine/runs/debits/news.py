"""What banks say of collections: settled, rejected, taken back.  Each word is booked once, however often and in whatever order it comes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date, datetime
from decimal import Decimal
from hashlib import sha256
from typing import Any, Final

import msgspec

from engine.base.errors import Code, Finding, Where, refuse
from engine.base.money import ZERO, round_to
from engine.ledger.posting import PostingFacts, Side, entry
from engine.model.account import Account
from engine.model.direct_debit import FEE, REJECTED, RETURNED, SENT, SETTLED, DirectDebit
from engine.model.journal import Change
from engine.model.payment import PaymentEvent
from engine.ports.hookspecs.psp import EventRequest, Events
from engine.receivables.debiting import return_key
from engine.runs.accounts.settlement_moves import Booking, Move, move, sheet
from engine.runs.billing import rows
from engine.runs.booking import booking_of, keep, rate_of
from engine.runs.cash import orders
from engine.runs.debits.asking import class_of, providers
from engine.runs.run import Parts
from engine.store import tables as t
from engine.store.writer import Writer
from engine.store.writing.mandates import Taken

NOT_UNDERSTOOD = Code("direct-debit.not-understood", "A message about collections that its adapter refuses.")
NOT_OURS = Code("direct-debit.not-ours", "A word of a bank about a collection that the books do not have.")
ODD = Code("direct-debit.odd", "A word of a bank that does not go with how the collection stands.")
SEVERAL_ADAPTERS = Code(
    "direct-debit.several-adapters", "A message that several adapters could read, where none is named."
)
BACK = Code("direct-debit.came-back", "A collection that was rejected, or taken back after it was settled.")


class Heard(msgspec.Struct, frozen=True):
    """What became of a message: how many collections were ``settled``, ``rejected`` and ``returned`` by it; ``known`` is what the
    books had before."""

    settled: int
    rejected: int
    returned: int
    known: int
    findings: tuple[Finding, ...]


def hear(parts: Parts, change: Change, body: bytes, *, adapter: str = "", today: date) -> Heard:
    """Book what a message of a bank says.

    Raises:
        TollbookError: ``direct-debit.not-understood``, ``direct-debit.several-adapters``, and what booking refuses: then
            nothing of the message is booked.
    """
    name = adapter or _only(parts)
    request = EventRequest(sha256(body).hexdigest(), body, {})
    (answer,) = parts.host.ask(name, "psp_events", [request], _flaws)
    if answer.refused:
        raise refuse(NOT_UNDERSTOOD, f"{name} does not take it: {answer.refused}", mend="see that the file is whole")
    with parts.books.reader() as reader:
        keys = {event.key for event in answer.events if event.key}
        ours = reader.debits_told(parts.tenant, sorted(keys))
        debits = {one.id: one for one in reader.debits_by_id(parts.tenant, sorted(ours.values()))}
        desk = _Desk(parts, name, today, debits)
        for event in answer.events:
            if event.key in ours:
                desk.prepare(reader, debits[ours[event.key]], event)
    keep(parts, change)
    with parts.books.writer(change, tenant=parts.tenant) as writer:
        locked = writer.lock_debits(parts.tenant, sorted(ours.values())) if ours else {}
        for event in sorted(answer.events, key=lambda one: (one.at, _ORDER.get(one.kind, 9), one.id)):
            ident = ours.get(event.key)
            if event.kind == "refund_failed" and orders.is_order(event.key):
                back = orders.put_back(parts, writer, event.key, event.reason)
                desk.counts["rejected" if back else "known"] += 1
                desk.findings += [back] if back else []
            elif ident is None:
                desk.findings.append(_strange(event))
            else:
                locked[ident] = desk.book(writer, locked[ident], event)
    return Heard(**desk.counts, findings=tuple(desk.findings))


_ORDER: Final = {"payment_succeeded": 0, "payment_failed": 1, "payment_returned": 2}
"""In which order what a message says of one day is booked."""


def _only(parts: Parts) -> str:
    able = providers(parts)
    if len(able) != 1:
        what = f"{', '.join(able)} could read it" if able else "no adapter of port psp reads files of banks"
        raise refuse(SEVERAL_ADAPTERS, what, mend="name one with --adapter" if able else "add psp_sepa to config.yaml")
    return able[0]


def _flaws(request: Any, answer: Any) -> str:
    return "" if isinstance(answer, Events) else f"answered {type(answer).__name__} instead of Events"


def _strange(event: PaymentEvent) -> Finding:
    what = event.reason or f"{event.kind} of {event.provider_id or event.id}, which is no collection of these books"
    return Finding(NOT_OURS, Where(""), what, mend="look at it in the bank's file", level="warning")


class _Desk:
    """Books what one message says; how each collection would be booked is found out before anything is locked."""

    def __init__(self, parts: Parts, adapter: str, today: date, debits: Mapping[int, DirectDebit]) -> None:
        self.parts, self.adapter, self.today, self.debits = parts, adapter, today, debits
        self.counts = dict.fromkeys(("settled", "rejected", "returned", "known"), 0)
        self.findings: list[Finding] = []
        self._bookings: dict[tuple[int, str, datetime], Booking] = {}

    def prepare(self, reader: Any, debit: DirectDebit, event: PaymentEvent) -> None:
        """Find out how it would be booked."""
        seller = reader.entities(self.parts.tenant)[debit.entity]
        account = reader.accounts(self.parts.tenant, debit.entity, [debit.account])[debit.account]
        day = self._day(reader, debit, event)
        rate = rate_of(self.parts, reader, debit.currency, seller.functional_currency, day)
        for kind in ("payment", "credit_note"):
            booking = booking_of(self.parts, seller, account, kind, event.amount or debit.amount, rate, day)
            self._bookings[debit.id, kind, event.at] = self._through(booking, account)

    def book(self, writer: Writer, debit: DirectDebit, event: PaymentEvent) -> DirectDebit:
        """Book one word about a collection; how it stands afterwards."""
        steps = writer.reader.debit_steps([debit.id])[debit.id]
        if any(step.event == event.id and step.provider == self.adapter for step in steps):
            self.counts["known"] += 1
            return debit
        handler = _HANDLERS.get(event.kind)
        if handler is None:
            self.findings.append(self._odd(debit, event))
            return debit
        return handler(self, writer, debit, event)

    def settled(self, writer: Writer, debit: DirectDebit, event: PaymentEvent) -> DirectDebit:
        """The money came."""
        if debit.state != SENT:
            if debit.state in (SETTLED, RETURNED):
                self.counts["known"] += 1
            else:
                self.findings.append(self._odd(debit, event))
            return debit
        amount, booking = event.amount or debit.amount, self._bookings[debit.id, "payment", event.at]
        asked = Move(
            "payment", debit.entity, debit.account, debit.key, amount, booking, note=f"mandate {debit.mandate}"
        )
        there = sheet(writer, self.parts.tenant, asked.purse)
        item = there.items.get(debit.item)
        if item is not None and item.left > ZERO:
            asked = msgspec.structs.replace(asked, invoices=(debit.item,))
        else:
            terms = {**booking.terms, "to": ["account_credit"]}
            asked = msgspec.structs.replace(asked, booking=msgspec.structs.replace(booking, terms=terms))
        move(writer, self.parts.tenant, asked)
        self.counts["settled"] += 1
        return self._step(writer, debit, SETTLED, event, amount)

    def failed(self, writer: Writer, debit: DirectDebit, event: PaymentEvent) -> DirectDebit:
        """No money came, or it did and is gone again."""
        if debit.state == SETTLED:
            return self.returned(writer, debit, event)
        if debit.state != SENT:
            self.findings.append(self._odd(debit, event))
            return debit
        self.counts["rejected"] += 1
        self.findings.append(_back(debit, event))
        return self._step(writer, debit, REJECTED, event, ZERO)

    def returned(self, writer: Writer, debit: DirectDebit, event: PaymentEvent) -> DirectDebit:
        """The payer's bank took the money back, or a part of it: what it has paid is open again, and what the bank asks is booked."""
        if debit.state == SENT:  # the word that it came is still on its way
            debit = self.settled(writer, debit, msgspec.structs.replace(event, id=f"{event.id}:settled"))
        steps = writer.reader.debit_steps([debit.id])[debit.id]
        there, gone = (sum((one.amount for one in steps if one.state == state), ZERO) for state in (SETTLED, RETURNED))
        amount, booking = event.amount or there - gone, self._bookings[debit.id, "credit_note", event.at]
        if debit.state not in (SETTLED, RETURNED) or not ZERO < amount <= there - gone:
            self.findings.append(
                self._odd(debit, event, f"of which {round_to(there - gone, debit.currency):f} can come back")
            )
            return debit
        key = return_key(debit.key, debit.step + 1, first=not gone)
        head = ("chargeback", debit.entity, debit.account, key, amount, booking)
        move(writer, self.parts.tenant, Move(*head, payment=debit.key, note=event.reason))
        fee = event.dispute.fee if event.dispute else ZERO
        if fee:
            self._fee(writer, debit, booking, fee, key)
        self.counts["returned"] += 1
        self.findings.append(_back(debit, event))
        return self._step(writer, debit, RETURNED, event, amount, fee)

    def _fee(self, writer: Writer, debit: DirectDebit, booking: Booking, fee: Decimal, key: str) -> None:
        """What the bank has taken for itself: a cost, out of what it holds for us; the entry is of the act that took the money back."""
        sides = [Side("psp_fees", booking.country, "", fee, 0), Side("psp_clearing", booking.country, "", -fee, 0)]
        text = f"fee of the return of {debit.key} of {debit.account}"
        made = entry(
            *(self.parts.tenant, debit.entity, FEE, booking.day, text, sides, booking.rate),
            lambda role, country, product: booking.accounts[role],
        )
        (act, *_) = writer.reader.settlements(self.parts.tenant, debit.entity, key=key)
        document, first = act["document"], writer.take_ids("entry", 1)
        writer.append(t.ENTRY, [rows.entry_row(first, made, document, writer.run_id)])
        writer.append(t.POSTING, list(rows.posting_rows(first, made, 0)))

    def _through(self, booking: Booking, account: Account) -> Booking:
        """The same booking with the provider's clearing account in the place of cash, and that of its fees."""
        found = {**booking.accounts}
        for role in ("psp_clearing", "psp_fees"):
            facts = PostingFacts(
                role,
                account.entity,
                account.country,
                "",
                booking.rate.base,
                booking.day,
                self.adapter,
            )
            decision = self.parts.rules.decide("posting", facts, booking.day)
            found[role] = (decision.terms["account"], decision.id)
        found["cash"] = found["psp_clearing"]
        return msgspec.structs.replace(booking, accounts=found)

    def _day(self, reader: Any, debit: DirectDebit, event: PaymentEvent) -> date:
        """The day on which it is booked: that on which it happened, or today where that month is closed or lies ahead."""
        day = min(event.at.date(), self.today)
        state = reader.period_state(self.parts.tenant, debit.entity, day)
        return day if state == "open" else self.today

    def _step(
        self, writer: Writer, debit: DirectDebit, state: str, event: PaymentEvent, amount: Decimal, fee: Decimal = ZERO
    ) -> DirectDebit:
        day = self._bookings[debit.id, "payment", event.at].day
        back = state != SETTLED
        step = Taken(
            debit,
            state,
            day,
            amount,
            debit.due,
            provider=self.adapter,
            event=event.id,
            code=event.code if back else "",
            kind=class_of(event.reason) if back else "",
            fee=fee,
            evidence=event.reason if back else "",
        )
        writer.step_debits(self.parts.tenant, [step])
        return msgspec.structs.replace(debit, state=state, step=debit.step + 1)

    def _odd(self, debit: DirectDebit, event: PaymentEvent, more: str = "") -> Finding:
        said = f"{event.kind.replace('_', ' ')}{f' of {event.amount:f}' if more and event.amount else ''}"
        what = f"{debit.key} of {debit.account} is {debit.state}{f', {more}' if more else ''}, and {self.adapter} says {said}"
        return Finding(
            ODD, Where(""), what, mend="look at it in the bank's file", level="warning", subject=_subject(debit)
        )


def _back(debit: DirectDebit, event: PaymentEvent) -> Finding:
    what = f"{debit.key} of {debit.account} came back: {event.reason or event.code}"
    mend = {
        "retry": "it is tried again as the rules say",
        "mandate_invalid": "ask for a new mandate, or `tollbook mandate confirm` it",
        "account_closed": "ask for another account, then `tollbook mandate amend`",
        "dispute": "talk to the customer, then `tollbook mandate confirm` or `cancel`",
    }.get(class_of(event.reason), "see what is wrong with the file or the mandate")
    return Finding(BACK, Where(""), what, mend=mend, level="warning", subject=_subject(debit))


def _subject(debit: DirectDebit) -> str:
    return f"direct-debit/{debit.entity}/{debit.key}"


_HANDLERS: Final[Mapping[str, Callable[[_Desk, Writer, DirectDebit, PaymentEvent], DirectDebit]]] = {
    "payment_succeeded": _Desk.settled,
    "payment_failed": _Desk.failed,
    "payment_returned": _Desk.returned,
}
"""How words are booked, by their kind."""
