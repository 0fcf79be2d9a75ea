"""Lines that correct tax, as documents show them: what was taken is given back at the old rate and taken at the new one.

The books keep the difference alone, on a line without a price: its net amount is nothing, or the other side of the tax where the
price includes it.  A document whose tax is reckoned from the net sums of
its categories and rates, as EN 16931 wants it, needs both sides; they come to the same difference.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from engine.base.money import ZERO
from engine.model.tax_correction import TAX, Correction
from engine.store.reader import Reader

Found = Mapping[int, Mapping[str, Any]]


def with_corrections(reader: Reader, tenant: str, documents: Found) -> dict[int, dict[str, Any]]:
    """Documents by id, as the books give them, with the lines that correct tax shown as both their sides.

    ``preceding`` names the invoices that are corrected.  Documents without such lines are as they were.
    """
    lines = [line["credits"] for one in documents.values() for line in one["lines"] if line["kind"] == TAX]
    if not lines:
        return {ident: dict(one) for ident, one in documents.items()}
    known = {(one.line_id, document): one for one, document in reader.corrections_on(tenant, sorted(set(lines)))}
    dated = {number: _dated(reader, tenant, number) for number in {one.invoice for one in known.values()}}
    return {ident: _shown(ident, one, known, dated) for ident, one in documents.items()}


def _dated(reader: Reader, tenant: str, number: str) -> dict[str, Any]:
    """An invoice as documents refer to it."""
    ident = reader.find_invoice(tenant, number)
    head = reader.invoice(ident) if ident is not None else None
    return {"number": number, "invoice_date": head["invoice_date"] if head else None}


def _shown(
    ident: int,
    found: Mapping[str, Any],
    known: Mapping[tuple[int, int], Correction],
    dated: Mapping[str, Mapping[str, Any]],
) -> dict[str, Any]:
    lines: list[dict[str, Any]] = []
    preceding: dict[str, None] = {}
    for line in found["lines"]:
        one = known.get((line["credits"], ident)) if line["kind"] == TAX else None
        if one is None or one.way != "document":
            lines.append(line)
            continue
        preceding[one.invoice] = None
        lines.extend(_sides(line, one))
    if not preceding:
        return dict(found)
    numbered = [{**line, "number": number} for number, line in enumerate(lines, 1)]
    return {**found, "lines": numbered, "taxes": _taxes(numbered), "preceding": [dated[number] for number in preceding]}


def _sides(line: Mapping[str, Any], one: Correction) -> Iterator[dict[str, Any]]:
    """What is given back, and what is taken instead."""
    was = {"tax_rate": one.rate_before, "tax_category": one.category_before, "tax_reason": one.reason_before}
    shown = {"quantity": one.charge.quantity, "service_to": one.charge.service_to, "kind": one.charge.kind}
    yield {**line, **shown, **was, "amount": -one.net, "tax_amount": -one.before}
    yield {**line, **shown, "amount": one.net_after, "tax_amount": one.quote.amount}


def _taxes(lines: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Net and tax by category, rate, jurisdiction and reason."""
    found: dict[tuple[Any, ...], dict[str, Any]] = {}
    for line in lines:
        key = (line["tax_category"], line["tax_rate"], line["tax_jurisdiction"], line["tax_reason"])
        names = ("category", "rate", "jurisdiction", "reason")
        sums = found.setdefault(key, {**dict(zip(names, key, strict=True)), "net": ZERO, "tax": ZERO})
        sums["net"] += line["amount"]
        sums["tax"] += line["tax_amount"]
    return list(found.values())
