"""An invoice document as the business terms of EN 16931-1: ``BT-1`` and on, ``BG-25`` and on.

The norm knows no invoice with a negative price and no credit note with a negative total.  So a line that gives back is
a negative quantity at a positive price, and a credit note has the opposite signs of the document, whose amounts carry
the sign of the ledger.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import timedelta
from decimal import Decimal
from typing import Any, Final

import msgspec

from engine.base import wording
from engine.base.errors import Code, Finding, TollbookError, Where
from engine.base.money import minor_digits, round_to
from engine.ports.hookspecs.delivery import Allowance, Buyer, DocumentLine, DocumentTax, InvoiceDocument, Seller
from engine.ports.hookspecs.notice import words_of

NOT_EXPRESSIBLE = Code("einvoice.not-expressible", "A document that has no place in the norm for e-invoices as it is.")

Terms = dict[str, Any]
"""Values by business term, as the library that writes them takes them: amounts as text, days as dates."""

TYPE_CODE: Final[Mapping[str, str]] = {
    "invoice": "380",
    "credit_note": "381",
    "corrected_invoice": "384",
    "debit_note": "383",
    "advance_invoice": "386",
}
"""UNTDID 1001."""

REASONS: Final[Mapping[str, tuple[str, str]]] = {
    "AE": ("VATEX-EU-AE", "Reverse charge"),
    "K": ("VATEX-EU-IC", "Intra-Community supply"),
    "G": ("VATEX-EU-G", "Export outside the EU"),
    "O": ("VATEX-EU-O", "Not subject to VAT"),
    "E": ("", "Exempt from tax"),
}
"""Categories without tax: (code of the list VATEX, what is said where the document gives no reason)."""

CATEGORIES: Final = frozenset({"S", "Z", *REASONS})

UNITS: Final[Mapping[str, str]] = {
    "day": "DAY",
    "hour": "HUR",
    "minute": "MIN",
    "month": "MON",
    "second": "SEC",
    "year": "ANN",
    "GB": "E34",
    "GiB": "E59",
    "kWh": "KWH",
    "kg": "KGM",
    "km": "KMT",
    "litre": "LTR",
    "m3": "MTQ",
}
"""Units of UNECE recommendation 20 by their name here; all others are counted as pieces, C62."""

PRICE_DIGITS: Final = 4
TOLERANCE: Final = Decimal("0.02")
"""How far quantity times price may be from the amount, in whatever currency, by the rules of Peppol."""
PERCENT: Final = Decimal(100)


XRECHNUNG: Final = "urn:cen.eu:en16931:2017#compliant#urn:xeinkauf.de:kosit:xrechnung_3.0"
"""The identifier of XRechnung 3.0."""


def terms(document: InvoiceDocument, identifier: str = "") -> Terms:
    """The terms of a document, by the specification of an identifier; by the norm's own without one.

    Raises:
        TollbookError: ``einvoice.not-expressible`` with everything that stands against it.
    """
    findings = list(_complaints(document))
    if findings:
        raise TollbookError(findings)
    sign = -1 if document.kind == "credit_note" else 1
    money = _Money(document.currency, sign)
    taxable = all(tax.category != "O" for tax in document.taxes)
    found: Terms = {
        "BT-1": document.number,
        "BT-2": document.invoice_date,
        "BT-3": TYPE_CODE[document.kind],
        "BT-5": document.currency,
        "BT-7": document.tax_point if document.tax_point != document.invoice_date else None,
        "BT-9": document.due_date,
        "BT-10": document.buyer.reference,
        "BT-13": document.purchase_order,
        "BT-20": AGREED.get(identifier, agreed)(document),
        "BT-23": document.process,
        "BT-106": money(sum((line.amount for line in document.lines), Decimal(0))),
        "BT-109": money(document.net),
        "BT-110": money(document.tax),
        "BT-112": money(document.total),
        "BT-115": money(document.total - document.prepaid + document.rounding),
        "BG-1": [{"BT-22": document.note}] if document.note else None,
        "BG-3": [{"BT-25": one.number, "BT-26": one.invoice_date} for one in document.preceding],
        "BG-4": _seller(document.seller, document, taxable),
        "BG-7": _buyer(document.buyer, taxable),
        "BG-23": [_breakdown(tax, money) for tax in merged(document.taxes)],
        "BG-25": [_line(line, document, money) for line in document.lines],
        **_settlement(document, money),
        **_allowances(document.allowances, money),
        **_supply(document),
        **_payment(document),
    }
    return {key: value for key, value in found.items() if value not in (None, "", [])}


class _Money:
    """Writes amounts in a currency with all its digits, in the sign of the norm."""

    def __init__(self, currency: str, sign: int) -> None:
        self.digits, self.sign = minor_digits(currency), sign

    def __call__(self, amount: Decimal) -> str:
        value = amount * self.sign
        return f"{value or abs(value):.{self.digits}f}"


def agreed(document: InvoiceDocument) -> str | None:
    """The terms of payment in words, beside the day on which it is due: the discount for paying early, in the document's language."""
    early = document.early_payment
    if early is None:
        return None if document.due_date else "Payable immediately"
    place = wording.locale_of(document.layout.language or document.buyer.language, document.buyer.country)
    return words_of("early_payment", place.language).format(
        date=wording.day(early.until, place),
        percent=wording.percent(early.discount, place),
        amount=wording.cash(early.amount, document.currency, place),
        left=wording.cash(early.left, document.currency, place),
    )


