"""The desk of what comes between a bill run and its invoices."""

from __future__ import annotations

from engine.runs.approvals import Approvals
from engine.runs.order_desk import OrderDesk
from engine.runs.reviewing.condition_desk import ConditionDesk
from engine.runs.reviewing.draft_desk import DraftDesk
from engine.runs.run import PartsOn


class ReviewDesk:
    """Where people look at what keeps invoices back, and decide on it."""

    def __init__(self, parts: PartsOn, approvals: Approvals) -> None:
        self._parts, self._approvals = parts, approvals

    @property
    def conditions(self) -> ConditionDesk:
        """What a bill run waits for."""
        return ConditionDesk(self._parts, self._approvals)

    @property
    def drafts(self) -> DraftDesk:
        """Bills that are reviewed before they are issued."""
        return DraftDesk(self._parts, self._approvals)

    @property
    def orders(self) -> OrderDesk:
        """Purchase orders of customers."""
        parts = self._parts()
        return OrderDesk(parts.books, parts.tenant)
