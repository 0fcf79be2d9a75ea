"""Writing a billed partition: one transaction, legal numbers last."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from engine.billing.invoicing import legal_number
from engine.model.entity import LegalEntity
from engine.runs import bill_rows as rows
from engine.runs.bill_finish import Issued
from engine.runs.bill_partition import Batch
from engine.runs.bill_read import Pinned
from engine.runs.bill_wallets import pay
from engine.runs.run import Parts
from engine.store import tables as t
from engine.store.writer import Writer


def write_partition(parts: Parts, pinned: Pinned, number: int, entity: LegalEntity, batch: Batch) -> dict[str, Any]:
    """Lines, entries, postings, effects, audit, marks and findings; then numbers; then invoice heads; all or nothing.

    Returns:
        ``counts`` of what was written; empty where another process has written the partition already.
    """
    issued, take = batch.issued, _taker(parts)
    ids = {
        "invoice": take("invoice", len(issued)),
        "line": take("invoice_line", sum(len(one.invoice.lines) for one in issued)),
        "entry": take("entry", sum(len(one.entries) for one in issued)),
        "effect": take("effect", len(issued)),
        "audit": take("audit", len(issued)),
    }
    made = _rows(pinned, issued, dict(ids))
    counts = {"invoices": len(issued), "lines": len(made["line"]), "postings": len(made["posting"])}
    counts["findings"] = len(batch.findings)
    with parts.books.writer(pinned.change, pinned.run_id) as writer:
        claimed = writer.claim_partition(pinned.run_id, number)
        if claimed is None:
            return {"counts": {}}
        payers, first = (claimed.low, claimed.high), (ids["invoice"], ids["line"])
        paid = pay(parts, pinned, writer, entity, payers, issued, first)
        made["entry"].extend(paid.entries)
        made["posting"].extend(paid.postings)
        counts["findings"] += len(paid.findings)
        counts["postings"] += len(paid.postings)
        for table, name in (
            (t.INVOICE_LINE, "line"),
            (t.ENTRY, "entry"),
            (t.POSTING, "posting"),
            (t.EFFECT, "effect"),
            (t.AUDIT, "audit"),
        ):
            writer.append(table, made[name])
        writer.set_marks(batch.marks)
        if batch.late:
            writer.end_late_usage(parts.tenant, entity.key, batch.late)
        writer.add_findings(parts.tenant, (*batch.findings, *paid.findings))
        writer.finish_partition(pinned.run_id, number, {"counts": counts, "prices": sorted(batch.prices)})
        writer.append(t.INVOICE, _numbered(writer, pinned, entity, issued, ids["invoice"]))
    return {"counts": counts}


def _rows(pinned: Pinned, issued: Sequence[Issued], ids: dict[str, int]) -> dict[str, list[rows.Row]]:
    made: dict[str, list[rows.Row]] = {name: [] for name in ("line", "entry", "posting", "effect", "audit")}
    stamp = (pinned.change.at, pinned.change.who, pinned.change.reason)
    for one in issued:
        invoice, run_id = one.invoice, pinned.run_id
        made["line"].extend(rows.line_rows(ids["invoice"], ids["line"], invoice))
        for entry in one.entries:
            made["entry"].append(rows.entry_row(ids["entry"], entry, ids["invoice"], run_id))
            made["posting"].extend(rows.posting_rows(ids["entry"], entry, ids["line"]))
            ids["entry"] += 1
        if one.adapter != "none":
            made["effect"].append(rows.effect_row(ids["effect"], invoice, ids["invoice"], one.adapter, run_id))
        after = {"total": str(invoice.total), "currency": invoice.draft.currency, "series": invoice.series}
        subject = f"invoice/{ids['invoice']}"
        made["audit"].append(rows.audit_row(ids["audit"], invoice.draft.tenant, stamp, subject, after, run_id))
        ids["line"] += len(invoice.lines)
        for name in ("invoice", "effect", "audit"):
            ids[name] += 1
    return made


def _taker(parts: Parts) -> Callable[[str, int], int]:
    """Takes a block of ids; of nothing, none."""
    return lambda name, count: parts.books.take_ids(name, count) if count else 0


def _numbered(
    writer: Writer, pinned: Pinned, entity: LegalEntity, issued: Sequence[Issued], first_id: int
) -> list[rows.Row]:
    """Invoice heads with their legal numbers, which are taken last: the series stays locked until the commit."""
    by_series: dict[str, list[tuple[int, Issued]]] = {}
    for n, one in enumerate(issued):
        by_series.setdefault(one.invoice.series, []).append((first_id + n, one))
    heads = []
    for series, members in sorted(by_series.items()):
        first = writer.take_numbers(entity.tenant, entity.key, series, len(members), pinned.on)
        for sequence, (invoice_id, one) in enumerate(members, first):
            number = legal_number(one.invoice.number_format, series, sequence, pinned.on)
            heads.append(
                rows.invoice_row(
                    invoice_id, one.invoice, sequence, number, one.rate, one.functional_total, pinned.run_id
                )
            )
    return heads
