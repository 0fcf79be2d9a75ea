"""Something that is told of a dispute, taken in once: what it makes of the dispute, its money and its ticket, in one transaction."""

from __future__ import annotations

import re
from datetime import date, datetime, timedelta
from typing import Any, Final
from zoneinfo import ZoneInfo

import msgspec

from engine.base.errors import Code, TollbookError, refuse
from engine.base.money import ZERO, round_to
from engine.model.account import Account
from engine.model.dispute import (
    ENDED,
    TICKET,
    Disputed,
    DisputeFacts,
    DisputeRecord,
    Event,
    Standing,
    Terms,
)
from engine.model.entity import LegalEntity
from engine.model.journal import Change
from engine.model.worklist import GONE, Difference
from engine.receivables.dispute import STAGES, standing
from engine.runs.booking import keep
from engine.runs.disputes.moves import bring, refuse_more
from engine.runs.disputes.notices import Contested
from engine.runs.run import Parts
from engine.store import tracing
from engine.store.reader import Reader
from engine.store.writer import Writer

UNKNOWN = Code("dispute.unknown", "A dispute that the books do not have.")
UNFIT = Code("dispute.unfit", "A dispute whose values cannot be meant.")
KEY_CONFLICT = Code("dispute.key-conflict", "A key of a dispute or of an event that the books have with other values.")

TRIES: Final = 5
"""Times that an event is looked at again which somebody else was writing."""
_KEY: Final = re.compile(r"[^\s/#]{1,200}")
CLOSED: Final = "closed"


class Heard(msgspec.Struct, frozen=True):
    """What became of an event: ``known`` was heard before; ``day`` is the one on which its money was booked."""

    dispute: DisputeRecord
    standing: Standing
    day: date
    known: bool


def hear(parts: Parts, told: Contested, event: Event, kind: Any, provider: str, change: Change) -> Heard:
    """Take in an event of a dispute, which begins with the first one.

    Raises:
        TollbookError: the codes of this module, ``settlement.no-payment``, ``settlement.more-than-paid``, ``fx.no-rate``,
            ``explain.no-such-line``: nothing is kept then.
    """
    with parts.books.reader() as reader:
        new = _begun(parts, reader, told, event, kind, provider)
    keep(parts, change)
    for _ in range(TRIES):
        try:
            with parts.books.writer(change, tenant=parts.tenant) as writer:
                return _take(parts, writer, new, event, provider or change.who)
        except TollbookError as error:
            if not any(finding.code == "store.duplicate" for finding in error.findings):
                raise
            last = error
    raise last


def _take(parts: Parts, writer: Writer, new: DisputeRecord, event: Event, source: str) -> Heard:
    tenant, reader = parts.tenant, writer.reader
    dispute = writer.lock_dispute(tenant, new.entity, new.key) or writer.put_dispute(tenant, new)
    before = reader.dispute_events([dispute.id])[dispute.id]
    same = next((one for one in before if one.id == event.id), None)
    if same is not None:
        if (same.kind, same.amount) != (event.kind, event.amount):
            what = f"the event {event.id!r} of {dispute.key} is in the books as {same.kind}"
            raise refuse(
                KEY_CONFLICT, what, why="what happened stays as it was told", mend="give the new one its own id"
            )
        return Heard(dispute, standing(before), same.day, known=True)
    entity, account = owner_of(reader, tenant, dispute)
    _fits(reader, tenant, dispute, event)
    if event.kind in STAGES and event.due is None:
        event = msgspec.structs.replace(event, due=event.day + timedelta(days=dispute.terms.respond_within))
    now = standing([*before, event])
    writer.hear_dispute(tenant, dispute, event, source)
    day = booking_day(reader, tenant, entity, event.day, writer.change.at)
    if dispute.kind == "chargeback":
        bring(parts, writer, dispute, (entity, account), now, day)
        writer.store_decisions(parts.rules.decisions())
    done = now.state in ENDED and not now.given_up and not now.waits
    dispute = writer.stand_dispute(
        tenant,
        dispute,
        state=now.state,
        stage=now.stage,
        round=now.round,
        amount=now.amount,
        due=now.due,
        owner=dispute.owner or dispute.terms.owner,
        closed_on=(dispute.closed_on or day) if done else None,
    )
    tell(writer, tenant, dispute)
    return Heard(dispute, now, day, known=False)


