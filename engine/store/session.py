"""What readers and writers share, and the refusal of changes that nobody answers for."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa

from engine.base.errors import Code, Finding, TollbookError, refuse
from engine.model.journal import Change
from engine.store import types

NO_PERSON = Code("change.no-person", "A change that does not say who makes it.")
NO_REASON = Code("change.no-reason", "A change that does not say why it is made.")


def checked_change(change: Change) -> Change:
    """The change, if it says who, when and why.

    Raises:
        TollbookError: ``change.no-person``, ``change.no-reason``, ``store.not-aware``; all that is wrong in one go.
    """
    findings: list[Finding] = []
    if not change.who.strip():
        findings.extend(refuse(NO_PERSON, "the change names nobody", mend="say who with --as PERSON").findings)
    if not change.reason.strip():
        findings.extend(refuse(NO_REASON, "the change has no reason", mend="say why with --reason TEXT").findings)
    if change.at.tzinfo is None:
        findings.extend(
            refuse(types.NOT_AWARE, f"{change.at} has no time zone", mend="give an aware datetime").findings
        )
    if findings:
        raise TollbookError(findings)
    return change


class Session:
    """A connection inside a transaction."""

    def __init__(self, connection: sa.Connection) -> None:
        self.connection = connection
        self.dialect: str = connection.dialect.name

    def rows(self, statement: sa.Executable, **parameters: Any) -> list[Any]:
        """All rows of a statement, by SQLAlchemy's own types."""
        return list(self.connection.execute(statement, parameters))
