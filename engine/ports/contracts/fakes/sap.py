"""SAP S/4HANA as far as Journal Entry - Post and the items of accounting documents go: WSDL first, and refusing as SAP does.

It answers 200 also where it posts nothing, takes each message id once, keeps closed periods closed, and knows its chart of accounts.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from itertools import count
from typing import Any

from lxml import etree

from engine.ports.contracts.fakes.serving import Asked, Refused, Service
from engine.ports.discovery import SHIPPED

USER, PASSWORD = "TOLLBOOK_COMM", "p4ss/Wörd+1"
SFIN = "{http://sap.com/xi/SAPSCORE/SFIN}"
ENVELOPE = "http://schemas.xmlsoap.org/soap/envelope/"
SERVICE = "/sap/bc/srt/scs_ext/sap/journalentrycreaterequestconfi"
ITEMS = "/sap/opu/odata/sap/API_OPLACCTGDOCITEMCUBE_SRV/A_OperationalAcctgDocItemCube"
NOTHING = "0000000000"


def _schema() -> etree.XMLSchema:
    wsdl = etree.parse(str(SHIPPED / "erp_sap" / "journal_entry.wsdl"))
    (schema,) = wsdl.iter("{http://www.w3.org/2001/XMLSchema}schema")
    return etree.XMLSchema(etree.fromstring(etree.tostring(schema)))  # with the names that are declared above it


class S4(Service):
    """One system.  ``documents`` has what was posted, by number; ``closed`` months and ``accounts`` that it knows (all where it is
    None) decide what it refuses; ``once`` are faults that happen to the next message: ``after``: it posts and answers 500."""

    def __init__(self) -> None:
        self.schema = _schema()
        self.documents: dict[str, dict[str, Any]] = {}
        self.messages: set[str] = set()
        self.numbers = count(100000000)
        self.closed: set[tuple[int, int]] = set()
        self.accounts: set[str] | None = None
        self.once: list[str] = []
        super().__init__()

    def answer(self, asked: Asked) -> tuple[int, Any]:
        """Route a request."""
        login = base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()
        if asked.headers.get("Authorization") != f"Basic {login}":
            raise Refused(401, {"error": "not authorised"})
        if (asked.method, asked.path) == ("POST", SERVICE):
            return self._post(asked.body)
        if (asked.method, asked.path) == ("GET", ITEMS):
            return 200, {"d": {"results": [*self._items(asked.query)]}}
        raise Refused(404, {"error": f"no {asked.path}"})

    def _post(self, body: bytes) -> tuple[int, Any]:
        if self.once and self.once[0] == "before":
            self.once.pop(0)
            return 500, {"error": "dump"}
        message = etree.fromstring(body).find(f"{{{ENVELOPE}}}Body")[0]
        if not self.schema.validate(message):
            return 500, self._fault(str(self.schema.error_log.last_error))
        root = etree.Element(f"{SFIN}JournalEntryBulkCreateConfirmation", nsmap={"sfin": SFIN[1:-1]})
        self._header(root, "B" * 32, message.findtext("MessageHeader/ID"))
        etree.SubElement(root, "ConfirmationInterfaceOrignName").text = "JournalEntryCreateRequestConfirmation_In"
        for request in message.iter("JournalEntryCreateRequest"):
            self._confirm(root, request)
        etree.SubElement(root, "Log")
        if self.once and self.once[0] == "after":
            self.once.pop(0)
            return 500, {"error": "the gateway gave up waiting"}
        return 200, self._envelope(root)

    def _confirm(self, root: Any, request: Any) -> None:
        ident, entry = request.findtext("MessageHeader/ID"), request.find("JournalEntry")
        one = etree.SubElement(root, "JournalEntryCreateConfirmation")
        self._header(one, f"C{ident[1:]}", ident)
        flaws = [*self._flaws(ident, entry)]
        self.messages.add(ident)
        number = NOTHING if flaws else self._keep(entry)
        posted = etree.SubElement(one, "JournalEntryCreateConfirmation")
        etree.SubElement(posted, "AccountingDocument").text = number
        etree.SubElement(posted, "CompanyCode").text = "" if flaws else entry.findtext("CompanyCode")
        etree.SubElement(posted, "FiscalYear").text = "0000" if flaws else entry.findtext("PostingDate")[:4]
        log = etree.SubElement(one, "Log")
        etree.SubElement(log, "MaximumLogItemSeverityCode").text = "3" if flaws else "1"
        for kind, note in flaws or [("605(RW)", f"Document posted successfully: BKPFF {number}")]:
            item = etree.SubElement(log, "Item")
            etree.SubElement(item, "TypeID").text = kind
            etree.SubElement(item, "SeverityCode").text = "3" if flaws else "1"
            etree.SubElement(item, "Note").text = note

    def _flaws(self, ident: str, entry: Any) -> Iterator[tuple[str, str]]:
        if ident in self.messages:
            yield "012(SFIN_AIF)", f"Duplicate message: ID {ident} was received before"
            return
        lines = [*entry.iter("Item"), *entry.iter("DebtorItem")]
        sums: dict[str, Decimal] = {}
        for line in lines:
            for name in ("AmountInTransactionCurrency", "AmountInCompanyCodeCurrency"):
                amount = line.find(name)
                if amount is not None:
                    key = f"{name}/{amount.get('currencyCode')}"
                    sums[key] = sums.get(key, Decimal(0)) + Decimal(amount.text)
            amount, side = Decimal(line.findtext("AmountInTransactionCurrency")), line.findtext("DebitCreditCode")
            if (amount < 0 and side != "H") or (amount > 0 and side != "S"):
                yield "702(F5)", "Sign of amount and debit/credit code disagree"
            account = line.findtext("GLAccount")
            if account and self.accounts is not None and account not in self.accounts:
                yield "506(F5)", f"G/L account {account} is not defined in chart of accounts YCOA"
        if len({key for key in sums if key.startswith("AmountInTransaction")}) != 1:
            yield "730(F5)", "More than one transaction currency"
        if any(sums.values()):
            yield "702(F5)", "Balance in transaction currency"
        day = date.fromisoformat(entry.findtext("PostingDate"))
        if (day.year, day.month) in self.closed:
            yield "201(F5)", f"Posting period {day:%m %Y} is not open"

    def _keep(self, entry: Any) -> str:
        number = f"{next(self.numbers):010}"
        lines = [*entry.iter("Item"), *entry.iter("DebtorItem")]
        self.documents[number] = {
            "company": entry.findtext("CompanyCode"),
            "reference": entry.findtext("OriginalReferenceDocument"),
            "type": entry.findtext("AccountingDocumentType"),
            "named": entry.findtext("DocumentReferenceID") or "",
            "day": entry.findtext("PostingDate"),
            "lines": [
                {
                    "account": line.findtext("GLAccount") or line.findtext("Debtor"),
                    "side": line.findtext("DebitCreditCode"),
                    "amount": Decimal(line.findtext("AmountInTransactionCurrency")),
                    "currency": line.find("AmountInTransactionCurrency").get("currencyCode"),
                }
                for line in lines
            ],
        }
        return number

    def _items(self, query: dict[str, str]) -> Iterator[dict[str, str]]:
        wanted = dict(re.findall(r"(\w+) eq '([^']*)'", query["$filter"]))
        for number, document in self.documents.items():
            if (document["company"], document["reference"]) != (
                wanted["CompanyCode"],
                wanted["OriginalReferenceDocument"],
            ):
                continue
            for line in document["lines"]:
                yield {
                    "AccountingDocument": number,
                    "FiscalYear": document["day"][:4],
                    "AccountingDocumentType": document["type"],
                    "PostingDate": document["day"],
                    "DocumentReferenceID": document["named"],
                    "DebitCreditCode": line["side"],
                    "AmountInTransactionCurrency": f"{line['amount']:.3f}",
                    "TransactionCurrency": line["currency"],
                }

    def _header(self, root: Any, ident: str, reference: str) -> None:
        header = etree.SubElement(root, "MessageHeader")
        etree.SubElement(header, "ID").text = ident
        etree.SubElement(header, "ReferenceID").text = reference
        etree.SubElement(header, "CreationDateTime").text = "2026-02-01T09:00:00Z"

    def _envelope(self, content: Any) -> bytes:
        envelope = etree.Element(f"{{{ENVELOPE}}}Envelope", nsmap={"soap": ENVELOPE})
        etree.SubElement(envelope, f"{{{ENVELOPE}}}Body").append(content)
        made: bytes = etree.tostring(envelope, xml_declaration=True, encoding="UTF-8")
        return made

    def _fault(self, said: str) -> bytes:
        fault = etree.Element(f"{{{ENVELOPE}}}Fault")
        etree.SubElement(fault, "faultcode").text = "soap:Client"
        etree.SubElement(fault, "faultstring").text = said
        return self._envelope(fault)
