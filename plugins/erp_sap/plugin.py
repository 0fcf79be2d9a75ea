"""Journal documents to SAP S/4HANA; README.md has what is sent and what is read."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from decimal import Decimal
from typing import Any, Final

import msgspec

from engine.base.money import minor_digits
from engine.model.effect import Answer, Effect
from engine.ports.hookspecs import Context, Permanent, hookimpl
from engine.ports.hookspecs.erp import ErpDocument
from engine.ports.hookspecs.http import Web, side_by_side

from .soap import Confirmed, JournalEntryPost, reference_of

FIELDS: Final = (
    "AccountingDocument,FiscalYear,AccountingDocumentType,PostingDate,DocumentReferenceID,DebitCreditCode,"
    "AmountInTransactionCurrency,TransactionCurrency"
)
MOST_LINES: Final = 999
"""Items that a document of SAP can have."""
PARALLEL: Final = 4


class Item(msgspec.Struct, frozen=True):
    """An item of an accounting document, as OData has it: amounts and numbers are texts."""

    AccountingDocument: str
    FiscalYear: str
    AccountingDocumentType: str
    DocumentReferenceID: str
    DebitCreditCode: str
    AmountInTransactionCurrency: str
    TransactionCurrency: str


class _Results(msgspec.Struct, frozen=True):
    results: list[Item]


class _Items(msgspec.Struct, frozen=True):
    d: _Results


class ErpSap:
    """One system."""

    def __init__(self, context: Context) -> None:
        self.settings = {**context.settings, "url": context.settings["url"].rstrip("/")}
        login = (context.secrets["user"], context.secrets["password"])
        self.web = Web(self.settings["url"], self.settings["wait"], basic=login)
        self.service = JournalEntryPost(self.web, self.settings)

    @hookimpl
    def erp_post(self, effects: Sequence[Effect]) -> list[Answer]:
        """One message for all documents that SAP could take."""
        answers: list[Answer] = []
        good: dict[str, ErpDocument] = {}
        for effect in effects:
            document = self._read(effect)
            if isinstance(document, Answer):
                answers.append(document)
            else:
                good[effect.key] = document
        if not good:
            return answers
        confirmed = self.service.post(good)
        return answers + side_by_side(lambda key: self._answer(key, good[key], confirmed[key]), [*good], PARALLEL)

    @hookimpl
    def erp_status(self, effects: Sequence[Effect]) -> list[Answer]:
        """What SAP has of these documents."""
        return side_by_side(self._status, effects, PARALLEL)

    def _answer(self, key: str, document: ErpDocument, confirmed: Confirmed) -> Answer:
        if confirmed.number:
            debit = _plain(
                sum((line.amount for line in document.lines if line.amount > 0), Decimal(0)), document.currency
            )
            evidence = {"document": confirmed.number, "fiscal_year": confirmed.fiscal_year, "debit": debit}
            return Answer(key, "accepted", evidence=evidence)
        if not confirmed.duplicate:
            return Answer(key, "rejected", confirmed.notes)
        items = self._items(document.entity, key)
        if not items:
            return Answer(key, "rejected", f"SAP has had the message and posted nothing of it: {confirmed.notes}")
        flaw = _other(document, items)
        return Answer(key, "rejected", flaw) if flaw else Answer(key, "accepted", evidence=_evidence(items))

    def _status(self, effect: Effect) -> Answer:
        document = self._read(effect)
        if isinstance(document, Answer):
            return Answer(effect.key, "retry", document.reason)
        items = self._items(document.entity, effect.key)
        if not items:
            return Answer(effect.key, "retry", "SAP has no document of this key")
        return Answer(effect.key, "accepted", evidence=_evidence(items))

    def _items(self, entity: str, key: str) -> list[Item]:
        company = self.settings["companies"][entity]
        wanted = f"CompanyCode eq '{company}' and OriginalReferenceDocument eq '{reference_of(key)}'"
        query = {"$filter": wanted, "$select": FIELDS, "$format": "json", "$top": str(MOST_LINES)}
        reply = self.web.send("GET", self.settings["items"], query=query)
        if reply.status != 200:
            raise Permanent(
                f"SAP answered {reply.status} to a question for items: {reply.body[:500].decode(errors='replace')}"
            )
        return reply.read(_Items).d.results

    def _read(self, effect: Effect) -> ErpDocument | Answer:
        try:
            document = msgspec.convert(effect.payload, ErpDocument)
        except msgspec.ValidationError as error:
            return Answer(effect.key, "rejected", f"the payload is no document: {error}")
        for flaw in (flaw(self.settings, document) for flaw in FLAWS):
            if flaw:
                return Answer(effect.key, "rejected", flaw)
        return document


def _no_company(settings: Any, document: ErpDocument) -> str:
    known = document.entity in settings["companies"]
    return "" if known else f"the setting companies has no company code of {document.entity}"


def _long_type(settings: Any, document: ErpDocument) -> str:
    name = document.document_type
    return "" if len(name) <= 2 else f"the document type {name!r} has more than two characters"


def _too_many(settings: Any, document: ErpDocument) -> str:
    count = len(document.lines)
    fits = 2 <= count <= MOST_LINES
    return "" if fits else f"it has {count} lines, and SAP takes 2 to {MOST_LINES}"


def _unbalanced(settings: Any, document: ErpDocument) -> str:
    off = sum((line.amount for line in document.lines), Decimal(0))
    return "" if not off else f"its lines are off by {off}"


def _fractions(settings: Any, document: ErpDocument) -> str:
    digits = minor_digits(document.currency)
    bad = [line.amount for line in document.lines if line.amount != round(line.amount, digits)]
    return f"{bad[0]} is no whole minor unit of {document.currency}" if bad else ""


FLAWS: Final[tuple[Callable[[Any, ErpDocument], str], ...]] = (
    _no_company,
    _long_type,
    _too_many,
    _fractions,
    _unbalanced,
)
"""What keeps a document from being sent."""


def _debit(items: Sequence[Item]) -> Decimal:
    return sum((Decimal(item.AmountInTransactionCurrency) for item in items if item.DebitCreditCode == "S"), Decimal(0))


def _plain(amount: Decimal, currency: str) -> str:
    return f"{amount:.{minor_digits(currency)}f}"


def _evidence(items: Sequence[Item]) -> dict[str, str]:
    first, debit = items[0], _debit(items)
    return {
        "document": first.AccountingDocument,
        "fiscal_year": first.FiscalYear,
        "debit": _plain(debit, first.TransactionCurrency),
    }


def _other(document: ErpDocument, items: Sequence[Item]) -> str:
    """How a document that SAP has of the key differs from this one; empty where it does not."""
    debit = sum((line.amount for line in document.lines if line.amount > 0), Decimal(0))
    there, first = _debit(items), items[0]
    same = (there, first.TransactionCurrency, first.DocumentReferenceID, first.AccountingDocumentType, len(items)) == (
        *(debit, document.currency, document.reference[:16], document.document_type),
        len(document.lines),
    )
    if same:
        return ""
    return f"the key was used for another document: {first.AccountingDocument} of {there} {first.TransactionCurrency}"
