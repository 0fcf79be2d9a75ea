"""What was used, event by event, and added up by day."""

from __future__ import annotations

from typing import Final

from engine.store.tables.base import big, day, document, ident, index, moment, quantity, table, text, unique

USAGE_EVENT: Final = table(
    "usage_event",
    ident(),
    text("tenant"),
    text("entity"),
    text("source"),
    text("key"),
    big("subscription_id"),
    text("meter"),
    moment("at"),
    day("day"),
    quantity("quantity"),
    text("dimensions", null=True),
    unique("tenant", "entity", "source", "key"),
    index("subscription_id", "day"),
)
"""The hot table: each index costs about a sixth of the time that an event takes to be written."""

USAGE_REVERSAL: Final = table(
    "usage_reversal",
    ident(),
    text("tenant"),
    text("entity"),
    text("source"),
    text("key"),
    big("event_id"),
    big("subscription_id"),
    text("meter"),
    day("day"),
    unique("tenant", "entity", "source", "key"),
    index("event_id"),
    index("subscription_id", "day"),
)
"""Usage events that were taken back, by the key of the event.  Its ids are of the same sequence as those of events, so that
"known up to id" holds for both."""

USAGE_DAY: Final = table(
    "usage_day",
    big("subscription_id", key=True),
    day("day", key=True),
    text("meter", key=True),
    quantity("quantity"),
    quantity("peak"),
    big("events"),
    big("last_id"),
    index("subscription_id", "last_id"),
    clustered=True,
)
"""Rolled up from USAGE_EVENT without what USAGE_REVERSAL takes back; the day comes before the meter in its key, so that a read of late days costs no
history.
"""

USAGE_REFUSED: Final = table(
    "usage_refused",
    ident(),
    text("tenant"),
    text("entity"),
    text("source"),
    text("key"),
    text("digest"),
    text("client"),
    moment("at"),
    text("code"),
    text("what"),
    document("body"),
    unique("tenant", "digest"),
    index("tenant", "source", "key"),
)
"""Events that a client sent, that are right by themselves and that the books did not take: once each, with the reason."""

USAGE_CURSOR: Final = table(
    "usage_cursor",
    text("tenant", key=True),
    text("adapter", key=True),
    text("cursor"),
    big("events"),
    moment("at"),
    clustered=True,
)
"""How far each adapter of the port ``usage`` was read: its own word for it, how many events it has given, and when."""

WATERMARK: Final = table(
    "watermark",
    text("tenant", key=True),
    text("name", key=True),
    big("value"),
    clustered=True,
)
"""How far a tenant's stream of ids has been worked off."""

ROLLED: Final = "usage_day"
"""Name of the watermark up to which usage events are in USAGE_DAY."""
