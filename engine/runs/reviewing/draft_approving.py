"""The act of approving a draft: what was seen is what will be issued, by a run that the approval puts into the queue."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from engine.base.errors import refuse
from engine.model.draft import APPROVED, Draft
from engine.runs.billing.read import draft_scope
from engine.store.reader import Reader
from engine.store.writer import Writer
from engine.store.writing.drafts import UNKNOWN_DRAFT, refuse_decided


def subject(given: Mapping[str, Any]) -> str:
    """Natural key of what is approved."""
    return f"{given['draft']}"


def text(given: Mapping[str, Any]) -> str:
    """What it does, in words that follow "to"."""
    return f"invoice draft {given['draft']} of {given['payer']} as it is"


def relies(reader: Reader, tenant: str, given: Mapping[str, Any]) -> Mapping[str, Any]:
    """The content of the draft, which is under review.

    Raises:
        TollbookError: ``draft.unknown``, ``draft.decided``.
    """
    draft = _draft(reader, tenant, given)
    refuse_decided(draft)
    return {"sha256": draft.sha256}


def amounts(reader: Reader, tenant: str, given: Mapping[str, Any]) -> Mapping[str, Decimal]:
    """What the draft comes to before tax."""
    return _draft(reader, tenant, given).net


def perform(writer: Writer, tenant: str, given: Mapping[str, Any]) -> bool:
    """Approve it, and put the run that issues it into the queue, in the name of whom proposed it.

    It is dated as the draft is, unless that month is closed by now.
    """
    draft = writer.decide_draft(tenant, given["draft"], APPROVED)
    at = writer.change.at
    closed = writer.reader.period_state(tenant, draft.entity, draft.period) != "open"
    on = max(draft.period, at.date()) if closed else draft.period
    reason = f"draft {draft.id} was approved by {writer.change.who}: {writer.change.reason}"
    writer.enqueue(tenant, f"draft/{draft.id}", "bill", at, on, given["by"], reason, draft_scope(draft))
    return True


def _draft(reader: Reader, tenant: str, given: Mapping[str, Any]) -> Draft:
    draft = reader.draft(tenant, given["draft"])
    if draft is None:
        raise refuse(UNKNOWN_DRAFT, f"there is no draft {given['draft']}", mend="`tollbook drafts list` shows them")
    return draft