def tell(writer: Writer, tenant: str, dispute: DisputeRecord, more: str = "") -> None:
    """Bring the ticket of a dispute up to date: it is there until nothing is left to do."""
    subject = f"{TICKET}/{dispute.entity}/{dispute.key}"
    open_ = writer.reader.work_items(tenant, kinds=(TICKET,), state="unresolved", subjects=(subject,), limit=1)
    if dispute.closed_on is not None:
        for item in open_:
            writer.resolve_item(tenant, item.id, GONE, f"{dispute.state} on {dispute.closed_on}")
        return
    money = f"{round_to(dispute.amount, dispute.currency):f} {dispute.currency}"
    due = f", evidence is due {dispute.due}" if dispute.due and dispute.state in ("notice", "under_review") else ""
    what = (
        f"{dispute.stage} of {money} by {dispute.account} ({dispute.reason or 'no reason'}): {dispute.state}{due}{more}"
    )
    detail = {"dispute": dispute.key, "payment": dispute.payment, "account": dispute.account}
    item = writer.open_item(
        tenant, Difference(dispute.entity, TICKET, subject, what, detail, dispute.owner, dispute.decision)
    )
    if item.owner != dispute.owner:
        writer.assign_item(tenant, item.id, dispute.owner)


def owner_of(reader: Reader, tenant: str, dispute: DisputeRecord) -> tuple[LegalEntity, Account]:
    """The legal entity and the account of a dispute."""
    entity = reader.entities(tenant)[dispute.entity]
    return entity, reader.accounts(tenant, dispute.entity, [dispute.account])[dispute.account]


def booking_day(reader: Reader, tenant: str, entity: LegalEntity, day: date, at: datetime) -> date:
    """The day on which money is booked: that on which it moved, or today where that period is closed or has not begun."""
    today = at.astimezone(ZoneInfo(entity.zone)).date()
    day = min(day, today)
    return day if reader.period_state(tenant, entity.key, day) == "open" else today


def _fits(reader: Reader, tenant: str, dispute: DisputeRecord, event: Event) -> None:
    for name, amount in (("amount", event.amount), ("fee", event.fee)):
        if amount is not None and (amount < ZERO or amount != round_to(amount, dispute.currency)):
            mend = "write an amount that is not below zero, with no more digits than the currency has"
            raise refuse(UNFIT, f"{name} of {amount:f} {dispute.currency} in {dispute.key}", mend=mend)
    if event.kind in STAGES and event.amount is not None and not event.amount:
        raise refuse(UNFIT, f"{dispute.key} contests nothing", mend="write how much is contested")
    if dispute.kind == "chargeback" and event.kind in STAGES and event.amount is not None:
        refuse_more(reader, tenant, dispute, event.amount)
    if dispute.kind == "chargeback" and event.kind in ("claim", "corrected"):
        raise refuse(
            UNFIT, f"{event.kind} of {dispute.key}, a chargeback", mend="that is told of billing disputes only"
        )
    if dispute.kind == "billing" and event.kind not in _OF_BILLING:
        mend = f"tell one of: {', '.join(_OF_BILLING)}"
        raise refuse(UNFIT, f"{event.kind} of {dispute.key}, a billing dispute", mend=mend)


_OF_BILLING: Final = ("claim", "review", "evidence", "accepted", "won", "lost", "corrected", "expired", "escalated")


