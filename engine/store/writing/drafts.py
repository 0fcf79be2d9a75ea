"""Writes of drafts that are reviewed: made and ended by runs, decided on by people."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from typing import Any

import msgspec
import sqlalchemy as sa

from engine.base.errors import Code, refuse
from engine.model.draft import ISSUED, LAPSED, REJECTED, REJECTED_ITEM, Draft, Reviewed, State
from engine.model.worklist import GONE, RESOLVED, Difference
from engine.store.tables import DRAFT
from engine.store.writing.lateness import LatenessWriter

UNKNOWN_DRAFT = Code("draft.unknown", "A draft that the books do not have.")
DRAFT_DECIDED = Code("draft.decided", "A draft on which somebody decides that is not under review.")
DRAFT_MOVED = Code(
    "draft.moved", "A draft on which somebody has decided while a run was at it; the run has to look again."
)


class DraftsWriter(LatenessWriter):
    """Writes drafts."""

    def review_drafts(self, tenant: str, entity: str, period: date, occasion: str, reviews: Iterable[Reviewed]) -> None:
        """Keep what a run makes of drafts.

        Raises:
            TollbookError: ``draft.moved``.
        """
        for one in reviews:
            if one.known is not None and one.becomes is not None:
                self._end(tenant, one)
            if one.content:
                ident = self.take_ids(DRAFT.name, 1)
                key = (
                    ident,
                    tenant,
                    entity,
                    one.payer,
                    period,
                    occasion,
                    self.run_id,
                    one.usage_seen,
                    one.sha256,
                    one.content,
                )
                row = (*key, one.why, one.decision, self.change.at, "open", "", None, "", 0, 0)
                with self._spoiling():
                    self._insert(DRAFT, [row])
                after = {"payer": one.payer, "sha256": one.sha256, "why": one.why}
                self.audit("open draft", f"draft/{ident}", None, after, tenant=tenant)

    def _end(self, tenant: str, one: Reviewed) -> None:
        assert one.known is not None
        draft = self.lock_draft(tenant, one.known.id)
        if (draft.state, draft.sha256) != (one.known.state, one.known.sha256):
            raise refuse(
                DRAFT_MOVED,
                f"draft {draft.id} of {draft.payer} was {one.known.state}, and {draft.decided_by} has decided meanwhile",
                why="what is issued is what was approved",
                mend="nothing is written; do it again",
                subject=f"draft/{draft.id}",
            )
        run = self.run_id if one.becomes == ISSUED else 0
        self._change_draft(draft, "issue" if run else "lapse", state=one.becomes or LAPSED, issued_run=run)
        item = self.reader.work_item(tenant, draft.item) if draft.item else None
        if item is not None and item.state != RESOLVED:
            self.resolve_item(tenant, item.id, GONE, f"the bill of {draft.payer} is another one by now")

    def lock_draft(self, tenant: str, number: int) -> Draft:
        """A draft, locked until this transaction ends.

        Raises:
            TollbookError: ``draft.unknown``.
        """
        column = DRAFT.c
        locked = sa.select(DRAFT).where(column.tenant == tenant, column.id == number).with_for_update()
        row = self.connection.execute(locked).one_or_none()
        if row is None:
            raise refuse(UNKNOWN_DRAFT, f"there is no draft {number}", mend="`tollbook drafts list` shows them")
        return Draft(*row)

    def decide_draft(self, tenant: str, number: int, state: State, owner: str = "") -> Draft:
        """Approve a draft under review, or reject it, which makes an item of the worklist for ``owner``.

        Raises:
            TollbookError: ``draft.unknown``, ``draft.decided``.
        """
        draft = self.lock_draft(tenant, number)
        refuse_decided(draft)
        change = self.change
        decided: dict[str, Any] = {"decided_by": change.who, "decided_at": change.at, "reason": change.reason}
        if state == REJECTED:
            worth = ", ".join(f"{net.normalize():f} {currency}" for currency, net in sorted(draft.net.items()))
            what = f"draft {draft.id} of {draft.payer}, {worth} before tax, was rejected: {change.reason}"
            subject, detail = f"draft/{draft.id}", {"draft": draft.id, "payer": draft.payer}
            found = Difference(draft.entity, REJECTED_ITEM, subject, what, detail, owner, draft.decision)
            decided["item"] = self.open_item(tenant, found).id
        return self._change_draft(draft, "reject" if state == REJECTED else "approve", state=state, **decided)

    def _change_draft(self, draft: Draft, verb: str, **values: Any) -> Draft:
        with self._spoiling():
            self.connection.execute(sa.update(DRAFT).where(DRAFT.c.id == draft.id).values(values))
        before, after = {"state": draft.state}, {"state": values["state"], "sha256": draft.sha256}
        self.audit(f"{verb} draft", f"draft/{draft.id}", before, after, tenant=draft.tenant)
        return msgspec.structs.replace(draft, **values)


def refuse_decided(draft: Draft) -> None:
    """Refuse to decide on a draft that is not under review.

    Raises:
        TollbookError: ``draft.decided``.
    """
    if draft.state != "open":
        by = f" by {draft.decided_by}: {draft.reason}" if draft.decided_by else ""
        raise refuse(
            DRAFT_DECIDED,
            f"draft {draft.id} of {draft.payer} is {draft.state}{by}",
            why="a draft is decided on once",
            mend="`tollbook drafts list` shows those that are under review",
            subject=f"draft/{draft.id}",
        )
