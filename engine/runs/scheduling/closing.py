"""The close of a month as a scheduled run: legal entity by legal entity, as far as nothing is in the way."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, timedelta

from engine.base.errors import Finding
from engine.model.close import CloseReport
from engine.model.journal import Change
from engine.runs.close.desk import CloseDesk

Closed = tuple[Mapping[str, str], tuple[Finding, ...], str]
"""The state of the period of each legal entity, what was found, and what is in the way in words (empty: nothing is)."""


def close_month(desk: CloseDesk, entities: Sequence[str], on: date, change: Change) -> Closed:
    """Close the month before the one of a day for legal entities; on the last day of a month that month.

    A step that waits for a business day, or for a second person, is not in the way: a later run goes on.
    """
    tomorrow = on + timedelta(days=1)
    month = on if tomorrow.day == 1 else on.replace(day=1) - timedelta(days=1)
    told = [desk.run(entity, month, change) for entity in entities]
    found = tuple(finding for one in told for finding in one.findings)
    return {one.entity: one.period for one in told}, found, "; ".join(filter(None, map(_in_the_way, told)))


def _in_the_way(report: CloseReport) -> str:
    """What keeps a month from being closed, by the step that it keeps first; empty where nothing does."""
    wrong = report.in_the_way or [one for one in report.findings if one.level == "error"]
    step = next((one for one in report.steps if one.state == "blocked"), None)
    return f"{report.month} of {report.entity}: {step.step}: {step.what}" if wrong and step else ""
