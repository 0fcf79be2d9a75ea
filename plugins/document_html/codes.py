"""QR codes of documents: what an authority or the law wants scanned, and what a bank's app takes to pay.

What a code says is made of the document alone.  A code whose parts the document lacks is not drawn: a document in dollars has
no code for a transfer in euros.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, time
from decimal import Decimal
from functools import partial
from typing import Final

import msgspec

from engine.base.errors import Code, Where, refuse
from engine.base.money import minor_digits
from engine.ports.hookspecs.delivery import InvoiceDocument
from engine.ports.hookspecs.notice import Document

from .portugal import portugal

NO_CODES = Code("document-html.no-codes", "A QR code is wanted, and what draws it is not on this machine.")
NO_ROOM = Code("document-html.no-room", "What a QR code has to hold does not go into one.")

CREDITS: Final = ("credit_note",)
LARGEST: Final = Decimal("999999999.99")
"""The most that a code for a transfer may ask for, in euros."""
EPC_BYTES: Final = 331
"""The most that a code for a transfer may hold."""
QUIET: Final = 4
"""Modules of white around a code, as its norm wants."""
DAMAGED: Final = "m"
"""How much of a code may be damaged: 15 %, which those who lay codes out want of all of them."""
SMALLEST: Final[Mapping[str, int]] = {"portugal": 9}
"""The smallest version of a code, where it may not be the smallest that holds what it says (Portaria 195/2020, technical specifications)."""


class Drawn(msgspec.Struct, frozen=True):
    """A code as it is drawn: ``name`` is the label of the words below it, ``uri`` the picture, ``text`` what it says, ``above`` what
    stands above it and on every sheet."""

    name: str
    uri: str
    text: str
    above: str = ""


def codes_of(document: Document) -> list[Drawn]:
    """The codes that the layout names and the document has what for, in the order of the layout.

    Raises:
        TollbookError: ``document-html.no-codes``, ``document-html.no-room``.
    """
    if not isinstance(document, InvoiceDocument):
        return []
    made = [(name, CODES[name](document)) for name in document.layout.codes]
    return [_drawn(document, name, text) for name, text in made if text]


def authority(document: InvoiceDocument) -> str:
    """What the authority that cleared the document answered."""
    return document.legal.qr if document.legal else ""


def zatca(document: InvoiceDocument) -> str:
    """Seller, VAT number, time, total and VAT as tags of one byte, length and value, in base64: the law of Saudi Arabia."""
    if document.legal and document.legal.qr:
        return document.legal.qr  # the authority's own has these tags and its stamp
    numbers = [one.number for one in document.seller.registrations if (one.country, one.kind) == ("SA", "vat")]
    total, tax = document.total, document.tax
    if document.currency != "SAR" and document.functional and document.functional_tax is not None:
        total, tax = document.functional.total, document.functional_tax
    elif document.currency != "SAR":
        return ""
    if not numbers or document.seller.country != "SA":
        return ""
    at = document.legal.cleared_at if document.legal else ""
    when = at or datetime.combine(document.invoice_date, time(), UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    values = (document.seller.name, numbers[0], when, f"{abs(total):.2f}", f"{abs(tax):.2f}")
    return base64.b64encode(b"".join(map(_tagged, range(1, 6), values))).decode()


def epc(document: InvoiceDocument) -> str:
    """A transfer in euros to the seller's account, as the European Payments Council lays it out (version 002, UTF-8)."""
    to_pay = document.total if document.due is None else document.due
    accounts = [one for one in document.seller.bank_accounts if one.iban]
    accounts = [one for one in accounts if one.currency == "EUR"] or accounts
    payable = document.currency == "EUR" and document.kind not in CREDITS and 0 < to_pay <= LARGEST
    if not payable or not accounts:
        return ""
    iban = accounts[0].iban.replace(" ", "")
    name = _short(document.seller.name, 70)
    lines = [
        "BCD",
        "002",
        "1",
        "SCT",
        accounts[0].bic or "",
        name,
        iban,
        f"EUR{to_pay:.{minor_digits('EUR')}f}",
        "",
        "",
    ]
    text = "\n".join([*lines, _short(document.number, 140)])
    return text if len(text.encode()) <= EPC_BYTES else ""


CODES: Final[Mapping[str, Callable[[InvoiceDocument], str]]] = {
    "authority": authority,
    "zatca": zatca,
    "epc": epc,
    "portugal": portugal,
}
"""What each code says; empty where the document has not what it takes."""


def _tagged(tag: int, value: str) -> bytes:
    content = value.encode()
    while len(content) > 255:
        value = value[:-1]
        content = value.encode()
    return bytes((tag, len(content))) + content


def _short(text: str, most: int) -> str:
    return " ".join(text.split())[:most]


def _drawn(document: InvoiceDocument, name: str, text: str) -> Drawn:
    try:
        import segno
    except ImportError as error:
        mend = "install tollbook[documents], or name no codes in the rules of documents"
        raise refuse(NO_CODES, f"QR codes cannot be drawn on this machine: {error}", mend=mend) from None
    where = Where(f"document/{document.number}")
    try:
        draw = partial(segno.make, text, error=DAMAGED, boost_error=False, micro=False, mode="byte", encoding="utf-8")
        code, smallest = draw(), SMALLEST.get(name, 1)
        if int(code.version) < smallest:
            code = draw(version=smallest)
    except segno.DataOverflowError as error:
        what = f"the code {name} of {document.number} has {len(text)} characters: {error}"
        raise refuse(NO_ROOM, what, mend="name another code in the rules of documents", where=where) from None
    above = f"ATCUD:{document.legal.code}" if name == "portugal" and document.legal else ""
    return Drawn(f"code_{name}", code.svg_data_uri(scale=4, border=QUIET, light="#fff"), text, above)
