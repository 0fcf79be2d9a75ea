"""The desk of inboxes: who may read one, what is in it, and that it was read."""

from __future__ import annotations

import base64
import hashlib
import secrets
from typing import Final

import msgspec

from engine.base.errors import Code, refuse
from engine.model.delivering import INBOX, InboxDocument, InboxFile, InboxToken
from engine.model.journal import Change
from engine.runs.accounts.memo_desk import account_of
from engine.store.books import Books

NO_DOCUMENT = Code("inbox.no-document", "A document, or a file of one, that is not in the inbox.")
UNNAMED = Code("inbox.unnamed-token", "A token for an inbox without a name by which it could be revoked.")

TOKEN_BYTES: Final = 32
LONGEST: Final = 60
"""Characters of the name of a token."""


class Made(msgspec.Struct, frozen=True):
    """A token as it is handed out; ``token`` is told once and kept nowhere."""

    entity: str
    account: str
    name: str
    token: str


class InboxDesk:
    """What people and the API do with inboxes."""

    def __init__(self, books: Books, tenant: str) -> None:
        self._books, self._tenant = books, tenant

    def hand_out(self, account: str, name: str, change: Change, entity: str = "") -> Made:
        """Make a token that opens the inbox of an account.

        Raises:
            TollbookError: ``account.unknown``, ``account.several``, ``inbox.unnamed-token``, ``inbox.double-token``.
        """
        if not 0 < len(name) <= LONGEST or not name.isprintable() or name != name.strip():
            what = f"{name!r} is no name for a token"
            raise refuse(UNNAMED, what, mend=f"name it by 1 to {LONGEST} characters, such as the system that uses it")
        token = secrets.token_urlsafe(TOKEN_BYTES)
        with self._books.writer(change, tenant=self._tenant) as writer:
            owner = account_of(writer.reader, self._tenant, account, entity)
            writer.add_inbox_token(self._tenant, owner.entity, account, name, digest_of(token))
        return Made(owner.entity, account, name, token)

    def revoke(self, account: str, name: str, change: Change, entity: str = "") -> bool:
        """Let a token open nothing any more; False where it was revoked before.

        Raises:
            TollbookError: ``account.unknown``, ``account.several``, ``inbox.unknown-token``.
        """
        with self._books.writer(change, tenant=self._tenant) as writer:
            owner = account_of(writer.reader, self._tenant, account, entity)
            return writer.revoke_inbox_token(self._tenant, owner.entity, account, name)

    def tokens(self, account: str = "", entity: str = "") -> list[InboxToken]:
        """Tokens that were made, of one account or all."""
        with self._books.reader() as reader:
            return reader.inbox_tokens(self._tenant, entity, account)

    def holder(self, token: str) -> InboxToken | None:
        """What a token opens; None where it opens nothing."""
        with self._books.reader() as reader:
            return reader.inbox_token(self._tenant, digest_of(token))

    def listed(
        self, account: str, entity: str = "", *, unread: bool = False, before: int = 0, limit: int = 100
    ) -> list[InboxDocument]:
        """What is in an inbox, the newest first.

        Raises:
            TollbookError: ``account.unknown``, ``account.several``.
        """
        with self._books.reader() as reader:
            owner = account_of(reader, self._tenant, account, entity)
            return reader.inbox(self._tenant, owner.entity, account, unread=unread, before=before, limit=limit)

    def one(self, account: str, entity: str, number: int) -> InboxDocument:
        """A document in an inbox.

        Raises:
            TollbookError: ``inbox.no-document``.
        """
        with self._books.reader() as reader:
            found = reader.inbox_document(self._tenant, entity, account, number)
        if found is None:
            raise refuse(NO_DOCUMENT, f"there is no document {number} in this inbox", mend="list what is in it")
        return found

    def file(self, account: str, entity: str, number: int, name: str) -> tuple[InboxFile, bytes]:
        """A file of a document in an inbox, and its bytes.

        Raises:
            TollbookError: ``inbox.no-document``.
        """
        document = self.one(account, entity, number)
        with self._books.reader() as reader:
            found = reader.inbox_file(document.id, name)
        if found is None:
            names = ", ".join(one.name for one in document.files)
            raise refuse(NO_DOCUMENT, f"document {number} has no file {name!r}", mend=f"it has {names}")
        return found, base64.b64decode(found.content)

    def read(self, account: str, entity: str, number: int, reader: str, change: Change) -> InboxDocument:
        """Note that a document was read; ``reader`` is the name of the token.  That it was read again changes nothing.

        Raises:
            TollbookError: ``inbox.no-document``.
        """
        document = self.one(account, entity, number)
        if document.read_at is None:
            evidence = {"token": reader, "sha256": document.sha256}
            with self._books.writer(change, tenant=self._tenant) as writer:
                writer.note_read(self._tenant, INBOX, document.effect, evidence)
            document = self.one(account, entity, number)
        return document


def digest_of(token: str) -> str:
    """SHA-256 of a token, as the books keep it; hexadecimal."""
    return hashlib.sha256(token.encode("utf-8", "surrogateescape")).hexdigest()
