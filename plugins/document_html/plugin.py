"""Documents as HTML, PDF and Factur-X."""

from __future__ import annotations

from engine.ports.hookspecs import Context, hookimpl
from engine.ports.hookspecs.delivery import InvoiceDocument
from engine.ports.hookspecs.einvoice import Format
from engine.ports.hookspecs.notice import Document

from . import pdf
from .page import Pages


class DocumentHtml:
    """Provides the kinds of files; templates are read when they are first used, and again when they were edited."""

    def __init__(self, context: Context) -> None:
        self._pages = Pages(context.home / context.settings["templates"], context.folder / "templates")

    @hookimpl
    def einvoice_formats(self) -> dict[str, Format]:
        """HTML, PDF and Factur-X."""
        return {
            "html": Format(self.html, "text/html", ".html", "a page", notices=True),
            "pdf": Format(self.pdf, "application/pdf", ".pdf", "PDF/A-3", notices=True),
            "facturx": Format(
                self.facturx, "application/pdf", ".facturx.pdf", "Factur-X: PDF/A-3 with the CII inside", ("cii",)
            ),
        }

    def html(self, document: Document) -> bytes:
        """A page that needs nothing but itself."""
        return self._pages.render(document).encode()

    def pdf(self, document: Document) -> bytes:
        """The page on paper."""
        return pdf.printed(self._pages.render(document), document)

    def facturx(self, document: InvoiceDocument, cii: bytes) -> bytes:
        """The page on paper with the e-invoice in it."""
        return pdf.printed(self._pages.render(document), document, cii)
