"""The journal and its periods."""

from __future__ import annotations

from typing import Final

from engine.store.tables.base import amount, big, day, ident, rate, table, text, unique

ENTRY: Final = table(
    "entry",
    ident(),
    text("tenant"),
    text("entity"),
    text("kind"),
    day("posting_date"),
    big("document"),
    text("text"),
    big("run_id"),
    unique("document", "kind", "tenant", "entity"),
)

POSTING: Final = table(
    "posting",
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

LEDGER_TOTAL: Final = table(
    "ledger_total",
    text("tenant", key=True),
    text("entity", key=True),
    day("posting_date", key=True),
    text("account", key=True),
    text("currency", key=True),
    big("entry_id", key=True),
    amount("amount"),
    clustered=True,
)
"""What the postings of one transaction came to, written with them: a posting that is changed later no longer fits.

``entry_id`` is the first entry of the transaction.  A posting in functional currency alone, such as a rounding difference of
conversion, counts in that currency.
"""

ACCOUNTING_PERIOD: Final = table(
    "accounting_period",
    text("tenant", key=True),
    text("entity", key=True),
    day("month", key=True),
    text("state"),
    clustered=True,
)
"""``month`` is its first day; a month without a row is open."""

OPEN: Final = "open"
SOFT: Final = "soft"
"""The state in which a period takes postings of people who may adjust it, and of nobody else."""
CLOSED: Final = "closed"
STATES: Final = (OPEN, SOFT, CLOSED)
