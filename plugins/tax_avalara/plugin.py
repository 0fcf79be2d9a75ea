"""Tax by Avalara AvaTax: estimates while billing, documents once they have their legal number."""

from __future__ import annotations

import hashlib
import platform
from collections.abc import Sequence
from datetime import date
from typing import Any, Final
from urllib.parse import quote

import msgspec

from engine.base.money import minor_digits
from engine.model.effect import Answer, Effect
from engine.model.tax import TaxQuote, TaxRequest
from engine.ports.hookspecs import Context, Permanent, Unknown, hookimpl
from engine.ports.hookspecs.http import Reply, Web, one_by_one, side_by_side
from engine.ports.hookspecs.tax import (
    AddressRequest,
    NoQuote,
    ProviderDocument,
    ResolvedAddress,
    TaxDocument,
    TaxListing,
    TaxListRequest,
    TaxVoid,
)

from . import quoting, recording
from .wire import INVOICE, RETURN, Page, Refusal, Resolution, Transaction, place_of

CLIENT: Final = "Tollbook; 1.0.0; REST; v2; "
"""What AvaTax asks callers to say of themselves; the name of the machine follows."""

STATES: Final = {"Committed": "committed", "Cancelled": "void", "DocVoided": "void"}
"""States of AvaTax documents in our words; the others are ``open``: they would not be reported."""


