"""The desk of documents: an invoice of the books as a file of a kind that a plug-in provides."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from engine.base.errors import Code, did_you_mean, refuse
from engine.ports.hookspecs.delivery import InvoiceDocument
from engine.ports.hookspecs.einvoice import Format
from engine.ports.host import Host
from engine.runs.document import Documents
from engine.store import tracing
from engine.store.books import Books

UNKNOWN_FORMAT = Code("document.unknown-format", "A kind of file that no plug-in of the configuration provides.")


class Written(msgspec.Struct, frozen=True):
    """A document as a file: its ``name``, ``media_type`` and ``content``."""

    name: str
    media_type: str
    content: bytes


class DocumentDesk:
    """What people do with documents."""

    def __init__(self, books: Books, tenant: str, host: Host) -> None:
        self._books, self._tenant, self._host = books, tenant, host

    def formats(self) -> Mapping[str, Format]:
        """Kinds of files by name."""
        return self._host.formats()

    def written(self, number: str, kind: str) -> Written:
        """An invoice or credit note, by its number, as a file of a kind.

        Raises:
            TollbookError: ``document.unknown-format``, ``explain.no-invoice``, and what the plug-in refuses.
        """
        known = self.formats()
        if kind not in known:
            mend = did_you_mean(kind, known) or "an adapter of port einvoice in config.yaml provides kinds of files"
            raise refuse(UNKNOWN_FORMAT, f"no adapter writes documents as {kind!r}", mend=mend)
        with self._books.reader() as reader:
            ident = reader.find_invoice(self._tenant, number)
            if ident is None:
                raise tracing.no_invoice(reader, self._tenant, number)
            found = Documents(reader, self._tenant).of([ident])[ident]
        document = msgspec.convert(found, InvoiceDocument)
        chosen = known[kind]
        name = number.replace("/", "-") + chosen.suffix
        return Written(name, chosen.media_type, chosen.write(document))
