"""Revenue recognition: when what was invoiced is earned."""

from __future__ import annotations

from engine.model.decision import Family, Method
from engine.revenue import schedule

FAMILY = Family(
    name="revrec",
    doc="When the amount of an invoice line becomes revenue.",
    facts=schedule.RevenueFacts,
    selected_by="first day of the service period",
    answers="all",
    outcome={},
    methods={"now": Method(schedule.now, {})},
)
