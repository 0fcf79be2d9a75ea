"""Further books: adjustments of their own, never a copy of the leading book."""

from __future__ import annotations

from typing import Final

from engine.store.tables.base import amount, big, day, ident, index, rate, table, text, unique

BOOK_ENTRY: Final = table(
    "book_entry",
    ident(),
    text("tenant"),
    text("book"),
    text("entity"),
    text("kind"),
    text("key"),
    day("posting_date"),
    big("of_entry"),
    day("of_day"),
    text("text"),
    big("run_id"),
    unique("tenant", "book", "entity", "key"),
    index("tenant", "book", "entity", "of_day"),
)
"""An entry of a further book.  Ids are of the sequence of ``entry``, so that no two entries have the same; ``of_entry`` is the entry
of the leading book that it adjusts, which was posted on ``of_day``; 0 and its own day where a person made it."""

BOOK_POSTING: Final = table(
    "book_posting",
    big("entry_id", key=True),
    big("number", key=True),
    text("tenant"),
    text("entity"),
    text("account"),
    text("currency"),
    amount("amount"),
    text("functional_currency"),
    amount("functional_amount"),
    rate("rate"),
    text("rate_source"),
    day("rate_on"),
    big("line_id"),
    big("decision"),
    clustered=True,
)

BOOK_TOTAL: Final = table(
    "book_total",
    text("tenant", key=True),
    text("book", key=True),
    text("entity", key=True),
    day("posting_date", key=True),
    text("account", key=True),
    text("currency", key=True),
    big("entry_id", key=True),
    amount("amount"),
    clustered=True,
)
"""As ``ledger_total``, of a further book."""

BOOK_MARK: Final = table(
    "book_mark",
    text("tenant", key=True),
    text("book", key=True),
    text("entity", key=True),
    day("adjusted", null=True),
    day("closed", null=True),
    clustered=True,
)
"""How far a further book is: adjusted, and closed, through a day."""
