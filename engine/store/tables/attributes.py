"""Values of attributes that a company declares of its accounts and subscriptions."""

from __future__ import annotations

from typing import Final

from engine.store.tables.base import day, ident, index, table, text

ATTRIBUTE_VALUE: Final = table(
    "attribute_value",
    ident(),
    text("tenant"),
    text("entity"),
    text("object"),
    text("record"),
    text("attribute"),
    day("valid_from"),
    text("value", null=True),
    index("tenant", "entity", "object", "record"),
)
"""Values are appended; of several of one record, attribute and day the one with the highest id counts."""
