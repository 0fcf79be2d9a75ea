"""Revaluations: what balances in foreign currency were worth at a closing rate."""

from __future__ import annotations

from typing import Final

from engine.store.tables.base import amount, big, day, ident, index, rate, table, text, unique

REVALUATION: Final = table(
    "revaluation",
    ident(),
    text("tenant"),
    text("entity"),
    day("on_day"),
    text("account"),
    text("customer"),
    text("currency"),
    amount("amount"),
    text("functional_currency"),
    amount("functional_amount"),
    amount("worth"),
    rate("rate"),
    text("rate_source"),
    day("rate_on"),
    big("document"),
    big("run_id"),
    unique("run_id", "entity", "account", "customer", "currency"),
    index("document"),
    index("tenant", "on_day"),
)
"""What one customer's balance on a GL account in a currency was on a day: ``amount`` as a debit, ``functional_amount`` what the
books kept it at, ``worth`` what it was worth at the closing rate.  ``document`` is what the two entries name: rows of one GL
account and currency share it.  ``customer`` is empty where a posting belongs to none.

A day that is revalued again has more rows of what has changed since; what a row posts is what its difference (``worth`` less
``functional_amount``) is more than that of the row before it, by ``id``."""
