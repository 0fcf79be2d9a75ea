"""Reads of approvals."""

from __future__ import annotations

import sqlalchemy as sa

from engine.model.approval import PENDING, Approval
from engine.store.session import Session
from engine.store.tables import APPROVAL


class ApprovalsReader(Session):
    """Reads what was proposed, and what became of it."""

    def approval(self, tenant: str, number: int) -> Approval | None:
        """An approval by number."""
        column = APPROVAL.c
        statement = sa.select(APPROVAL).where(column.tenant == tenant, column.id == number)
        row = self.connection.execute(statement).one_or_none()
        return None if row is None else Approval(*row)

    def pending_approval(self, tenant: str, act: str, subject: str) -> Approval | None:
        """The one approval of an act and its subject that is pending."""
        column = APPROVAL.c
        mine = (column.tenant == tenant, column.act == act, column.subject == subject, column.state == PENDING)
        row = self.connection.execute(sa.select(APPROVAL).where(*mine)).one_or_none()
        return None if row is None else Approval(*row)

    def approvals(self, tenant: str, state: str = "", limit: int = 100) -> list[Approval]:
        """The newest approvals, newest first: those of one state, or all."""
        column = APPROVAL.c
        statement = sa.select(APPROVAL).where(column.tenant == tenant)
        if state:
            statement = statement.where(column.state == state)
        rows = self.connection.execute(statement.order_by(column.made_at.desc(), column.id.desc()).limit(limit))
        return [Approval(*row) for row in rows]
