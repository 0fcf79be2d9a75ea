"""The journal of the books as :mod:`engine.ledger.export` takes it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from itertools import islice

from engine.ledger.export import Exported
from engine.store import tracing
from engine.store.reader import Reader

PAGE = 500


def exported(reader: Reader, tenant: str, entity: str, up_to: date | None) -> Iterator[Exported]:
    """Entries of one legal entity in order of posting date, each with the number of its document; streamed in pages."""
    stream = iter(reader.journal(tenant, entity, None, up_to))
    while page := list(islice(stream, PAGE)):
        known = tracing.numbers(reader, [document for _, document, _ in page])
        for entry_id, document, entry in page:
            yield Exported(entry_id, known.get(document, str(document)), entry)
