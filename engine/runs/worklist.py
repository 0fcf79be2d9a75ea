"""The desk of the worklist: what has to be looked at, who looks at it, and what was done; and late usage as it ended."""

from __future__ import annotations

from typing import Any, Final

import msgspec

from engine.base.errors import Code, refuse
from engine.model.journal import Change
from engine.model.worklist import ACCEPTED, CORRECTED, WorkItem
from engine.runs.explaining.words import rule_of
from engine.runs.usage.control import LOOK_AGAIN
from engine.store import tracing_back
from engine.store.books import Books

UNKNOWN_ITEM = Code("worklist.no-such-item", "An item that is to be shown and that the worklist does not have.")

RESOLUTIONS: Final = (ACCEPTED, CORRECTED)
"""What a person may say of an item."""


class Worklist:
    """What people ask of the worklist, and do with its items."""

    def __init__(self, books: Books, tenant: str) -> None:
        self._books, self._tenant = books, tenant

    def listed(self, state: str = "unresolved", owner: str = "", limit: int = 1000) -> list[WorkItem]:
        """Items, the oldest first: of a state (``unresolved`` is all but resolved, empty is all), of an owner."""
        with self._books.reader() as reader:
            return reader.work_items(self._tenant, state=state, owner=owner, limit=limit)

    def one(self, number: int) -> dict[str, Any]:
        """An item with the rule that opened it and everything that was done with it.

        Raises:
            TollbookError: ``worklist.no-such-item``.
        """
        with self._books.reader() as reader:
            item = reader.work_item(self._tenant, number)
            if item is None:
                mend = "`tollbook worklist list` shows them"
                raise refuse(UNKNOWN_ITEM, f"the worklist has no item {number}", mend=mend)
            decision = reader.decisions([item.decision]).get(item.decision)
            subject = f"work-item/{number}"
            history = reader.audit_rows(self._tenant, subject=subject, limit=1000)
        rule = rule_of(decision) if decision else ""
        done = [{"at": row.at, "who": row.who, "reason": row.reason, "action": row.action} for row in history]
        return {**msgspec.structs.asdict(item), "rule": rule, "history": done}

    def assign(self, number: int, owner: str, change: Change) -> WorkItem:
        """Give an item to somebody.

        Raises:
            TollbookError: ``worklist.unknown-item``, ``worklist.resolved``.
        """
        with self._books.writer(change, tenant=self._tenant) as writer:
            return writer.assign_item(self._tenant, number, owner)

    def resolve(self, number: int, resolution: str, change: Change) -> WorkItem:
        """Say what became of an item: ``accepted`` (the difference is let go, and what waited is billed) or ``corrected`` (its
        cause is mended, and the next run looks again).

        Raises:
            TollbookError: ``worklist.unknown-item``, ``worklist.resolved``.
        """
        with self._books.writer(change, tenant=self._tenant) as writer:
            item = writer.resolve_item(self._tenant, number, resolution)
            if resolution == CORRECTED and item.kind in LOOK_AGAIN:
                LOOK_AGAIN[item.kind](writer, item)
            return item

    def late(self, account: str = "", run_id: int = 0, limit: int = 100) -> list[dict[str, Any]]:
        """Late events as they ended, the newest first, each with the lines that bill it."""
        with self._books.reader() as reader:
            found = reader.late_records(self._tenant, run_id=run_id, account=account, limit=limit)
            return [
                {
                    **msgspec.structs.asdict(record),
                    "subscription": subscription,
                    "account": owner,
                    "back": record.usage_id != record.event_id,
                    "lines": _lines(reader, record),
                }
                for record, subscription, owner in found
            ]


def _lines(reader: Any, record: Any) -> list[str]:
    """The lines on which a late event ended; none where it was dropped or made no difference."""
    if record.disposition in ("drop", "too_late"):
        return []
    event = {
        "subscription_id": record.subscription_id,
        "meter": record.meter,
        "day": record.day,
        "id": record.usage_id,
    }
    return [f"{line.head['number']}#{line.number}" for line in tracing_back.lines_with_event(reader, event)]
