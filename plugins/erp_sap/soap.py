"""SAP's service Journal Entry - Post: documents as its messages, and its confirmations read."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from hashlib import sha256
from pathlib import Path
from typing import Any, Final

import msgspec
import zeep
from zeep.transports import Transport

from engine.ports.hookspecs import Unknown
from engine.ports.hookspecs.erp import ErpDocument, ErpLine
from engine.ports.hookspecs.http import Web

WSDL: Final = Path(__file__).with_name("journal_entry.wsdl")
BINDING: Final = "{http://sap.com/xi/SAPSCORE/SFIN}binding"
OPERATION: Final = "JournalEntryCreateRequestConfirmation_In"

NOTHING: Final = "0000000000"
"""The number of a document that was not posted."""
GOOD: Final = ("1", "2")
"""Severities of a log that did not keep a document from being posted: information and warning."""


class Confirmed(msgspec.Struct, frozen=True):
    """What SAP answers for one message: the number of the document, empty where it was not posted, and what its log says."""

    number: str
    fiscal_year: str
    notes: str

    @property
    def duplicate(self) -> bool:
        """Whether it was refused because SAP has had the message before."""
        return not self.number and "duplicate" in self.notes.lower()


def message_id(key: str) -> str:
    """The id of the message of a key: at most 35 characters."""
    return sha256(key.encode()).hexdigest()[:32].upper()


def reference_of(key: str) -> str:
    """What a document names as its origin, by which it is found again: at most 20 characters."""
    return sha256(key.encode()).hexdigest()[:20].upper()


class _Received(msgspec.Struct, frozen=True):
    """What zeep reads of an answer."""

    status_code: int
    content: bytes
    headers: Mapping[str, str]


class _Wire(Transport):
    """The way of messages: as all calls of plug-ins over HTTP, with failures in their classes."""

    def __init__(self, web: Web, path: str) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self._web, self._path = web, path

    def post(self, address: str, message: bytes, headers: Mapping[str, str]) -> _Received:
        """Send a message."""
        reply = self._web.send("POST", self._path, content=message, headers=headers, acts=True)
        return _Received(reply.status, reply.body, {"Content-Type": "text/xml; charset=utf-8"})


class JournalEntryPost:
    """The service of one system.  Threads may share it."""

    def __init__(self, web: Web, settings: Mapping[str, Any]) -> None:
        self._settings = settings
        client = zeep.Client(str(WSDL), transport=_Wire(web, settings["service"]))  # type: ignore[no-untyped-call]
        address = settings["url"] + settings["service"]
        self._service = client.create_service(BINDING, address)  # type: ignore[no-untyped-call]

    def post(self, documents: Mapping[str, ErpDocument]) -> dict[str, Confirmed]:
        """Send documents by key in one message; what is confirmed, by key.

        Raises:
            Unknown: the answer cannot be read, or says nothing of a document.
            PortFailure: in the class of what the connection did.
        """
        now = datetime.now(UTC)
        ids = {message_id(key): key for key in documents}
        requests_ = [
            {
                "MessageHeader": {"ID": message_id(key), "CreationDateTime": now},
                "JournalEntry": self._entry(key, document),
            }
            for key, document in documents.items()
        ]
        header = {"ID": uuid.uuid4().hex.upper(), "CreationDateTime": now}
        try:
            answer = self._service[OPERATION](MessageHeader=header, JournalEntryCreateRequest=requests_)
        except zeep.exceptions.Fault as fault:
            raise Unknown(f"SAP answered with a fault: {fault.message}") from None
        except (zeep.exceptions.Error, ValueError, TypeError, AttributeError) as error:
            raise Unknown(f"SAP answered what cannot be read: {error}") from None
        confirmed = {
            ids[one.MessageHeader.ReferenceID]: _confirmed(one)
            for one in answer.JournalEntryCreateConfirmation
            if one.MessageHeader.ReferenceID in ids
        }
        if len(confirmed) < len(documents):
            raise Unknown(
                f"SAP confirmed {len(confirmed)} of {len(documents)} documents; its log: {_notes(answer.Log)}"
            )
        return confirmed

    def _entry(self, key: str, document: ErpDocument) -> dict[str, Any]:
        settings = self._settings
        items: dict[str, list[dict[str, Any]]] = {"Item": [], "DebtorItem": []}
        for number, line in enumerate(document.lines, 1):
            debtor = settings["debtors"].get(line.account)
            account = {"GLAccount": settings["accounts"].get(line.account, line.account)}
            whose = {"Debtor": debtor} if debtor else account
            items["DebtorItem" if debtor else "Item"].append(
                {"ReferenceDocumentItem": str(number), **whose, **_amounts(document, line)}
            )
        return {
            "OriginalReferenceDocumentType": "BKPFF",
            "OriginalReferenceDocument": reference_of(key),
            "OriginalReferenceDocumentLogicalSystem": settings["system"] or None,
            "BusinessTransactionType": "RFBU",
            "AccountingDocumentType": document.document_type,
            "DocumentReferenceID": document.reference[:16],
            "DocumentHeaderText": document.text[:25],
            "CreatedByUser": settings["user"],
            "CompanyCode": settings["companies"][document.entity],
            "DocumentDate": document.document_date,
            "PostingDate": document.posting_date,
            **{name: there for name, there in items.items() if there},
        }


def _amounts(document: ErpDocument, line: ErpLine) -> dict[str, Any]:
    own = {"_value_1": line.functional, "currencyCode": document.functional_currency}
    return {
        "AmountInTransactionCurrency": {"_value_1": line.amount, "currencyCode": document.currency},
        "AmountInCompanyCodeCurrency": own if document.currency != document.functional_currency else None,
        "DebitCreditCode": "H" if (line.amount or line.functional) < Decimal(0) else "S",
        "DocumentItemText": line.text[:50] or None,
    }


def _confirmed(one: Any) -> Confirmed:
    posted, severity = one.JournalEntryCreateConfirmation, one.Log.MaximumLogItemSeverityCode or ""
    number = posted.AccountingDocument or NOTHING
    good = number != NOTHING and severity in GOOD
    return Confirmed(number if good else "", posted.FiscalYear if good else "", _notes(one.Log))


def _notes(log: Any) -> str:
    """The notes of a log, the gravest first."""
    items: Sequence[Any] = log.Item or []
    said = sorted(items, key=lambda item: -int(item.SeverityCode or 0))
    return "; ".join(f"{item.Note} [{item.TypeID}]" if item.TypeID else str(item.Note) for item in said) or "nothing"
