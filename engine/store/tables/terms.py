"""How long subscriptions are bound."""

from __future__ import annotations

from typing import Final

from engine.store.tables.base import CURRENT, big, day, flag, ident, index, table, text, unique

SUBSCRIPTION_TERM: Final = table(
    "subscription_term",
    ident(),
    text("tenant"),
    text("entity"),
    text("subscription"),
    day("starts"),
    day("ends"),
    flag("renews"),
    big("renewal_months"),
    big("notice_days"),
    text("made_by", null=True),
    flag("current"),
    unique("tenant", "entity", "subscription", "starts", where=CURRENT),
    index("tenant", "ends", where=CURRENT),
)
