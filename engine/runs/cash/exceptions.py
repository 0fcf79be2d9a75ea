"""Money that could not be put to use: what it is, who looks at it, and what is proposed; each an item of the worklist."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from decimal import Decimal
from typing import Any, Final, Literal

import msgspec

from engine.base.money import CONTEXT, ZERO, round_to
from engine.ledger.cash import worth_of
from engine.model.account import Account
from engine.model.cash import ExceptionFacts, OpenEntry
from engine.model.decision import Decision
from engine.model.entity import LegalEntity
from engine.model.worklist import Difference
from engine.runs.run import Parts
from engine.store.writer import Writer

CASH: Final = "cash"
"""Kind of all items of the worklist that are about money."""

Kind = Literal[
    "unapplied", "unidentified", "overpaid", "suggested", "duplicate", "return", "refused", "outgoing", "residual"
]


class Exceptional(msgspec.Struct, frozen=True):
    """Money that somebody should look at: why, in words, and what is proposed."""

    kind: Kind
    open: OpenEntry
    text: str
    customer: str = ""
    proposals: tuple[Mapping[str, Any], ...] = ()
    trace: tuple[str, ...] = ()


def judged(parts: Parts, entity: LegalEntity, account: Account | None, one: Exceptional, on: date) -> Decision:
    """Who looks at it, until when, and whether the run does something by itself.

    Raises:
        TollbookError: ``rule.no-answer``.
    """
    entry, left = one.open.entry, one.open.left
    own = abs(worth_of(one.open, left)) if left else ZERO
    facts = ExceptionFacts(
        *(entity, account, one.kind, entry.currency, abs(left), own),
        *(max((on - entry.booked).days, 0), len(one.proposals), on),
    )
    return parts.rules.decide("exceptions", facts, on)


def difference(one: Exceptional, decision: Decision) -> Difference:
    """It as the worklist takes it."""
    entry = one.open.entry
    due = entry.booked + timedelta(days=decision.terms["days"])
    left = f"{round_to(one.open.left, entry.currency):f}"
    detail = {
        "kind": one.kind,
        "entry": entry.id,
        "amount": left,
        "currency": entry.currency,
        "customer": one.customer,
        "until": due.isoformat(),
        "suggest": list(decision.terms["suggest"]),
        "proposals": [dict(proposal) for proposal in one.proposals],
        "trace": list(one.trace),
    }
    what = f"{left} {entry.currency} of {entry.text}: {one.kind}: {one.text}"
    return Difference(entry.entity, CASH, entry.subject, what, detail, decision.terms["owner"], decision.id)


def close(writer: Writer, tenant: str, entry: int, how: str, why: str = "") -> None:
    """Resolve what the worklist has about a bank entry, if anything."""
    for item in writer.reader.work_items(tenant, kinds=(CASH,), state="unresolved", subjects=(f"bank-entry/{entry}",)):
        writer.resolve_item(tenant, item.id, how, why)


def close_all(writer: Writer, tenant: str, why: Mapping[int, str]) -> None:
    """Resolve what the worklist has about bank entries, if anything, as corrected; ``why`` is by the id of the entry."""
    told = {f"bank-entry/{entry}": text for entry, text in why.items()}
    items = writer.reader.work_items(tenant, kinds=(CASH,), state="unresolved", subjects=told) if told else ()
    for item in items:
        writer.resolve_item(tenant, item.id, "corrected", told[item.subject])


def refreshed(open_: OpenEntry, used: Decimal) -> OpenEntry:
    """An entry as it is once a part of it is used."""
    whole = open_.entry
    left = open_.left - used
    worth = round_to(CONTEXT.divide(whole.functional * left, whole.amount), whole.functional_currency)
    return OpenEntry(whole, left, worth)


def words(texts: Sequence[str]) -> str:
    """Some texts as one, each once."""
    return "; ".join(dict.fromkeys(text for text in texts if text))
