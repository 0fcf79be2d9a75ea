"""What a bill run would still bill of a month: the dry run of one, where anything is behind."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import msgspec

from engine.base.errors import Finding, TollbookError
from engine.model.close import Month
from engine.model.journal import Change
from engine.runs.billing.run import run_bill
from engine.runs.run import Parts
from engine.store import tracing
from engine.store.reader import Reader


class Owed(msgspec.Struct, frozen=True):
    """What a run would bill of a charge of a subscription."""

    subscription: str
    plan: str
    charge: str
    service_from: date
    service_to: date
    amount: Decimal
    currency: str


class Ahead(msgspec.Struct, frozen=True):
    """What a run would bill, what it could not, and since when each subscription and account that is concerned is not billed."""

    owed: tuple[Owed, ...] = ()
    held: tuple[Finding, ...] = ()
    since: dict[str, date] = {}


def look(parts: Parts, reader: Reader, entity: str, month: Month, behind: Sequence[Any], change: Change) -> Ahead:
    """What a run would bill of days of a month, by what a dry run of the next possible day says.  Where nothing is ``behind``, as
    :func:`engine.store.closing.billing.behind` has it, none is made."""
    if not behind:
        return Ahead()
    newest = tracing.documents_after(reader, parts.tenant, month.last)
    on = month.after if newest is None else max(month.after, newest[1] + timedelta(days=1))
    since = _since(behind)
    try:
        report = run_bill(parts, on, change, dry_run=True)
    except TollbookError as error:
        return Ahead((), error.findings, since)
    owed = tuple(
        _owed(line, invoice["currency"])
        for invoice in report.details
        if invoice["entity"] == entity
        for line in invoice["lines"]
        if line["subscription"]
    )
    held = tuple(one for one in report.findings if one.level == "error" and one.subject in since)
    return Ahead(owed, held, since)


def _since(behind: Sequence[Any]) -> dict[str, date]:
    """The first day that is not billed of each subscription and account that is behind, by how findings name them."""
    since: dict[str, date] = {}
    for row in behind:
        for subject in (f"subscription/{row.key}", f"account/{row.account}", f"account/{row.payer}"):
            since[subject] = min(row.since, since.get(subject, row.since))
    return since


def _owed(line: Any, currency: str) -> Owed:
    days = (date.fromisoformat(line["from"]), date.fromisoformat(line["to"]))
    return Owed(line["subscription"], line["plan"], line["charge"], *days, Decimal(line["amount"]), currency)
