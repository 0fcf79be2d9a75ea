"""Reads of the ways of documents, and of inboxes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa

from engine.model.delivering import READ, InboxDocument, InboxFile, InboxToken, Way
from engine.store import query, types
from engine.store.session import Session
from engine.store.tables import DELIVERY_WAY, INBOX_DOCUMENT, INBOX_FILE, INBOX_TOKEN, RECEIPT


class DeliveriesReader(Session):
    """Reads ways and inboxes."""

    def ways(self, tenant: str, effects: Sequence[str]) -> dict[str, Way]:
        """The ways among effects, by key of the effect."""
        column = DELIVERY_WAY.c
        wanted = query.among(self.dialect, column.effect, "wanted", types.TextList)
        fields = [column[name] for name in Way.__struct_fields__]
        statement = sa.select(*fields).where(column.tenant == tenant, wanted).order_by(column.id)
        rows = self.connection.execute(statement, {"wanted": list(effects)})
        return {row.effect: Way(*row) for row in rows}

    def ways_of(self, tenant: str, documents: Sequence[str]) -> dict[str, list[Way]]:
        """All ways of documents, by the key of the document, in the order in which they were taken."""
        column = DELIVERY_WAY.c
        wanted = query.among(self.dialect, column.document, "wanted", types.TextList)
        fields = [column[name] for name in Way.__struct_fields__]
        statement = sa.select(*fields).where(column.tenant == tenant, wanted).order_by(column.id)
        found: dict[str, list[Way]] = {key: [] for key in documents}
        for row in self.connection.execute(statement, {"wanted": list(documents)}):
            found[row.document].append(Way(*row))
        return found

    def in_inbox(self, tenant: str, effects: Sequence[str]) -> set[str]:
        """The keys of effects whose document is in an inbox."""
        column = INBOX_DOCUMENT.c
        wanted = query.among(self.dialect, column.effect, "wanted", types.TextList)
        statement = sa.select(column.effect).where(column.tenant == tenant, wanted)
        return set(self.connection.execute(statement, {"wanted": list(effects)}).scalars())

    def inbox(
        self, tenant: str, entity: str, account: str, *, unread: bool = False, before: int = 0, limit: int = 100
    ) -> list[InboxDocument]:
        """The documents of an inbox, the newest first, without the content of their files; those ``before`` a number only."""
        column = INBOX_DOCUMENT.c
        mine = (column.tenant == tenant, column.entity == entity, column.account == account)
        statement = self._inbox(*mine, *([column.id < before] if before else []))
        if unread:
            statement = statement.where(~sa.exists().where(*_read()))
        return self._documents(statement.order_by(column.id.desc()).limit(limit))

    def inbox_document(self, tenant: str, entity: str, account: str, number: int) -> InboxDocument | None:
        """A document of an inbox by its number there, without the content of its files."""
        column = INBOX_DOCUMENT.c
        mine = (column.tenant == tenant, column.entity == entity, column.account == account, column.id == number)
        return next(iter(self._documents(self._inbox(*mine))), None)

    def inbox_file(self, number: int, name: str) -> InboxFile | None:
        """A file of a document in an inbox, with its content."""
        column = INBOX_FILE.c
        fields = [column[field] for field in InboxFile.__struct_fields__]
        mine = (column.inbox == number, column.name == name)
        row = self.connection.execute(sa.select(*fields).where(*mine)).one_or_none()
        return None if row is None else InboxFile(*row)

    def inbox_token(self, tenant: str, digest: str) -> InboxToken | None:
        """The token with a SHA-256, if it still opens an inbox."""
        column = INBOX_TOKEN.c
        fields = [column[field] for field in InboxToken.__struct_fields__]
        mine = (column.tenant == tenant, column.hash == digest, column.revoked_at.is_(None))
        row = self.connection.execute(sa.select(*fields).where(*mine)).one_or_none()
        return None if row is None else InboxToken(*row)

    def inbox_tokens(self, tenant: str, entity: str = "", account: str = "") -> list[InboxToken]:
        """Tokens of inboxes, those of one account or all, in the order in which they were made."""
        column = INBOX_TOKEN.c
        fields = [column[field] for field in InboxToken.__struct_fields__]
        mine = [column.tenant == tenant]
        mine += [column.entity == entity] if entity else []
        mine += [column.account == account] if account else []
        rows = self.connection.execute(sa.select(*fields).where(*mine).order_by(column.id))
        return [InboxToken(*row) for row in rows]

    def _inbox(self, *mine: Any) -> sa.Select[Any]:
        column = INBOX_DOCUMENT.c
        fields = ("id", "entity", "account", "effect", "number", "kind", "detail", "sha256", "at")
        read = sa.select(sa.func.min(RECEIPT.c.at, type_=RECEIPT.c.at.type)).where(*_read()).scalar_subquery()
        return sa.select(*(column[name] for name in fields), read.label("read_at")).where(*mine)

    def _documents(self, statement: sa.Select[Any]) -> list[InboxDocument]:
        rows = self.connection.execute(statement).all()
        files: dict[int, list[InboxFile]] = {row.id: [] for row in rows}
        column = INBOX_FILE.c
        wanted = query.among(self.dialect, column.inbox, "wanted")
        fields = (column.inbox, column.name, column.media_type, column.size, column.sha256)
        listed = sa.select(*fields).where(wanted).order_by(column.id)
        for inbox, *file in self.connection.execute(listed, {"wanted": list(files)}):
            files[inbox].append(InboxFile(*file))
        return [
            InboxDocument(
                *(row.entity, row.account, row.effect, row.number, row.kind, row.detail, row.sha256, files[row.id]),
                *(row.id, row.at, row.read_at),
            )
            for row in rows
        ]


def _read() -> tuple[Any, ...]:
    """That a receipt says that the document of the row was read."""
    heard, column = RECEIPT.c, INBOX_DOCUMENT.c
    return (heard.tenant == column.tenant, heard.effect_key == column.effect, heard.state == READ)
