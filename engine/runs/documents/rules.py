"""What the rules say of documents: how each looks, which files are made of it, and what stands against issuing it.

A document that lacks a required field is held: its invoice is in the books, and nobody is told of it until the field is there.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from typing import Any, Final

import msgspec

from engine.base import tax_ids
from engine.base.errors import Code, Finding, TollbookError, Where
from engine.billing.attributed import Attributed, attributed
from engine.model.account import Account
from engine.model.documenting import ATTRIBUTES, EITHER, FIELDS, DocumentFacts, absent
from engine.runs.documents.advances import as_prepaid
from engine.runs.run import Rules
from engine.store.attributes import newest, values_of
from engine.store.reader import Reader
from engine.store.reading.base import entity_of

LACKING = Code("document.lacks-field", "A document without a field that the rules require; it is held from delivery.")

FAMILY: Final = "documents"
_ACCOUNT: Final = [name for name in Account.__struct_fields__ if name != "attributes"]
_LAYOUT: Final = ("template", "language", "accent", "logo", "footer", "codes", "certificate")

Found = Mapping[int, Mapping[str, Any]]
"""Invoices by id, as the books give them."""


class Look(msgspec.Struct, frozen=True):
    """A document with its look, the kinds of files to make of it, and findings; those of level error hold it."""

    document: dict[str, Any]
    formats: tuple[str, ...] = ()
    findings: tuple[Finding, ...] = ()

    @property
    def held(self) -> tuple[Finding, ...]:
        """What it is held for; nothing if it may go."""
        return tuple(finding for finding in self.findings if finding.level == "error")


class Decided(msgspec.Struct, frozen=True):
    """What is decided of one document, to be laid upon its values; ``failed`` where no rule could decide."""

    terms: Mapping[str, Any]
    account: Account
    failed: tuple[Finding, ...] = ()

    def __call__(self, document: dict[str, Any]) -> Look:
        """The document as it is to be."""
        terms = self.terms
        if not terms:
            return Look(document, (), self.failed)
        own = self.account.attributes
        fields = [
            {"key": one["attribute"], "label": one["label"], "value": _told(getattr(own, one["attribute"], None))}
            for one in terms["fields"]
        ]
        document = as_prepaid(document) if terms["advances"] == "prepaid" else document
        whole = document | {
            "fields": [one for one in fields if one["value"]],
            "layout": {name: terms[name] for name in _LAYOUT},
        }
        return Look(whole, tuple(terms["formats"]), (*_lacking(whole, terms), *_tax_id(whole, terms)))


class Looks:
    """Asks the rules of the family ``documents``."""

    def __init__(self, reader: Reader, rules: Rules) -> None:
        self._reader, self._rules = reader, rules

    def of(self, found: Found) -> dict[int, Decided]:
        """What is decided of each invoice."""
        return {id_: self._one(found[id_], facts) for id_, facts in self.facts(found).items()}

    def facts(self, found: Found) -> dict[int, DocumentFacts]:
        """What rules may know of each invoice."""
        seen, types = self._attributes(found), self._reader.contract_types(list(found))
        return {id_: _facts(one, types.get(id_, ""), seen) for id_, one in found.items()}

    def _one(self, found: Mapping[str, Any], facts: DocumentFacts) -> Decided:
        head, account = found["invoice"], facts.account
        on = head["invoice_date"]
        if not any(self._rules.in_force(FAMILY, on)):
            return Decided({}, account)
        try:
            return Decided(self._rules.decide(FAMILY, facts, on).terms, account)
        except TollbookError as error:
            subject = f"invoice/{head['number']}"
            return Decided({}, account, tuple(msgspec.structs.replace(f, subject=subject) for f in error.findings))

    def _attributes(self, found: Found) -> dict[str, Attributed]:
        """The attributes of the buyers, by legal entity; nothing where the rules declare none."""
        declared = self._rules.attributes
        if not declared:
            return {}
        wanted: dict[tuple[str, str], set[str]] = defaultdict(set)
        for one in found.values():
            wanted[one["invoice"]["tenant"], one["invoice"]["entity"]].add(one["invoice"]["payer"])
        high = newest(self._reader)
        return {
            entity: attributed(declared, values_of(self._reader, tenant, entity, "account", sorted(keys), high))
            for (tenant, entity), keys in wanted.items()
        }


def _facts(found: Mapping[str, Any], contract_type: str, seen: Mapping[str, Attributed]) -> DocumentFacts:
    head, buyer = found["invoice"], found["buyer"]
    account = Account(**{name: buyer[name] for name in _ACCOUNT})
    if head["entity"] in seen:
        mine = seen[head["entity"]].account(account.key).on(head["invoice_date"])
        account = msgspec.structs.replace(account, attributes=mine)
    amounts = (head["invoice_date"], head["currency"], head["total"])
    return DocumentFacts(entity_of(found["seller"]), account, head["kind"], *amounts, contract_type)


def _told(value: Any) -> str:
    """The value of an attribute as a document shows it."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{value.normalize():f}" if hasattr(value, "normalize") else str(value)


def _lacking(document: Mapping[str, Any], terms: Mapping[str, Any]) -> list[Finding]:
    """A finding for each required field that is not there."""
    number, account = document["number"], document["buyer"]["key"]
    return [
        Finding(
            LACKING,
            Where(f"document/{number}"),
            f"{number} has no {_named(required)} ({required})",
            f"the rules require it of documents of {document['seller']['key']} for account {account}",
            f"import it: {_where(required, document)}; the document is held from delivery until then",
            subject=f"account/{account}",
        )
        for required in terms["required"]
        if absent(document, required)
    ]


def _named(required: str) -> str:
    return EITHER.join(FIELDS.get(name, name.removeprefix(ATTRIBUTES)) for name in required.split(EITHER))


def _where(required: str, document: Mapping[str, Any]) -> str:
    """The import file that a field comes from."""
    name = required.split(EITHER)[0]
    if name.startswith("seller."):
        return f"entities, {document['seller']['key']}"
    if name.startswith(ATTRIBUTES):
        return f"attribute_values, {name.removeprefix(ATTRIBUTES)} of account {document['buyer']['key']}"
    if name.startswith("buyer."):
        return f"accounts, {document['buyer']['key']}"
    return {"lines.tax_code": "charges", "lines.unit": "charges", "purchase_order": "contracts"}.get(
        name, "the invoice"
    )


def _tax_id(document: Mapping[str, Any], terms: Mapping[str, Any]) -> list[Finding]:
    """A finding where the buyer's tax id cannot be one, if the rules look at that."""
    if terms["tax_id"] == "off":
        return []
    buyer, level = document["buyer"], "error" if terms["tax_id"] == "hold" else "warning"
    subject, where = f"account/{buyer['key']}", Where(f"document/{document['number']}")
    wrong = tax_ids.finding(buyer["tax_id"], buyer["country"], where, subject, level)
    return [] if wrong is None else [wrong]
