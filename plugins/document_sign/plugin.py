"""PDF documents signed with a key of the seller: PAdES, in an invisible field, as a later revision of the file."""

from __future__ import annotations

import io
from functools import partial
from pathlib import Path
from typing import Any, Final

from engine.base.errors import Code, TollbookError, Where, refuse
from engine.ports.hookspecs import Context, hookimpl
from engine.ports.hookspecs.delivery import InvoiceDocument
from engine.ports.hookspecs.einvoice import Format

NO_KEY = Code(
    "document-sign.no-key", "A file with the key for signatures that is not there, or not opened by the password."
)
NOT_SIGNED = Code("document-sign.not-signed", "A document that cannot be signed.")

FIELD: Final = "Signature"
SIGNED: Final = "_signed"
"""What the names of kinds that are signed end in."""


class DocumentSign:
    """Provides a signed kind for each kind of PDF that the settings name; the key is read when the host makes the adapter."""

    def __init__(self, context: Context) -> None:
        """Raises TollbookError: ``document-sign.no-key``."""
        self._kinds = context.settings["kinds"]
        self._reason, self._location = context.settings["reason"] or None, context.settings["location"] or None
        self._signer = _signer(context.home / context.settings["certificate"], context.secrets["password"])

    @hookimpl
    def einvoice_formats(self) -> dict[str, Format]:
        """One kind for each that is signed."""
        return {
            kind + SIGNED: Format(
                partial(self._sign, kind), "application/pdf", f".{kind}.signed.pdf", f"{kind}, signed", (kind,), True
            )
            for kind in self._kinds
        }

    def _sign(self, kind: str, document: InvoiceDocument, pdf: bytes) -> bytes:
        from pyhanko.pdf_utils.incremental_writer import IncrementalPdfFileWriter
        from pyhanko.pdf_utils.misc import PdfError
        from pyhanko.sign import signers
        from pyhanko.sign.fields import SigSeedSubFilter

        meta = signers.PdfSignatureMetadata(
            field_name=FIELD,
            name=document.seller.name,
            subfilter=SigSeedSubFilter.PADES,
            reason=self._reason,
            location=self._location,
        )
        try:
            return bytes(signers.sign_pdf(IncrementalPdfFileWriter(io.BytesIO(pdf)), meta, self._signer).getvalue())
        except PdfError as error:
            where = Where(f"document/{document.number}")
            raise refuse(NOT_SIGNED, f"{kind} of {document.number} cannot be signed: {error}", where=where) from None


def _signer(path: Path, password: str) -> Any:
    """What signs.  Raises TollbookError: ``document-sign.no-key``."""

    def no(what: str, mend: str) -> TollbookError:
        return refuse(NO_KEY, f"{path.name}: {what}", mend=mend, where=Where(str(path)))

    try:
        from pyhanko.sign import signers
    except ImportError:
        raise no("nothing on this machine can sign", "install tollbook[documents]") from None
    if not path.is_file():
        raise no("there is no such file", "look at the setting 'certificate' of the adapter")
    try:
        return signers.SimpleSigner.load_pkcs12_data(path.read_bytes(), [], passphrase=password.encode())
    except ValueError:
        raise no("the password does not open it, or it is no PKCS#12 file", "look at DOCUMENT_SIGN_PASSWORD") from None
