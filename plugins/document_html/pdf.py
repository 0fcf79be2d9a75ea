"""Pages on paper, as PDF/A-3 with embedded fonts; with an e-invoice inside they are Factur-X.

Nothing is fetched from anywhere: what a page shows it holds.  The same page gives the same bytes, on a machine with the same
fonts and the same version of the library.
"""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Callable
from datetime import UTC, datetime, time
from functools import partial
from typing import Any, Final

from engine.base.errors import Code, Where, refuse
from engine.ports.hookspecs.notice import Document, dated

NO_PDF = Code("document-html.no-pdf", "PDF is wanted, and what writes it is not on this machine.")
NOT_PRINTED = Code(
    "document-html.not-printed", "A page that cannot be printed, such as one that shows what it does not hold."
)

VARIANT: Final = "pdf/a-3u"
XML_NAME: Final = "factur-x.xml"
"""What the e-invoice is called inside, as Factur-X wants it."""

XMP: Final = """<rdf:Description rdf:about="" xmlns:fx="urn:factur-x:pdfa:CrossIndustryDocument:invoice:1p0#">
<fx:DocumentType>INVOICE</fx:DocumentType><fx:DocumentFileName>factur-x.xml</fx:DocumentFileName>
<fx:Version>1.0</fx:Version><fx:ConformanceLevel>EN 16931</fx:ConformanceLevel>
</rdf:Description>
<rdf:Description rdf:about="" xmlns:pdfaExtension="http://www.aiim.org/pdfa/ns/extension/"
 xmlns:pdfaSchema="http://www.aiim.org/pdfa/ns/schema#" xmlns:pdfaProperty="http://www.aiim.org/pdfa/ns/property#">
<pdfaExtension:schemas><rdf:Bag><rdf:li rdf:parseType="Resource">
<pdfaSchema:schema>Factur-X PDFA Extension Schema</pdfaSchema:schema>
<pdfaSchema:namespaceURI>urn:factur-x:pdfa:CrossIndustryDocument:invoice:1p0#</pdfaSchema:namespaceURI>
<pdfaSchema:prefix>fx</pdfaSchema:prefix><pdfaSchema:property><rdf:Seq>{properties}</rdf:Seq></pdfaSchema:property>
</rdf:li></rdf:Bag></pdfaExtension:schemas>
</rdf:Description>"""

_PROPERTY: Final = (
    '<rdf:li rdf:parseType="Resource"><pdfaProperty:name>{name}</pdfaProperty:name>'
    "<pdfaProperty:valueType>Text</pdfaProperty:valueType><pdfaProperty:category>external</pdfaProperty:category>"
    "<pdfaProperty:description>{text}</pdfaProperty:description></rdf:li>"
)
_PROPERTIES: Final = {
    "DocumentFileName": "name of the embedded XML invoice file",
    "DocumentType": "INVOICE",
    "Version": "version of the Factur-X XML schema",
    "ConformanceLevel": "conformance level of the embedded Factur-X data",
}


def printed(html: str, document: Document, cii: bytes = b"") -> bytes:
    """A page as PDF/A-3, with an e-invoice in the syntax CII inside where one is given.

    Raises:
        TollbookError: ``document-html.no-pdf``, ``document-html.not-printed``.
    """
    library, closed = _library()
    day = datetime.combine(dated(document), time(), UTC)
    identifier = hashlib.sha256(html.encode() + cii).digest()[:16]
    inside = []
    if cii:
        inside.append(
            library.Attachment(
                string=cii, name=XML_NAME, description="Factur-X", created=day, modified=day, relationship="Data"
            )
        )
    try:
        pages = library.HTML(string=html, url_fetcher=closed).render()
        if cii:
            pages.metadata.generate_rdf_metadata = _told(pages.metadata.generate_rdf_metadata)
        made: bytes = pages.write_pdf(pdf_variant=VARIANT, pdf_identifier=identifier, attachments=inside)
    except library.urls.FatalURLFetchingError as error:
        why = "a page shows only what it holds: nothing is fetched when a document is made"
        where = Where(f"document/{document.number}")
        raise refuse(NOT_PRINTED, str(error), why=why, mend="use asset(name) in the template", where=where) from None
    _legible(document, pages)
    return made


def _legible(document: Document, pages: Any) -> None:
    """Refuse boxes in place of letters: no archive takes such a file, and nobody can read it."""
    lacking = sorted({letter for font in pages.fonts.values() for letter in font.missing})
    if lacking:
        letters = ", ".join(f"{chr(one)} (U+{one:04X})" for one in lacking[:5])
        what = f"no font of this machine has {letters}{' and others' if lacking[5:] else ''}"
        why = "PDF/A holds every letter that it shows; boxes would stand in their place"
        mend = "install a font of that script, such as Noto, or embed one in the template with asset(name)"
        raise refuse(NOT_PRINTED, what, why=why, mend=mend, where=Where(f"document/{document.number}"))


def _told(own: Callable[..., bytes]) -> Callable[..., bytes]:
    """What a PDF says of itself, and that it is Factur-X."""
    properties = "".join(_PROPERTY.format(name=name, text=text) for name, text in _PROPERTIES.items())
    end = b"</rdf:RDF>"
    return lambda *args: own(*args).replace(end, XMP.format(properties=properties).encode() + end)


def _library() -> tuple[Any, Any]:
    """The library that prints, and a fetcher that fetches nothing."""
    try:
        import weasyprint
        from weasyprint.pdf import fonts
        from weasyprint.urls import FatalURLFetchingError, URLFetcher
    except (ImportError, OSError) as error:
        said = str(error).splitlines()[0]
        mend = "install tollbook[documents], and the library Pango of the system; HTML works without them"
        raise refuse(NO_PDF, f"PDF cannot be written on this machine: {said}", mend=mend) from None

    class Closed(URLFetcher):  # type: ignore[misc]
        """Fetches what an address holds itself, and refuses all others."""

        def fetch(self, url: str, headers: Any = None) -> Any:
            if not url.startswith("data:"):
                raise FatalURLFetchingError(f"the page shows {url[:100]}, which it does not hold")
            return super().fetch(url, headers)

    # Where the system lacks HarfBuzz-Subset, fontTools cuts fonts down, and would write the time into each of them.
    if not isinstance(fonts.TTFont, partial):
        fonts.TTFont = partial(fonts.TTFont, recalcTimestamp=False)
    logging.getLogger("weasyprint").setLevel(logging.ERROR)
    return weasyprint, Closed()
