"""AvaTax REST v2 as far as documents of sales go: estimates, documents and their states, refunds, lists, addresses."""

from __future__ import annotations

import base64
import re
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from engine.ports.contracts.fakes.rates import UNION, UNTAXED, levies, rounded
from engine.ports.contracts.fakes.serving import Asked, Refused, Service

ACCOUNT, LICENSE_KEY, COMPANY = "2000134567", "L1cence-Key/9", "DEFAULT"
ZERO = Decimal(0)
ESTIMATES = ("SalesOrder", "ReturnOrder")
DOCUMENTS = ("SalesInvoice", "ReturnInvoice")
LENGTHS = {"code": 50, "customerCode": 50, "purchaseOrderNo": 50, "exemptionNo": 25, "referenceCode": 1024}


def trouble(status: int, code: str, message: str, description: str = "") -> Refused:
    """A refusal as AvaTax words it."""
    detail = {
        "code": code,
        "number": {"DocStatusError": 300, "EntityNotFoundError": 4, "JurisdictionNotFoundError": 130}.get(code, 5),
        "message": message,
        "description": description or message,
        "faultCode": "Client",
        "helpLink": f"http://developer.avalara.com/avatax/errors/{code}",
        "severity": "Error",
    }
    return Refused(status, {"error": {"code": code, "message": message, "target": "HttpRequest", "details": [detail]}})


