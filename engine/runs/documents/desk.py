"""The desk of documents: an invoice of the books as files of the kinds that plug-ins provide."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from engine.base.errors import TollbookError
from engine.ports.hookspecs.einvoice import Format
from engine.ports.host import Host
from engine.runs.documents.document import Documents
from engine.runs.documents.files import Files, Written
from engine.runs.documents.rules import Look
from engine.runs.run import Parts
from engine.store import tracing


class DocumentDesk:
    """What people do with documents."""

    def __init__(self, parts: Callable[[], Parts], host: Host) -> None:
        self._parts, self._host, self._files = parts, host, Files(host)

    def formats(self) -> Mapping[str, Format]:
        """Kinds of files by name."""
        return self._host.formats()

    def looked_at(self, number: str) -> Look:
        """An invoice or credit note by its number, with what the rules say of it: files to make, and findings.

        Raises:
            TollbookError: ``explain.no-invoice``.
        """
        parts = self._parts()
        with parts.books.reader() as reader:
            ident = reader.find_invoice(parts.tenant, number)
            if ident is None:
                raise tracing.no_invoice(reader, parts.tenant, number)
            return Documents(reader, parts.tenant, parts.rules).looked_at([ident])[ident]

    def written(self, number: str, kinds: tuple[str, ...] = ()) -> list[Written]:
        """An invoice or credit note, by its number, as files of some kinds; of those that the rules name, where none is given.

        A document that is held is written in the kinds that somebody asks for, to be looked at, and in none of the others.

        Raises:
            TollbookError: ``document.unknown-format``, ``document.lacks-field``, ``explain.no-invoice``, and what plug-ins refuse.
        """
        for kind in kinds:
            self._files.known(kind)
        look = self.looked_at(number)
        if not kinds and look.held:
            raise TollbookError(look.held)
        return self._files.of(look.document, kinds or look.formats)
