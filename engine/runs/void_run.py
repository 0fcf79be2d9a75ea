"""Voiding an invoice: a credit note over all that is left of it, after which the next bill run owes its lines again.

A document that was issued is never taken out of the books: it keeps its number and its postings, and the credit note turns
them round at the same tax and exchange rate.  What was given back counts as never billed, so the next run bills what is owed
then, at the prices and with the usage that are known then.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date
from decimal import Decimal
from functools import partial
from typing import Any

import msgspec

from engine.base.errors import Code, Finding, TollbookError, refuse
from engine.base.money import split
from engine.base.period import Period
from engine.billing.billed import Open, open_lines, service
from engine.billing.job import Job
from engine.model.invoice import BilledLine, InvoiceDraft, RatedCharge
from engine.model.journal import Change, FxRate
from engine.model.subscription import BillingMark
from engine.runs.bill_finish import Billable, Issued, finish_all
from engine.runs.bill_partition import Batch
from engine.runs.bill_read import VOIDING, Pinned
from engine.runs.bill_run import UNFINISHED, refuse_the_impossible, report_of
from engine.runs.bill_write import write_partition
from engine.runs.run import Clock, Parts, Report
from engine.store import tracing
from engine.store.reader import Reader
from engine.store.reversal import reversible

CREDIT_NOTE = Code("void.credit-note", "A credit note to be voided.")
NOTHING_LEFT = Code("void.nothing-left", "An invoice to be voided of which nothing is left.")


def run_void(parts: Parts, number: str, on: date, change: Change) -> Report:
    """Give back all that is left of an invoice by a credit note of the day ``on``.

    The same again changes nothing.

    Raises:
        TollbookError: ``explain.no-such-line``, ``void.credit-note``, ``void.nothing-left``, ``run.unfinished``,
            ``period.closed``, ``run.before-documents``, and what keeps the credit note from being posted.
    """
    clock = Clock()
    with parts.books.reader() as reader:
        head = _head(reader, parts.tenant, number)
        if not _run_of(reader, parts.tenant, on, head):
            _left(reader, head)
    pinned, done = _start(parts, head, on, change)
    if done:
        return msgspec.structs.replace(report_of(parts, pinned.run_id), repeated=True)
    try:
        with parts.books.reader() as reader:
            batch = _batch(parts, reader, head, pinned, clock)
            entity = reader.entities(parts.tenant)[head["entity"]]
    except TollbookError:
        with parts.books.writer(change, pinned.run_id) as writer:
            writer.lock_run(pinned.run_id)
            writer.finish_run(pinned.run_id, {"counts": {}}, state="failed")
        raise
    summary = write_partition(parts, pinned, 1, entity, batch)
    with parts.books.writer(change, pinned.run_id) as writer:
        if writer.lock_run(pinned.run_id).state == "running":
            writer.finish_run(pinned.run_id, {"counts": summary["counts"], "seconds": clock.seconds})
    return report_of(parts, pinned.run_id)


def _head(reader: Reader, tenant: str, number: str) -> dict[str, Any]:
    """The head of an invoice that can be voided."""
    ident = reader.find_invoice(tenant, number)
    head = reader.invoice(ident) if ident is not None else None
    if head is None:
        raise tracing.no_invoice(reader, tenant, number)
    if head["kind"] != "invoice":
        raise refuse(
            CREDIT_NOTE,
            f"{number} is a {head['kind'].replace('_', ' ')}",
            why="what it gave back would be owed twice",
            mend="the next bill run bills what is owed",
        )
    return head


def _start(parts: Parts, head: dict[str, Any], on: date, change: Change) -> tuple[Pinned, bool]:
    """The run, and whether it is done; bill runs and voids wait for one another at the sums of usage."""
    rules = parts.rules
    with parts.books.writer(change) as writer:
        seen = {"usage": writer.roll_up_usage(parts.tenant), "events": writer.reader.high_marks()[1]}
        writer.store_release(parts.tenant, rules.release, rules.files, rules.overrides, rules.plugins)
        writer.store_decisions(rules.decisions())
        started = writer.start_run(parts.tenant, "void", on.isoformat(), _scope(head), rules.release, seen)
        run = writer.lock_run(started.id)
        pinned = Pinned(run.id, on, run.scope, run.release, dict(run.parameters), change)
        if run.state == "done":
            return pinned, True
        refuse_the_impossible(parts, writer.reader, on)
        for other in writer.reader.runs(parts.tenant, limit=1000):
            if other.kind in ("bill", "void") and other.state == "running" and other.id != run.id:
                what = f"{other.kind} run {other.id} of {other.period} ({other.scope}) is not finished"
                raise refuse(UNFINISHED, what, mend="wait for it, or go on with it")
        if not started.new:
            writer.resume_run(run.id)
        writer.add_partitions(run.id, [(1, head["entity"], head["payer"], head["payer"])])
    return pinned, False


def _batch(parts: Parts, reader: Reader, head: dict[str, Any], pinned: Pinned, clock: Clock) -> Batch:
    """The credit note, and the marks of the subscriptions that are billed again."""
    lines, charges = _left(reader, head)
    tenant, seen = parts.tenant, pinned.seen
    entity = reader.entities(tenant)[head["entity"]]
    job = Job(
        entity,
        reader.catalogue(tenant),
        reader.meters(tenant),
        parts.rules.decide,
        pinned.on,
        seen["events"],
        seen["usage"],
    )
    payer = reader.accounts(tenant, head["entity"], [head["payer"]])[head["payer"]]
    draft = InvoiceDraft(
        tenant,
        head["entity"],
        payer.key,
        payer.id,
        head["currency"],
        "credit_note",
        f"{head['currency']}{VOIDING}{head['number']}",
        pinned.on,
        pinned.on,
        pinned.on,
        head["purchase_order"],
        tuple(charges),
        head["draft_decision"],
    )
    rate = FxRate(head["currency"], head["functional_currency"], head["rate"], head["rate_source"], head["rate_on"])
    findings: list[Finding] = []
    billable = Billable(payer, (draft,), {head["currency"]: rate})
    issued, failed = finish_all(parts, job, [billable], partial(reversible, reader), findings, clock)
    if failed:
        raise TollbookError(findings)
    return _noted(reader, issued, lines, findings)


def _left(reader: Reader, head: dict[str, Any]) -> tuple[list[BilledLine], list[RatedCharge]]:
    """The lines of an invoice, and credits on all that is left of them."""
    lines = [_line(row) for row in reader.invoice_lines(head["id"])]
    given = [_line(row) for row in tracing.credits_on(reader, [line.id for line in lines])]
    charges = [charge for one in open_lines([*lines, *given]) for charge in _back(one)]
    if not charges:
        raise refuse(NOTHING_LEFT, f"nothing is left of {head['number']}", mend="it was given back already")
    return lines, charges


def _scope(head: dict[str, Any]) -> str:
    return f"invoice:{head['entity']}/{head['number']}"


def _run_of(reader: Reader, tenant: str, on: date, head: dict[str, Any]) -> bool:
    """Whether a run of that day has voided the invoice, or is at it."""
    key = ("void", on.isoformat(), _scope(head))
    return any((run.kind, run.period, run.scope) == key for run in reader.runs(tenant, limit=1000))


def _noted(reader: Reader, issued: Sequence[Issued], lines: Sequence[BilledLine], findings: Sequence[Finding]) -> Batch:
    """The batch with marks that make the next run look at all days of the lines."""
    first: dict[int, date] = {}
    for line in lines:
        ident, day = line.charge.subscription_id, line.charge.service_from
        first[ident] = min(first.get(ident, day), day)
    marks = reader.marks(list(first))
    moved = tuple(
        BillingMark(ident, min(mark.billed_to, first[ident]), mark.events_seen, mark.usage_seen)
        for ident, mark in sorted(marks.items())
    )
    return Batch(tuple(issued), moved, frozenset(), tuple(findings))


def _line(row: dict[str, Any]) -> BilledLine:
    return BilledLine(row["id"], RatedCharge(*(row[name] for name in RatedCharge.__struct_fields__)))


def _back(one: Open) -> Iterator[RatedCharge]:
    """What is left of a line, as credits on it: one for each piece of days that was not given back."""
    if not one.left:
        return
    charge, days = one.line.charge, one.days or (service(one.line),)
    weights = [Decimal(max(piece.days, 1)) for piece in days]
    for piece, amount in zip(days, split(one.left, weights, charge.currency), strict=True):
        yield _credit(one, piece, -amount)


def _credit(one: Open, days: Period, amount: Decimal) -> RatedCharge:
    charge = one.line.charge
    return msgspec.structs.replace(
        charge,
        text=f"Void: {charge.text}",
        service_from=days.start,
        service_to=days.end,
        amount=amount,
        proration=0,
        credits=one.line.id,
        events=0,
    )
