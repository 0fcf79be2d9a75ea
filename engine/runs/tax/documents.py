"""Issued invoices and credit notes as tax providers are told of them: plain values, amounts as text, with the legal number."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

import msgspec

from engine.base.money import minor_digits
from engine.model.tax import Address
from engine.store.reader import Reader
from engine.store.records import OutboxEffect


class TaxDocuments:
    """Makes documents from one state of the books; shape in ``ports/hookspecs/tax.py``."""

    def __init__(self, reader: Reader, tenant: str) -> None:
        self._reader, self._tenant = reader, tenant

    def payloads(self, effects: Sequence[OutboxEffect]) -> dict[str, dict[str, Any]]:
        """What to tell, by key of the effect; without those whose invoice is not in the books."""
        ids = [effect.payload["invoice_id"] for effect in effects if "invoice_id" in effect.payload]
        found = self._reader.invoice_documents(ids) if ids else {}
        credited = self._reader.credited_documents(ids) if ids else {}
        made = {id_: _document(one, credited.get(id_, ())) for id_, one in found.items()}
        return {
            effect.key: made[effect.payload["invoice_id"]] if "invoice_id" in effect.payload else effect.payload
            for effect in effects
            if "invoice_id" not in effect.payload or effect.payload["invoice_id"] in made
        }


def _address(party: Mapping[str, Any]) -> Address:
    place = (party["region"] or "", party["city"], party["postcode"])
    return Address(party["country"], *place, tuple(party["address"].splitlines()))


def _document(found: Mapping[str, Any], credited: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    head, seller, buyer = found["invoice"], found["seller"], found["buyer"]
    digits = minor_digits(head["currency"])

    def money(amount: Decimal) -> str:
        return f"{amount:.{digits}f}"

    one = credited[0] if len(credited) == 1 else None
    document = {
        **{name: head[name] for name in ("number", "kind", "entity", "invoice_date", "tax_point", "currency")},
        "account": head["payer"],
        "ship_from": _address(seller),
        "ship_to": _address(buyer),
        "lines": [
            {
                **{name: line[name] for name in ("number", "text", "tax_code", "product")},
                "amount": money(line["amount"]),
                "tax": money(line["tax_amount"]),
                "rate": f"{line['tax_rate'].normalize():f}",
                "category": line["tax_category"],
                "source": line["tax_source"],
            }
            for line in found["lines"]
        ],
        "net": money(head["net"]),
        "tax": money(head["tax"]),
        "buyer_tax_id": buyer["tax_id"],
        "exempt": buyer["tax_exempt"],
        "preceding": {"number": one["number"], "invoice_date": one["invoice_date"]} if one else None,
        "whole": one is not None and (one["net"], one["tax"]) == (-head["net"], -head["tax"]),
    }
    return dict(msgspec.to_builtins(document, enc_hook=str))
