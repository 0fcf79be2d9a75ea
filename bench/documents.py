"""Documents a second of processor time: pages against the bare template engine, PDF against the bare library that prints, and
e-invoices against the check sheets alone."""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Iterator
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

from engine.base.money import exact_arithmetic
from engine.ports.hookspecs.delivery import (
    Buyer,
    Contact,
    DocumentLine,
    DocumentTax,
    InvoiceDocument,
    PayTo,
    Registration,
    Seller,
)
from plugins.document_html import pdf
from plugins.document_html.page import Pages
from plugins.einvoice_en16931.sheets import Sheets
from plugins.einvoice_en16931.writing import Writer

LINES = 5
RATE = Decimal("0.19")
TEMPLATES = Path(__file__).parents[1] / "plugins" / "document_html" / "templates"
ROUNDS = 3


def _document(number: int) -> InvoiceDocument:
    """An invoice of five lines, each with other amounts than the invoice before."""
    seller = Seller(
        *("E1", "Nordlicht GmbH", "Hafenstraße 1", "DE"),
        (Registration("DE", "vat", "DE129273398"),),
        (PayTo("Main", "EUR", "DE89370400440532013000", "COBADEFFXXX"),),
        city="Hamburg",
        postcode="20095",
        endpoint="4012345000009",
        endpoint_scheme="0088",
        contact=Contact("Billing desk", "+49 40 123456", "billing@example.org"),
    )
    buyer = Buyer(f"A{number}", f"Kunde {number} AG", "Weg 2", "DE", "DE129273398", "ap@example.org", "de", "R-1")
    lines = tuple(
        DocumentLine(
            *(n, f"Service {n}", Decimal(number * 10 + n)),
            account=f"A{number}",
            subscription=f"S{number}-{n}",
            service_from=date(2026, 1, 1),
            service_to=date(2026, 2, 1),
            quantity=Decimal(number * 10 + n),
            unit="seat",
            tax_rate=RATE,
            tax_category="S",
        )
        for n in range(1, LINES + 1)
    )
    net = sum((line.amount for line in lines), Decimal(0))
    tax = round(net * RATE, 2)
    return InvoiceDocument(
        *(f"DE-2026-{number:06}", "invoice", date(2026, 1, 31), "EUR", seller, buyer, lines, net, tax, net + tax),
        due_date=date(2026, 3, 2),
        taxes=(DocumentTax("S", RATE, net, tax, "DE"),),
    )


def _rate(work: Callable[[Any], Any], items: list[Any]) -> float:
    """How many items are done a second of this process's time, in the best of some rounds."""
    best = 0.0
    for _ in range(ROUNDS):
        start = time.process_time()
        for item in items:
            work(item)
        best = max(best, len(items) / (time.process_time() - start))
    return best


def _spent(pid: int) -> float:
    """Seconds of processor time that another process has had."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / 100


def measure(options: argparse.Namespace) -> Iterator[str]:
    """Lines of the report."""
    exact_arithmetic()
    pages = Pages(Path("none"), TEMPLATES)
    documents = [_document(n) for n in range(1, 201)]
    pages.render(documents[0])
    html = _rate(pages.render, documents)
    yield "## Documents of five lines, a second of one core"
    yield ""
    yield f"- HTML: {html:,.0f} (goal: 500)."
    yield from _printing(pages, documents[:8])
    yield from _checking(documents[:40])
    yield ""


def _printing(pages: Pages, documents: list[InvoiceDocument]) -> Iterator[str]:
    import weasyprint

    made = [pages.render(document) for document in documents]
    bare = _rate(lambda html: weasyprint.HTML(string=html).write_pdf(pdf_variant=pdf.VARIANT), made)
    ours = _rate(lambda document: pdf.printed(pages.render(document), document), documents)
    yield f"- PDF: {ours:,.1f}, {ours / bare:.2f} of the library that prints, given the page."


def _checking(documents: list[InvoiceDocument]) -> Iterator[str]:
    sheets = Sheets()
    try:
        for syntax in ("ubl", "cii"):
            writer = Writer(sheets)
            written = [writer(syntax, document) for document in documents]
            assert sheets._child is not None
            child = sheets._child.pid
            before = _spent(child)
            for xml in written:
                sheets.check(syntax, xml)
            checked = (_spent(child) - before) / len(written)
            own, before = time.process_time(), _spent(child)
            for document in documents:
                writer(syntax, document)
            whole = (time.process_time() - own + _spent(child) - before) / len(documents)
            yield (
                f"- {syntax.upper()}, checked: {1 / whole:,.0f} (goal: 100), {checked / whole:.2f} of the time in the official "
                f"sheets, which alone do {1 / checked:,.0f}."
            )
    finally:
        sheets.close()
