"""What waits for a second person, and what waits for its hour: approvals; leases, marks of schedules, run requests."""

from __future__ import annotations

from typing import Final

from engine.store.tables.base import big, day, document, ident, index, moment, table, text, unique

APPROVAL: Final = table(
    "approval",
    ident(),
    text("tenant"),
    text("key"),
    text("act"),
    text("subject"),
    text("content"),
    text("sha256"),
    text("maker"),
    moment("made_at"),
    text("reason"),
    text("state"),
    text("checker"),
    moment("checked_at", null=True),
    text("check_reason"),
    unique("tenant", "key"),
    unique("tenant", "act", "subject", where="state = 'pending'"),
)

LEASE: Final = table(
    "lease",
    text("tenant", key=True),
    text("name", key=True),
    text("holder"),
    moment("until"),
    clustered=True,
)

SCHEDULE_MARK: Final = table(
    "schedule_mark",
    text("tenant", key=True),
    text("schedule", key=True),
    text("times"),
    moment("settled"),
    clustered=True,
)

RUN_REQUEST: Final = table(
    "run_request",
    ident(),
    text("tenant"),
    text("schedule"),
    text("kind"),
    moment("due"),
    day("on_day"),
    text("who"),
    text("reason"),
    moment("enqueued_at"),
    text("state"),
    big("attempts"),
    text("holder"),
    moment("until", null=True),
    moment("finished_at", null=True),
    big("run_id"),
    text("error"),
    document("summary"),
    text("scope"),
    moment("deadline", null=True),
    unique("tenant", "schedule", "due"),
    index("tenant", "due", where="state IN ('queued', 'waiting', 'taken')"),
)
