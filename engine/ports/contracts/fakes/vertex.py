"""Vertex O Series REST v2 as far as sales go: tokens, quotations, invoices, given taxes, deletion."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from engine.ports.contracts.fakes.rates import UNION, UNTAXED, levies, rounded
from engine.ports.contracts.fakes.serving import Asked, Refused, Service

CLIENT_ID, CLIENT_SECRET, COMPANY = "tollbook-client", "cl1ent-Secret/7", "ACME"
ZERO = Decimal(0)
KINDS = ("QUOTATION", "INVOICE", "DISTRIBUTE_TAX")


def trouble(status: int, code: str, detail: str) -> Refused:
    """A refusal as O Series words it."""
    return Refused(status, {"errors": [{"status": str(status), "code": code, "title": code, "detail": detail}]})


class VertexSeries(Service):
    """One installation.  ``documents`` has what was recorded by transaction id, ``acts`` each time that one was new or deleted;
    ``currency`` answers in another currency; ``tokens`` are those that hold."""

    spared = ("/oauth/token",)  # another system gives the tokens

    def __init__(self) -> None:
        self.documents: dict[str, dict[str, Any]] = {}
        self.acts: list[str] = []
        self.tokens: set[str] = set()
        self.currency = ""
        super().__init__()

    def answer(self, asked: Asked) -> tuple[int, Any]:
        """Route a request."""
        if asked.path == "/oauth/token":
            return self._grant(asked.body)
        if asked.headers.get("Authorization", "").removeprefix("Bearer ") not in self.tokens:
            raise trouble(401, "UNAUTHORIZED", "The token does not hold.")
        if (asked.method, asked.path) == ("POST", "/vertex-ws/v2/supplies"):
            return 200, {"data": self._supplied(asked.body), "meta": {"app": "vertex-ws"}}
        ident = asked.path.removeprefix("/vertex-ws/v2/transactions/")
        if asked.method == "DELETE" and ident != asked.path:
            if self.documents.pop(ident, None) is None:
                raise trouble(404, "NOT_FOUND", f"There is no transaction {ident}.")
            self.acts.append(f"delete {ident}")
            return 200, {"data": {"message": "deleted"}}
        raise trouble(404, "NOT_FOUND", f"There is no {asked.method} {asked.path}.")

    def _grant(self, form: Mapping[str, str]) -> tuple[int, Any]:
        wanted = {"grant_type": "client_credentials", "client_id": CLIENT_ID, "client_secret": CLIENT_SECRET}
        if {name: form.get(name) for name in wanted} != wanted:
            raise Refused(401, {"error": "invalid_client"})
        token = secrets.token_hex(16)
        self.tokens.add(token)
        return 200, {"access_token": token, "expires_in": 1200, "token_type": "Bearer"}

    def _supplied(self, message: Mapping[str, Any]) -> dict[str, Any]:
        kind = message.get("saleMessageType")
        if kind not in KINDS:
            raise trouble(400, "VALIDATION_ERROR", f"saleMessageType {kind} is none of {', '.join(KINDS)}.")
        if message["seller"].get("company") != COMPANY:
            raise trouble(400, "TAXPAYER_ERROR", "The company is not in the taxpayer hierarchy.")
        currency = message["currency"]["isoCurrencyCodeAlpha"]
        lines = [self._line(message, line, kind, currency) for line in message["lineItems"]]
        ident = message.get("transactionId") or secrets.token_hex(8)
        data = {
            "saleMessageType": kind,
            "transactionType": message.get("transactionType"),
            "transactionId": ident,
            "documentNumber": message.get("documentNumber"),
            "documentDate": message["documentDate"],
            "currency": {"isoCurrencyCodeAlpha": self.currency or currency},
            "subTotal": sum((line["extendedPrice"] for line in lines), ZERO),
            "totalTax": sum((line["totalTax"] for line in lines), ZERO),
            "lineItems": lines,
        }
        data["total"] = data["subTotal"] + data["totalTax"]
        if kind != "QUOTATION":
            if ident not in self.documents:
                self.acts.append(f"record {ident}")
            self.documents[ident] = data
        return data

    def _line(self, message: Mapping[str, Any], line: Mapping[str, Any], kind: str, currency: str) -> dict[str, Any]:
        buyer, there = message["customer"], message["customer"]["destination"]
        country, region = there.get("country", ""), there.get("mainDivision", "")
        found = levies(country, region)
        if found is None:
            raise trouble(400, "TAX_AREA_NOT_FOUND", f"No tax area is known for {country} {region}.")
        origin = message["seller"].get("physicalOrigin", there).get("country", country)
        reverse = origin != country and {origin, country} <= {*UNION} and bool(buyer.get("taxRegistrations"))
        amount, exempt = Decimal(line["extendedPrice"]), bool(buyer.get("isTaxExempt"))
        result = "EXEMPT" if exempt else "NONTAXABLE" if line["product"]["productClass"] in UNTAXED else "TAXABLE"
        gross = amount if line.get("taxIncludedIndicator") else None
        if gross is not None and result == "TAXABLE" and not reverse:
            amount = rounded(gross / (1 + sum((one.rate for one in found), ZERO)), currency)
        taxable = amount if result == "TAXABLE" else ZERO
        taxes: list[dict[str, Any]] = [
            {
                "jurisdiction": {"value": one.name, "jurisdictionType": KIND.get(one.level, "DISTRICT")},
                "calculatedTax": ZERO if reverse else rounded(taxable * one.rate, currency),
                "effectiveRate": one.rate if result == "TAXABLE" else ZERO,
                "taxable": taxable,
                "exempt": amount if exempt else ZERO,
                "taxResult": result,
                "taxCollectedFromParty": "BUYER" if reverse else "SELLER",
            }
            for one in found
        ]
        if gross is not None and taxes:
            taxes[0]["calculatedTax"] += gross - amount - sum((tax["calculatedTax"] for tax in taxes), ZERO)
        computed = sum((tax["calculatedTax"] for tax in taxes), ZERO)
        if kind == "DISTRIBUTE_TAX":
            if taxes:
                taxes[0]["calculatedTax"] += Decimal(line["inputTotalTax"]) - computed
            computed = Decimal(line["inputTotalTax"])
        number = line["lineItemNumber"]
        return {"lineItemNumber": number, "extendedPrice": amount, "totalTax": computed, "taxes": taxes}


KIND = {"Country": "COUNTRY", "State": "STATE", "County": "COUNTY", "City": "CITY"}