def _skonto(document: InvoiceDocument) -> str | None:
    """The same as XRechnung wants it (rule BR-DE-18): a line that programs read, which needs a line after it; percentages of more than
    two digits are told in words alone."""
    early, words = document.early_payment, agreed(document)
    if early is None or early.discount != round(early.discount, 4):
        return words
    return f"#SKONTO#TAGE={early.within}#PROZENT={early.discount * PERCENT:.2f}#\n{words}"


AGREED: Final[Mapping[str, Callable[[InvoiceDocument], str | None]]] = {XRECHNUNG: _skonto}
"""How terms of payment are told where a specification has a form of its own, by its identifier."""


def _settlement(document: InvoiceDocument, money: _Money) -> Terms:
    """What is paid already, the rounding of what is due, and the tax in the currency of the books."""
    found: Terms = {}
    if document.prepaid:
        found["BT-113"] = money(document.prepaid)
    if document.rounding:
        found["BT-114"] = money(document.rounding)
    books = document.functional
    if books and document.functional_tax is not None and books.currency != document.currency:
        found["BT-6"] = books.currency
        found["BT-111"] = _Money(books.currency, money.sign)(document.functional_tax)
    return found


def _allowances(given: tuple[Allowance, ...], money: _Money) -> Terms:
    """Allowances (off the total) and charges (on it) of the document as a whole."""
    found: Terms = {}
    for group, total, sign in (("BG-20", "BT-107", 1), ("BG-21", "BT-108", -1)):
        mine = [one for one in given if one.amount * sign > 0]
        if mine:
            found[total] = money(sum((one.amount * sign for one in mine), Decimal(0)))
            found[group] = [
                {
                    "amount": money(one.amount * sign),
                    "reason": one.reason,
                    "vat_category_code": one.tax_category,
                    "vat_rate": _percent(one.tax_category, one.tax_rate),
                }
                for one in mine
            ]
    return found


def _supply(document: InvoiceDocument) -> Terms:
    """When and where it was supplied: the days that all lines share, and the country where the category asks for it."""
    begins = [line.service_from for line in document.lines if line.service_from]
    ends = [line.service_to for line in document.lines if line.service_to]
    found: Terms = {}
    if begins and ends:
        found |= {"BT-73": min(begins), "BT-74": max(max(ends) - timedelta(days=1), min(begins))}
    if any(tax.category == "K" for tax in document.taxes):
        buyer, country = document.buyer, document.delivery_country or document.buyer.country
        place = {"name": buyer.name, "country_code": country}
        if country == buyer.country:
            place |= {"city": buyer.city, "postcode": buyer.postcode}
        found |= {"BT-72": found.get("BT-74", document.invoice_date), "BG-13": place}
    return found