def _begun(parts: Parts, reader: Reader, told: Contested, event: Event, kind: Any, provider: str) -> DisputeRecord:
    """The dispute of that key as the books have it, or as it begins."""
    there = reader.dispute(parts.tenant, told.id, told.entity)
    if len(there) == 1:
        _same(there[0], told)
        return there[0]
    if there or not _KEY.fullmatch(told.id):
        what = f"several legal entities have a dispute {told.id!r}" if there else f"a dispute is called {told.id!r}"
        raise refuse(UNFIT, what, mend="name the legal entity" if there else "use no blank, slash or number sign")
    if event.amount is None and told.amount is None:
        what = f"the books have no dispute {told.id!r}, and nobody says how much it contests"
        raise refuse(UNKNOWN, what, mend="`tollbook dispute open` begins one; `tollbook dispute list` shows them")
    items = _items(parts, reader, told)
    entity, account, currency = (
        _billed(reader, parts.tenant, items, told) if kind == "billing" else _paid(reader, parts.tenant, told)
    )
    seller = reader.entities(parts.tenant)[entity]
    owner = reader.accounts(parts.tenant, entity, [account])[account]
    facts = DisputeFacts(
        entity=seller,
        account=owner,
        kind=kind,
        stage=event.kind if event.kind in STAGES else "chargeback",
        reason=told.reason,
        provider=provider,
        currency=currency,
        amount=told.amount or event.amount or ZERO,
        day=event.day,
    )
    decision = parts.rules.decide("dispute", facts, event.day)
    terms = msgspec.convert({name: decision.terms[name] for name in Terms.__struct_fields__}, Terms)
    made = (0, entity, account, told.id, kind, told.payment, currency, seller.functional_currency, items)
    now = (event.at, "", "", 0, ZERO, None, "", None, 0)
    return DisputeRecord(*made, told.reason, provider, terms, decision.id, *now)


def _same(there: DisputeRecord, told: Contested) -> None:
    """Refuse words about another payment, account or currency than the dispute has."""
    for name in ("payment", "currency", "account"):
        said, kept = getattr(told, name), getattr(there, name)
        if said and said != kept:
            what = f"{there.key} is in the books with {name} {kept!r}, not {said!r}"
            raise refuse(KEY_CONFLICT, what, mend="give another dispute a key of its own")


def _items(parts: Parts, reader: Reader, told: Contested) -> tuple[Disputed, ...]:
    made = []
    for part in told.invoices:
        ident = reader.find_invoice(parts.tenant, part.number, *([told.entity] if told.entity else []))
        if ident is None:
            raise tracing.no_invoice(reader, parts.tenant, part.number)
        made.append(Disputed(ident, part.number, part.amount))
    return tuple(made)


def _paid(reader: Reader, tenant: str, told: Contested) -> tuple[str, str, str]:
    """The legal entity, account and currency of the payment of a chargeback."""
    entities = [told.entity] if told.entity else sorted(reader.entities(tenant))
    found = [r for e in entities for r in reader.settlements(tenant, e, key=told.payment, kind="payment")[:1]]
    if len(found) != 1:
        what = f"the books have {'several payments' if found else 'no payment'} {told.payment!r}"
        mend = (
            "name the legal entity"
            if found
            else "name a payment that is in the books; `tollbook account show` lists them"
        )
        raise refuse(UNFIT, what, mend=mend, subject=f"dispute/{told.id}")
    (row,) = found
    return row["entity"], row["account"], told.currency or row["currency"]


def _billed(reader: Reader, tenant: str, items: tuple[Disputed, ...], told: Contested) -> tuple[str, str, str]:
    """The legal entity, payer and currency of the invoices of a billing dispute."""
    heads = [reader.invoice(one.item) for one in items]
    owners = {(head["entity"], head["payer"], head["currency"]) for head in heads if head is not None}
    if len(owners) != 1:
        what = (
            "a billing dispute of no invoice"
            if not owners
            else "a billing dispute of invoices of several payers or currencies"
        )
        raise refuse(UNFIT, what, mend="name one or more invoices of one payer, in one currency")
    for one, head in zip(items, heads, strict=True):
        if head is not None and not ZERO < one.amount <= head["total"]:
            what = f"{one.amount:f} of {one.number}, which comes to {head['total']:f}"
            raise refuse(UNFIT, what, mend="write how much of the invoice is contested, tax included")
    return owners.pop()
