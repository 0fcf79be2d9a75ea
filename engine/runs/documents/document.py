"""An invoice of the books as the document that adapters get: plain values, amounts as text, and the look that rules gave it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import msgspec

from engine.base.money import ZERO, minor_digits, round_to
from engine.billing.advances import DOCUMENT as ADVANCE_INVOICE
from engine.model.entity import OSS
from engine.runs.cash.giving_up import CREDITED
from engine.runs.delivering.telling import ToTell
from engine.runs.documents.corrections import with_corrections
from engine.runs.documents.legal import beside_numbers
from engine.runs.documents.rules import Look, Looks
from engine.runs.documents.tax_parts import rendered, with_tax_parts
from engine.runs.early_payment import EarlyPayment, granted
from engine.runs.run import Rules
from engine.store.functional_tax import functional_taxes
from engine.store.reader import Reader
from engine.store.records import OutboxEffect
from engine.store.tables.masters import BUYER_PARTICULARS, SELLER_PARTICULARS

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
    "tax_code",
)
_CONTACT = ("name", "phone", "email")


class Documents:
    """Makes documents from one state of the books and one book of rules; what many invoices share is read once."""

    def __init__(self, reader: Reader, tenant: str, rules: Rules) -> None:
        self._reader, self._tenant, self._looks = reader, tenant, Looks(reader, rules)
        self._units = {(p.key, c.key): c.unit for p in reader.catalogue(tenant).values() for c in p.charges}

    def of(self, ids: Sequence[int]) -> dict[int, dict[str, Any]]:
        """The documents of invoices by id; shape in ``ports/hookspecs/delivery.py``."""
        return {id_: one.document for id_, one in self.looked_at(ids).items()}

    def looked_at(self, ids: Sequence[int]) -> dict[int, Look]:
        """The documents of invoices by id, with what the rules say of them: files to make, and what stands against issuing."""
        moved, earlier = self._reader.moved_for(ids), self._reader.preceding(ids)
        steps = self._reader.clearance_steps(ids)
        legal = beside_numbers(self._reader, ids, steps)
        named = {ident: taken[-1].payer_id for ident, taken in steps.items()}
        read = self._reader.invoice_documents(ids, named)
        found = with_tax_parts(self._reader, with_corrections(self._reader, self._tenant, read))
        foreign = [id_ for id_, one in found.items() if one["fx"]["currency"] != one["invoice"]["currency"]]
        taxes, looks = functional_taxes(self._reader, foreign), self._looks.of(found)
        early = granted(self._reader, (one["invoice"]["draft_decision"] for one in found.values()))
        notes = [id_ for id_, one in found.items() if one["invoice"]["kind"] == "credit_note"]
        given_up = self._reader.sums_of(notes, CREDITED) if notes else {}
        return {
            id_: looks[id_](
                _preceding(earlier.get(id_, ()))
                | self._one(one)
                | _prepaid(one["invoice"], moved.get(id_, ()))
                | _early(one["invoice"], moved.get(id_, ()), early.get(one["invoice"]["draft_decision"]))
                | _own_tax(one, taxes.get(id_))
                | _given_up(one["invoice"], given_up.get(id_, ZERO))
                | legal.get(id_, {})
            )
            for id_, one in found.items()
        }

    def to_tell(self, effects: Sequence[OutboxEffect]) -> ToTell:
        """What to tell, with what stands against telling it and what else the rules say."""
        looks = self.looked_at([effect.payload["invoice_id"] for effect in effects])
        known = {effect.key: looks[id_] for effect in effects if (id_ := effect.payload["invoice_id"]) in looks}
        return ToTell(
            {key: look.document for key, look in known.items()},
            {key: "; ".join(one.what for one in look.held) for key, look in known.items() if look.held},
            {key: look.formats for key, look in known.items()},
            tuple(finding for look in known.values() for finding in look.findings),
        )

    def payloads(self, effects: Sequence[OutboxEffect]) -> dict[str, dict[str, Any]]:
        """What to tell, by key of the effect; without those whose invoice is not in the books."""
        documents = self.of([effect.payload["invoice_id"] for effect in effects])
        ids = {effect.key: effect.payload["invoice_id"] for effect in effects}
        return {key: documents[id_] for key, id_ in ids.items() if id_ in documents}

    def _one(self, found: Mapping[str, Any]) -> dict[str, Any]:
        head = found["invoice"]
        others = {line["account"] for line in found["lines"]} - {head["payer"]}
        names = {head["payer"]: found["buyer"]["name"]}
        if others:
            known = self._reader.accounts(head["tenant"], head["entity"], sorted(others))
            names.update((key, account.name) for key, account in known.items())
        document = _document(found, names, self._units)
        if head["purchase_order"]:
            keys = (head[name] for name in ("tenant", "entity", "payer", "purchase_order"))
            reference = self._reader.buyer_reference(*keys)
            document["buyer"] |= {"reference": reference} if reference else {}
        return document


def _own_tax(found: Mapping[str, Any], tax: Decimal | None) -> dict[str, str]:
    """The tax in functional currency as it was posted; nothing where the document is in that currency."""
    return {} if tax is None else {"functional_tax": f"{tax:.{minor_digits(found['fx']['currency'])}f}"}


def _prepaid(head: Mapping[str, Any], moved: Sequence[Mapping[str, Any]]) -> dict[str, str]:
    """What wallets, or an advance itself, have paid of an invoice, and what is left to pay; nothing where nothing is paid."""
    if not moved and head["kind"] != ADVANCE_INVOICE:
        return {}
    digits, paid = minor_digits(head["currency"]), _paid(head, moved)
    return {"prepaid": f"{paid:.{digits}f}", "due": f"{head['total'] - paid:.{digits}f}"}


def _paid(head: Mapping[str, Any], moved: Sequence[Mapping[str, Any]]) -> Decimal:
    if head["kind"] == ADVANCE_INVOICE:  # it is over money that came
        return Decimal(head["total"])
    return -sum((row["amount"] for row in moved), ZERO)


def _early(head: Mapping[str, Any], moved: Sequence[Mapping[str, Any]], early: EarlyPayment | None) -> dict[str, Any]:
    """What may be taken off what is left to pay, until which day; nothing where that is nothing."""
    left, currency = head["total"] - _paid(head, moved), head["currency"]
    amount = round_to(left * early.discount, currency) if early and left > ZERO else ZERO
    if early is None or not amount:
        return {}
    told = {
        "discount": f"{early.discount.normalize():f}",
        "within": early.within,
        "until": (head["invoice_date"] + timedelta(days=early.within)).isoformat(),
        "amount": f"{amount:.{minor_digits(currency)}f}",
        "left": f"{left - amount:.{minor_digits(currency)}f}",
    }
    return {"early_payment": told}


def _given_up(head: Mapping[str, Any], amount: Decimal) -> dict[str, str]:
    """What comes off a credit note because nobody has paid it; nothing where that is nothing."""
    return {"given_up": f"{amount:.{minor_digits(head['currency'])}f}"} if amount else {}


def _preceding(earlier: Sequence[tuple[str, date]]) -> dict[str, Any]:
    """The documents that one gives back or corrects; nothing where there are none."""
    told = [{"number": number, "invoice_date": on.isoformat()} for number, on in earlier]
    return {"preceding": told} if told else {}


def party(row: Mapping[str, Any], *names: str) -> dict[str, Any]:
    """A seller or buyer; the desk that answers questions where there is one."""
    found = {
        name: row[name] for name in ("key", "name", "address", "country", *names) if not name.startswith("contact_")
    }
    found["region"] = found["region"] or ""
    if "registrations" in found:
        found["registrations"] = _printed(found["registrations"])
    contact = {name: row[f"contact_{name}"] for name in _CONTACT}
    return found | {"contact": contact if any(contact.values()) else None}


def _printed(registrations: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """Registrations as documents name them: no law wants the Union scheme on them, and its number is that of the VAT registration
    in its member state, so it stands for itself only where there is no other."""
    others = {one["country"] for one in registrations if one["kind"] != OSS}
    return [one for one in registrations if one["kind"] != OSS or one["country"] not in others]


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
        "seller": party(seller, *SELLER_PARTICULARS, "registrations", "bank_accounts"),
        "buyer": party(buyer, *BUYER_PARTICULARS, "region", "tax_id", "email", "language"),
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
            | ({"parts": rendered(tax["parts"], head["currency"])} if tax.get("parts") else {})
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
    if found.get("preceding"):
        document["preceding"] = found["preceding"]
    return dict(msgspec.to_builtins(document, enc_hook=str))
