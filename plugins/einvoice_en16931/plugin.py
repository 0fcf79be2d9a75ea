"""Documents as e-invoices of EN 16931 and of the specifications that build on it."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Final

from engine.ports.hookspecs import Context, hookimpl
from engine.ports.hookspecs.einvoice import Format

from .sheets import Sheets
from .terms import XRECHNUNG
from .writing import Writer

XML: Final = "application/xml"
PEPPOL: Final = "urn:cen.eu:en16931:2017#compliant#urn:fdc:peppol.eu:2017:poacc:billing:3.0"
PROCESS: Final = "urn:fdc:peppol.eu:2017:poacc:billing:01:1.0"

KINDS: Final[Mapping[str, tuple[str, str, str, str]]] = {
    "ubl": ("ubl", "", "", "EN 16931 as UBL 2.1"),
    "cii": ("cii", "", "", "EN 16931 as UN/CEFACT Cross Industry Invoice"),
    "peppol": ("ubl", PEPPOL, PROCESS, "Peppol BIS Billing 3.0"),
    "xrechnung": ("ubl", XRECHNUNG, PROCESS, "XRechnung 3.0 as UBL"),
}
"""Kinds of files: (syntax, identifier of the specification, business process, what it is)."""


class EinvoiceEn16931:
    """Provides the kinds of files; the sheets are compiled when the first document is written."""

    def __init__(self, context: Context) -> None:
        self._sheets = Sheets()

    @hookimpl
    def einvoice_formats(self) -> dict[str, Format]:
        """UBL, CII, Peppol and XRechnung."""
        return {
            name: Format(partial(Writer(self._sheets, identifier, process), syntax), XML, f".{name}.xml", text)
            for name, (syntax, identifier, process, text) in KINDS.items()
        }