class AvaTax(Service):
    """One account with one company.

    ``documents`` has them by code; ``acts`` each time that one was recorded, refunded or made void; ``currency`` answers in
    another currency; ``saves`` leaves refunds uncommitted; ``cent`` is added to the tax of documents, as if a rate had moved.
    """

    def __init__(self) -> None:
        self.documents: dict[str, dict[str, Any]] = {}
        self.acts: list[str] = []
        self.companies = {COMPANY}
        self.currency, self.saves, self.cent = "", False, ZERO
        self._ids = 0
        super().__init__()

    def answer(self, asked: Asked) -> tuple[int, Any]:
        """Route a request."""
        known = self._known(asked)
        if asked.path == "/api/v2/utilities/ping":
            kind = "UsernamePassword" if known else "None"
            return 200, {"version": "26.10.0", "authenticated": known, "authenticationType": kind}
        if not known:
            raise trouble(401, "AuthenticationException", "The credentials you provided were not accepted.")
        for pattern, methods, name in ROUTES:
            match = re.fullmatch(pattern, asked.path)
            if match and asked.method in methods:
                answer: tuple[int, Any] = getattr(self, name)(asked, *match.groups())
                return answer
        raise trouble(404, "ResourceNotFoundException", f"There is no {asked.method} {asked.path}.")

    def garbled(self, answer: Any) -> Any:
        """Another currency, where that is asked for."""
        return {**answer, "currencyCode": self.currency} if self.currency and "currencyCode" in answer else answer

    def _known(self, asked: Asked) -> bool:
        login = base64.b64encode(f"{ACCOUNT}:{LICENSE_KEY}".encode()).decode()
        return asked.headers.get("Authorization") == f"Basic {login}"

    def _create(self, asked: Asked) -> tuple[int, Any]:
        return 201, _shown(asked, self._made(asked.body, replace=False))

    def _create_or_adjust(self, asked: Asked) -> tuple[int, Any]:
        if "createTransactionModel" not in (asked.body or {}):
            raise trouble(400, "ValueRequiredError", "Field createTransactionModel is required.")
        return 201, _shown(asked, self._made(asked.body["createTransactionModel"], replace=True))

    def _made(self, model: Mapping[str, Any], replace: bool) -> dict[str, Any]:
        self._checked(model)
        kind, code = model.get("type", "SalesOrder"), model.get("code") or f"auto-{self._ids + 1}"
        if kind in ESTIMATES:
            return self._calculated(model, kind, code, "Temporary", 0)
        before = self.documents.get(code)
        if before is not None and before["locked"]:
            raise trouble(400, "CannotModifyLockedTransaction", "A locked transaction cannot be changed.")
        if before is not None and before["status"] == "Committed" and not replace:
            raise trouble(
                400, "DocStatusError", "Document status is invalid for this operation.", "Expected Saved|Posted"
            )
        self._ids += 1
        status = "Committed" if model.get("commit") else "Saved"
        made = self._calculated(model, kind, code, status, self._ids)
        if not replace:
            self._moved(made)
        self.documents[code] = made
        self.acts.append(f"record {code}")
        return made

    def _moved(self, made: dict[str, Any]) -> None:
        """A document whose rate is not that of its estimate any more."""
        if self.cent:
            made["lines"][0]["tax"] += self.cent
            made["totalTax"] += self.cent

    def _checked(self, model: Mapping[str, Any]) -> None:
        for name in ("companyCode", "customerCode", "date", "lines", "currencyCode"):
            if not model.get(name):
                raise trouble(400, "ValueRequiredError", f"Field {name} is required.")
        for name, longest in LENGTHS.items():
            if len(model.get(name) or "") > longest:
                raise trouble(400, "StringLengthError", f"Field {name} must be between 0 and {longest} characters.")
        if model["companyCode"] not in self.companies:
            raise trouble(400, "CompanyNotFoundError", f"Company not found: {model['companyCode']}")
        if not re.fullmatch(r"\d{4}-\d\d-\d\d", model["date"]):
            raise trouble(400, "InvalidDate", "The date is not valid.")
        numbers = [line.get("number") for line in model["lines"]]
        if len(set(numbers)) < len(numbers):
            raise trouble(400, "DuplicateLineNumber", "Line numbers must be unique.")

    def _calculated(self, model: Mapping[str, Any], kind: str, code: str, status: str, ident: int) -> dict[str, Any]:
        lines = [self._line(model, line) for line in model["lines"]]
        return {
            "id": ident,
            "code": code,
            "companyId": 12345,
            "date": model["date"],
            "status": status,
            "type": kind,
            "currencyCode": model["currencyCode"],
            "customerCode": model["customerCode"],
            "referenceCode": model.get("referenceCode"),
            "totalAmount": sum((line["lineAmount"] for line in lines), ZERO),
            "totalExempt": sum((line["exemptAmount"] for line in lines), ZERO),
            "totalTax": sum((line["tax"] for line in lines), ZERO),
            "totalTaxable": sum((line["taxableAmount"] for line in lines), ZERO),
            "locked": False,
            "version": 1,
            "lines": lines,
        }

    def _line(self, model: Mapping[str, Any], line: Mapping[str, Any]) -> dict[str, Any]:
        amount, currency = Decimal(line["amount"]), model["currencyCode"]
        places = line.get("addresses") or model.get("addresses") or {}
        there = (
            places.get("shipTo") or places.get("ShipTo") or places.get("singleLocation") or places.get("SingleLocation")
        )
        if not there:
            raise trouble(400, "AddressError", "A ship-to address is required.")
        country, region = there.get("country", "US"), there.get("region", "")
        found = levies(country, region)
        if found is None:
            raise trouble(
                400,
                "JurisdictionNotFoundError",
                "Unable to determine the taxing jurisdictions.",
                f"{country} {region} is no known place.",
            )
        rates = sum((levy.rate for levy in found), ZERO)
        gross = amount if line.get("taxIncluded") else None
        origin = (places.get("shipFrom") or places.get("ShipFrom") or there).get("country", country)
        reverse = origin != country and {origin, country} <= {*UNION} and bool(model.get("businessIdentificationNo"))
        exempt = bool(model.get("exemptionNo") or model.get("entityUseCode") or line.get("exemptionNo"))
        nothing = exempt or line.get("taxCode") in UNTAXED
        if gross is not None and not nothing and not reverse:
            amount = rounded(gross / (1 + rates), currency)
        details = [
            self._detail(country, region, levy, ZERO if nothing else amount, currency, reverse) for levy in found
        ]
        if gross is not None and details:
            details[0]["tax"] += gross - amount - sum((detail["tax"] for detail in details), ZERO)
        override = line.get("taxOverride") or {}
        if override.get("type", "").lower() == "taxamount":
            self._override(details, Decimal(override["taxAmount"]), currency)
        return {
            "id": 1,
            "lineNumber": str(line.get("number", "1")),
            "itemCode": line.get("itemCode", ""),
            "lineAmount": amount,
            "quantity": line.get("quantity", 1),
            "taxCode": line.get("taxCode", "P0000000"),
            "exemptAmount": amount if exempt else ZERO,
            "nonTaxableAmount": amount if line.get("taxCode") in UNTAXED and not exempt else ZERO,
            "taxableAmount": ZERO if nothing else amount,
            "isItemTaxable": not nothing,
            "tax": sum((detail["tax"] for detail in details), ZERO),
            "taxCalculated": sum((detail["tax"] for detail in details), ZERO),
            "details": details,
        }

    def _detail(
        self, country: str, region: str, levy: Any, taxable: Decimal, currency: str, reverse: bool
    ) -> dict[str, Any]:
        return {
            "country": country,
            "region": region or country,
            "jurisType": levy.level,
            "jurisdictionType": levy.level,
            "jurisName": levy.name,
            "rate": levy.rate,
            "tax": ZERO if reverse else rounded(taxable * levy.rate, currency),
            "taxableAmount": taxable,
            "taxName": f"{levy.name} TAX",
            "taxType": "Sales" if country == "US" else "Output",
            "liabilityType": "Buyer" if reverse else "Seller",
            "rateTypeCode": "S",
        }

    def _override(self, details: list[dict[str, Any]], tax: Decimal, currency: str) -> None:
        """A tax that is told: spread over who levies it, in proportion of their rates."""
        if not details:
            if tax:
                raise trouble(400, "TaxOverrideError", "There is no jurisdiction for the tax.")
            return
        whole, left = sum((detail["rate"] for detail in details), ZERO), tax
        for detail in details[:-1]:
            detail["tax"] = rounded(tax * detail["rate"] / whole, currency)
            left -= detail["tax"]
        details[-1]["tax"] = left

    def _of(self, asked: Asked, company: str, path: str) -> dict[str, Any]:
        """The document of a code and a type."""
        code = re.sub(r"_-ava([0-9a-f]{2})-_", lambda match: chr(int(match[1], 16)), path)
        kind = asked.query.get("documentType", "SalesInvoice")
        if company not in self.companies or self.documents.get(code, {}).get("type") != kind:
            raise trouble(404, "EntityNotFoundError", f"Transaction not found with code '{code}'.")
        return self.documents[code]

    def _one(self, asked: Asked, company: str, code: str) -> tuple[int, Any]:
        return 200, _shown(asked, self._of(asked, company, code))

    def _commit(self, asked: Asked, company: str, code: str) -> tuple[int, Any]:
        found = self._of(asked, company, code)
        if found["status"] not in ("Saved", "Posted", "Committed"):
            raise trouble(400, "DocStatusError", "Document status is invalid for this operation.", "Expected Posted")
        found["status"] = "Committed" if asked.body.get("commit") else found["status"]
        return 200, _shown(asked, found)

    def _void(self, asked: Asked, company: str, code: str) -> tuple[int, Any]:
        found = self._of(asked, company, code)
        if asked.body.get("code") not in ("DocVoided", "DocDeleted", "PostFailed", "AdjustmentCancelled"):
            raise trouble(400, "ValueRequiredError", "Field code is required.")
        if found["locked"]:
            raise trouble(400, "CannotModifyLockedTransaction", "A locked transaction cannot be changed.")
        if found["status"] == "Cancelled":
            raise trouble(400, "DocStatusError", "Document status is invalid for this operation.")
        found["status"] = "Cancelled"
        self.acts.append(f"void {found['code']}")
        return 200, _shown(asked, found)

    def _lock(self, asked: Asked, company: str, code: str) -> tuple[int, Any]:
        found = self._of(asked, company, code)
        found["locked"] = bool(asked.body.get("isLocked"))
        return 200, _shown(asked, found)

    def _refund(self, asked: Asked, company: str, code: str) -> tuple[int, Any]:
        found, model = self._of(asked, company, code), asked.body
        number = model.get("refundTransactionCode") or f"{found['code']}-refund"
        if found["type"] != "SalesInvoice" or found["status"] not in ("Committed", "Posted"):
            raise trouble(400, "DocStatusError", "Document status is invalid for this operation.")
        if model.get("refundType") != "Full":
            raise trouble(400, "NotImplemented", "This stand-in refunds whole documents.")
        if number in self.documents:
            raise trouble(400, "DuplicateEntry", f"Transaction {number} exists already.")
        self._ids += 1
        lines = [_negative(line) for line in found["lines"]]
        made = {
            **found,
            "id": self._ids,
            "code": number,
            "type": "ReturnInvoice",
            "date": model.get("refundDate") or found["date"],
            "status": "Saved" if self.saves else "Committed",
            "referenceCode": model.get("referenceCode"),
            "lines": lines,
            **{name: -found[name] for name in ("totalAmount", "totalExempt", "totalTax", "totalTaxable")},
        }
        self.documents[number] = made
        self.acts.append(f"record {number}")
        return 201, _shown(asked, made)

    def _list(self, asked: Asked, company: str) -> tuple[int, Any]:
        if company not in self.companies:
            raise trouble(404, "EntityNotFoundError", f"Company not found: {company}")
        wanted = asked.query.get("$filter", "")
        since = re.search(r"date ge '([\d-]+)'", wanted)
        until = re.search(r"date lt '([\d-]+)'", wanted)
        found = [
            one
            for one in sorted(self.documents.values(), key=lambda one: int(one["id"]))
            if (since is None or one["date"] >= since[1]) and (until is None or one["date"] < until[1])
        ]
        skip, top = int(asked.query.get("$skip", 0)), min(int(asked.query.get("$top", 1000)), 1000)
        page: dict[str, Any] = {
            "@recordsetCount": len(found),
            "value": [_head(one) for one in found[skip : skip + top]],
        }
        if skip + top < len(found):
            page["@nextLink"] = f"{self.url}{asked.path}?$skip={skip + top}"
        return 200, page

    def _resolve(self, asked: Asked) -> tuple[int, Any]:
        place = asked.body or asked.query
        known = levies(place.get("country", ""), place.get("region", "")) is not None
        if not place.get("line1") or not known:
            message = {
                "summary": "The address is not deliverable.",
                "details": "An exact street name match could not be found.",
                "refersTo": "address",
                "severity": "Error",
                "source": "Avalara.AvaTax.Services.Address",
            }
            return 200, {"address": place, "resolutionQuality": "NotCoded", "messages": [message]}
        tidy = {name: str(value).upper() for name, value in place.items()}
        return 200, {
            "address": place,
            "validatedAddresses": [tidy],
            "coordinates": {"latitude": 33.66, "longitude": -117.82},
            "resolutionQuality": "Intersection",
        }


