"""UN/EDIFACT INVOIC (directories D.96A and D.01B), as one interchange of one message."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date
from decimal import Decimal
from typing import Final

from engine.ports.hookspecs.delivery import Buyer, DocumentTax, InvoiceDocument, Seller

from .envelope import Envelope
from .view import CODES, View, pieces, plain, view_of

ASSOCIATION: Final = {"D96A": ("96A", "EAN008"), "D01B": ("01B", "EAN011")}
"""Release of the directory, and EANCOM's version for it."""

Element = str | Sequence[str]
Segment = tuple[Element, ...]

_RELEASED: Final = str.maketrans({"?": "??", "'": "?'", "+": "?+", ":": "?:"})


def written(document: InvoiceDocument, envelope: Envelope, message: str) -> bytes:
    """The interchange: in Latin-1 (syntax level UNOC) where that has all its letters, otherwise in UTF-8 (UNOW)."""
    view, (release, association) = view_of(document), ASSOCIATION[message]
    body = list(_message(view))
    control = str(envelope.control)
    test: tuple[Element, ...] = ("", "", "", "", "1") if envelope.test else ()
    head: list[Segment] = [("UNH", "1", ("INVOIC", "D", release, "UN", association))]
    tail: list[Segment] = [("UNT", str(len(body) + 2), "1"), ("UNZ", "1", control)]

    def text(level: Sequence[str]) -> str:
        sender = (envelope.sender, envelope.sender_qualifier)
        recipient = (envelope.recipient, envelope.recipient_qualifier)
        when = (f"{document.invoice_date:%y%m%d}", "1200")
        top: Segment = ("UNB", level, sender, recipient, when, control, *test)
        return "UNA:+.? '" + "".join(f"{_segment(one)}'\n" for one in (top, *head, *body, *tail))

    try:
        return text(("UNOC", "3")).encode("latin-1")
    except UnicodeEncodeError:
        return text(("UNOW", "4")).encode()


def _segment(segment: Segment) -> str:
    """A segment without its end; empty elements at the end are left out."""
    parts = [_element(one) for one in segment]
    while parts and not parts[-1]:
        parts.pop()
    return "+".join(parts)


def _element(element: Element) -> str:
    if isinstance(element, str):
        return element.translate(_RELEASED)
    return ":".join(one.translate(_RELEASED) for one in element).rstrip(":")


def _day(code: str, day: date | None) -> Iterator[Segment]:
    if day is not None:
        yield ("DTM", (code, f"{day:%Y%m%d}", "102"))


def _message(view: View) -> Iterator[Segment]:
    document = view.document
    yield ("BGM", CODES[document.kind], document.number[:35], "9")
    yield from _day("137", document.invoice_date)
    yield from _day("131", document.tax_point)
    if document.note:
        yield ("FTX", "AAI", "", "", tuple(pieces(document.note, 70, 5)))
    if document.purchase_order:
        yield ("RFF", ("ON", document.purchase_order[:35]))
    for reference in document.preceding:
        yield ("RFF", ("IV", reference.number[:35]))
        yield from _day("171", reference.invoice_date)
    yield from _party("SU", document.seller)
    for one in document.seller.registrations:
        yield ("RFF", ("VA", one.number[:35]))
    yield from _party("IV", document.buyer)
    if document.buyer.tax_id:
        yield ("RFF", ("VA", document.buyer.tax_id[:35]))
    yield ("CUX", ("2", document.currency, "4"))
    if document.due_date is not None:
        yield ("PAT", "3")
        yield from _day("13", document.due_date)
    if early := document.early_payment:
        yield ("PAT", "22", "", ("5", "3", "D", str(early.within)))
        yield from _day("12", early.until)
        yield ("PCD", ("12", plain(early.discount * 100)))
    yield from _lines(view)
    yield ("UNS", "S")
    yield from _totals(view)


def _party(code: str, who: Seller | Buyer) -> Iterator[Segment]:
    agency = "9" if who.endpoint_scheme == "0088" else "92"
    ident = (who.endpoint if who.endpoint_scheme == "0088" else who.key)[:35]
    name = tuple(pieces(who.name, 35, 5))
    street = tuple(piece for line in who.address.splitlines() for piece in pieces(line, 35, 3))[:3]
    yield (
        "NAD",
        code,
        (ident, "", agency),
        "",
        name,
        street,
        who.city[:35],
        who.region[:9],
        who.postcode[:9],
        who.country,
    )


def _lines(view: View) -> Iterator[Segment]:
    for line in view.document.lines:
        yield ("LIN", str(line.number))
        yield ("IMD", "F", "", ("", "", "", *pieces(view.text_of(line), 35, 2)))
        if line.quantity is not None:
            yield ("QTY", ("47", plain(abs(line.quantity))))
        if line.service_from and line.service_to:
            yield ("DTM", ("263", f"{line.service_from:%Y%m%d}{line.service_to:%Y%m%d}", "718"))
        yield ("MOA", ("203", view.money(line.amount)))
        if line.tax_category:
            yield _tax(line.tax_rate, line.tax_category)
            yield ("MOA", ("124", view.money(line.tax_amount)))


def _tax(rate: Decimal, category: str) -> Segment:
    return ("TAX", "7", "VAT", "", "", ("", "", "", plain(rate * 100)), category)


def _totals(view: View) -> Iterator[Segment]:
    document = view.document
    yield ("CNT", ("2", str(len(document.lines))))
    yield ("MOA", ("79", view.money(sum((line.amount for line in document.lines), Decimal(0)))))
    for allowance in document.allowances:
        yield ("MOA", ("131", view.money(-allowance.amount)))
    yield ("MOA", ("125", view.money(document.net)))
    yield ("MOA", ("124", view.money(document.tax)))
    yield ("MOA", ("77", view.money(document.total)))
    if document.due is not None:
        yield ("MOA", ("113", view.money(document.prepaid)))
        yield ("MOA", ("9", view.money(document.due)))
    for tax in document.taxes:
        yield from _breakdown(view, tax)


def _breakdown(view: View, tax: DocumentTax) -> Iterator[Segment]:
    yield _tax(tax.rate, tax.category)
    yield ("MOA", ("125", view.money(tax.net)))
    yield ("MOA", ("124", view.money(tax.tax)))
