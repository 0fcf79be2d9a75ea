"""Advances on documents: as lines that take them off, or, where the rules say ``prepaid``, as what was paid (BT-113).

The books have the lines.  Paid, the document shows the whole supply and its whole tax, and what is due is the same; tax that
was due with the advance is on the advance's own document, which is named.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from engine.base.money import ZERO, minor_digits
from engine.model.invoice import ADVANCE
from engine.runs.documents.tax_parts import shared


def as_prepaid(document: Mapping[str, Any]) -> dict[str, Any]:
    """An invoice whose advances are paid instead of taken off.  One in another currency than that of the books stays as it is: its
    tax in their currency is that of its lines."""
    off = [line for line in document["lines"] if line["kind"] == ADVANCE and Decimal(line["amount"]) < ZERO]
    if document["kind"] != "invoice" or not off or document["functional"]["currency"] != document["currency"]:
        return dict(document)
    digits = minor_digits(document["currency"])

    def money(amount: Decimal) -> str:
        return f"{amount:.{digits}f}"

    net = -sum((Decimal(line["amount"]) for line in off), ZERO)
    tax = -sum((Decimal(line["tax_amount"]) for line in off), ZERO)
    lines = [line for line in document["lines"] if line not in off]
    total = Decimal(document["total"])
    prepaid = Decimal(document.get("prepaid", 0)) + net + tax
    return {
        **document,
        "lines": [line | {"number": number} for number, line in enumerate(lines, 1)],
        "taxes": [
            one for row in document["taxes"] if (one := _whole(row, off, money, document["currency"])) is not None
        ],
        "net": money(Decimal(document["net"]) + net),
        "tax": money(Decimal(document["tax"]) + tax),
        "total": money(total + net + tax),
        "prepaid": money(prepaid),
        "due": money(total + net + tax - prepaid),
    }


def _whole(row: Mapping[str, Any], off: list[dict[str, Any]], money: Any, currency: str) -> dict[str, Any] | None:
    """A category and rate without what is taken off; None where that was all of it."""
    mine = [one for one in off if (one["tax_category"], one["tax_rate"]) == (row["category"], row["rate"])]
    net = Decimal(row["net"]) - sum((Decimal(one["amount"]) for one in mine), ZERO)
    tax = Decimal(row["tax"]) - sum((Decimal(one["tax_amount"]) for one in mine), ZERO)
    if mine and not (net or tax):
        return None
    parts = row.get("parts", ())
    taxes = shared(tax, parts, currency) if mine and parts else [Decimal(part["tax"]) for part in parts]
    told = [{**part, "tax": money(amount)} for part, amount in zip(parts, taxes, strict=True)]
    return {**row, "net": money(net), "tax": money(tax)} | ({"parts": told} if told else {})