class Avalara:
    """One account of AvaTax."""

    def __init__(self, context: Context) -> None:
        self.adapter, self.settings = context.adapter, context.settings
        login = (context.secrets["account"], context.secrets["license_key"])
        headers = {"X-Avalara-Client": CLIENT + platform.node()}
        self.web = Web(self.settings["url"], self.settings["wait"], headers, login)

    @hookimpl
    def tax_quote(self, requests: Sequence[TaxRequest]) -> list[TaxQuote | NoQuote]:
        """One estimate for the lines of each invoice, several at once."""
        groups = quoting.grouped(requests)
        return [one for found in side_by_side(self._estimate, groups, self.settings["parallel"]) for one in found]

    @hookimpl
    def tax_commit(self, effects: Sequence[Effect]) -> list[Answer]:
        """A committed document for each invoice, under its legal number."""
        return one_by_one(effects, lambda effect: self._understood(effect, self._record))

    @hookimpl
    def tax_refund(self, effects: Sequence[Effect]) -> list[Answer]:
        """A return for each credit note: of a whole document as its refund, of anything else line by line."""
        return one_by_one(effects, lambda effect: self._understood(effect, self._refund))

    @hookimpl
    def tax_void(self, effects: Sequence[Effect]) -> list[Answer]:
        """Documents made void."""
        return one_by_one(effects, self._void)

    @hookimpl
    def tax_status(self, effects: Sequence[Effect]) -> list[Answer]:
        """What AvaTax has under the numbers."""
        return [self._status(effect) for effect in effects]

    @hookimpl
    def tax_documents(self, requests: Sequence[TaxListRequest]) -> list[TaxListing]:
        """A page of the invoices and returns of a company; the cursor is how many came before."""
        return [self._page(request) for request in requests]

    @hookimpl
    def tax_addresses(self, requests: Sequence[AddressRequest]) -> list[ResolvedAddress]:
        """Addresses as AvaTax would write them."""
        return side_by_side(self._resolve, requests, self.settings["parallel"])

    def _company(self, entity: str) -> str:
        code: str = self.settings["companies"].get(entity, self.settings["company"])
        return code

    def _path(self, entity: str, number: str = "", verb: str = "") -> str:
        parts = ("companies", self._company(entity), "transactions", number, verb)
        return "/api/v2/" + "/".join(in_path(part) for part in parts if part)

    def _estimate(self, group: Sequence[TaxRequest]) -> list[TaxQuote | NoQuote]:
        settings = self.settings
        body = quoting.estimate(
            group, self._company(group[0].entity), settings["tax_codes"], settings["exemption_number"]
        )
        query = {"$include": "Details"}
        reply = self.web.send("POST", "/api/v2/transactions/create", body=body, query=query)
        if reply.status >= 300:
            reason = f"AvaTax refused the estimate: {reply.read(Refusal).text}"
            return [NoQuote(request.key, reason) for request in group]
        given = reply.read(Transaction)
        if given.currencyCode != group[0].currency:
            raise Permanent(f"AvaTax answered in {given.currencyCode} what was asked in {group[0].currency}")
        return quoting.answers(group, given, self.adapter)

    def _understood(self, effect: Effect, act: Any) -> Answer:
        """What becomes of a document, if it is one."""
        try:
            document = msgspec.convert(effect.payload, TaxDocument)
        except msgspec.ValidationError as error:
            return Answer(effect.key, "rejected", f"the document is not understood: {error}")
        if len(document.number) > quoting.LONGEST_CODE:
            return Answer(effect.key, "rejected", f"{document.number} is longer than AvaTax takes")
        answer: Answer = act(effect, document)
        return answer

    def _record(self, effect: Effect, document: TaxDocument) -> Answer:
        """Record a document under its number; where AvaTax has one, see whether it is this one."""
        reply = self._create(effect, document, "create")
        return self._settled(effect, document, reply)

    def _refund(self, effect: Effect, document: TaxDocument) -> Answer:
        """Refund a whole document; where AvaTax never had it, or a part is given back, record the lines."""
        before = document.preceding
        if before is None or not document.whole:
            return self._record(effect, document)
        body = {
            "refundTransactionCode": document.number,
            "refundDate": document.invoice_date.isoformat(),
            "refundType": "Full",
            "referenceCode": mark(effect.key),
        }
        reply = self.web.send("POST", self._path(document.entity, before.number, "refund"), body=body, acts=True)
        if reply.status == 404:
            return self._record(effect, document)
        return self._settled(effect, document, reply)

    def _create(self, effect: Effect, document: TaxDocument, verb: str, exact: bool = False) -> Reply:
        settings = self.settings
        company = self._company(document.entity)
        body = recording.document_of(
            document,
            mark(effect.key),
            company,
            self.adapter,
            settings["tax_codes"],
            settings["exemption_number"],
            exact,
        )
        if verb == "createoradjust":
            body = {"adjustmentReason": "ReconciledWithGeneralLedger", "createTransactionModel": body}
        return self.web.send("POST", f"/api/v2/transactions/{verb}", body=body, acts=True)

    def _settled(self, effect: Effect, document: TaxDocument, reply: Reply) -> Answer:
        """What an attempt to record came to; a tax that is not the invoiced one is corrected, a saved one committed."""
        if reply.status >= 300:
            refusal = reply.read(Refusal)
            if refusal.error.code not in ("DocStatusError", "DuplicateEntry"):
                return Answer(effect.key, "rejected", f"AvaTax refused it: {refusal.text}")
            found = self._found(document.entity, document.number, recording.type_of(document))
            if found is None:
                return Answer(effect.key, "rejected", f"AvaTax refused it: {refusal.text}")
            wrong = recording.other(document, mark(effect.key), found)
            if wrong:
                return Answer(effect.key, "rejected", wrong)
        else:
            found = reply.read(Transaction)
        if found.currencyCode != document.currency:
            raise Unknown(f"AvaTax answered in {found.currencyCode} what was told in {document.currency}")
        if (found.totalAmount, found.totalTax) != (document.net, document.tax):
            adjusted = self._create(effect, document, "createoradjust", exact=True)
            if adjusted.status >= 300:
                return Answer(effect.key, "rejected", f"AvaTax refused to correct it: {adjusted.read(Refusal).text}")
            found = adjusted.read(Transaction)
        if STATES.get(found.status) != "committed":
            path = self._path(document.entity, document.number, "commit")
            query = {"documentType": recording.type_of(document)}
            committed = self.web.send("POST", path, body={"commit": True}, query=query, acts=True)
            if committed.status >= 300:
                return Answer(effect.key, "rejected", f"AvaTax refused to commit it: {committed.read(Refusal).text}")
            found = committed.read(Transaction)
        return Answer(effect.key, "accepted", evidence=evidence(found))

    def _found(self, entity: str, number: str, kind: str) -> Transaction | None:
        reply = self.web.send("GET", self._path(entity, number), query={"documentType": kind})
        if reply.status == 404:
            return None
        if reply.status >= 300:
            raise Permanent(f"AvaTax refused to show {number}: {reply.read(Refusal).text}")
        return reply.read(Transaction)

    def _void(self, effect: Effect) -> Answer:
        try:
            told = msgspec.convert(effect.payload, TaxVoid)
        except msgspec.ValidationError as error:
            return Answer(effect.key, "rejected", f"the document is not understood: {error}")
        found = self._of_any_type(told.entity, told.number)
        if found is None:
            return Answer(effect.key, "rejected", f"AvaTax has no document {told.number}")
        if STATES.get(found.status) != "void":
            path, query = self._path(told.entity, told.number, "void"), {"documentType": found.type}
            reply = self.web.send("POST", path, body={"code": "DocVoided"}, query=query, acts=True)
            if reply.status >= 300:
                return Answer(effect.key, "rejected", f"AvaTax refused to void it: {reply.read(Refusal).text}")
        return Answer(effect.key, "accepted", evidence={"document": told.number, "void": True})

    def _of_any_type(self, entity: str, number: str) -> Transaction | None:
        return self._found(entity, number, INVOICE) or self._found(entity, number, RETURN)

    def _status(self, effect: Effect) -> Answer:
        entity, number = str(effect.payload.get("entity", "")), str(effect.payload.get("number", ""))
        credit = effect.payload.get("kind") == "credit_note"
        if effect.kind == "tax-void":
            found = self._of_any_type(entity, number)
        else:
            found = self._found(entity, number, RETURN if credit else INVOICE)
        state = STATES.get(found.status, "open") if found is not None else ""
        if effect.kind == "tax-void":
            done = state == "void"
            return Answer(
                effect.key,
                "accepted" if done else "retry",
                "" if done else f"{number} is not void",
                {"document": number, "void": True} if done else {},
            )
        if found is None or state != "committed" or found.referenceCode != mark(effect.key):
            return Answer(effect.key, "retry", f"AvaTax has no committed document {number} of this key")
        told = msgspec.convert(effect.payload, TaxDocument)
        if (found.totalAmount, found.totalTax) != (told.net, told.tax):
            return Answer(effect.key, "retry", f"AvaTax has {number} with other amounts")
        return Answer(effect.key, "accepted", evidence=evidence(found))

    def _page(self, request: TaxListRequest) -> TaxListing:
        skip, top = int(request.cursor or 0), self.settings["page"]
        query = {
            "$filter": f"date ge '{request.since}' and date lt '{request.until}' and type in ('{INVOICE}', '{RETURN}')",
            "$top": str(top),
            "$skip": str(skip),
            "$orderBy": "id asc",
        }
        reply = self.web.send("GET", self._path(request.entity), query=query)
        if reply.status >= 300:
            raise Permanent(f"AvaTax refused the list: {reply.read(Refusal).text}")
        page = reply.read(Page)
        documents = tuple(_listed(one) for one in page.value)
        return TaxListing(request.key, documents, str(skip + len(documents)) if page.next and documents else "")

    def _resolve(self, request: AddressRequest) -> ResolvedAddress:
        reply = self.web.send("POST", "/api/v2/addresses/resolve", body=place_of(request.address))
        if reply.status >= 300:
            return ResolvedAddress(request.key, None, reply.read(Refusal).text)
        found = reply.read(Resolution)
        said = "; ".join(f"{m.summary} {m.details}".strip() for m in found.messages)
        bad = any(remark.severity == "Error" for remark in found.messages)
        if bad or not found.validatedAddresses:
            return ResolvedAddress(request.key, None, said or "AvaTax does not know the address")
        return ResolvedAddress(request.key, found.validatedAddresses[0].address(), said)


def in_path(text: str) -> str:
    """A code as it stands in an address: AvaTax has signs of its own for some characters."""
    return quote("".join(f"_-ava{ord(sign):x}-_" if sign in "/+?%#" else sign for sign in text), safe="")


def mark(key: str) -> str:
    """What a document carries so that it is known again: a digest of the key under which it was told."""
    return "tollbook-" + hashlib.sha256(key.encode()).hexdigest()[:32]


def evidence(found: Transaction) -> dict[str, Any]:
    """What finds a document again."""
    digits = minor_digits(found.currencyCode)
    return {
        "document": found.code,
        "id": found.id,
        "net": f"{found.totalAmount:.{digits}f}",
        "tax": f"{found.totalTax:.{digits}f}",
    }


def _listed(one: Transaction) -> ProviderDocument:
    state: Any = STATES.get(one.status, "open")
    day = msgspec.convert(one.date[:10], type=date)
    return ProviderDocument(one.code, day, one.totalAmount, one.totalTax, state, one.currencyCode)
