"""What the outside world must be told, and what it answered."""

from __future__ import annotations

from typing import Final

from engine.store.tables.base import big, document, ident, index, moment, table, text, unique

EFFECT: Final = table(
    "effect",
    ident(),
    text("tenant"),
    text("entity"),
    text("port"),
    text("kind"),
    text("key"),
    document("payload"),
    text("state"),
    text("adapter"),
    big("attempts"),
    moment("next_at", null=True),
    document("answer", null=True),
    big("run_id"),
    unique("tenant", "port", "key"),
    index("tenant", "port", "id", where="state = 'pending'"),
)

RECEIPT: Final = table(
    "receipt",
    ident(),
    text("tenant"),
    text("adapter"),
    text("effect_key"),
    text("state"),
    moment("at"),
    text("reason"),
    document("evidence"),
    moment("heard_at"),
    index("tenant", "effect_key"),
)
"""What was heard of a document after its adapter had accepted it: ``delivered``, ``delayed``, ``bounced``, ``opened``."""
