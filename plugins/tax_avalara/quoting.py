"""From requests to estimates of AvaTax and back: which lines share one, and what its answer means."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any, Final

from engine.model.tax import Address, TaxDetail, TaxQuote, TaxRequest
from engine.ports.hookspecs.tax import NoQuote

from .wire import ESTIMATE, ZERO, Detail, Line, Transaction, place_of

LONGEST_CODE: Final = 50
"""Characters of a customer's code in AvaTax."""

REVERSED: Final = "Reverse charge: the recipient accounts for the tax"
EXEMPT: Final = "Exempt from tax"
NOT_TAXED: Final = "Not subject to tax"


def grouped(requests: Sequence[TaxRequest]) -> list[list[TaxRequest]]:
    """The lines that share an estimate: those of one invoice, as far as nothing of its head differs."""
    groups: dict[Any, list[TaxRequest]] = {}
    for request in requests:
        groups.setdefault(_head(request), []).append(request)
    return [*groups.values()]


def _head(request: TaxRequest) -> tuple[Any, ...]:
    named = request.document or f"line {request.key}"
    who = (request.entity, request.account, request.buyer_tax_id, request.exempt, request.certificate, request.use_code)
    where = (request.country, request.region, request.ship_from, request.ship_to)
    return named, request.currency, request.tax_point, who, where


def customer(account: str) -> str:
    """The code of a customer: the key of its account, or a digest of a key that is too long or has odd characters."""
    if account.isascii() and account.isprintable() and account.strip() == account and len(account) <= LONGEST_CODE:
        return account
    return hashlib.sha256(account.encode()).hexdigest()[:32]


def exemption(exempt: bool, certificate: str | None, use_code: str | None, absent: str) -> dict[str, str]:
    """What says that a buyer is exempt; ``absent`` stands for a certificate without a number."""
    fields = {}
    if use_code:
        fields["entityUseCode"] = use_code
    if certificate or (exempt and not use_code):
        fields["exemptionNo"] = (certificate or absent)[:25]
    return fields


def addresses(ship_from: Address | None, ship_to: Address) -> dict[str, Any]:
    """Where it comes from and where it goes."""
    there = {"shipTo": place_of(ship_to)}
    return there if ship_from is None else {"shipFrom": place_of(ship_from), **there}


def estimate(group: Sequence[TaxRequest], company: str, codes: Mapping[str, str], absent: str) -> dict[str, Any]:
    """The estimate to ask for."""
    first = group[0]
    fields = {
        "type": ESTIMATE,
        "companyCode": company,
        "date": first.tax_point.isoformat(),
        "customerCode": customer(first.account),
        "currencyCode": first.currency,
        "commit": False,
        "addresses": addresses(first.ship_from, first.ship_to or Address(first.country, first.region or "")),
        "lines": [
            {"number": str(n), "quantity": 1, "amount": r.amount, "taxCode": codes.get(r.tax_code, r.tax_code)}
            | ({"taxIncluded": True} if r.tax_included else {})
            for n, r in enumerate(group, 1)
        ],
        **exemption(first.exempt, first.certificate, first.use_code, absent),
    }
    return fields | ({"businessIdentificationNo": first.buyer_tax_id} if first.buyer_tax_id else {})


def answers(group: Sequence[TaxRequest], given: Transaction, source: str) -> list[TaxQuote | NoQuote]:
    """The answers for the lines of an estimate; a line that it leaves out has none."""
    lines = {line.lineNumber: line for line in given.lines}
    pairs = [(request, lines.get(str(n))) for n, request in enumerate(group, 1)]
    return [_quote(request, line, source) for request, line in pairs if line is not None]


def _quote(request: TaxRequest, line: Line, source: str) -> TaxQuote:
    charged = [d for d in line.details if d.liabilityType != "Buyer" and (d.taxableAmount or not request.amount)]
    if request.exempt and not request.amount:
        charged = []
    rate = sum((detail.rate for detail in charged), ZERO)
    place = (
        f"{request.country}-{request.region.removeprefix(f'{request.country}-')}" if request.region else request.country
    )
    category, reason = ("S", "") if rate or line.tax else _untaxed(request, line)
    parts = charged if len(charged) > 1 and category == "S" else []
    return TaxQuote(
        request.key, rate, line.tax, category, place, source, reason, tuple(_part(detail) for detail in parts)
    )


def _untaxed(request: TaxRequest, line: Line) -> tuple[str, str]:
    """Category and reason where the seller charges nothing."""
    if any(detail.liabilityType == "Buyer" for detail in line.details):
        return "AE", REVERSED
    if line.exemptAmount or request.exempt:
        return "E", request.exemption_reason or EXEMPT
    if any(detail.rateTypeCode == "Z" for detail in line.details):
        return "Z", ""
    return "O", NOT_TAXED


def _part(detail: Detail) -> TaxDetail:
    return TaxDetail(
        detail.place, detail.level, detail.rate, detail.taxableAmount, detail.tax, detail.taxName or detail.jurisName
    )
