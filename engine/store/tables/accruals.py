"""What a month owes to others before documents say so: accruals, losses that are expected, shares of other legal entities."""

from __future__ import annotations

from typing import Final

from engine.store.tables.base import amount, big, day, ident, index, rate, table, text, unique

REVENUE_ACCRUAL: Final = table(
    "revenue_accrual",
    ident(),
    text("tenant"),
    text("entity"),
    day("month"),
    text("key"),
    text("payer"),
    text("account"),
    text("subscription"),
    text("plan"),
    text("charge"),
    text("product"),
    text("country"),
    text("role"),
    text("currency"),
    day("service_from"),
    day("service_to"),
    amount("amount"),
    text("functional_currency"),
    amount("functional_amount"),
    rate("rate"),
    text("rate_source"),
    day("rate_on"),
    big("decision"),
    big("run_id"),
    unique("run_id", "entity", "key"),
    index("tenant", "entity", "month"),
)
"""What was added to what is delivered and unbilled of a charge, or (``amount`` of the other sign) released of it: what stands is the
sum of the rows of its ``key``.  ``month`` is the first day of the month at whose end it is so; ``id`` is the document of its entry."""

IMPAIRMENT: Final = table(
    "impairment",
    ident(),
    text("tenant"),
    text("entity"),
    day("on_day"),
    text("account"),
    text("segment"),
    text("currency"),
    amount("exposure"),
    amount("wanted"),
    amount("amount"),
    big("decision"),
    big("document"),
    big("run_id"),
    unique("run_id", "entity", "account"),
    index("tenant", "entity", "on_day"),
    index("document"),
)
"""What the allowance for a customer was changed by, in functional currency: ``exposure`` is what it owed, ``wanted`` the allowance
that this calls for, ``amount`` how much more that is than the allowance was.  Rows of a legal entity share the ``document``."""

INTERCOMPANY: Final = table(
    "intercompany",
    ident(),
    text("tenant"),
    text("entity"),
    text("partner"),
    big("line_id"),
    day("on_day"),
    text("product"),
    text("country"),
    text("currency"),
    amount("base"),
    rate("share"),
    amount("amount"),
    big("decision"),
    big("run_id"),
    unique("line_id", "partner"),
    index("tenant", "entity", "partner"),
)
"""The share that the legal entity which billed a line owes a ``partner`` of it; ``id`` is the document of the entries of both."""
