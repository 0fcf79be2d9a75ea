"""Tax by Vertex O Series: quotations while billing, invoices once they have their legal number."""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from typing import Any, Final
from urllib.parse import quote, urlsplit

import msgspec

from engine.base.money import minor_digits
from engine.model.effect import Answer, Effect
from engine.model.tax import Address, TaxDetail, TaxQuote, TaxRequest
from engine.ports.hookspecs import Context, Permanent, Transient, Unknown, hookimpl
from engine.ports.hookspecs.http import Reply, Web, one_by_one, side_by_side
from engine.ports.hookspecs.tax import NoQuote, TaxDocument, TaxVoid

from .wire import (
    AS_TOLD,
    INVOICE,
    LEVELS,
    LONGEST_CODE,
    QUOTATION,
    ZERO,
    Data,
    Line,
    Refusal,
    Supplied,
    Tax,
    Token,
    customer_of,
    place_of,
)

SUPPLIES: Final = "/vertex-ws/v2/supplies"
TRANSACTIONS: Final = "/vertex-ws/v2/transactions/"
EARLY: Final = 30
"""Seconds before its end at which a token is replaced."""

REVERSED: Final = "Reverse charge: the recipient accounts for the tax"
EXEMPT: Final = "Exempt from tax"
NOT_TAXED: Final = "Not subject to tax"


class Vertex:
    """One installation of O Series.  A message under a transaction id takes the place of the one before it."""

    def __init__(self, context: Context) -> None:
        self.adapter, self.settings = context.adapter, context.settings
        self._client = {"client_id": context.secrets["client_id"], "client_secret": context.secrets["client_secret"]}
        where = urlsplit(self.settings["token_url"])
        self._tokens = Web(f"{where.scheme}://{where.netloc}", self.settings["wait"])
        self._token_path = where.path
        self.web = Web(self.settings["url"], self.settings["wait"])
        self._token, self._until, self._lock = "", 0.0, threading.Lock()

    @hookimpl
    def tax_quote(self, requests: Sequence[TaxRequest]) -> list[TaxQuote | NoQuote]:
        """One quotation for the lines of each invoice, several at once."""
        groups: dict[Any, list[TaxRequest]] = {}
        for request in requests:
            groups.setdefault(_head(request), []).append(request)
        quoted = side_by_side(self._quotation, [*groups.values()], self.settings["parallel"])
        return [answer for answers in quoted for answer in answers]

    @hookimpl
    def tax_commit(self, effects: Sequence[Effect]) -> list[Answer]:
        """An invoice message for each document, under its legal number."""
        return one_by_one(effects, self._record)

    @hookimpl
    def tax_refund(self, effects: Sequence[Effect]) -> list[Answer]:
        """A message with amounts below zero for each credit note, with the tax that it gives back."""
        return one_by_one(effects, self._record)

    @hookimpl
    def tax_void(self, effects: Sequence[Effect]) -> list[Answer]:
        """Documents deleted."""
        return one_by_one(effects, self._void)

    def _send(self, method: str, path: str, body: Any = None, acts: bool = False) -> Reply:
        headers = {"Authorization": f"Bearer {self._access()}"}
        try:
            return self.web.send(method, path, body=body, headers=headers, acts=acts)
        except Permanent:
            with self._lock:
                self._until = 0.0  # a token that is refused is of no more use
            raise

    def _access(self) -> str:
        """A token that holds; one call for a new one at a time."""
        with self._lock:
            if time.monotonic() >= self._until:
                form = {"grant_type": "client_credentials", "scope": "calc-rest-api", **self._client}
                try:
                    reply = self._tokens.send("POST", self._token_path, form=form)
                except Unknown as error:  # whatever became of the token, nothing else was done
                    raise Transient(f"no access token: {error}") from None
                if reply.status >= 300:
                    raise Permanent(f"no access token was given: {reply.status}")
                token = reply.read(Token)
                self._token, self._until = token.access_token, time.monotonic() + token.expires_in - EARLY
            return self._token

    def _quotation(self, group: Sequence[TaxRequest]) -> list[TaxQuote | NoQuote]:
        first = group[0]
        there = first.ship_to or Address(first.country, first.region or "")
        codes = self.settings["tax_codes"]
        body = {
            "saleMessageType": QUOTATION,
            "transactionType": "SALE",
            "documentDate": first.tax_point.isoformat(),
            "currency": {"isoCurrencyCodeAlpha": first.currency},
            "seller": self._seller(first.entity, first.ship_from),
            "customer": customer_of(
                first.account, there, first.buyer_tax_id, first.exempt, first.certificate, first.use_code
            ),
            "lineItems": [
                {
                    "lineItemNumber": n,
                    "taxDate": request.tax_point.isoformat(),
                    "product": {"productClass": codes.get(request.tax_code, request.tax_code)},
                    "quantity": {"value": 1},
                    "extendedPrice": request.amount,
                    **({"taxIncludedIndicator": True} if request.tax_included else {}),
                }
                for n, request in enumerate(group, 1)
            ],
        }
        reply = self._send("POST", SUPPLIES, body)
        if reply.status >= 300:
            reason = f"Vertex refused the quotation: {reply.read(Refusal).text}"
            return [NoQuote(request.key, reason) for request in group]
        data = reply.read(Supplied).data
        if data.currency.isoCurrencyCodeAlpha != first.currency:
            raise Permanent(f"Vertex answered in {data.currency.isoCurrencyCodeAlpha}, asked in {first.currency}")
        lines = {line.lineItemNumber: line for line in data.lineItems}
        return [_quote(r, lines[n], self.adapter) for n, r in enumerate(group, 1) if n in lines]

    def _seller(self, entity: str, here: Address | None) -> dict[str, Any]:
        fields: dict[str, Any] = {"company": self.settings["companies"].get(entity, self.settings["company"])}
        return fields if here is None else {**fields, "physicalOrigin": place_of(here)}

    def _record(self, effect: Effect) -> Answer:
        """Record a document; where its tax is not what Vertex computes, with the tax as it was invoiced."""
        try:
            document = msgspec.convert(effect.payload, TaxDocument)
        except msgspec.ValidationError as error:
            return Answer(effect.key, "rejected", f"the document is not understood: {error}")
        if len(document.number) > LONGEST_CODE:
            return Answer(effect.key, "rejected", f"{document.number} is longer than Vertex takes")
        own = all(line.source == self.adapter and line.amount >= 0 for line in document.lines)
        found: Data | None = None
        for kind in (INVOICE, AS_TOLD) if own else (AS_TOLD,):
            reply = self._send("POST", SUPPLIES, self._message(document, kind), acts=True)
            if reply.status >= 300:
                return Answer(effect.key, "rejected", f"Vertex refused it: {reply.read(Refusal).text}")
            found = reply.read(Supplied).data
            if found.currency.isoCurrencyCodeAlpha != document.currency:
                raise Unknown(f"Vertex answered in {found.currency.isoCurrencyCodeAlpha}, told in {document.currency}")
            if found.totalTax == document.tax:
                break
        assert found is not None
        if (found.subTotal, found.totalTax) != (document.net, document.tax):
            what = f"Vertex recorded {found.subTotal} and tax of {found.totalTax} instead of {document.tax}"
            return Answer(effect.key, "rejected", what)
        digits = minor_digits(document.currency)
        evidence = {"document": found.transactionId, "tax": f"{found.totalTax:.{digits}f}"}
        return Answer(effect.key, "accepted", evidence=evidence)

    def _message(self, document: TaxDocument, kind: str) -> dict[str, Any]:
        day = document.preceding.invoice_date if document.preceding else document.tax_point
        codes = self.settings["tax_codes"]
        lines: list[dict[str, Any]] = [
            {
                "lineItemNumber": line.number,
                "taxDate": day.isoformat(),
                "product": {"productClass": codes.get(line.tax_code, line.tax_code), "value": line.product[:40]},
                "quantity": {"value": 1},
                "extendedPrice": line.amount,
                **({"inputTotalTax": line.tax} if kind == AS_TOLD else {}),
            }
            for line in document.lines
        ]
        return {
            "saleMessageType": kind,
            "transactionType": "SALE",
            "transactionId": document.number,
            "documentNumber": document.number,
            "documentDate": document.invoice_date.isoformat(),
            "currency": {"isoCurrencyCodeAlpha": document.currency},
            "seller": self._seller(document.entity, document.ship_from),
            "customer": customer_of(
                document.account,
                document.ship_to,
                document.buyer_tax_id,
                document.exempt,
                document.certificate,
                document.use_code,
            ),
            "lineItems": lines,
        }

    def _void(self, effect: Effect) -> Answer:
        try:
            told = msgspec.convert(effect.payload, TaxVoid)
        except msgspec.ValidationError as error:
            return Answer(effect.key, "rejected", f"the document is not understood: {error}")
        reply = self._send("DELETE", TRANSACTIONS + quote(told.number, safe=""), acts=True)
        if reply.status >= 300:
            return Answer(effect.key, "rejected", f"Vertex refused to delete it: {reply.read(Refusal).text}")
        return Answer(effect.key, "accepted", evidence={"document": told.number, "void": True})


