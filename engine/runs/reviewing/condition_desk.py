"""The desk of conditions: how those of a bill run stand, and letting one go."""

from __future__ import annotations

from datetime import date

from engine.base.errors import Code, refuse
from engine.model.condition import Condition, Unmet
from engine.model.journal import Change
from engine.runs.approvals import Approvals, Outcome
from engine.runs.billing.read import scope_of
from engine.runs.billing.run import known_usage
from engine.runs.reviewing.conditions import WAIVE, Wanted, ahead, as_unmet, given_of, judged
from engine.runs.run import Parts, PartsOn
from engine.runs.usage.control import Control, look

NOT_UNMET = Code("run.not-unmet", "A condition to be waived that holds, or that the run does not have.")


class ConditionDesk:
    """What people ask of the conditions of a bill run, and do with them."""

    def __init__(self, parts: PartsOn, approvals: Approvals) -> None:
        self._parts, self._approvals = parts, approvals

    def listed(self, on: date, change: Change, account: str | None = None) -> list[Condition]:
        """Every condition of the bill run of a day as it stands now; none where the run has begun.  Writes nothing but the
        daily sums of usage and the request log.

        Raises:
            TollbookError: ``run.unknown-account``.
        """
        return [condition for condition, _ in self._stands(on, change, account)]

    def waive(self, on: date, entity: str, rule: str, change: Change, account: str | None = None) -> Outcome:
        """Let an unmet condition go for the bill runs of a day, or propose that.

        Raises:
            TollbookError: ``run.not-unmet``.
        """
        unmet = as_unmet(self._stands(on, change, account), entity, rule)
        if unmet is None:
            what = f"{rule} is no unmet condition of the bill run of {on} in {entity}"
            raise refuse(NOT_UNMET, what, mend="`tollbook conditions list` shows them")
        return self._approvals.act(WAIVE, given_of(unmet, on), change)

    def _stands(self, on: date, change: Change, account: str | None) -> list[tuple[Condition, Unmet | None]]:
        parts, scope = self._parts(on=on), scope_of(account)
        with parts.books.reader() as reader:
            wanted = ahead(parts, reader, on, scope)
        if not wanted:
            return []
        control = self._control(parts, wanted, on, change)
        with parts.books.reader() as reader:
            return judged(parts, reader, wanted, on, scope, change.at, control)

    def _control(self, parts: Parts, wanted: tuple[Wanted, ...], on: date, change: Change) -> Control:
        """What usage control finds, where a condition asks for that."""
        if not any(one.terms.check == "source-totals" for one in wanted):
            return Control()
        with parts.books.writer(change) as writer:
            known_usage(parts, writer)
            return look(parts, writer.reader, on)