def _payment(document: InvoiceDocument) -> Terms:
    """Where it is paid to: a bank account of the seller in the document's currency, else any of his."""
    accounts = sorted(document.seller.bank_accounts, key=lambda one: one.currency != document.currency)
    if not accounts or not accounts[0].iban:
        return {}
    account = accounts[0]
    code = "58" if document.currency == "EUR" else "30"  # UNTDID 4461: SEPA credit transfer, credit transfer
    return {
        "BT-81": code,
        "BT-83": document.number,
        "BT-84": account.iban.replace(" ", ""),
        "BT-85": account.name or document.seller.name,
        "BT-86": account.bic or None,
    }


def _party(party: Seller | Buyer) -> Terms:
    """Name, address and electronic address of either side; the country is not a line of the address."""
    lines = [line.strip() for line in party.address.splitlines() if line.strip()]
    found: Terms = {"name": party.name, "country_code": party.country, "city": party.city, "postcode": party.postcode}
    found |= {f"addr_l{n}": line for n, line in enumerate(lines[:3], 1)}
    if party.region:
        found["country_subdivision"] = party.region
    if party.endpoint:
        found |= {"einvoicing_addr": party.endpoint, "einvoicing_addr_schemeid": party.endpoint_scheme}
    if party.legal_id:
        found |= {"legal_identifier": party.legal_id, "legal_identifier_schemeid": party.legal_scheme}
    if party.contact:
        found["contacts"] = [
            {"name": party.contact.name, "phone": party.contact.phone, "email": party.contact.email},
        ]
    return {key: value for key, value in found.items() if value}


def _seller(seller: Seller, document: InvoiceDocument, taxable: bool) -> Terms:
    """The seller, with his number for VAT where the tax is levied, else where he is established, else any; where nothing is
    subject to VAT the norm allows none, and his key stands in."""
    levied = {tax.jurisdiction[:2] for tax in document.taxes if tax.tax}
    known = sorted(seller.registrations, key=lambda one: (one.country not in levied, one.country != seller.country))
    number = next((one.number for one in known if _for_vat(one.number)), "")
    found = _party(seller)
    if taxable and number:
        found["vat_identifier"] = number
    elif "legal_identifier" not in found:
        found["identifiers"] = {None: seller.key}
    return found


def _buyer(buyer: Buyer, taxable: bool) -> Terms:
    """The buyer; a tax number that is none for VAT, as it names no country, is one of his identifiers."""
    found = _party(buyer)
    if buyer.tax_id and not _for_vat(buyer.tax_id):
        return found | {"identifiers": {None: buyer.tax_id}}
    return found | ({"vat_identifier": buyer.tax_id} if buyer.tax_id and taxable else {})


def _for_vat(number: str) -> bool:
    """Whether a tax number begins with a country, as those for VAT do in the norm."""
    return number[:2].isalpha() and number[:2].isupper() and number[2:].isalnum()


def merged(taxes: Iterable[DocumentTax]) -> list[DocumentTax]:
    """The taxes of a document by category and rate alone: the norm does not ask who levies them."""
    found: dict[tuple[str, Decimal], DocumentTax] = {}
    for tax in taxes:
        other = found.get((tax.category, tax.rate))
        found[tax.category, tax.rate] = (
            msgspec.structs.replace(other, net=other.net + tax.net, tax=other.tax + tax.tax) if other else tax
        )
    return list(found.values())


def _breakdown(tax: DocumentTax, money: _Money) -> Terms:
    code, said = REASONS.get(tax.category, ("", ""))
    return {
        "BT-116": money(tax.net),
        "BT-117": money(tax.tax),
        "BT-118": tax.category,
        "BT-119": f"{tax.rate * PERCENT:.2f}",
        "BT-120": (tax.reason or said) if said else None,
        "BT-121": code or None,
    }


def _percent(category: str, rate: Decimal) -> str | None:
    """A rate as the norm writes it; what is not subject to VAT has none."""
    return None if category == "O" else f"{rate * PERCENT:.2f}"


