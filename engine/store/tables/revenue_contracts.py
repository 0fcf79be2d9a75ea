"""Revenue contracts: what was signed, what happened since, what bills for them, and which lines did."""

from __future__ import annotations

from typing import Final

from engine.store.tables.base import big, day, document, ident, index, moment, table, text, unique

REVENUE_CONTRACT: Final = table(
    "revenue_contract",
    ident(),
    text("tenant"),
    text("entity"),
    text("key"),
    text("account"),
    text("currency"),
    day("signed"),
    day("known"),
    document("agreed"),
    unique("tenant", "entity", "key"),
    index("tenant", "entity", "account"),
)
"""A contract as it was signed; its row never changes.  ``known`` is the day on which it became known."""

REVENUE_OCCURRENCE: Final = table(
    "revenue_occurrence",
    ident(),
    text("tenant"),
    big("contract_id"),
    text("key"),
    text("kind"),
    day("on_day"),
    day("known"),
    document("content"),
    moment("at"),
    unique("contract_id", "key"),
)
"""Something that happened to a contract: a change, a delivery, a criterion that was met.  Rows are only ever added."""

REVENUE_COVER: Final = table(
    "revenue_cover",
    ident(),
    text("tenant"),
    text("entity"),
    text("contract"),
    text("obligation"),
    text("subscription"),
    text("agreement"),
    text("charge"),
    unique("tenant", "entity", "subscription", "agreement", "charge"),
)
"""What bills for a contract: all of a subscription or agreement, or one charge of it (``charge`` is empty where it is all).

``obligation`` is the promise that is billed, empty where it is the contract as a whole.
"""

REVENUE_BILLED: Final = table(
    "revenue_billed",
    ident(),
    text("tenant"),
    text("entity"),
    text("contract"),
    text("obligation"),
    index("tenant", "entity", "contract"),
)
"""An invoice line, whose id this is, that credits the balance of a contract and earns nothing by itself."""
