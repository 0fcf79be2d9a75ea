"""ANSI ASC X12 810, version 004010, as one interchange of one group of one transaction."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from typing import Final

from engine.ports.hookspecs.delivery import Buyer, InvoiceDocument, Seller

from .envelope import Envelope
from .view import View, pieces, plain, view_of

KINDS: Final = {
    "invoice": "DI",
    "credit_note": "CR",
    "corrected_invoice": "CI",
    "debit_note": "DR",
    "advance_invoice": "DI",
}
"""Kinds of documents (element 640)."""

Segment = tuple[str, ...]


class Inexact(ValueError):
    """An amount that X12 has no place for: its total has two decimals in every currency."""


def written(document: InvoiceDocument, envelope: Envelope) -> bytes:
    """The interchange in UTF-8; partners that take the basic character set get it where the document has no other letters.

    Raises:
        Inexact: where the total has more than two decimals.
    """
    view, control = view_of(document), f"{envelope.control:09}"
    body = list(_transaction(view))
    day = f"{document.invoice_date:%Y%m%d}"
    ids = [f"{text:<15}"[:15] for text in (envelope.sender, envelope.recipient)]
    kinds = [f"{text:<2}"[:2] for text in (envelope.sender_qualifier, envelope.recipient_qualifier)]
    usage = "T" if envelope.test else "P"
    blank = " " * 10
    isa: Segment = (
        "ISA",
        "00",
        blank,
        "00",
        blank,
        kinds[0],
        ids[0],
        kinds[1],
        ids[1],
        day[2:],
        "1200",
        "U",
        "00401",
        control,
        "0",
        usage,
        ">",
    )
    group = str(envelope.control)
    segments: list[Segment] = [
        isa,
        ("GS", "IN", envelope.sender, envelope.recipient, day, "1200", group, "X", "004010"),
        ("ST", "810", "0001"),
        *body,
        ("SE", str(len(body) + 2), "0001"),
        ("GE", "1", group),
        ("IEA", "1", control),
    ]
    return "".join(f"{_segment(one)}~\n" for one in segments).encode()


def _segment(segment: Segment) -> str:
    if segment[0] == "ISA":
        return "*".join(segment)
    parts = [_clean(one) for one in segment]
    while parts and not parts[-1]:
        parts.pop()
    return "*".join(parts)


def _clean(text: str) -> str:
    """A text without the characters that divide segments; X12 has no way to write them."""
    return " ".join(text.translate({ord(mark): " " for mark in "*~>"}).split())


def _date(day: date) -> str:
    return f"{day:%Y%m%d}"


def _transaction(view: View) -> Iterator[Segment]:
    document = view.document
    order = document.purchase_order or ""
    yield ("BIG", _date(document.invoice_date), document.number[:22], "", order[:22], "", "", KINDS[document.kind])
    if document.note:
        yield ("NTE", "GEN", pieces(document.note, 80, 1)[0])
    yield ("CUR", "SE", document.currency)
    for reference in document.preceding:
        yield ("REF", "OI", reference.number[:30], "", "")
    for one in document.seller.registrations:
        yield ("REF", "TJ", one.number[:30])
    yield from _party("SE", document.seller)
    yield from _party("BT", document.buyer)
    yield from _terms(view)
    for line in document.lines:
        yield ("IT1", str(line.number), "1", "EA", view.money(line.amount), "", "VP", (line.subscription or "-")[:48])
        if line.tax_category:
            yield ("TXI", "VA", view.money(line.tax_amount), plain(line.tax_rate * 100))
        yield ("PID", "F", "", "", "", pieces(_said(view, line.quantity, line.unit, view.text_of(line)), 80, 1)[0])
        if line.service_from and line.service_to:
            yield ("DTM", "150", _date(line.service_from))
            yield ("DTM", "151", _date(line.service_to))
    yield ("TDS", _cents(view, document.total))
    for tax in document.taxes:
        yield ("TXI", "VA", view.money(tax.tax), plain(tax.rate * 100), "", "", "", "", view.money(tax.net))
    yield ("CTT", str(len(document.lines)))


def _terms(view: View) -> Iterator[Segment]:
    """Terms of sale: a basic discount (08) where there is one for paying early, else a day (05), both from the invoice date (3)."""
    early, due = view.document.early_payment, view.document.due_date
    net = "" if due is None else _date(due)
    if early is not None:
        percent, until, days = plain(early.discount * 100), _date(early.until), str(early.within)
        yield ("ITD", "08", "3", percent, until, days, net, "", _cents(view, early.amount))
    elif due is not None:
        yield ("ITD", "05", "3", "", "", "", net)


def _said(view: View, quantity: Decimal | None, unit: str | None, text: str) -> str:
    return text if quantity is None else f"{plain(abs(quantity))} {unit or ''} {text}"


def _cents(view: View, amount: Decimal) -> str:
    cents = amount * view.sign * 100
    if cents != cents.to_integral_value():
        raise Inexact(f"{amount} {view.document.currency} has more than the two decimals that X12 has for a total")
    return str(int(cents))


def _party(code: str, who: Seller | Buyer) -> Iterator[Segment]:
    yield ("N1", code, pieces(who.name, 60, 1)[0], "92", who.key[:80])
    lines = [piece for line in who.address.splitlines() for piece in pieces(line, 55, 2)]
    if lines:
        yield ("N3", *lines[:2])
    region = who.region[:2] if who.country in ("US", "CA") else ""
    yield ("N4", who.city[:30], region, who.postcode[:15], who.country)
