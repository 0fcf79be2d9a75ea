"""The inbox of a customer in the books: documents are put there in the transaction that notes them as delivered."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Sequence
from typing import Any

import msgspec

from engine.model.delivering import InboxDocument, InboxFile, digest_of_files
from engine.model.dunning import HANDOVER
from engine.model.effect import Answer, Effect
from engine.ports.hookspecs.delivery import Attachment, InvoiceDocument
from engine.ports.hookspecs.notice import Document, NoticeDocument, dated, read_document
from engine.store.writer import Writer


class Inbox:
    """Takes documents in place of an adapter, and puts them into the books with their answers."""

    def __init__(self, tenant: str) -> None:
        self._tenant = tenant
        self._waiting: list[InboxDocument] = []

    def __call__(self, effects: Sequence[Effect]) -> list[Answer]:
        """An answer for each document; what is accepted waits for :meth:`put`."""
        return [self._taken(effect) for effect in effects]

    def put(self, writer: Writer) -> None:
        """Put what was accepted into the books."""
        writer.put_in_inbox(self._tenant, self._waiting)
        self._waiting = []

    def _taken(self, effect: Effect) -> Answer:
        try:
            document = read_document(effect.payload)
        except msgspec.ValidationError as error:
            return Answer(effect.key, "rejected", f"the payload is no document: {error}")
        if document.kind == HANDOVER:
            return Answer(effect.key, "rejected", "a claim that is handed over goes to the agency, which has no inbox")
        made = in_inbox(effect.key, document)
        self._waiting.append(made)
        evidence = {"account": made.account, "sha256": made.sha256, "files": [one.name for one in made.files]}
        return Answer(effect.key, "accepted", evidence=evidence)


def in_inbox(key: str, document: Document) -> InboxDocument:
    """A document as it lies in the inbox of its buyer: with its files, or where none were made, with itself as JSON."""
    files = [_file(one) for one in document.attachments] or [_itself(document)]
    digest = digest_of_files((one.name, one.sha256) for one in files)
    party = (document.seller.key, document.buyer.key)
    return InboxDocument(*party, key, document.number, document.kind, _detail(document), digest, files)


def _detail(document: Document) -> dict[str, Any]:
    """What a list of documents shows of one."""
    due = document.pay_by if isinstance(document, NoticeDocument) else document.due_date
    return {
        "date": dated(document).isoformat(),
        "currency": document.currency,
        "total": f"{document.total:f}",
        "due": f"{_due(document):f}",
        "due_date": due.isoformat() if due else "",
    }


def _due(document: Document) -> Any:
    return document.due if isinstance(document, InvoiceDocument) and document.due is not None else document.total


def _itself(document: Document) -> InboxFile:
    data = msgspec.json.encode(document, order="deterministic")
    return _file(Attachment(document.number.replace("/", "-") + ".json", "application/json", data))


def _file(one: Attachment) -> InboxFile:
    digest = hashlib.sha256(one.data).hexdigest()
    return InboxFile(one.name, one.media_type, len(one.data), digest, base64.b64encode(one.data).decode())
