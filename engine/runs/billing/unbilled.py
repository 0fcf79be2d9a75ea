"""What is not billed yet: what waits and for what, and what a run would bill now, usage of running cycles included."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from typing import Final

import msgspec

from engine.base.errors import Finding
from engine.base.money import ZERO
from engine.billing.changes.anchors import reanchored
from engine.billing.job import THRESHOLD
from engine.billing.milestones import Triggered, Waiting
from engine.billing.timeline import stints
from engine.model.journal import Change
from engine.runs.billing.read import Pinned, ranges_of, read_partition, scope_of
from engine.runs.billing.run import run_bill
from engine.runs.run import Parts, attempt

PREVIEW: Final = f"{THRESHOLD} preview"
"""The occasion of a dry run that bills usage as far as it is known."""


class Accrued(msgspec.Struct, frozen=True):
    """What a run would bill now of one charge, before tax."""

    entity: str
    payer: str
    account: str
    subscription: str
    plan: str
    charge: str
    text: str
    service_from: date
    service_to: date
    quantity: Decimal
    amount: Decimal
    currency: str


class Unbilled(msgspec.Struct, frozen=True):
    """What waits, what is owed and not billed, the sums of both by currency, and what could not be told."""

    on: date
    waiting: tuple[Waiting, ...]
    accrued: tuple[Accrued, ...]
    waits: dict[str, Decimal]
    owed: dict[str, Decimal]
    findings: tuple[Finding, ...] = ()


def look(parts: Parts, on: date, account: str | None, change: Change) -> Unbilled:
    """What is unbilled on a day, of one account (with those that it concerns) or of all.

    The amounts of what is owed are those of a dry run; nothing is written but the daily sums of usage.

    Raises:
        TollbookError: as :func:`engine.runs.billing.run.run_bill`.
    """
    report = run_bill(parts, on, change, account=account, dry_run=True, occasion=PREVIEW)
    accrued = [
        Accrued(
            invoice["entity"],
            invoice["payer"],
            line["account"],
            line["subscription"],
            line["plan"],
            line["charge"],
            line["text"],
            date.fromisoformat(line["from"]),
            date.fromisoformat(line["to"]),
            Decimal(line["quantity"]),
            Decimal(line["amount"]),
            invoice["currency"],
        )
        for invoice in report.details
        for line in invoice["lines"]
    ]
    findings = [*report.findings]
    waiting = list(_waiting(parts, on, account, change, findings))
    waits: dict[str, Decimal] = defaultdict(lambda: ZERO)
    owed: dict[str, Decimal] = defaultdict(lambda: ZERO)
    for one in waiting:
        waits[one.currency] += one.amount or ZERO
    for item in accrued:
        owed[item.currency] += item.amount
    return Unbilled(on, tuple(waiting), tuple(accrued), dict(waits), dict(owed), tuple(findings))


def _waiting(parts: Parts, on: date, account: str | None, change: Change, findings: list[Finding]) -> Iterator[Waiting]:
    """What waits, subscription by subscription."""
    with parts.books.reader() as reader:
        usage, events = reader.high_marks()
        seen = {"usage": usage, "events": events}
        pinned = Pinned(0, on, scope_of(account, PREVIEW), parts.rules.release, seen, change)
        for entity, low, high in ranges_of(parts, reader, account):
            read = read_partition(parts, reader, pinned, entity, low, high)
            for owner in (one for due in read.dues for one in due.accounts):
                for due in owner.subscriptions:
                    subject = f"subscription/{due.subscription.key}"

                    def found() -> list[Waiting]:
                        served = stints(due.events, subject)  # noqa: B023  used before the next turn
                        if len(served) > 1:
                            served = reanchored(read.job, owner.account, due, served)  # noqa: B023
                        return list(Triggered(read.job, owner, due, served).waiting())  # noqa: B023

                    yield from attempt(found, subject, findings) or ()
