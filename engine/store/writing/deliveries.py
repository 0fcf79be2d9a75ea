"""Writes of the ways of documents, and of inboxes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import sqlalchemy as sa

from engine.base.errors import Code, refuse
from engine.model.delivering import READ, InboxDocument, Way
from engine.store.tables import DELIVERY_WAY, INBOX_DOCUMENT, INBOX_FILE, INBOX_TOKEN, RECEIPT
from engine.store.writing.base import WriterBase

DOUBLE_TOKEN = Code("inbox.double-token", "A token for an inbox under a name that another one of the account has.")
UNKNOWN_TOKEN = Code("inbox.unknown-token", "A token of an inbox to be revoked that is not there.")


class DeliveriesWriter(WriterBase):
    """Writes ways and inboxes."""

    def add_ways(self, tenant: str, entity: str, ways: Sequence[Way]) -> int:
        """Keep ways of documents, whose effects are in the outbox; how many."""
        if not ways:
            return 0
        first = self.take_ids(DELIVERY_WAY.name, len(ways))
        rows = [
            (
                *(first + i, tenant, entity, one.effect, one.document, one.adapter, one.role, list(one.fallback)),
                *(one.tries, one.instead_of, one.reason, one.decision, self.change.at),
            )
            for i, one in enumerate(ways)
        ]
        with self._spoiling():
            self._insert(DELIVERY_WAY, rows)
        told = {one.effect: one.adapter for one in ways}
        self.audit("add ways", f"delivery/{ways[0].document}", None, told, tenant=tenant)
        return len(ways)

    def put_in_inbox(self, tenant: str, documents: Sequence[InboxDocument]) -> int:
        """Put documents that are not there yet into inboxes; how many are new."""
        there = self.reader.in_inbox(tenant, [one.effect for one in documents])
        fresh = [one for one in documents if one.effect not in there]
        if not fresh:
            return 0
        first = self.take_ids(INBOX_DOCUMENT.name, len(fresh))
        files = [(first + i, one) for i, document in enumerate(fresh) for one in document.files]
        file = self.take_ids(INBOX_FILE.name, len(files)) if files else 0
        heads = [
            (
                first + i,
                tenant,
                d.entity,
                d.account,
                d.effect,
                d.number,
                d.kind,
                dict(d.detail),
                d.sha256,
                self.change.at,
            )
            for i, d in enumerate(fresh)
        ]
        rows = [
            (file + i, tenant, inbox, one.name, one.media_type, one.size, one.sha256, one.content)
            for i, (inbox, one) in enumerate(files)
        ]
        with self._spoiling():
            self._insert(INBOX_DOCUMENT, heads)
            if rows:
                self._insert(INBOX_FILE, rows)
        self.audit("put in inbox", INBOX_DOCUMENT.name, None, {"documents": len(fresh)}, tenant=tenant)
        return len(fresh)

    def note_read(self, tenant: str, adapter: str, effect: str, evidence: Mapping[str, Any]) -> bool:
        """Keep the receipt that a document in an inbox was read; False where there is one."""
        column, box = RECEIPT.c, INBOX_DOCUMENT.c
        with self._spoiling():
            mine = (box.tenant == tenant, box.effect == effect)
            self.connection.execute(sa.select(box.id).where(*mine).with_for_update()).all()
            known = (column.tenant == tenant, column.effect_key == effect, column.state == READ)
            if self.connection.execute(sa.select(column.id).where(*known)).first() is not None:
                return False
            row = (self.take_ids(RECEIPT.name, 1), tenant, adapter, effect, READ, self.change.at, "", dict(evidence))
            self._insert(RECEIPT, [(*row, self.change.at)])
        self.audit("note read", f"effect/{effect}", None, {"state": READ}, tenant=tenant)
        return True

    def add_inbox_token(self, tenant: str, entity: str, account: str, name: str, digest: str) -> int:
        """Let the holder of a token, of which the SHA-256 is given, read an inbox; the number of the token.

        Raises:
            TollbookError: ``inbox.double-token``.
        """
        column = INBOX_TOKEN.c
        with self._spoiling():
            ident = self._ids_here(INBOX_TOKEN.name, 1)
            mine = (column.tenant == tenant, column.entity == entity, column.account == account, column.name == name)
            if self.connection.execute(sa.select(column.id).where(*mine)).first() is not None:
                what = f"account {account} has, or had, a token of the name {name!r}"
                mend = "give the new one another name; `tollbook inbox tokens` lists them"
                raise refuse(DOUBLE_TOKEN, what, why="a name says which token was used", mend=mend)
            self._insert(INBOX_TOKEN, [(ident, tenant, entity, account, name, digest, self.change.at, None)])
        self.audit("add inbox token", f"inbox/{entity}/{account}", None, {"name": name}, tenant=tenant)
        return ident

    def revoke_inbox_token(self, tenant: str, entity: str, account: str, name: str) -> bool:
        """Let a token open nothing any more; False where it was revoked before.

        Raises:
            TollbookError: ``inbox.unknown-token``.
        """
        column = INBOX_TOKEN.c
        mine = (column.tenant == tenant, column.entity == entity, column.account == account, column.name == name)
        with self._spoiling():
            found = self.connection.execute(sa.select(column.revoked_at).where(*mine)).one_or_none()
            if found is None:
                what = f"account {account} has no token of the name {name!r}"
                raise refuse(UNKNOWN_TOKEN, what, mend="`tollbook inbox tokens` lists them")
            update = sa.update(INBOX_TOKEN).where(*mine, column.revoked_at.is_(None))
            if self.connection.execute(update.values(revoked_at=self.change.at)).rowcount == 0:
                return False
        self.audit("revoke inbox token", f"inbox/{entity}/{account}", {"name": name}, {"name": ""}, tenant=tenant)
        return True
