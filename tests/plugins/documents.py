"""An invoice as it is sent to adapters, and what a folder of delivered ones holds."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

from engine.model.effect import Answer, Effect
from engine.ports.host import Host

DOCUMENT: dict[str, Any] = {
    "number": "DE-2026-000123",
    "kind": "invoice",
    "invoice_date": "2026-01-31",
    "due_date": "2026-03-02",
    "tax_point": "2026-01-31",
    "currency": "EUR",
    "purchase_order": "PO-4711",
    "seller": {
        "key": "acme-de",
        "name": "Acme Cloud GmbH",
        "address": "Musterweg 1\n10117 Berlin",
        "country": "DE",
        "registrations": [{"country": "DE", "kind": "vat", "number": "DE123456789"}],
        "bank_accounts": [
            {"name": "Main", "currency": "EUR", "iban": "DE02120300000000202051", "bic": "BYLADEM1001"},
            {"name": "Dollars", "currency": "USD", "iban": "", "bic": "BYLADEM1001"},
        ],
    },
    "buyer": {
        "key": "A-1007",
        "name": "Böhm & <Söhne> AG",
        "address": "Hauptstraße 1\n80331 München",
        "country": "DE",
        "tax_id": "DE987654321",
        "email": "ap@example.org",
        "language": "de",
    },
    "lines": [
        {
            "number": 1,
            "text": "Seats",
            "account": "A-1007",
            "account_name": "Böhm & <Söhne> AG",
            "subscription": "S-1",
            "service_from": "2026-01-15",
            "service_to": "2026-02-01",
            "quantity": "1250.5",
            "unit": "seat",
            "amount": "1171.37",
            "share": "17/31",
            "tax_rate": "0.19",
            "tax_amount": "222.56",
            "tax_category": "S",
            "tax_reason": "",
            "tax_source": "tax_table",
        },
    ],
    "taxes": [
        {"category": "S", "rate": "0.19", "net": "1171.37", "tax": "222.56", "jurisdiction": "DE", "reason": ""},
    ],
    "net": "1171.37",
    "tax": "222.56",
    "total": "1393.93",
    "functional": {"currency": "EUR", "total": "1393.93", "rate": "1", "rate_source": "", "rate_on": "2026-01-31"},
    "note": "",
}  # fmt: skip


EARLY = {"discount": "0.02", "within": 10, "until": "2026-02-10", "amount": "27.88", "left": "1366.05"}
"""A discount for paying the document early."""


def document(**changes: Any) -> dict[str, Any]:
    """The document with other values; ``buyer__language="fr"`` leads into a part of it."""
    made = copy.deepcopy(DOCUMENT)
    for name, value in changes.items():
        place, _, inner = name.partition("__")
        if inner:
            made[place][inner] = value
        else:
            made[place] = value
    return made


def send(host: Host, *documents: dict[str, Any], keys: str = "") -> list[Answer]:
    named = zip(keys.split() or [item["number"] for item in documents], documents, strict=True)
    return host.tell("it", [Effect(key, "delivery", "invoice", item) for key, item in named])


def files(folder: Path) -> list[str]:
    """All files below a folder but for the records of keys."""
    found = (path.relative_to(folder) for path in folder.rglob("*") if path.is_file())
    return sorted(path.as_posix() for path in found if path.parts[0] != ".keys")
