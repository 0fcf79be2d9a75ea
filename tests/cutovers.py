"""Companies that are cut over: what one set of books has billed, written as the opening files of another one."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from engine.app import App
from engine.store import tables as t
from tests import stories

LINES = (
    "entity,key,subscription,charge,plan,service_from,service_to,currency,quantity,amount,tax_rate,tax_amount,"
    "tax_category,tax_jurisdiction,tax_reason,rate,text,document,document_date,credits"
)
THROUGH = "entity,subscription,charge,billed_to"
KEPT = (
    *("account", "subscription", "plan", "charge", "kind", "text", "service_from", "service_to", "currency"),
    *("quantity", "amount", "tax_rate", "tax_amount", "tax_category", "tax_jurisdiction"),
)
"""What two companies have to say alike of a line."""


def openings_of(app: App, on: date) -> dict[str, Sequence[str]]:
    """What the books of ``app`` have billed, as the opening files of a cut-over on ``on``."""
    with app.books.reader() as reader:
        heads = {row.id: row for row in reader.rows(sa.select(t.INVOICE))}
        lines = reader.rows(sa.select(t.INVOICE_LINE).order_by(t.INVOICE_LINE.c.id))
        entities = sorted(reader.entities(app.tenant))
        through = _through(reader, lines)
    keys = {line.id: f"{heads[line.invoice_id].number}/{line.number}" for line in lines}
    rows = [
        ",".join(
            str(cell)
            for cell in (
                *(line.entity, keys[line.id], line.subscription, line.charge, line.plan),
                *(line.service_from, line.service_to, line.currency, line.quantity, line.amount),
                *(line.tax_rate, line.tax_amount, line.tax_category, line.tax_jurisdiction, line.tax_reason),
                *(heads[line.invoice_id].rate, line.text, heads[line.invoice_id].number),
                *(heads[line.invoice_id].invoice_date, keys.get(line.credits, "")),
            )
        )
        for line in lines
    ]
    return {
        "cutovers": ("entity,key,first_day,source", *(f"{entity},main,{on},old" for entity in entities)),
        "opening_lines": (LINES, *rows),
        "billed_through": (THROUGH, *through),
    }


def _through(reader: Any, lines: Iterable[Any]) -> list[str]:
    """How far each charge is billed: to the end of its last line; one without a line, not at all."""
    begun, plan, event = t.SUBSCRIPTION.c, t.CHARGE.c, t.SUBSCRIPTION_EVENT.c
    ends: dict[tuple[str, str, str], date] = {}
    taken = (
        sa.select(begun.entity, begun.key, plan.key.label("charge"), sa.func.min(event.on_day, type_=event.on_day.type))
        .join_from(t.SUBSCRIPTION, t.SUBSCRIPTION_EVENT, event.subscription_id == begun.id)
        .join(t.CHARGE, plan.plan == event.plan)
        .where(plan.current)
        .group_by(begun.entity, begun.key, plan.key)
    )
    for entity, subscription, charge, start in reader.rows(taken):
        ends[entity, subscription, charge] = start
    for line in lines:
        key = (line.entity, line.subscription, line.charge)
        ends[key] = max(ends.get(key, date.min), line.service_to)
    return [f"{entity},{subscription},{charge},{end}" for (entity, subscription, charge), end in sorted(ends.items())]


def billed_from(app: App, on: str) -> list[dict[str, Any]]:
    """What was billed from a day on: documents by natural key with their lines, without ids, numbers and marks of tracing."""
    found = []
    for invoice in stories.invoices(app):
        if invoice["period"] >= on:
            lines = [{name: line[name] for name in KEPT} for line in invoice["lines"]]
            lines.sort(key=lambda line: [str(value) for value in line.values()])
            head = {name: invoice[name] for name in ("payer", "period", "kind", "group_key", "net", "tax", "total")}
            found.append({**head, "functional_total": invoice["functional_total"], "lines": lines})
    return found


def deliver(folder: Path, name: str, files: dict[str, Sequence[str]]) -> Path:
    """Opening files in a folder."""
    return stories.deliver(folder, name, **files)
