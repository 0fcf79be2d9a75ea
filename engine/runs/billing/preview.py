"""The dry run of a bill run: the same computation with nothing written."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import suppress
from datetime import date
from functools import partial
from typing import Any

from engine.base.errors import Finding, TollbookError
from engine.base.money import ZERO, round_to
from engine.billing.agenda import next_run
from engine.billing.job import Job
from engine.model.due import PayerDue
from engine.runs.billing.finish import Issued
from engine.runs.billing.partition import compute
from engine.runs.billing.read import ALL, Pinned, ranges_of, read_partition
from engine.runs.billing.settlements import foreseen
from engine.runs.billing.unused_prices import unused_prices
from engine.runs.billing.wallets import outline, previewed
from engine.runs.run import Clock, Parts, Progress, Report, add_up
from engine.store.reversal import reversible


def preview(parts: Parts, pinned: Pinned, clock: Clock, progress: Progress, noted: Sequence[Finding] = ()) -> Report:
    """The same computation, partition by partition, with nothing written; ``details`` are the invoices that would be.  Its findings
    begin with those that were ``noted`` before.
    """
    findings: list[Finding] = list(noted)
    details: list[dict[str, Any]] = []
    counts: dict[str, int] = {}
    days: list[date] = []
    used: set[int] = set()
    with parts.books.reader() as reader:
        todo = ranges_of(parts, reader, pinned.account)
        for number, (entity, low, high) in enumerate(todo, 1):
            with clock.step("read"):
                read = read_partition(parts, reader, pinned, entity, low, high)
            batch = compute(parts, read.job, read.dues, read.table, partial(reversible, reader), clock)
            paid = previewed(parts, reader, pinned.on, read.job.entity, (low, high), batch.issued)
            credit, unsettled = foreseen(
                parts, reader, pinned.on, read.job.entity, (low, high), batch.issued, paid.moves
            )
            findings.extend((*batch.findings, *read.findings, *paid.findings, *unsettled))
            used |= batch.prices
            details.extend(
                shown(one) | outline(one, paid.moves.get(n, ()), credit.get(n, ZERO))
                for n, one in enumerate(batch.issued)
            )
            if pinned.account:
                days.extend(_next_runs(read.job, read.dues))
            add_up(counts, {"invoices": len(batch.issued), "lines": sum(len(i.invoice.lines) for i in batch.issued)})
            progress("bill", number, len(todo))
        if pinned.scope == ALL:
            findings.extend(unused_prices(parts, reader, pinned, used))
    counts["findings"] = len(findings)
    return Report(
        0,
        "bill",
        pinned.on.isoformat(),
        parts.rules.release,
        "dry run",
        counts,
        clock.seconds,
        tuple(findings),
        tuple(details),
        following=min(days, default=None),
        rules=parts.books.standing,
    )


def _next_runs(job: Job, dues: Sequence[PayerDue]) -> Iterator[date]:
    """When there is next something to bill of each subscription; what cannot be billed at all has a finding already."""
    for owner in (account for due in dues for account in due.accounts):
        for taken in owner.subscriptions:
            with suppress(TollbookError):
                day = next_run(job, owner.account, taken)
                if day is not None:
                    yield day


def shown(one: Issued) -> dict[str, Any]:
    """A document that a run would issue, with its lines."""
    invoice = one.invoice
    return {
        "entity": invoice.draft.entity,
        "payer": invoice.draft.payer,
        "kind": invoice.kind,
        "currency": invoice.draft.currency,
        "net": str(round_to(invoice.net, invoice.draft.currency)),
        "tax": str(round_to(invoice.tax, invoice.draft.currency)),
        "total": str(round_to(invoice.total, invoice.draft.currency)),
        "lines": [
            {
                "text": line.charge.text,
                "plan": line.charge.plan,
                "charge": line.charge.charge,
                "account": line.charge.account,
                "subscription": line.charge.subscription,
                "from": line.charge.service_from.isoformat(),
                "to": line.charge.service_to.isoformat(),
                "quantity": str(line.charge.quantity),
                "share": line.charge.share,
                "amount": str(round_to(line.charge.amount, line.charge.currency)),
                "tax": str(line.tax.amount),
            }
            for line in invoice.lines
        ],
    }
