"""Writing a billed partition: one transaction, legal numbers last."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from engine.base.errors import Finding
from engine.model.clearance import VOIDED
from engine.model.entity import LegalEntity
from engine.model.tax_correction import TAX
from engine.runs.billing import clearance as clearing
from engine.runs.billing import rows
from engine.runs.billing.finish import Issued
from engine.runs.billing.numbers import numbered
from engine.runs.billing.partition import MONEY, Batch
from engine.runs.billing.read import Pinned
from engine.runs.billing.settlements import settle_new
from engine.runs.billing.wallets import pay
from engine.runs.revenue.covering import covered_rows
from engine.runs.revenue.planning import kept_plans
from engine.runs.run import Parts
from engine.store import tables as t
from engine.store.writer import Writer
from engine.store.writing.clearance import Step


def write_partition(parts: Parts, pinned: Pinned, number: int, entity: LegalEntity, batch: Batch) -> dict[str, Any]:
    """Lines, entries, postings, effects, audit, marks and findings; then numbers; then invoice heads; all or nothing.

    Returns:
        ``counts`` of what was written; empty where another process has written the partition already.
    """
    issued = batch.issued
    ids = taken(parts.books.take_blocks, issued)
    made = _rows(pinned, issued, dict(ids))
    counts = {"invoices": len(issued), "lines": len(made["line"])}
    with parts.books.writer(pinned.change, pinned.run_id) as writer:
        claimed = writer.claim_partition(pinned.run_id, number)
        if claimed is None:
            return {"counts": {}}
        noted = write_documents(parts, pinned, writer, entity, (claimed.low, claimed.high), issued, ids, made)
        counts |= {"postings": len(made["posting"]), "findings": len(batch.findings) + len(noted)}
        if batch.voided:
            writer.step_clearances(parts.tenant, [Step(ident, VOIDED) for ident in batch.voided])
        writer.set_marks(batch.marks)
        if batch.orders:
            writer.hold_orders(parts.tenant, entity.key, batch.orders)
        if batch.reviews:
            writer.review_drafts(parts.tenant, entity.key, pinned.on, pinned.occasion, batch.reviews)
        if batch.corrections:
            writer.add_tax_corrections(parts.tenant, batch.corrections)
        carried = _carried(issued, ids["invoice"])
        if carried:
            writer.carry_tax_corrections(parts.tenant, carried)
        late = (*batch.late, *(one for reviewed in batch.reviews for one in reviewed.late))
        if late:
            writer.end_late_usage(parts.tenant, entity.key, late)
        writer.add_findings(parts.tenant, (*batch.findings, *noted))
        summary: dict[str, Any] = {"counts": counts, "prices": sorted(batch.prices)}
        summary |= {} if batch.money is None else {MONEY: batch.money}
        writer.finish_partition(pinned.run_id, number, summary)
        give_numbers(parts, pinned, writer, entity, issued, ids["invoice"])
    return {"counts": counts}


def give_numbers(
    parts: Parts, pinned: Pinned, writer: Writer, entity: LegalEntity, issued: Sequence[Issued], first_id: int
) -> None:
    """Heads of documents with their legal numbers, the last that is written of them."""
    heads, marks = numbered(parts.host.signers(), writer, pinned, entity, issued, first_id)
    writer.append(t.INVOICE, heads)
    if marks:
        writer.append(t.NUMBER_MARK, marks)


def _carried(issued: Sequence[Issued], first_id: int) -> dict[int, int]:
    """Id of the line whose tax is corrected -> id of the document that does it."""
    return {
        line.charge.credits: invoice_id
        for invoice_id, one in enumerate(issued, first_id)
        if one.invoice.draft.charges[-1].kind == TAX
        for line in one.invoice.lines
        if line.charge.kind == TAX
    }


def taken(take: Callable[[Mapping[str, int]], Mapping[str, int]], issued: Sequence[Issued]) -> dict[str, int]:
    """The first ids of everything that documents leave in the books."""
    wanted = {
        "invoice": ("invoice", len(issued)),
        "line": ("invoice_line", sum(len(one.invoice.lines) for one in issued)),
        "entry": ("entry", sum(len(one.entries) for one in issued)),
        "effect": ("effect", len(issued)),
        "tax": ("effect", sum(one.tax_adapter != "none" for one in issued)),
        "detail": ("tax_detail", sum(len(line.tax.details) for one in issued for line in one.invoice.lines)),
        "audit": ("audit", len(issued)),
        "clearance": ("clearance_step", sum(one.clearance is not None for one in issued)),
    }
    blocks: dict[str, int] = {}
    for block, count in wanted.values():
        blocks[block] = blocks.get(block, 0) + count
    free = dict(take({block: count for block, count in blocks.items() if count}))
    made: dict[str, int] = {}
    for name, (block, count) in wanted.items():
        made[name] = free[block] if count else 0
        free[block] = free.get(block, 0) + count
    return made


def write_documents(
    parts: Parts, pinned: Pinned, writer: Writer, entity: LegalEntity, payers: tuple[str, str], issued: Sequence[Issued],
    ids: Mapping[str, int], made: dict[str, list[rows.Row]] | None = None,
) -> Sequence[Finding]:  # fmt: skip
    """Everything that documents leave in the books but their heads, which follow with their numbers; and what settles them.

    ``made`` are their rows, if they are made already; postings of wallets are added.
    """
    made = _rows(pinned, issued, dict(ids)) if made is None else made
    paid = pay(parts, pinned, writer, entity, payers, issued, (ids["invoice"], ids["line"]))
    made["entry"].extend(paid.entries)
    made["posting"].extend(paid.postings)
    for table, name in (
        (t.INVOICE_LINE, "line"),
        (t.ENTRY, "entry"),
        (t.POSTING, "posting"),
        (t.EFFECT, "effect"),
        (t.AUDIT, "audit"),
    ):
        writer.append(table, made[name])
    if made["clearance"]:
        writer.append(t.CLEARANCE_STEP, made["clearance"])
    if made["detail"]:
        writer.append(t.TAX_DETAIL, made["detail"])
    settled = settle_new(parts, pinned, writer, entity, payers, issued, ids["invoice"], paid.moves)
    marks = covered_rows(issued, ids["line"])
    if marks:
        writer.append(t.REVENUE_BILLED, marks)
    writer.add_schedules(parts.tenant, entity.key, kept_plans(issued, ids["line"], ids["entry"]), pinned.run_id)
    return (*paid.findings, *settled)


def _rows(pinned: Pinned, issued: Sequence[Issued], ids: dict[str, int]) -> dict[str, list[rows.Row]]:
    made: dict[str, list[rows.Row]] = {
        name: [] for name in ("line", "entry", "posting", "detail", "effect", "audit", "clearance")
    }
    stamp = (pinned.change.at, pinned.change.who, pinned.change.reason)
    for one in issued:
        invoice, run_id = one.invoice, pinned.run_id
        made["line"].extend(rows.line_rows(ids["invoice"], ids["line"], invoice))
        for entry in one.entries:
            made["entry"].append(rows.entry_row(ids["entry"], entry, ids["invoice"], run_id))
            made["posting"].extend(rows.posting_rows(ids["entry"], entry, ids["line"]))
            ids["entry"] += 1
        if one.clearance is not None:
            effect = (ids["effect"], ids["invoice"], run_id)
            made["effect"].append(clearing.effect_row(effect, one, one.clearance))
            made["clearance"].append(clearing.step_row(ids["clearance"], effect, one, one.clearance, pinned))
            ids["clearance"] += 1
        elif one.adapter != "none":
            made["effect"].append(rows.effect_row(ids["effect"], invoice, ids["invoice"], one.adapter, run_id))
        if one.tax_adapter != "none":
            row = rows.effect_row(ids["tax"], invoice, ids["invoice"], one.tax_adapter, run_id, "tax")
            made["effect"].append(row)
            ids["tax"] += 1
        if ids["detail"]:
            made["detail"].extend(rows.detail_rows(ids["detail"], ids["line"], ids["invoice"], invoice))
            ids["detail"] += sum(len(line.tax.details) for line in invoice.lines)
        after = {"total": str(invoice.total), "currency": invoice.draft.currency, "series": invoice.series}
        subject = f"invoice/{ids['invoice']}"
        made["audit"].append(rows.audit_row(ids["audit"], invoice.draft.tenant, stamp, subject, after, run_id))
        ids["line"] += len(invoice.lines)
        for name in ("invoice", "effect", "audit"):
            ids[name] += 1
    return made