ROUTES = (
    (r"/api/v2/transactions/create", ("POST",), "_create"),
    (r"/api/v2/transactions/createoradjust", ("POST",), "_create_or_adjust"),
    (r"/api/v2/companies/([^/]+)/transactions", ("GET",), "_list"),
    (r"/api/v2/companies/([^/]+)/transactions/([^/]+)/commit", ("POST",), "_commit"),
    (r"/api/v2/companies/([^/]+)/transactions/([^/]+)/void", ("POST",), "_void"),
    (r"/api/v2/companies/([^/]+)/transactions/([^/]+)/lock", ("POST",), "_lock"),
    (r"/api/v2/companies/([^/]+)/transactions/([^/]+)/refund", ("POST",), "_refund"),
    (r"/api/v2/companies/([^/]+)/transactions/([^/]+)", ("GET",), "_one"),
    (r"/api/v2/addresses/resolve", ("GET", "POST"), "_resolve"),
)


def _shown(asked: Asked, document: Mapping[str, Any]) -> dict[str, Any]:
    """A document with its lines only where they are asked for."""
    wanted = asked.query.get("$include", "")
    return dict(document) if "Lines" in wanted or "Details" in wanted else _head(document)


def _negative(line: Mapping[str, Any]) -> dict[str, Any]:
    names = ("lineAmount", "exemptAmount", "taxableAmount", "nonTaxableAmount", "tax", "taxCalculated")
    details = [{**d, "tax": -d["tax"], "taxableAmount": -d["taxableAmount"]} for d in line["details"]]
    return {**line, **{name: -line[name] for name in names}, "details": details}


def _head(document: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in document.items() if name != "lines"} | {"lines": None}
