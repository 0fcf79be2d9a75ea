"""Reads of runs, findings, the audit, releases and decisions."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import sqlalchemy as sa

from engine.base.errors import Finding, Where
from engine.store import query, tables
from engine.store.records import AuditRow, Partition, Run
from engine.store.session import Session


class RunsReader(Session):
    """Reads what the books say about their own history."""

    def find_run(self, tenant: str, kind: str, period: str, scope: str) -> Run | None:
        """A run by its natural key."""
        column = tables.RUN.c
        mine = (column.tenant == tenant, column.kind == kind, column.period == period, column.scope == scope)
        row = self.connection.execute(sa.select(tables.RUN).where(*mine)).one_or_none()
        return None if row is None else Run(*row)

    def run(self, run_id: int) -> Run | None:
        """A run by id."""
        row = self.connection.execute(sa.select(tables.RUN).where(tables.RUN.c.id == run_id)).one_or_none()
        return None if row is None else Run(*row)

    def runs(self, tenant: str, limit: int = 100) -> list[Run]:
        """The newest runs, newest first."""
        column = tables.RUN.c
        statement = sa.select(tables.RUN).where(column.tenant == tenant).order_by(column.id.desc()).limit(limit)
        return [Run(*row) for row in self.connection.execute(statement)]

    def runs_back(self, tenant: str, kind: str, scopes: Sequence[str] = (), newest: int = 0) -> Iterator[Run]:
        """Runs of a kind, newest first, a hundred at a time as far as they are asked for: of some ``scopes`` alone where any are
        given, and none after ``newest`` where that is a run."""
        column = tables.RUN.c
        mine = [column.tenant == tenant, column.kind == kind]
        mine += [column.scope.in_(scopes)] if scopes else []
        page, upto = sa.select(tables.RUN).where(*mine).order_by(column.id.desc()).limit(100), column.id <= newest
        while rows := self.connection.execute(page.where(upto) if newest else page).all():
            yield from (Run(*row) for row in rows)
            newest, upto = rows[-1].id, column.id < rows[-1].id

    def partitions(self, run_id: int) -> list[Partition]:
        """Partitions of a run in order of number."""
        column = tables.PARTITION.c
        statement = sa.select(tables.PARTITION).where(column.run_id == run_id).order_by(column.number)
        return [Partition(*row) for row in self.connection.execute(statement)]

    def partition(self, run_id: int, number: int) -> Partition:
        """One partition of a run, which has to be there."""
        column = tables.PARTITION.c
        mine = (column.run_id == run_id, column.number == number)
        return Partition(*self.connection.execute(sa.select(tables.PARTITION).where(*mine)).one())

    def findings(self, tenant: str, run_id: int) -> list[Finding]:
        """Findings of a run in the order in which they were made; their place is text."""
        column = tables.FINDING.c
        mine = (column.tenant == tenant, column.run_id == run_id)
        fields = (column.code, column.place, column.what, column.why, column.mend, column.level, column.subject)
        rows = self.connection.execute(sa.select(*fields).where(*mine).order_by(column.id))
        return [Finding(code, Where(place), *rest) for code, place, *rest in rows]

    def audit_rows(self, tenant: str, subject: str = "", limit: int = 1000) -> list[AuditRow]:
        """The newest audit rows, newest first: of one subject, or all."""
        column = tables.AUDIT.c
        statement = sa.select(tables.AUDIT).where(column.tenant == tenant)
        if subject:
            statement = statement.where(column.subject == subject)
        return [AuditRow(*row) for row in self.connection.execute(statement.order_by(column.id.desc()).limit(limit))]

    def release(self, tenant: str, release: str) -> dict[str, Any] | None:
        """A release by hash: its row by column name, and ``contents``: label -> text of the file."""
        column = tables.RELEASE.c
        statement = sa.select(tables.RELEASE).where(column.tenant == tenant, column.hash == release)
        row = self.connection.execute(statement).mappings().first()
        if row is None:
            return None
        files: dict[str, str] = row["manifest"]["files"]
        rule = tables.RULE_FILE.c
        contents = {
            sha: self.connection.execute(sa.select(rule.content).where(rule.sha256 == sha)).scalar()
            for sha in set(files.values())
        }
        return {**row, "contents": {label: contents[sha] for label, sha in files.items()}}

    def releases(self, tenant: str) -> list[dict[str, Any]]:
        """All releases by column name, newest first."""
        column = tables.RELEASE.c
        statement = (
            sa.select(tables.RELEASE).where(column.tenant == tenant).order_by(column.created_at.desc(), column.hash)
        )
        return [dict(row) for row in self.connection.execute(statement).mappings()]

    def decisions(self, ids: Sequence[int]) -> dict[int, dict[str, Any]]:
        """Stored decisions by id, each by column name."""
        wanted = query.among(self.dialect, tables.DECISION.c.id, "ids")
        rows = self.connection.execute(sa.select(tables.DECISION).where(wanted), {"ids": list(ids)}).mappings()
        return {row["id"]: dict(row) for row in rows}

    def decision(self, decision_id: int) -> dict[str, Any] | None:
        """One stored decision by column name."""
        return self.decisions([decision_id]).get(decision_id)

    def intake_files(self, tenant: str) -> list[dict[str, Any]]:
        """Import files by column name, in the order in which they came."""
        column = tables.INTAKE_FILE.c
        statement = sa.select(tables.INTAKE_FILE).where(column.tenant == tenant).order_by(column.id)
        return [dict(row) for row in self.connection.execute(statement).mappings()]

    def refused_usage(self, tenant: str, limit: int = 100) -> list[dict[str, Any]]:
        """Usage events that clients sent and the books did not take, by column name, the newest first."""
        column = tables.USAGE_REFUSED.c
        statement = sa.select(tables.USAGE_REFUSED).where(column.tenant == tenant).order_by(column.id.desc())
        return [dict(row) for row in self.connection.execute(statement.limit(limit)).mappings()]
