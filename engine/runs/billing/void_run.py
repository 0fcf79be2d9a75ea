"""Voiding a document: a credit note over all that is left of an invoice, after which the next bill run owes its lines again;
of a credit note an invoice that brings again what it gave back, as if it had not been.

A document that was issued is never taken out of the books: it keeps its number and its postings, and the credit note turns
them round at the same tax and exchange rate.  What was given back counts as never billed, so the next run bills what is owed
then, at the prices and with the usage that are known then.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Any, Final

import msgspec

from engine.base.errors import Code, TollbookError, refuse
from engine.base.money import CONTEXT, ZERO
from engine.billing.advances import brought_again
from engine.billing.billed import open_lines
from engine.billing.memos import with_days
from engine.model.clearance import NUMBERED, REJECTED, SUBMITTED
from engine.model.invoice import BilledLine, RatedCharge
from engine.model.journal import Change, FxRate
from engine.model.tax_correction import Correction
from engine.runs.accounts.memo_desk import judged, paid
from engine.runs.accounts.memo_moves import earned_as
from engine.runs.billing.partition import Batch
from engine.runs.billing.read import VOIDING, Pinned
from engine.runs.billing.run import UNFINISHED, refuse_the_impossible, report_of
from engine.runs.billing.write import write_partition
from engine.runs.noting import billed_lines, document_on, looked_at_again
from engine.runs.run import Clock, Parts, Report
from engine.runs.wallets.voucher_expiry import refuse_expired
from engine.store import tracing
from engine.store.reader import Reader

CREDIT_NOTE = Code("void.credit-note", "A credit note to be voided that gives back lines of another system.")
NOTHING_LEFT = Code(
    "void.nothing-left", "A document to be voided of which nothing is left, or that a newer one has changed."
)

NOT_ANSWERED = Code("void.not-answered", "An invoice to be voided while an authority has not answered for it.")

GIVING: Final = ("credit_note", "corrected_invoice")
"""Kinds of documents that give back."""


def run_void(parts: Parts, number: str, on: date, change: Change) -> Report:
    """Give back all that is left of an invoice, or bring again what a credit note gave back, by a document of the day ``on``.

    The same again changes nothing.

    Raises:
        TollbookError: ``explain.no-such-line``, ``void.credit-note``, ``void.nothing-left``, ``void.not-answered``,
            ``credit.refused``, ``run.unfinished``, ``period.closed``, ``run.before-documents``, and what keeps the credit note
            from being posted.
    """
    clock = Clock()
    with parts.books.reader() as reader:
        head = _head(reader, parts.tenant, number)
        if not _run_of(reader, parts.tenant, on, head):
            refuse_expired(reader, head["id"], number)
            _allowed(parts, reader, head, on)
            _refused(reader, head)
    pinned, done = _start(parts, head, on, change)
    if done:
        return msgspec.structs.replace(report_of(parts, pinned.run_id), repeated=True)
    try:
        with parts.books.reader() as reader:
            partition = reader.partition(pinned.run_id, 1)
            batch = None if partition.state == "done" else _batch(parts, reader, head, pinned)
            entity = reader.entities(parts.tenant)[head["entity"]]
    except TollbookError:
        with parts.books.writer(change, pinned.run_id) as writer:
            writer.lock_run(pinned.run_id)
            writer.finish_run(pinned.run_id, {"counts": {}}, state="failed")
        raise
    summary = write_partition(parts, pinned, 1, entity, batch) if batch is not None else partition.summary
    with parts.books.writer(change, pinned.run_id) as writer:
        if writer.lock_run(pinned.run_id).state == "running":
            writer.finish_run(pinned.run_id, {"counts": summary["counts"], "seconds": clock.seconds})
    return report_of(parts, pinned.run_id)


def _head(reader: Reader, tenant: str, number: str) -> dict[str, Any]:
    """The head of a document that can be voided."""
    ident = reader.find_invoice(tenant, number)
    head = reader.invoice(ident) if ident is not None else None
    if head is None:
        raise tracing.no_invoice(reader, tenant, number)
    return head


def _allowed(parts: Parts, reader: Reader, head: dict[str, Any], on: date) -> None:
    """Refuse what the rules do not let be voided.

    Raises:
        TollbookError: ``credit.refused``, ``rule.no-answer``.
    """
    lines, charges = _left(reader, head)
    net = abs(sum((charge.amount for charge in charges), ZERO))
    whole = abs(sum((line.charge.amount for line in lines), ZERO))
    rate = FxRate(head["currency"], head["functional_currency"], head["rate"], head["rate_source"], head["rate_on"])
    payer = reader.accounts(parts.tenant, head["entity"], [head["payer"]])[head["payer"]]
    share = CONTEXT.divide(net, whole) if whole else ZERO
    facts = {"memo": "void", "reason": "", "share": share, "age": max((on - head["invoice_date"]).days, 0), "day": on}
    judged(parts, reader, facts | {"credited": net != whole, "paid": paid(reader, head)}, payer, net, rate)


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
        refuse_the_impossible(parts, writer.reader, on, writer.change.who)
        for other in writer.reader.runs(parts.tenant, limit=1000):
            if other.kind in ("bill", "void", "true-up") and other.state == "running" and other.id != run.id:
                what = f"{other.kind} run {other.id} of {other.period} ({other.scope}) is not finished"
                raise refuse(UNFINISHED, what, mend="wait for it, or go on with it")
        if not started.new:
            writer.resume_run(run.id)
        writer.add_partitions(run.id, [(1, head["entity"], head["payer"], head["payer"])])
    return pinned, False


def _batch(parts: Parts, reader: Reader, head: dict[str, Any], pinned: Pinned) -> Batch:
    """The opposite document, and the marks of the subscriptions that are looked at again."""
    lines, charges = _left(reader, head)
    group = f"{head['currency']}{VOIDING}{head['number']}"
    kind = "invoice" if head["kind"] in GIVING else "credit_note"
    role: Any = earned_as(reader, parts.tenant, head["id"])
    waiting = {} if head["kind"] in GIVING else _waiting(reader, parts.tenant, head, lines)
    issued, findings = document_on(parts, reader, head, charges, pinned.on, kind, group, role, waiting)
    batch = Batch((issued,), looked_at_again(reader, lines), frozenset(), tuple(findings))
    if not _refused(reader, head):
        return batch
    quiet = msgspec.structs.replace(issued, adapter="none", clearance=None)
    return msgspec.structs.replace(batch, issued=(quiet,), voided=(head["id"],))


def _refused(reader: Reader, head: dict[str, Any]) -> bool:
    """Whether an authority has rejected an invoice: then nobody has it, and nobody is told that it is voided.

    Raises:
        TollbookError: ``void.not-answered``.
    """
    steps = reader.clearance_steps([head["id"]]).get(head["id"], [])
    if steps and steps[-1].state in (NUMBERED, SUBMITTED):
        raise refuse(
            NOT_ANSWERED,
            f"the authority has not answered for {head['number']}",
            why="what it clears has to be given back there, and what it rejects does not",
            mend="`tollbook deliver` asks it; void the invoice then",
        )
    return bool(steps) and steps[-1].state == REJECTED


def _waiting(reader: Reader, tenant: str, head: dict[str, Any], lines: Sequence[BilledLine]) -> dict[int, Correction]:
    """Corrections of the tax of the lines that wait for a bill: the credit note carries them, as it gives back all."""
    mine = {line.id for line in lines}
    found = reader.waiting_corrections(tenant, head["entity"], head["payer"], head["payer"])
    return {one.line_id: one for one in found if one.line_id in mine}


def _left(reader: Reader, head: dict[str, Any]) -> tuple[list[BilledLine], list[RatedCharge]]:
    """The lines of a document, and what takes back all that is left of them."""
    lines = billed_lines(reader.invoice_lines(head["id"]))
    if head["kind"] in GIVING:
        return lines, _again(reader, head, lines)
    given = billed_lines(tracing.credits_on(reader, [line.id for line in lines]))
    mine = [line for line in lines if not line.charge.credits]
    charges = [charge for one in open_lines([*mine, *given]) for charge in with_days(one, "Void")]
    charges += brought_again(lines) if charges else []
    if not charges:
        raise refuse(NOTHING_LEFT, f"nothing is left of {head['number']}", mend="it was given back already")
    return mine, charges


def _again(reader: Reader, head: dict[str, Any], lines: list[BilledLine]) -> list[RatedCharge]:
    """What brings again what a credit note gave back.

    Raises:
        TollbookError: ``void.credit-note``, ``void.nothing-left``.
    """
    known = reader.invoices_with([line.charge.credits for line in lines])
    if any(line.charge.credits not in known for line in lines):
        what = f"{head['number']} is not a credit note on lines of ours alone"
        raise refuse(CREDIT_NOTE, what, mend="the next bill run bills what is owed")
    others = billed_lines(tracing.credits_on(reader, sorted({line.charge.credits for line in lines})))
    mine = {line.id for line in lines}
    if any(one.id > max(mine) for one in others):
        what = f"of what {head['number']} gave back, something was given back or brought again since"
        raise refuse(NOTHING_LEFT, what, mend="void the newest document first")
    return [
        msgspec.structs.replace(line.charge, text=f"Void: {line.charge.text}", amount=-line.charge.amount)
        for line in lines
        if line.charge.amount
    ]


def _scope(head: dict[str, Any]) -> str:
    return f"invoice:{head['entity']}/{head['number']}"


def _run_of(reader: Reader, tenant: str, on: date, head: dict[str, Any]) -> bool:
    """Whether a run of that day has voided the invoice, or is at it."""
    key = ("void", on.isoformat(), _scope(head))
    return any((run.kind, run.period, run.scope) == key for run in reader.runs(tenant, limit=1000))
