"""A document as EDI messages need it: credit notes with positive amounts, lines and totals in two signs only, texts in pieces."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from typing import Final

import msgspec

from engine.base.money import minor_digits
from engine.ports.hookspecs.delivery import DocumentLine, InvoiceDocument

CODES: Final = {
    "invoice": "380",
    "credit_note": "381",
    "corrected_invoice": "384",
    "debit_note": "383",
    "advance_invoice": "386",
}
"""Kinds of documents by their codes (UNTDID 1001)."""


class View(msgspec.Struct, frozen=True):
    """A document with the sign that its amounts are written with: -1 in a credit note, whose kind says that it gives back."""

    document: InvoiceDocument
    sign: int

    def money(self, amount: Decimal) -> str:
        """An amount with the digits of the currency."""
        return f"{amount * self.sign:.{minor_digits(self.document.currency)}f}"

    def text_of(self, line: DocumentLine) -> str:
        """What a line is for."""
        days = f"{line.service_from}/{line.service_to}" if line.service_from and line.service_to else ""
        return " ".join(filter(None, (line.text, days, line.share if line.share not in (None, "1") else "")))


def view_of(document: InvoiceDocument) -> View:
    """The view of a document."""
    return View(document, -1 if document.kind == "credit_note" else 1)


def pieces(text: str, size: int, most: int) -> list[str]:
    """A text in at most so many pieces of at most ``size`` characters, cut between words where that can be; what does not fit is
    left out."""
    return list(_cut(" ".join(text.split()), size))[:most]


def _cut(text: str, size: int) -> Iterator[str]:
    while len(text) > size:
        at = text.rfind(" ", 1, size + 1)
        at = size if at < 1 else at
        yield text[:at]
        text = text[at:].lstrip()
    yield text


def plain(number: Decimal) -> str:
    """A number without an exponent and without zeros at its end."""
    text = f"{number:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text
