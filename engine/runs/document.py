"""An invoice of the books as the document that delivery adapters get: plain values, amounts as text."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

import msgspec

from engine.base.money import ZERO, minor_digits
from engine.store.reader import Reader

_LINE = (
    "number",
    "text",
    "account",
    "subscription",
    "plan",
    "charge",
    "kind",
    "service_from",
    "service_to",
    "share",
    "tax_category",
    "tax_reason",
    "tax_source",
)


class Documents:
    """Makes documents from one state of the books; what many invoices share is read once."""

    def __init__(self, reader: Reader, tenant: str) -> None:
        self._reader = reader
        self._units = {(p.key, c.key): c.unit for p in reader.catalogue(tenant).values() for c in p.charges}

    def of(self, ids: Sequence[int]) -> dict[int, dict[str, Any]]:
        """The documents of invoices by id; shape in ``ports/hookspecs/delivery.py``."""
        moved = self._reader.moved_for(ids)
        return {
            id_: self._one(found) | _prepaid(found["invoice"], moved.get(id_, ()))
            for id_, found in self._reader.invoice_documents(ids).items()
        }

    def _one(self, found: Mapping[str, Any]) -> dict[str, Any]:
        head = found["invoice"]
        others = {line["account"] for line in found["lines"]} - {head["payer"]}
        names = {head["payer"]: found["buyer"]["name"]}
        if others:
            known = self._reader.accounts(head["tenant"], head["entity"], sorted(others))
            names.update((key, account.name) for key, account in known.items())
        return _document(found, names, self._units)


def _prepaid(head: Mapping[str, Any], moved: Sequence[Mapping[str, Any]]) -> dict[str, str]:
    """What wallets have paid of an invoice, and what is left to pay; nothing where they have no part in it."""
    if not moved:
        return {}
    digits, paid = minor_digits(head["currency"]), -sum((row["amount"] for row in moved), ZERO)
    return {"prepaid": f"{paid:.{digits}f}", "due": f"{head['total'] - paid:.{digits}f}"}


def _document(
    found: Mapping[str, Any], names: Mapping[str, str], units: Mapping[tuple[str, str], str]
) -> dict[str, Any]:
    head, seller, buyer = found["invoice"], found["seller"], found["buyer"]
    digits = minor_digits(head["currency"])

    def money(amount: Decimal) -> str:
        return f"{amount:.{digits}f}"

    lines = [
        {
            **{name: line[name] for name in _LINE},
            "account_name": names.get(line["account"], line["account"]),
            "unit": units.get((line["plan"], line["charge"]), ""),
            "quantity": f"{line['quantity'].normalize():f}",
            "amount": money(line["amount"]),
            "tax_rate": f"{line['tax_rate'].normalize():f}",
            "tax_amount": money(line["tax_amount"]),
        }
        for line in found["lines"]
    ]
    fx = found["fx"]
    document = {
        **{name: head[name] for name in ("number", "kind", "invoice_date", "due_date", "tax_point", "currency")},
        "purchase_order": head["purchase_order"],
        "seller": {
            name: seller[name] for name in ("key", "name", "address", "country", "registrations", "bank_accounts")
        },
        "buyer": {name: buyer[name] for name in ("key", "name", "address", "country", "tax_id", "email", "language")},
        "lines": lines,
        "taxes": [
            {
                "category": tax["category"],
                "rate": f"{tax['rate'].normalize():f}",
                "net": money(tax["net"]),
                "tax": money(tax["tax"]),
                "jurisdiction": tax["jurisdiction"],
                "reason": tax["reason"],
            }
            for tax in found["taxes"]
        ],
        "net": money(head["net"]),
        "tax": money(head["tax"]),
        "total": money(head["total"]),
        "functional": {
            "currency": fx["currency"],
            "total": f"{fx['total']:.{minor_digits(fx['currency'])}f}",
            "rate": f"{fx['rate'].normalize():f}",
            "rate_source": fx["source"],
            "rate_on": fx["on"],
        },
        "note": "",
    }
    return dict(msgspec.to_builtins(document, enc_hook=str))
