"""Usage that came late or not at all: what became of it, who delivers what, and the worklist."""

from __future__ import annotations

from typing import Final

from engine.store.tables.base import (
    CURRENT,
    amount,
    big,
    day,
    document,
    flag,
    ident,
    index,
    moment,
    quantity,
    table,
    text,
    unique,
)

LATE_USAGE: Final = table(
    "late_usage",
    ident(),
    text("tenant"),
    text("entity"),
    big("subscription_id"),
    big("usage_id"),
    big("event_id"),
    text("source"),
    text("key"),
    text("meter"),
    day("day"),
    quantity("quantity"),
    text("plan"),
    text("charge"),
    day("service_from"),
    day("service_to"),
    big("days_late"),
    text("disposition"),
    amount("amount", null=True),
    text("currency"),
    big("decision"),
    big("run_id"),
    unique("tenant", "usage_id"),
    index("event_id"),
    index("subscription_id"),
    index("run_id"),
)
"""How each late event ended, once and for all: ``usage_id`` is the id of the event, or of the reversal, that was late."""

USAGE_SOURCE: Final = table(
    "usage_source",
    ident(),
    text("tenant"),
    text("entity"),
    text("key"),
    text("meters"),
    text("every"),
    big("due_days"),
    day("first_day"),
    day("last_day", null=True),
    flag("totals"),
    flag("current"),
    unique("tenant", "entity", "key", where=CURRENT),
)

USAGE_TOTAL: Final = table(
    "usage_total",
    ident(),
    text("tenant"),
    text("entity"),
    text("source"),
    text("meter"),
    day("day"),
    day("until", null=True),
    big("events", null=True),
    quantity("quantity", null=True),
    flag("current"),
    unique("tenant", "entity", "source", "meter", "day", where=CURRENT),
)

USAGE_SETTLED: Final = table(
    "usage_settled",
    big("total_id", key=True),
    text("tenant"),
    text("how"),
    big("run_id"),
    clustered=True,
)
"""Control totals that need no second look: a run saw that they agree, or a person let the difference go."""

USAGE_ARRIVED: Final = table(
    "usage_arrived",
    text("tenant", key=True),
    text("entity", key=True),
    text("source", key=True),
    text("meter", key=True),
    day("day", key=True),
    big("events"),
    quantity("quantity"),
    clustered=True,
)
"""Usage as it arrived by source, less what its source took back; kept up where control totals or sources are known."""

ARRIVED: Final = "usage_arrived"
"""Name of the watermark up to which usage events and reversals are in USAGE_ARRIVED."""

WORK_ITEM: Final = table(
    "work_item",
    ident(),
    text("tenant"),
    text("entity"),
    text("kind"),
    text("subject"),
    text("difference"),
    document("detail"),
    text("owner"),
    text("state"),
    text("resolution"),
    text("reason"),
    moment("opened_at"),
    big("opened_run"),
    big("decision"),
    moment("resolved_at", null=True),
    text("resolved_by"),
    big("resolved_run"),
    unique("tenant", "kind", "subject", where="state <> 'resolved'"),
)
