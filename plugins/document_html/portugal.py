"""The QR code of documents of Portugal: fields of letters and values, as the tax authority lays them out (Portaria 195/2020,
technical specifications 1.1)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Final

from engine.ports.hookspecs.delivery import DocumentTax, InvoiceDocument

ANYBODY: Final = "999999990"
"""The number of a consumer who gives none."""
KINDS: Final[Mapping[str, str]] = {
    "invoice": "FT",
    "corrected_invoice": "FT",
    "advance_invoice": "FT",
    "debit_note": "ND",
    "credit_note": "NC",
}
REDUCED, MIDDLE, NORMAL, EXEMPT = 3, 5, 7, 2
"""Places of the net amount of a rate within its region; that of the tax follows it."""
REGIONS: Final[Mapping[str, tuple[str, Mapping[int, int]]]] = {
    "PT": ("PT", {6: REDUCED, 13: MIDDLE, 23: NORMAL}),
    "PT-20": ("PT-AC", {4: REDUCED, 9: MIDDLE, 16: NORMAL, 18: NORMAL}),
    "PT-30": ("PT-MA", {4: REDUCED, 5: REDUCED, 12: MIDDLE, 22: NORMAL}),
}
"""Mainland, Azores and Madeira by ISO 3166-2: the name of the region, and its rates in per cent, those of some years ago too."""
LETTERS: Final = "IJK"
"""The regions that a document has, in their order."""

Sums = dict[str, dict[int, Decimal]]
"""Amounts by region and place."""


def portugal(document: InvoiceDocument) -> str:
    """What the code says; nothing where the document has no ATCUD, four characters of its signature and
    certificate of the program, is not in euros, or has a tax that is none of Portugal."""
    legal, certificate = document.legal, document.layout.certificate
    sums = _sums(document)
    numbers = [one.number for one in document.seller.registrations if (one.country, one.kind) == ("PT", "vat")]
    if not (legal and legal.code and len(legal.printed) == 4 and certificate and numbers and sums is not None):
        return ""
    fields = {
        "A": numbers[0].removeprefix("PT"),
        "B": (document.buyer.tax_id or ANYBODY).removeprefix(document.buyer.country),
        "C": document.buyer.country,
        "D": KINDS[document.kind],
        "E": "N",
        "F": f"{document.invoice_date:%Y%m%d}",
        "G": document.number,
        "H": legal.code,
        **dict(_regions(sums)),
        "N": _money(document.tax),
        "O": _money(document.total),
        "Q": legal.printed,
        "R": certificate,
    }
    return "*".join(f"{letter}:{value.replace('*', ' ')}" for letter, value in fields.items())


def _sums(document: InvoiceDocument) -> Sums | None:
    """Net and tax of each region by rate; what is not subject to VAT under no region; None where a part has no place."""
    if document.currency != "EUR":
        return None
    found: Sums = defaultdict(lambda: defaultdict(Decimal))
    for tax in document.taxes:
        if tax.category == "O":
            found[""][0] += tax.net
        elif (place := _place(tax)) is None:
            return None
        else:
            region, number = place
            found[region][number] += tax.net
            if tax.rate:
                found[region][number + 1] += tax.tax
    return found


def _place(tax: DocumentTax) -> tuple[str, int] | None:
    """The region and the place of a tax; what bears no rate is exempt on the mainland unless a region levies it."""
    if not tax.rate:
        return REGIONS.get(tax.jurisdiction, REGIONS["PT"])[0], EXEMPT
    region, rates = REGIONS.get(tax.jurisdiction, ("", {}))
    percent = tax.rate * 100
    number = rates.get(int(percent)) if percent == int(percent) else None
    return None if number is None else (region, number)


def _regions(sums: Sums) -> Iterator[tuple[str, str]]:
    known = [region for region, _ in REGIONS.values() if region in sums]
    if not known:
        yield "I1", "0"
    for letter, region in zip(LETTERS, known, strict=False):
        yield f"{letter}1", region
        for number, amount in sorted(sums[region].items()):
            yield f"{letter}{number}", _money(amount)
    if "" in sums:
        yield "L", _money(sums[""][0])


def _money(amount: Decimal) -> str:
    return f"{abs(amount):.2f}"
