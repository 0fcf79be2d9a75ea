"""Reads of the request log."""

from __future__ import annotations

from typing import Final

import sqlalchemy as sa

from engine.model.outbound import OutboundCall
from engine.store.records import LoggedCall
from engine.store.session import Session
from engine.store.tables import REQUEST

_FIELDS: Final = OutboundCall.__struct_fields__
_BODIES: Final = ("request", "answer")


class RequestsReader(Session):
    """Reads what was called."""

    def requests(
        self, tenant: str, *, adapter: str = "", run_id: int | None = None, failed: bool = False, limit: int = 100
    ) -> list[LoggedCall]:
        """The newest calls, newest first, without what was sent and answered: of an adapter, of a run, failed ones."""
        column = REQUEST.c
        fields = [sa.null().label(name) if name in _BODIES else column[name] for name in _FIELDS]
        statement = sa.select(column.id, *fields).where(column.tenant == tenant)
        if adapter:
            statement = statement.where(column.adapter == adapter)
        if run_id is not None:
            statement = statement.where(column.run_id == run_id)
        if failed:
            statement = statement.where(column.outcome != "answered")
        rows = self.connection.execute(statement.order_by(column.at.desc(), column.id.desc()).limit(limit))
        return [LoggedCall(row[0], OutboundCall(*row[1:])) for row in rows]

    def request(self, tenant: str, request_id: int) -> LoggedCall | None:
        """One call, with what was sent and answered."""
        column = REQUEST.c
        fields = [column[name] for name in _FIELDS]
        mine = (column.tenant == tenant, column.id == request_id)
        row = self.connection.execute(sa.select(column.id, *fields).where(*mine)).one_or_none()
        return None if row is None else LoggedCall(row[0], OutboundCall(*row[1:]))
