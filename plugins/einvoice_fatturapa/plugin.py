"""Documents as FatturaPA."""

from __future__ import annotations

from engine.ports.hookspecs import Context, hookimpl
from engine.ports.hookspecs.delivery import InvoiceDocument
from engine.ports.hookspecs.einvoice import Format

from .writing import Setting, written


class EinvoiceFatturapa:
    """Provides one kind of file."""

    def __init__(self, context: Context) -> None:
        given = context.settings
        self._setting = Setting(given["regime"], given["transmitter"], given["code_field"], given["pec_field"])

    @hookimpl
    def einvoice_formats(self) -> dict[str, Format]:
        """FatturaPA."""
        return {"fatturapa": Format(self.write, "application/xml", ".fatturapa.xml", "FatturaPA 1.2 for Italy")}

    def write(self, document: InvoiceDocument) -> bytes:
        """A document as FatturaPA."""
        return written(document, self._setting)
