"""Reads of what happened to releases of rules, and of everything that one of them touched."""

from __future__ import annotations

import hashlib
from datetime import date
from typing import Any

import sqlalchemy as sa

from engine.model.approval import Approval
from engine.model.release import Content, ReleaseEvent, release_name
from engine.store import tables
from engine.store.session import Session
from engine.store.tables import APPROVAL, RELEASE, RELEASE_EVENT, RULE_FILE, RUN


class ReleasesReader(Session):
    """Reads releases of rules."""

    def release_events(self, tenant: str) -> list[ReleaseEvent]:
        """Everything that happened to releases, in the order in which it did."""
        column = RELEASE_EVENT.c
        rows = self.connection.execute(sa.select(RELEASE_EVENT).where(column.tenant == tenant).order_by(column.id))
        return [ReleaseEvent(*row) for row in rows]

    def release_content(self, tenant: str, release: str) -> Content | None:
        """What a release is made of; its name is drawn anew from the content, so that it tells whether that is whole."""
        column = RELEASE.c
        kept = sa.select(column.manifest).where(column.tenant == tenant, column.hash == release)
        manifest = self.connection.execute(kept).scalar()
        if manifest is None:
            return None
        labels: dict[str, str] = manifest["files"]
        wanted = RULE_FILE.c.sha256.in_(sorted(set(labels.values())))
        texts = {sha: text.encode() for sha, text in self.connection.execute(sa.select(RULE_FILE).where(wanted))}
        files = {label: texts.get(sha, b"") for label, sha in labels.items()}
        hashes = {label: hashlib.sha256(content).hexdigest() for label, content in files.items()}
        name = release_name(hashes, manifest["overrides"], manifest["plugins"])
        return Content(name, files, manifest["overrides"], manifest["plugins"])

    def releases_like(self, tenant: str, beginning: str) -> list[str]:
        """Names of the releases that begin so."""
        column = RELEASE.c
        mine = (column.tenant == tenant, sa.func.substr(column.hash, 1, len(beginning)) == beginning)
        return list(self.connection.execute(sa.select(column.hash).where(*mine).order_by(column.hash)).scalars())

    def approvals_of(self, tenant: str, act: str, subject: str) -> list[Approval]:
        """The approvals of an act whose subject begins so, the oldest first."""
        column = APPROVAL.c
        mine = (column.tenant == tenant, column.act == act, sa.func.substr(column.subject, 1, len(subject)) == subject)
        return [Approval(*row) for row in self.connection.execute(sa.select(APPROVAL).where(*mine).order_by(column.id))]

    def last_billed(self, tenant: str) -> date | None:
        """The day of the newest bill run that was begun by a release; null before the first."""
        column = RUN.c
        newest = sa.select(sa.func.max(column.period)).where(column.tenant == tenant, column.kind == "bill")
        found = self.connection.execute(newest).scalar()
        return date.fromisoformat(found) if found else None

    def runs_by(self, tenant: str, release: str) -> list[dict[str, Any]]:
        """The runs that pinned a release, the oldest first, by column name."""
        column = RUN.c
        statement = sa.select(RUN).where(column.tenant == tenant, column.release == release).order_by(column.id)
        return [dict(row) for row in self.connection.execute(statement).mappings()]

    def names_of_releases(self, tenant: str) -> list[str]:
        """All releases that the books keep, the oldest first."""
        column = tables.RELEASE.c
        kept = sa.select(column.hash).where(column.tenant == tenant).order_by(column.created_at, column.hash)
        return list(self.connection.execute(kept).scalars())
