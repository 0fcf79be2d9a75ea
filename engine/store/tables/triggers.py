"""What charges wait for: planned milestones, and what is known of the triggers that came."""

from __future__ import annotations

from typing import Final

import sqlalchemy as sa

from engine.store.tables.base import CURRENT, amount, big, day, flag, ident, index, moment, table, text, unique
from engine.store.types import Rate

MILESTONE: Final = table(
    "milestone",
    ident(),
    text("tenant"),
    text("entity"),
    text("subscription"),
    text("key"),
    text("charge"),
    text("name"),
    amount("amount", null=True),
    sa.Column("share", Rate(), nullable=True),
    day("expected", null=True),
    flag("current"),
    unique("tenant", "entity", "subscription", "key", where=CURRENT),
)

TRIGGER_NOTE: Final = table(
    "trigger_note",
    ident(),
    text("tenant"),
    text("entity"),
    big("subscription_id"),
    text("event"),
    text("accepted_by"),
    text("evidence"),
    text("sender"),
    moment("noted_at"),
    unique("subscription_id", "event"),
    index("tenant", "noted_at"),
)
"""Who says that a trigger came, on what evidence, who sent that, and when it became known."""
