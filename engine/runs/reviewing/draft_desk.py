"""The desk of drafts: what is under review, approved by one person or two, rejected, and issued as it was approved."""

from __future__ import annotations

from datetime import date
from typing import Any

import msgspec

from engine.base.errors import Code, refuse
from engine.model.draft import APPROVED, ISSUED, REJECTED, Draft
from engine.model.journal import Change
from engine.runs.approvals import Approvals, Outcome
from engine.runs.billing.read import draft_scope, scope_parts
from engine.runs.billing.run import run_bill
from engine.runs.explaining.words import rule_of
from engine.runs.reviewing.conditions import APPROVE_DRAFT
from engine.runs.run import Parts, PartsOn, Report
from engine.store import tracing
from engine.store.writing.drafts import UNKNOWN_DRAFT

NOT_APPROVED = Code("draft.not-approved", "A draft to be issued that nobody has approved.")


class DraftDesk:
    """What people ask of drafts, and do with them."""

    def __init__(self, parts: PartsOn, approvals: Approvals) -> None:
        self._parts, self._approvals = parts, approvals

    def listed(self, state: str = "standing", limit: int = 1000) -> list[Draft]:
        """Drafts, the oldest first: of a state, those that keep a bill back where it is ``standing``, or all."""
        parts = self._parts()
        with parts.books.reader() as reader:
            return reader.drafts(parts.tenant, state, limit)

    def one(self, number: int) -> dict[str, Any]:
        """A draft with its documents, the rule that wants it reviewed, and everything that was done with it.

        Raises:
            TollbookError: ``draft.unknown``.
        """
        parts = self._parts()
        draft = self._draft(parts, number)
        with parts.books.reader() as reader:
            decision = reader.decisions([draft.decision]).get(draft.decision)
            history = reader.audit_rows(parts.tenant, subject=f"draft/{number}", limit=1000)
        rule = rule_of(decision) if decision else ""
        done = [{"at": row.at, "who": row.who, "reason": row.reason, "action": row.action} for row in history]
        documents = msgspec.json.decode(draft.content)
        return {**msgspec.structs.asdict(draft), "content": documents, "rule": rule, "history": done}

    def approve(self, number: int, change: Change) -> Outcome:
        """Approve a draft, or propose that where it needs two persons.  It is put into the queue to be issued.

        Raises:
            TollbookError: ``draft.unknown``, ``draft.decided``.
        """
        draft = self._draft(self._parts(), number)
        return self._approvals.act(APPROVE_DRAFT, {"draft": number, "payer": draft.payer, "by": change.who}, change)

    def reject(self, number: int, owner: str, change: Change) -> Draft:
        """Reject a draft; somebody gets an item of the worklist.

        Raises:
            TollbookError: ``draft.unknown``, ``draft.decided``.
        """
        parts = self._parts()
        with parts.books.writer(change, tenant=parts.tenant) as writer:
            return writer.decide_draft(parts.tenant, number, REJECTED, owner)

    def issue(self, number: int, change: Change) -> Report:
        """Issue a draft that was approved now, not when a worker comes to it; the same again changes nothing.

        Raises:
            TollbookError: ``draft.unknown``, ``draft.not-approved``, and what a bill run refuses.
        """
        parts = self._parts()
        draft = self._draft(parts, number)
        if draft.state not in (APPROVED, ISSUED):
            what, mend = f"draft {number} of {draft.payer} is {draft.state}", "`tollbook drafts approve`"
            raise refuse(NOT_APPROVED, what, why="what is issued is what was approved", mend=mend)
        with parts.books.reader() as reader:
            run = reader.run(draft.issued_run) if draft.issued_run else None
            later = tracing.documents_after(reader, parts.tenant, draft.period)
        on = date.fromisoformat(run.period) if run else later[1] if later else draft.period
        occasion, account = scope_parts(draft_scope(draft))
        return run_bill(self._parts(on=on), on, change, account=account, occasion=occasion)

    def _draft(self, parts: Parts, number: int) -> Draft:
        with parts.books.reader() as reader:
            draft = reader.draft(parts.tenant, number)
        if draft is None:
            raise refuse(UNKNOWN_DRAFT, f"there is no draft {number}", mend="`tollbook drafts list` shows them")
        return draft