def _line(line: DocumentLine, document: InvoiceDocument, money: _Money) -> Terms:
    quantity, price, unit = _priced(line, document.currency, money.sign)
    found: Terms = {
        "BT-126": str(line.number),
        "BT-129": f"{quantity:f}",
        "BT-130": unit,
        "BT-131": money(line.amount),
        "BT-134": line.service_from,
        "BT-135": max(line.service_to - timedelta(days=1), line.service_from)
        if line.service_to and line.service_from
        else None,
        "BT-146": f"{price:f}",
        "BT-151": line.tax_category,
        "BT-152": _percent(line.tax_category, line.tax_rate),
        "BT-153": line.text,
        "BT-154": _said(line, unit, quantity),
    }
    return {key: value for key, value in found.items() if value is not None}


def _priced(line: DocumentLine, currency: str, sign: int) -> tuple[Decimal, Decimal, str]:
    """(quantity, price, unit) whose product is the amount to the minor unit.

    A quantity whose price comes out with at most four digits is shown as it is; tiers, shares of cycles and the like
    have no price of one unit, so they are one piece at the amount.
    """
    amount = line.amount * sign
    if line.quantity and line.quantity > 0:
        price = (abs(amount) / line.quantity).quantize(Decimal(1).scaleb(-PRICE_DIGITS))
        exact = line.quantity == line.quantity.quantize(Decimal(1).scaleb(-PRICE_DIGITS))
        near = abs(price * line.quantity - abs(amount)) <= TOLERANCE
        if exact and near and price and round_to(price * line.quantity, currency) == abs(amount):
            quantity = line.quantity.normalize() if amount >= 0 else -line.quantity.normalize()
            return quantity, _plain(price), UNITS.get(line.unit or "", "C62")
    return Decimal(1 if amount >= 0 else -1), abs(amount), "C62"


def _plain(price: Decimal) -> Decimal:
    """A price without zeros at its end that say nothing, but with two digits."""
    short = price.quantize(Decimal("0.01"))
    return short if short == price else price.normalize()


def _said(line: DocumentLine, unit: str, quantity: Decimal) -> str | None:
    """What the norm's fields leave out: the quantity where it is not shown, and whose service it was."""
    said = []
    if line.quantity is not None and abs(quantity) != line.quantity:
        said.append(f"{line.quantity.normalize():f} {line.unit or 'units'}")
    if line.account_name:
        said.append(line.account_name)
    return ", ".join(said) or None


def _complaints(document: InvoiceDocument) -> Iterator[Finding]:
    """What stands against writing a document as an e-invoice."""

    def no(what: str, why: str, mend: str) -> Finding:
        where = Where(f"document/{document.number}")
        return Finding(NOT_EXPRESSIBLE, where, what, why, mend, subject=where.file)

    strange = sorted({tax.category for tax in document.taxes} - CATEGORIES)
    if strange:
        yield no(
            f"tax category {', '.join(strange)}",
            f"the norm knows {', '.join(sorted(CATEGORIES))}",
            "let the tax rules or adapter give one of those",
        )
    categories = {tax.category for tax in document.taxes}
    if "O" in categories and len(categories) > 1:
        yield no(
            "lines that are not subject to VAT beside lines that are",
            "the norm allows no other category beside O on one document",
            "let an invoicing rule put them on documents of their own",
        )
    if document.total * (-1 if document.kind == "credit_note" else 1) < 0:
        yield no(
            f"a {document.kind.replace('_', ' ')} of {document.total} {document.currency}",
            "the sign of its total does not go with its kind",
            "issue the other kind of document",
        )
    for tax in merged(document.taxes):
        exact = round_to(tax.net * tax.rate, document.currency)
        if exact != tax.tax:
            yield no(
                f"tax of {tax.tax} on {tax.net} {document.currency} at {tax.rate * PERCENT:f} %",
                f"the norm reckons the tax of a category and rate from their sum: {exact}",
                "let an invoicing rule reckon tax by category and rate",
            )
