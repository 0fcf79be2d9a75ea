"""Mandates to collect from bank accounts, collections under them, and the steps that these take."""

from __future__ import annotations

from typing import Final

from engine.store.tables.base import CURRENT, amount, big, day, flag, ident, index, moment, table, text, unique

MANDATE: Final = table(
    "mandate",
    ident(),
    text("tenant"),
    text("entity"),
    text("reference"),
    text("account"),
    text("scheme"),
    text("kind"),
    text("debtor_name"),
    text("iban"),
    text("bic"),
    text("creditor_id"),
    day("signed_on"),
    text("replaces"),
    day("last_collected", null=True),
    flag("final"),
    day("cancelled_on", null=True),
    day("confirmed_on", null=True),
    flag("current"),
    unique("tenant", "entity", "reference", where=CURRENT),
    index("tenant", "entity", "account", where=CURRENT),
)
"""Mandates; an amendment, a cancellation or a confirmation is a new version."""

DIRECT_DEBIT: Final = table(
    "direct_debit",
    ident(),
    text("tenant"),
    text("entity"),
    text("account"),
    text("key"),
    text("mandate"),
    big("item"),
    text("number"),
    big("attempt"),
    text("currency"),
    amount("amount"),
    day("due"),
    day("planned_on"),
    text("notice"),
    big("decision"),
    big("run_id"),
    text("state"),
    big("step"),
    unique("tenant", "entity", "key"),
    index("tenant", "entity", "account"),
    index("tenant", "entity", "mandate"),
    index("tenant", "item"),
    index("tenant", "state", where="state IN ('planned', 'notified', 'sent')"),
)
"""What is collected of a document; ``state`` and ``step`` are those of its last step, and change with it."""

DEBIT_STEP: Final = table(
    "debit_step",
    ident(),
    text("tenant"),
    big("debit"),
    big("step"),
    text("state"),
    day("day"),
    moment("at"),
    amount("amount"),
    day("due"),
    big("version"),
    text("sequence"),
    text("effect"),
    text("provider"),
    text("event"),
    text("code"),
    text("kind"),
    amount("fee"),
    text("evidence"),
    big("run_id"),
    unique("debit", "step"),
    unique("tenant", "provider", "event", where="event <> ''"),
    unique("tenant", "effect", where="effect <> ''"),
)
"""Steps of collections, only ever appended; ``event`` is what a bank's word is known by, and is booked once."""