def _head(request: TaxRequest) -> tuple[Any, ...]:
    """What the lines of a quotation share."""
    named = request.document or f"line {request.key}"
    who = (request.entity, request.account, request.buyer_tax_id, request.exempt, request.certificate, request.use_code)
    where = (request.country, request.region, request.ship_from, request.ship_to)
    return named, request.currency, request.tax_point, who, where


def _quote(request: TaxRequest, line: Line, source: str) -> TaxQuote:
    charged = [tax for tax in line.taxes if tax.taxCollectedFromParty != "BUYER" and tax.taxResult == "TAXABLE"]
    rate = sum((tax.effectiveRate for tax in charged), ZERO)
    region = (request.region or "").removeprefix(f"{request.country}-")
    place = f"{request.country}-{region}" if region else request.country
    category, reason = ("S", "") if rate or line.totalTax else _untaxed(request, line)
    parts = charged if len(charged) > 1 else []
    details = tuple(_part(tax, request.country, place) for tax in parts)
    return TaxQuote(request.key, rate, line.totalTax, category, place, source, reason, details)


def _untaxed(request: TaxRequest, line: Line) -> tuple[str, str]:
    """Category and reason where the seller charges nothing."""
    if any(tax.taxCollectedFromParty == "BUYER" for tax in line.taxes):
        return "AE", REVERSED
    if request.exempt or any(tax.exempt or tax.taxResult == "EXEMPT" for tax in line.taxes):
        return "E", request.exemption_reason or EXEMPT
    return "O", NOT_TAXED


def _part(tax: Tax, country: str, place: str) -> TaxDetail:
    who = tax.jurisdiction
    level = LEVELS.get(who.jurisdictionType, "special")
    named = {"country": country, "state": place}.get(level, f"{place}/{who.value}")
    return TaxDetail(named, level, tax.effectiveRate, tax.taxable, tax.calculatedTax, who.value)
